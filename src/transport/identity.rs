//! Identities, and connections that wait for one that is in use.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use bytes::{BufMut, Bytes, BytesMut};
use tracing::debug;

use super::connection::{Connection, Phase};
use super::hub::Hub;
use super::inbox::{HubEvent, detach, weight_and_cost};
use super::left::LeftReason;
use super::pressure::Weight;
use crate::job::PeerId;
use crate::zmtp::PeerInfo;

/// The most messages, and bytes of them, that are kept of a connection whose identity is in use.
const MESSAGES_MAX: usize = 64;
const BYTES_MAX: usize = 1 << 20;

/// Messages of a connection whose identity is in use.
#[derive(Debug)]
pub(super) struct Buffered {
    messages: VecDeque<Vec<Bytes>>,
    pub(super) weight: Weight,
    /// It has waited for too long: nothing more is kept.
    over: bool,
}

impl Buffered {
    pub(super) fn new(weight: Weight) -> Self {
        Self { messages: VecDeque::new(), weight, over: false }
    }

    /// Keeps a message; gives it back if there is no room.
    pub(super) fn keep(&mut self, mut frames: Vec<Bytes>) -> Result<(), Vec<Bytes>> {
        let weight = self.weight.bytes() + size_of::<Vec<Bytes>>() + weight_and_cost(&frames).0;
        if self.over || self.messages.len() == MESSAGES_MAX || weight > BYTES_MAX {
            return Err(frames);
        }
        detach(&mut frames);
        self.weight.set(weight);
        self.messages.push_back(frames);
        Ok(())
    }

    fn take(&mut self) -> VecDeque<Vec<Bytes>> {
        self.weight.set(0);
        std::mem::take(&mut self.messages)
    }

    pub(super) fn clear(&mut self) {
        drop(self.take());
    }
}

/// Connections whose identity is in use, the oldest first: peers are numbered as they come.
pub(super) type Held = BTreeMap<PeerId, Rc<Connection>>;

impl Hub {
    /// The handshake is done: the connection gets its identity, or waits for it.
    pub(super) fn ready(&self, connection: &Rc<Connection>, info: PeerInfo) {
        self.count(|counters| counters.ready += 1);
        let identity = match info.identity.is_empty() {
            true => self.automatic_identity(),
            false => Bytes::copy_from_slice(&info.identity),
        };
        {
            let mut state = connection.state.borrow_mut();
            state.identity = identity.clone();
            state.info = Some(Box::new(info));
        }
        match self.peer_of(&identity).and_then(|peer| self.connection(peer)) {
            Some(owner) => self.hold(connection, identity, &owner),
            None => self.open(connection),
        }
    }

    fn hold(&self, connection: &Rc<Connection>, identity: Bytes, owner: &Rc<Connection>) {
        self.count(|counters| counters.identity_clashes += 1);
        if self.options.handover {
            debug!(peer = %connection.peer, first = %owner.peer, "identity taken over");
            owner.close(LeftReason::Replaced);
        } else {
            debug!(peer = %connection.peer, first = %owner.peer, "identity in use, the new connection waits");
            self.probe(owner);
        }
        let mut state = connection.state.borrow_mut();
        state.phase = Phase::Held;
        state.times.age = 0;
        state.weigh_info();
        self.shared
            .borrow_mut()
            .held
            .entry(identity)
            .or_default()
            .insert(connection.peer, Rc::clone(connection));
    }

    /// Asks a connection for a sign of life now, not when its silence is long enough.
    fn probe(&self, connection: &Rc<Connection>) {
        if !self.options.ping.is_zero() && !connection.state.borrow().times.pinged {
            connection.ping();
        }
    }

    fn open(&self, connection: &Rc<Connection>) {
        let (identity, info, kept) = {
            let mut state = connection.state.borrow_mut();
            state.phase = Phase::Open;
            let info = state.info.take().expect("set by `ready` before");
            state.weigh_info();
            (state.identity.clone(), info, state.buffered.take())
        };
        let peer = connection.peer;
        self.shared.borrow_mut().identities.insert(identity.clone(), peer);
        self.push(connection, HubEvent::Came { peer, identity: identity.clone(), info });
        for frames in kept {
            self.push(
                connection,
                HubEvent::Message { peer, identity: identity.clone(), frames, held_back: false },
            );
        }
    }

    /// A message for which there is no room while the identity is in use goes to the owner, who knows how to refuse it.
    pub(super) fn hold_back(&self, connection: &Rc<Connection>, identity: &Bytes, frames: Vec<Bytes>) {
        self.count(|counters| counters.held_back += 1);
        let (peer, identity) = (connection.peer, identity.clone());
        self.push(connection, HubEvent::Message { peer, identity, frames, held_back: true });
    }

    /// A connection has waited too long for its identity: what it said is refused, and what it will say.
    pub(super) fn give_up_waiting(&self, connection: &Rc<Connection>) {
        let (identity, kept) = {
            let mut state = connection.state.borrow_mut();
            state.buffered.over = true;
            (state.identity.clone(), state.buffered.take())
        };
        kept.into_iter().for_each(|frames| self.hold_back(connection, &identity, frames));
    }

    /// A connection that had or wanted the identity is gone.
    pub(super) fn give_back(&self, connection: &Connection, phase: Phase, identity: &Bytes) {
        let next = {
            let mut shared = self.shared.borrow_mut();
            if phase == Phase::Open {
                shared.identities.remove(identity);
            }
            let Some(waiting) = shared.held.get_mut(identity) else { return };
            let next = match phase {
                Phase::Open => waiting.pop_first(),
                Phase::Held | Phase::Handshake | Phase::Closed => {
                    waiting.remove(&connection.peer);
                    None
                }
            };
            if waiting.is_empty() {
                shared.held.remove(identity);
            }
            next
        };
        if let Some((_, connection)) = next {
            self.open(&connection);
        }
    }

    /// Five bytes, 00 and a number: the form that libzmq gives to peers without an identity.
    fn automatic_identity(&self) -> Bytes {
        let mut shared = self.shared.borrow_mut();
        loop {
            shared.next_identity = shared.next_identity.wrapping_add(1);
            let mut identity = BytesMut::with_capacity(5);
            identity.put_u8(0);
            identity.put_u32(shared.next_identity);
            if !shared.identities.contains_key(&identity[..]) {
                return identity.freeze();
            }
        }
    }

    /// The peer that has this identity now.
    pub(super) fn peer_of(&self, identity: &[u8]) -> Option<PeerId> {
        self.shared.borrow().identities.get(identity).copied()
    }
}
