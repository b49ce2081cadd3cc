//! The sign that a job's result is no longer wanted.

use tokio::sync::watch;

/// Tells a running job that nobody waits for its result any more: its server was given up, or the
/// worker stops and the time of grace is over. To stop early is a kindness, not a duty.
#[derive(Clone, Debug)]
pub struct Cancellation(watch::Receiver<bool>);

impl Cancellation {
    /// A sign, and the sender that gives it.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether the sign was given.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the sign is given, or when the job is over. Cancel safe.
    pub async fn cancelled(&self) {
        // An error says that the sender is gone, and with it the job.
        let _ = self.0.clone().wait_for(|&cancelled| cancelled).await;
    }
}
