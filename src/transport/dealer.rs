//! A DEALER that connects, and connects again.

use std::time::Duration;

use bytes::Bytes;

use crate::zmtp::{Limits, PeerInfo};

/// How a [`Dealer`] behaves.
#[derive(Clone, Debug)]
pub struct DealerOptions {
    /// The identity announced to the peer. Empty for none.
    pub identity: Bytes,
    /// Messages that may wait to be written, while connected or not. Default 1 000.
    pub queue_max: usize,
    /// The first wait before connecting again; doubled each time, with jitter. Default 100 ms.
    pub reconnect_min: Duration,
    /// The longest such wait. Default 5 s.
    pub reconnect_max: Duration,
    /// PING after this long without a byte from a 3.1 peer; given up after as long again. Default 5 s.
    pub ping: Duration,
    /// How long a connection may take to come up, handshake included. Default 5 s.
    pub handshake: Duration,
    /// What the peer may send.
    pub limits: Limits,
}

impl Default for DealerOptions {
    fn default() -> Self {
        Self {
            identity: Bytes::new(),
            queue_max: 1_000,
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(5),
            ping: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            limits: Limits::default(),
        }
    }
}

/// What a [`Dealer`] saw.
#[derive(Debug)]
pub enum DealerEvent {
    /// Connected, handshake done. Comes again after each reconnect.
    Connected(PeerInfo),
    /// A message.
    Message(Vec<Bytes>),
    /// The connection is gone, or could not be made; the dealer goes on trying. Says why.
    Disconnected(String),
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SendError {
    /// The queue is full.
    #[error("the queue of unsent messages is full")]
    Full,
    /// The dealer is gone.
    #[error("the socket is closed")]
    Closed,
}

/// A DEALER socket with one peer. Runs as a task of its own on the current tokio runtime (any
/// flavour); dropping it closes the connection at once.
#[derive(Debug)]
pub struct Dealer {
    sender: DealerSender,
}

impl Dealer {
    /// Starts to connect to `address` (`host:port`) and returns at once.
    pub fn connect(address: impl Into<String>, options: DealerOptions) -> Self {
        let _ = (address.into(), options);
        todo!()
    }

    /// A handle that sends; may be cloned and moved to other tasks.
    pub fn sender(&self) -> DealerSender {
        self.sender.clone()
    }

    /// The next event. Never ends while the dealer lives. Cancel safe.
    pub async fn recv(&mut self) -> DealerEvent {
        todo!()
    }

    /// Writes what is queued if the peer takes it within `linger`, then closes.
    pub async fn close(self, linger: Duration) {
        let _ = linger;
        todo!()
    }
}

/// Sends to the peer of a [`Dealer`].
#[derive(Clone, Debug)]
pub struct DealerSender {}

impl DealerSender {
    /// Queues a message; does not wait.
    pub fn try_send(&self, frames: Vec<Bytes>) -> Result<(), SendError> {
        let _ = frames;
        todo!()
    }

    /// Queues a message, waiting for room.
    pub async fn send(&self, frames: Vec<Bytes>) -> Result<(), SendError> {
        let _ = frames;
        todo!()
    }
}
