//! What a socket's connections hold, and who is cut when it is too much.
//!
//! Not who sends next, who may be in the right: who holds most for what it has moved in the last seconds. One who holds
//! little is never cut, so that small traffic goes on and can be refused by whoever understands it.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use tracing::debug;

use super::connection::Connection;
use super::hub::Hub;
use super::left::LeftReason;
use crate::memory::Charge;
use crate::zmtp::Remains;

/// Bytes that a connection may hold whatever all hold.
const SMALL: usize = 64 << 10;

/// Bytes more that must be on their way before somebody to cut is looked for again, where there was none.
const LOOK_AGAIN: usize = 1 << 20;

/// Bytes on an account, and in the sum of all connections of a socket.
pub(super) struct Weight {
    charge: Charge,
    sum: Rc<Cell<usize>>,
}

impl Weight {
    pub(super) fn new(charge: Charge, sum: &Rc<Cell<usize>>) -> Self {
        Self { charge, sum: Rc::clone(sum) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.charge.bytes()
    }

    /// The bytes are there already: if it is too much, [`Hub::relieve`] sees to it.
    pub(super) fn set(&mut self, bytes: usize) {
        let before = self.charge.bytes();
        if bytes != before {
            self.charge.set(bytes);
            self.sum.set(self.sum.get() - before + bytes);
        }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.sum.set(self.sum.get() - self.charge.bytes());
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.charge.fmt(f)
    }
}

/// What all connections of a socket hold, in bytes.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) unfinished: Rc<Cell<usize>>,
    pub(super) arrived: Rc<Cell<usize>>,
    pub(super) unread: Rc<Cell<usize>>,
    /// Below this there is nobody to cut.
    look_again_at: Cell<usize>,
}

impl Hub {
    /// Cuts who holds most and moves least until what is held is within the bounds.
    pub(super) fn relieve(&self) {
        while let Some(reason) = self.too_much() {
            let on_its_way = self.on_its_way();
            if on_its_way < self.sums.look_again_at.get() {
                return;
            }
            let Some(worst) = self.worst() else {
                // Many hold little each. To look at all of them again would help nobody, until there is more.
                return self.sums.look_again_at.set(on_its_way + LOOK_AGAIN);
            };
            debug!(peer = %worst.peer, address = %worst.from, held = worst.held(), %reason, "connection cut");
            worst.close(reason);
            worst.let_go();
        }
    }

    fn too_much(&self) -> Option<LeftReason> {
        let unfinished = self.sums.unfinished.get();
        if unfinished > self.options.unfinished_max {
            return Some(LeftReason::InputFull { held: unfinished });
        }
        // Jobs may have taken all there is: their results must get through, an eighth is for what is on its way.
        let memory = &self.options.memory;
        (memory.held() > memory.max() && self.on_its_way() > memory.max() / 8)
            .then(|| LeftReason::MemoryFull { held: memory.held() })
    }

    fn on_its_way(&self) -> usize {
        self.sums.unfinished.get() + self.sums.arrived.get() + self.sums.unread.get()
    }

    fn worst(&self) -> Option<Rc<Connection>> {
        let burden = |connection: &Rc<Connection>| {
            let held = if connection.is_closing() { 0 } else { connection.held() };
            (held > SMALL).then(|| held.saturating_mul(1 << 10) / (connection.moved() + SMALL))
        };
        let holding = self.connections().into_iter().filter_map(|one| Some((burden(&one)?, one)));
        holding.max_by_key(|(burden, _)| *burden).map(|(_, connection)| connection)
    }
}

impl Connection {
    /// Bytes that it makes us hold.
    fn held(&self) -> usize {
        let state = self.state.borrow();
        state.unfinished.bytes()
            + state.buffered.weight.bytes()
            + state.unread.bytes()
            + self.inbox.borrow().held()
    }

    /// Bytes that it has sent and taken in the last seconds.
    fn moved(&self) -> usize {
        let state = self.state.borrow();
        state.received.recent() + state.written.recent()
    }

    /// Frees what is on its way from and to it. What has arrived is for the owner, who takes it soon.
    pub(super) fn let_go(&self) {
        let mut state = self.state.borrow_mut();
        drop_aside(state.engine.abandon());
        state.unfinished.set(0);
        state.unread.set(0);
        state.buffered.clear();
    }
}

/// What is freed by a thread of its own: to give half a gigabyte back to the system takes 40 ms.
const LARGE: usize = 1 << 20;

fn drop_aside(remains: Remains) {
    if remains.held() >= LARGE {
        tokio::task::spawn_blocking(move || drop(remains));
    }
}

/// Bytes moved in this tick of the liveness check and the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    now: usize,
    before: usize,
}

impl Moved {
    pub(super) fn add(&mut self, bytes: usize) {
        self.now += bytes;
    }

    pub(super) fn tick(&mut self) {
        *self = Self { now: 0, before: self.now };
    }

    pub(super) fn recent(self) -> usize {
        self.now + self.before
    }
}
