//! What keeps background jobs.
