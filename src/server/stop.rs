//! How a server is told to stop: gently first, then at once.

use tokio::sync::watch;

/// What a server shall do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ShutdownPhase {
    Run,
    Drain,
    End,
}

/// Tells a server to stop. Dropping it changes nothing.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<ShutdownPhase>);

/// The server's end of a [`Stopper`].
#[derive(Clone, Debug)]
pub struct Stopped(watch::Receiver<ShutdownPhase>);

/// A stopper and what listens to it.
pub fn stopper() -> (Stopper, Stopped) {
    let (sender, receiver) = watch::channel(ShutdownPhase::Run);
    (Stopper(sender), Stopped(receiver))
}

impl Stopper {
    /// Take no new work, end when what runs is done or its grace is over. A second call ends at once.
    pub fn stop(&self) {
        self.0.send_modify(|will| {
            *will = match will {
                ShutdownPhase::Run => ShutdownPhase::Drain,
                ShutdownPhase::Drain | ShutdownPhase::End => ShutdownPhase::End,
            }
        });
    }

    /// End at once.
    pub fn end(&self) {
        self.0.send_replace(ShutdownPhase::End);
    }
}

impl Stopped {
    /// Waits until work shall end, gently or at once.
    pub async fn draining(&mut self) {
        self.reach(|will| will != ShutdownPhase::Run).await;
    }

    /// Waits until all shall end at once.
    pub async fn ending(&mut self) {
        self.reach(|will| will == ShutdownPhase::End).await;
    }

    async fn reach(&mut self, is_it: impl Fn(ShutdownPhase) -> bool) {
        if self.0.wait_for(|&will| is_it(will)).await.is_err() {
            // Nobody is left who could say so.
            std::future::pending::<()>().await;
        }
    }
}
