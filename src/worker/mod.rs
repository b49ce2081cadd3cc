//! The worker: a pure session and its driver on tokio.
