//! Who has gone silent or is too slow: handshakes that never end, 3.1 peers that do not answer PING, messages that do not
//! come whole, peers that do not read, connections that wait for an identity.
//!
//! One look at all connections a tick, instead of timers for each: a connection that talks costs one
//! flag, and nobody reads the clock.

use std::rc::Rc;
use std::time::Duration;

use tracing::warn;

use super::connection::{Connection, Phase, State};
use super::hub::Hub;
use super::left::LeftReason;
use super::options::{Counters, ListenerOptions};

/// Connections looked at in one go: the loop has other work.
const IN_ONE_GO: usize = 256;

/// Messages that cannot be right, above which a peer is cut, and how many a second are forgiven. An honest peer that is
/// wrongly set up sends some with each job or heartbeat.
pub(super) const BLAME_MAX: u32 = 10_000;
const FORGIVEN_A_SECOND: u128 = 1_000;

/// Looks until the task is aborted.
pub(super) async fn watch(hub: Rc<Hub>) {
    let timeouts = Timeouts::of(&hub.options);
    let mut interval = tokio::time::interval(timeouts.tick);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = Counters::default();
    loop {
        interval.tick().await;
        for some in hub.connections().chunks(IN_ONE_GO) {
            some.iter().for_each(|connection| timeouts.look_at(&hub, connection));
            tokio::task::yield_now().await;
        }
        told = tell(&hub, told);
    }
}

/// One line a tick for what may happen a thousand times in it.
fn tell(hub: &Hub, told: Counters) -> Counters {
    let now = hub.counters.get();
    let refused = now.refused - told.refused;
    if refused > 0 {
        warn!(refused, connections = hub.connection_count(), "too many connections, some were refused");
    }
    let cut = |counters: &Counters| {
        counters.input_full + counters.memory_full + counters.stalled + counters.misbehaved + counters.slow
    };
    if cut(&now) > cut(&told) {
        warn!(
            input_full = now.input_full - told.input_full,
            memory_full = now.memory_full - told.memory_full,
            stalled = now.stalled - told.stalled,
            misbehaved = now.misbehaved - told.misbehaved,
            slow = now.slow - told.slow,
            "connections were cut for what they held or sent"
        );
    }
    now
}

/// In ticks.
struct Timeouts {
    tick: Duration,
    handshake: u32,
    ping: Option<u32>,
    identity: u32,
    message: u32,
    /// Bytes of a message that buy it a tick more.
    message_bytes: usize,
    unread: u32,
    unread_max: usize,
    forgiven: u32,
}

impl Timeouts {
    fn of(options: &ListenerOptions) -> Self {
        let tick = tick_length(options);
        let ticks =
            |time: Duration| u32::try_from(time.as_micros() / tick.as_micros()).unwrap_or(u32::MAX).max(1);
        let a_tick = |a_second: u128| a_second * tick.as_micros() / 1_000_000;
        Self {
            tick,
            handshake: ticks(options.handshake),
            ping: (!options.ping.is_zero()).then(|| ticks(options.ping)),
            identity: ticks(options.identity_time),
            message: ticks(options.message_time),
            message_bytes: usize::try_from(a_tick(options.message_rate_min as u128))
                .unwrap_or(usize::MAX)
                .max(1),
            unread: ticks(options.unread_time),
            unread_max: options.unread_max,
            forgiven: u32::try_from(a_tick(FORGIVEN_A_SECOND)).unwrap_or(u32::MAX).max(1),
        }
    }

    fn look_at(&self, hub: &Hub, connection: &Rc<Connection>) {
        let (phase, slow) = {
            let mut state = connection.state.borrow_mut();
            state.received.tick();
            state.written.tick();
            state.blame = state.blame.saturating_sub(self.forgiven);
            if state.received.recent() + state.written.recent() == 0 {
                // A quiet connection needs no buffers: some hundred bytes after small messages, 64 KiB after large ones.
                state.engine.outbox().rest();
                connection.inbox.borrow_mut().rest();
            }
            (state.phase, self.is_slow(&mut state, connection.paused.get()))
        };
        match (phase, slow) {
            (Phase::Handshake, _) => self.look_at_handshake(connection),
            (Phase::Held | Phase::Open, Some(reason)) => connection.close(reason),
            (Phase::Held, None) => {
                self.look_at_wait(hub, connection);
                self.look_at_silence(connection);
            }
            (Phase::Open, None) => self.look_at_silence(connection),
            (Phase::Closed, _) => {}
        }
    }

    /// Whether the peer sends or reads too slowly. Time in which we do not read does not count.
    fn is_slow(&self, state: &mut State, paused: bool) -> Option<LeftReason> {
        let held = state.unfinished.bytes();
        state.times.message += u32::from(held > 0 && !paused);
        let allowed = u32::try_from(state.message_bytes / self.message_bytes).unwrap_or(u32::MAX);
        if held > 0 && state.times.message > self.message.saturating_add(allowed) {
            return Some(LeftReason::Stalled { held });
        }
        let unread = state.engine.outbox().len();
        state.times.unread = if unread > self.unread_max { state.times.unread + 1 } else { 0 };
        (state.times.unread > self.unread).then_some(LeftReason::Slow { unread })
    }

    fn look_at_handshake(&self, connection: &Rc<Connection>) {
        if has_waited(connection) > self.handshake {
            connection.close(LeftReason::Handshake);
        }
    }

    fn look_at_wait(&self, hub: &Hub, connection: &Rc<Connection>) {
        if has_waited(connection) == self.identity {
            hub.give_up_waiting(connection);
        }
    }

    fn look_at_silence(&self, connection: &Rc<Connection>) {
        let Some(ping) = self.ping else { return };
        let mut state = connection.state.borrow_mut();
        // Nobody can be heard while we do not read.
        if std::mem::take(&mut state.times.heard) || connection.paused.get() {
            state.times.quiet = 0;
            state.times.pinged = false;
            return;
        }
        state.times.quiet += 1;
        if state.times.quiet < ping {
            return;
        }
        if state.times.pinged {
            drop(state);
            return connection.close(LeftReason::Vanished);
        }
        drop(state);
        connection.ping();
    }
}

/// Looks since the connection began to wait for something, this one included.
fn has_waited(connection: &Connection) -> u32 {
    let times = &mut connection.state.borrow_mut().times;
    times.age = times.age.saturating_add(1);
    times.age
}

/// A quarter of the shortest time, so that what is due is noticed a quarter late at most.
fn tick_length(options: &ListenerOptions) -> Duration {
    let times =
        [options.handshake, options.ping, options.message_time, options.unread_time, options.identity_time];
    let shortest = times.into_iter().filter(|time| !time.is_zero()).min().unwrap_or(Duration::MAX);
    (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
}
