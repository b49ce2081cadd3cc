//! Word to the service manager: systemd, or what reads its datagrams.
//!
//! Without `NOTIFY_SOCKET` in the environment nothing is done. The variable stays there: taking it out of a
//! running process is not safe, so it is left out of what our children get instead.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::spawn_local;
use zmws::supervise::{NOTIFY_MARK, Notice};

/// The command serves: its ports are bound, its worker is connected. Once said, it may be said again.
pub(super) fn ready(status: &str) {
    tell_supervisor(&Notice::Ready);
    send(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// A supervisor that waits for us hears it; the socket of one that does not is gone.
pub(super) fn tell_supervisor(notice: &Notice) {
    let Some(path) = std::env::var_os(NOTIFY_MARK) else { return };
    let told = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(notice.encode().as_bytes(), path)
    });
    if let Err(error) = told {
        tracing::debug!(%error, "no supervisor waits for us");
    }
}

/// The command ends what runs, and takes nothing new.
pub(super) fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// What `systemctl status` shows.
pub(super) fn status(text: &str) {
    send(&[NotifyState::Status(&one_line(text))]);
}

/// The configuration is read anew; [`ready`] must follow.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock, the service manager is not told"),
    }
}

/// Tells the service manager that we live, twice as often as it wants to hear it. The task runs among those it
/// vouches for: if they hang, it is silent. Nothing begins if nobody wants to hear.
pub(super) fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(limit.max(SHORTEST) / 2);
    // It goes on while running jobs end, and ends with the runtime.
    spawn_local(async move {
        loop {
            ticks.tick().await;
            send(&[NotifyState::Watchdog]);
        }
    });
}

/// Below this the pings would be all that we do.
const SHORTEST: Duration = Duration::from_millis(10);

/// A service manager that does not listen is no reason not to serve.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot reach the service manager at NOTIFY_SOCKET");
    }
}

/// A line end would begin the next assignment.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_cannot_say_anything_else() {
        assert_eq!(one_line("fine\nERRNO=2"), "fine ERRNO=2");
    }
}
