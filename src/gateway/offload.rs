//! Work that is too long for the loop: on threads beside it, a few at a time.

use hyper::StatusCode;
use tokio::sync::Semaphore;

use crate::gateway::refusal::Refusal;

/// Threads for what is long.
#[derive(Debug)]
pub(crate) struct Offload(Semaphore);

/// How many work at a time: what is decoded and checked should not take all of the machine.
const THREADS: usize = 2;
/// Bytes from which on work is long: a hundred microseconds, more or less.
pub(crate) const LONG: usize = 64 << 10;
/// … and of PHP's serialization, of which a little can be made much.
pub(crate) const LONG_PHP: usize = 4 << 10;

impl Default for Offload {
    fn default() -> Self {
        Self(Semaphore::new(THREADS))
    }
}

impl Offload {
    /// Does work on `bytes` bytes here, or if they are `long` or more, on a thread beside, for which it may wait.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        long: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        if bytes < long {
            return Ok(work());
        }
        let _permit = self.0.acquire().await;
        tokio::task::spawn_blocking(work).await.map_err(|_| {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request could not be worked on")
        })
    }
}
