//! Who has gone silent: handshakes that never end, 3.1 peers that do not answer PING.
//!
//! One look at all connections a tick, instead of timers for each: a connection that talks costs one
//! flag, and nobody reads the clock.

use std::rc::Rc;
use std::time::Duration;

use super::connection::{Connection, LeftReason, Phase};
use super::hub::Hub;

/// Looks until the task is aborted.
pub(super) async fn watch(hub: Rc<Hub>) {
    let tick = tick_length(hub.options.handshake, hub.options.ping);
    let ticks =
        |time: Duration| u32::try_from(time.as_micros() / tick.as_micros()).unwrap_or(u32::MAX).max(1);
    let patience = Patience {
        handshake: ticks(hub.options.handshake),
        ping: (!hub.options.ping.is_zero()).then(|| ticks(hub.options.ping)),
    };
    let mut interval = tokio::time::interval(tick);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        for connection in hub.connections() {
            patience.look_at(&connection);
        }
    }
}

/// A quarter of the shorter time, so that what is due is noticed a quarter late at most.
fn tick_length(handshake: Duration, ping: Duration) -> Duration {
    let shorter = if ping.is_zero() { handshake } else { handshake.min(ping) };
    (shorter / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
}

/// In ticks.
struct Patience {
    handshake: u32,
    ping: Option<u32>,
}

impl Patience {
    fn look_at(&self, connection: &Rc<Connection>) {
        let phase = connection.state.borrow().phase;
        match phase {
            Phase::Handshake => self.look_at_handshake(connection),
            Phase::Held | Phase::Open => self.look_at_silence(connection),
            Phase::Closed => {}
        }
    }

    fn look_at_handshake(&self, connection: &Rc<Connection>) {
        let late = {
            let mut state = connection.state.borrow_mut();
            state.age_ticks += 1;
            state.age_ticks > self.handshake
        };
        if late {
            connection.close(LeftReason::Handshake);
        }
    }

    fn look_at_silence(&self, connection: &Rc<Connection>) {
        let Some(ping) = self.ping else { return };
        let mut state = connection.state.borrow_mut();
        if std::mem::take(&mut state.heard) {
            state.quiet_ticks = 0;
            state.pinged = false;
            return;
        }
        state.quiet_ticks += 1;
        if state.quiet_ticks < ping {
            return;
        }
        if state.pinged {
            drop(state);
            return connection.close(LeftReason::Vanished);
        }
        drop(state);
        connection.ping();
    }
}
