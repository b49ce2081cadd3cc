//! What has arrived and waits for the socket's owner: a queue a peer, served in rounds.
//!
//! Deficit round robin: each peer may take [`QUANTUM`] units a round, and what it costs beyond that is taken off its next
//! rounds. Who says something now and then does not wait for the round: the first units go before it, as FQ-CoDel has it
//! (RFC 8290 §4.2). A peer whose queue is full is not read from, so that TCP pushes back on it alone.
//!
//! Invariants:
//! - a peer of whom something waits is listed; one of whom nothing waits stays so until its turn has come, or it could be
//!   fresh again and again;
//! - what a peer sent is handed out in its order; between peers there is none.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::connection::Connection;
use super::left::LeftReason;
use super::pressure::Weight;
use super::signal::Signal;
use crate::job::PeerId;
use crate::zmtp::{PeerInfo, SLICE_MAX};

/// What the connections tell the socket's owner.
#[derive(Debug)]
pub(super) enum HubEvent {
    Came {
        peer: PeerId,
        identity: Bytes,
        info: Box<PeerInfo>,
    },
    Message {
        peer: PeerId,
        identity: Bytes,
        frames: Vec<Bytes>,
        /// Its identity is in use by another, and no more is kept for it.
        held_back: bool,
    },
    Subscribe {
        peer: PeerId,
        topic: Bytes,
    },
    Cancel {
        peer: PeerId,
        topic: Bytes,
    },
    Left {
        peer: PeerId,
        reason: LeftReason,
    },
}

/// Units a peer may take in a round: a small message is one.
const QUANTUM: i64 = 16;
/// Units that a peer may take beyond its first round, and owe, if that is all that it has said: what came in one go leaves
/// in one go. Sixteen clients that had asked for 64 jobs each were answered in shreds of a round, forever after, which
/// cost 0.13 writes and 0.15 reads a job.
const LOAN: i64 = 3 * QUANTUM;
/// The most that a peer may owe to rounds to come.
const DEBT_MAX: i64 = 64 * QUANTUM;
/// Events and bytes of one peer that wait before it is not read from.
const EVENTS_MAX: usize = 256;
const BYTES_MAX: usize = 1 << 20;
/// Bytes of all peers above which each may have something waiting or be read from, not both.
const CROWDED: usize = 64 << 20;
/// Read buffers filled since the owner had taken all, above which waiting messages get memory of their own.
const SLABS_MAX: usize = 64;
/// Room for events that a peer keeps when nothing of it waits.
const CAPACITY_KEPT: usize = 16;
/// What an allocation costs beside its bytes, more or less.
const ALLOCATION: usize = 16;

/// An event that waits, and what it counts for: looked at once, when it comes.
#[derive(Debug)]
struct Waiting {
    event: HubEvent,
    /// Bytes of memory.
    weight: usize,
    /// Units of a round.
    cost: u32,
}

/// What waits of one peer.
#[derive(Debug)]
pub(super) struct Inbox {
    events: VecDeque<Waiting>,
    weight: Weight,
    /// Units that it may take in this round; less than one: its round is over.
    credit: i64,
    /// It is in one of the lists of its [`Round`].
    listed: bool,
}

impl Inbox {
    pub(super) fn new(weight: Weight) -> Self {
        Self { events: VecDeque::new(), weight, credit: QUANTUM, listed: false }
    }

    /// Bytes that wait.
    pub(super) fn held(&self) -> usize {
        self.weight.bytes()
    }

    /// Gives its memory back, if nothing waits.
    pub(super) fn rest(&mut self) {
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
    }

    /// Its round is over, but not much is left of what it said.
    fn may_finish(&self) -> bool {
        self.credit > -LOAN && self.events.len() <= LOAN as usize
    }

    fn is_full(&self) -> bool {
        self.events.len() >= EVENTS_MAX || self.weight.bytes() >= BYTES_MAX
    }

    fn is_half_empty(&self) -> bool {
        self.events.len() <= EVENTS_MAX / 2 && self.weight.bytes() < BYTES_MAX
    }
}

/// The peers of whom something waits.
#[derive(Debug, Default)]
pub(super) struct Round {
    lists: RefCell<Lists>,
    /// Events that wait.
    waiting: Cell<usize>,
    /// Read buffers filled since nothing waited.
    slabs: Cell<usize>,
    /// The owner waits here.
    arrived: Signal,
}

#[derive(Debug, Default)]
struct Lists {
    /// Those of whom nothing waited before: they go first, one after the other.
    fresh: VecDeque<Rc<Connection>>,
    /// Those who take turns.
    turns: VecDeque<Rc<Connection>>,
}

impl Round {
    /// Units of a round that the event takes.
    pub(super) fn push(&self, connection: &Rc<Connection>, mut event: HubEvent) -> u32 {
        if self.slabs.get() > SLABS_MAX
            && let HubEvent::Message { frames, .. } = &mut event
        {
            detach(frames);
        }
        let mut inbox = connection.inbox.borrow_mut();
        let waiting = Waiting::new(event);
        let cost = waiting.cost;
        let weight = inbox.weight.bytes() + waiting.weight;
        inbox.weight.set(weight);
        inbox.events.push_back(waiting);
        if !std::mem::replace(&mut inbox.listed, true) {
            self.lists.borrow_mut().fresh.push_back(Rc::clone(connection));
        }
        if self.waiting.replace(self.waiting.get() + 1) == 0 {
            self.arrived.wake();
        }
        cost
    }

