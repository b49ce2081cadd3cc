//! The sending end of a [`Dealer`](super::Dealer), and how far what it was given has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, error::TrySendError};

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

/// Sends to the peer of a [`Dealer`](super::Dealer).
#[derive(Clone, Debug)]
pub struct DealerSender {
    queue: mpsc::Sender<Vec<Bytes>>,
    progress: Arc<Progress>,
}

/// How far the messages of a [`Dealer`](super::Dealer) have come, counted in the order in which they were queued.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Those of which the kernel has a byte.
    begun: AtomicU64,
    /// Those that the kernel has in whole.
    written: AtomicU64,
    moved: Notify,
}

impl Progress {
    /// So many messages more were handed to the kernel in whole, and perhaps a part of the next.
    pub(super) fn note(&self, whole: u64, in_part: bool) {
        let written = self.written.fetch_add(whole, Ordering::Relaxed) + whole;
        self.begun.store(written + u64::from(in_part), Ordering::Relaxed);
        if whole > 0 {
            self.moved.notify_one();
        }
    }
}

impl DealerSender {
    pub(super) fn new(queue: mpsc::Sender<Vec<Bytes>>, progress: Arc<Progress>) -> Self {
        Self { queue, progress }
    }

    /// Says that no more will come: an empty message is no ZeroMQ message, so it can be the sign.
    pub(super) async fn send_end(&self) {
        // Closed already is as good.
        let _ = self.queue.send(Vec::new()).await;
    }

    /// Whether the queue holds nothing that was not taken to the connection yet.
    pub fn is_empty(&self) -> bool {
        self.queue.capacity() == self.queue.max_capacity()
    }

    /// Queues a message; does not wait. A message without frames is none, and is left out.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] or [`SendError::Closed`]; the message is dropped.
    pub fn try_send(&self, frames: Vec<Bytes>) -> Result<(), SendError> {
        if frames.is_empty() {
            return Ok(());
        }
        self.queue.try_send(frames).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Full,
            TrySendError::Closed(_) => SendError::Closed,
        })
    }

    /// Messages, from the first on, of which at least a byte was handed to the kernel: of the others nothing has left.
    pub fn begun(&self) -> u64 {
        self.progress.begun.load(Ordering::Relaxed)
    }

    /// Messages, from the first on, that were handed to the kernel in whole: of the others the peer cannot have all.
    pub fn written(&self) -> u64 {
        self.progress.written.load(Ordering::Relaxed)
    }

    /// Waits until [`DealerSender::written`] is more than it was; for one waiter. Cancel safe.
    pub async fn moved(&self) {
        self.progress.moved.notified().await;
    }

    /// Queues a message, waiting for room. A message without frames is none, and is left out.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`]; the message is dropped.
    pub async fn send(&self, frames: Vec<Bytes>) -> Result<(), SendError> {
        if frames.is_empty() {
            return Ok(());
        }
        self.queue.send(frames).await.map_err(|_| SendError::Closed)
    }
}
