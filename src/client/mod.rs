//! The client: a pure session and its driver on tokio.
