//! Why connections end.

use std::io;

use crate::zmtp::ZmtpError;

/// Why a connection is gone.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LeftReason {
    /// The peer closed it.
    #[error("closed by the peer")]
    Closed,
    /// The network took it.
    #[error("connection lost: {0}")]
    Lost(io::ErrorKind),
    /// The peer broke ZMTP.
    #[error("{0}")]
    Protocol(ZmtpError),
    /// No READY in time.
    #[error("the handshake was not done in time")]
    Handshake,
    /// More output waits for the peer than it may, and it does not read.
    #[error("the peer does not read: {unread} bytes wait for it")]
    Slow {
        /// Bytes that were waiting.
        unread: usize,
    },
    /// All peers together have sent more of unfinished messages than is allowed, and this one held most and moved least.
    #[error("unfinished messages of all peers hold {held} bytes, the most that is allowed")]
    InputFull {
        /// Bytes that were held.
        held: usize,
    },
    /// The process holds as much as it may, and this one held most of it and moved least.
    #[error("out of memory: {held} bytes are held in all, and this peer held most for what it moved")]
    MemoryFull {
        /// Bytes that all accounts of the process held.
        held: usize,
    },
    /// A message that was begun did not come in the time that its size allows.
    #[error("a message did not come in time: {held} bytes of it are here")]
    Stalled {
        /// Bytes that had come.
        held: usize,
    },
    /// Too many messages that mean nothing: malformed ones, words of a worker that is none, answers to jobs that never were.
    #[error("too many messages that cannot be right")]
    Misbehaved,
    /// No answer to PING.
    #[error("the peer does not answer PING")]
    Vanished,
    /// A new connection with the same identity took its place.
    #[error("a new connection came with the same identity")]
    Replaced,
    /// We closed it.
    #[error("closed by us")]
    Shutdown,
}