    /// The next event of the peer whose turn it is.
    pub(super) fn pop(&self) -> Option<HubEvent> {
        if self.waiting.get() == 0 {
            return None;
        }
        let connection = self.lists.borrow_mut().next()?;
        let mut inbox = connection.inbox.borrow_mut();
        let Waiting { event, weight, cost } = inbox.events.pop_front()?;
        self.waiting.set(self.waiting.get() - 1);
        inbox.credit = (inbox.credit - i64::from(cost)).max(-DEBT_MAX);
        let weight = inbox.weight.bytes().saturating_sub(weight);
        inbox.weight.set(weight);
        if inbox.events.is_empty() && inbox.events.capacity() > CAPACITY_KEPT {
            inbox.events = VecDeque::new();
        }
        if connection.paused.get() && inbox.is_half_empty() {
            connection.paused.set(false);
            connection.room.wake();
        }
        drop(inbox);
        if self.waiting.get() == 0 {
            self.slabs.set(0);
            self.lists.borrow_mut().forgive();
        }
        Some(event)
    }

    /// The owner waits until something is there.
    pub(super) fn wait(&self, context: &Context<'_>) {
        self.arrived.register(context);
    }

    /// A read buffer was filled, and what waits may be slices of it.
    pub(super) fn slab_filled(&self) {
        self.slabs.set(self.slabs.get() + 1);
    }
}

impl Lists {
    /// Who is to be served: something of it waits, and it has credit.
    fn next(&mut self) -> Option<Rc<Connection>> {
        while let Some(first) = self.fresh.front() {
            let served = {
                let inbox = first.inbox.borrow();
                !inbox.events.is_empty() && (inbox.credit > 0 || inbox.may_finish())
            };
            if served {
                return Some(Rc::clone(first));
            }
            self.turns.extend(self.fresh.pop_front());
        }
        loop {
            let alone = self.turns.len() == 1;
            let mut inbox = self.turns.front()?.inbox.borrow_mut();
            match (inbox.credit > 0, inbox.events.is_empty()) {
                (true, false) => break,
                (true, true) => {
                    inbox.listed = false;
                    drop(inbox);
                    self.turns.pop_front();
                }
                // There is nobody to be fair to.
                (false, _) if alone => inbox.credit = QUANTUM,
                (false, _) => {
                    inbox.credit += QUANTUM;
                    drop(inbox);
                    self.turns.rotate_left(1);
                }
            }
        }
        self.turns.front().cloned()
    }

    /// Nothing waits: what peers owe is owed to nobody.
    fn forgive(&mut self) {
        for connection in self.fresh.drain(..).chain(self.turns.drain(..)) {
            let mut inbox = connection.inbox.borrow_mut();
            (inbox.credit, inbox.listed) = (QUANTUM, false);
        }
    }
}

impl Connection {
    /// What its last message asked for costs more than others: its next rounds are shorter.
    pub(super) fn charge_turn(&self, units: u32) {
        let mut inbox = self.inbox.borrow_mut();
        inbox.credit = (inbox.credit - i64::from(units)).max(-DEBT_MAX);
    }

    /// Whether it may be read from, when `all` bytes of all peers wait.
    fn has_room(&self, all: usize, memory_full: bool) -> bool {
        let inbox = self.inbox.borrow();
        let crowded = memory_full || all > CROWDED;
        if crowded { inbox.events.is_empty() } else { !inbox.is_full() }
    }

    /// Pauses its reader while the owner is behind with what it sent.
    pub(super) async fn wait_for_room(&self, is_crowded: impl Fn() -> (usize, bool)) {
        loop {
            let (all, memory_full) = is_crowded();
            if self.has_room(all, memory_full) {
                return;
            }
            self.paused.set(true);
            poll_fn(|context| {
                if !self.paused.get() {
                    return Poll::Ready(());
                }
                self.room.register(context);
                Poll::Pending
            })
            .await;
        }
    }
}

/// Gives frames that may be slices of a read buffer memory of their own.
pub(super) fn detach(frames: &mut [Bytes]) {
    for frame in frames.iter_mut().filter(|frame| (1..=SLICE_MAX).contains(&frame.len())) {
        *frame = Bytes::copy_from_slice(frame);
    }
}

impl Waiting {
    fn new(event: HubEvent) -> Self {
        let (own, cost) = match &event {
            HubEvent::Message { frames, .. } => weight_and_cost(frames),
            HubEvent::Subscribe { topic, .. } | HubEvent::Cancel { topic, .. } => {
                (topic.len() + ALLOCATION, 4)
            }
            HubEvent::Came { info, .. } => (info.held(), 1),
            HubEvent::Left { .. } => (0, 1),
        };
        Self { event, weight: size_of::<Self>() + own, cost }
    }
}

/// Bytes of memory that a message's frames take, and units of a round: bytes are handed on, frames looked at.
pub(super) fn weight_and_cost(frames: &[Bytes]) -> (usize, u32) {
    let bytes: usize = frames.iter().map(Bytes::len).sum();
    let weight = frames.len() * (size_of::<Bytes>() + ALLOCATION) + bytes;
    (weight, 1 + (frames.len() / 16) as u32 + (bytes >> 12).min(16) as u32)
}
