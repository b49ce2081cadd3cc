//! Why a server cannot start.

use std::io;

use crate::store::StoreError;

/// A port that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for {what} at {place}: {source}")]
pub struct BindError {
    /// Who would have come there.
    pub what: &'static str,
    /// The address, or the path of the socket.
    pub place: String,
    /// The system's word.
    pub source: io::Error,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no thread for the store.
    #[error("cannot start the store's thread: {0}")]
    Thread(io::Error),
}
