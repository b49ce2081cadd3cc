//! What all connections of a listening socket share: who is there, what arrived, what must be written.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;
use tokio::net::TcpStream;
use tracing::debug;

use super::connection::{Connection, Phase, Sent};
use super::identity::Held;
use super::inbox::Round;
use super::left::LeftReason;
use super::listen::set_socket_options;
use super::pressure::Sums;
use crate::job::PeerId;
use crate::zmtp::{self, Engine};

pub(super) use super::inbox::HubEvent;
pub(super) use super::options::{Counters, ListenerOptions};

/// What all connections of a listening socket share. One thread, so no lock.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) options: ListenerOptions,
    config: zmtp::Config,
    pub(super) shared: RefCell<Shared>,
    round: Round,
    pub(super) sums: Sums,
    slab: RefCell<BytesMut>,
    pub(super) counters: Cell<Counters>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Everybody, in handshake too. Numbers are ours, so no peer can choose where they fall.
    connections: FxHashMap<PeerId, Rc<Connection>>,
    /// Those the owner knows, by identity.
    pub(super) identities: HashMap<Bytes, PeerId>,
    /// Those whose identity is in use.
    pub(super) held: HashMap<Bytes, Held>,
    dirty: Vec<Rc<Connection>>,
    pub(super) next_identity: u32,
}

/// The shared read buffer: how much is asked for, and how little is still used.
const SLAB: usize = 128 << 10;
const SLAB_MIN: usize = 16 << 10;

/// Connections written to in one go: each is a call of the system.
const FLUSHED_IN_ONE_GO: usize = 512;

/// Peers are numbered across all sockets of the process, so that a number in a log names one connection.
static NEXT_PEER: AtomicU64 = AtomicU64::new(1);

impl Hub {
    pub(super) fn new(socket_type: zmtp::SocketType, options: ListenerOptions) -> Rc<Self> {
        let config = zmtp::Config {
            socket_type,
            identity: Bytes::new(),
            properties: options.properties.clone(),
            limits: options.limits.clone(),
        };
        Rc::new(Self {
            config,
            shared: RefCell::new(Shared { next_identity: options.seed, ..Shared::default() }),
            options,
            round: Round::default(),
            sums: Sums::default(),
            slab: RefCell::default(),
            counters: Cell::default(),
        })
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        add(&mut counters);
        self.counters.set(counters);
    }

    // --- connections come and go

    /// A connection was accepted; it is closed at once if there are too many.
    pub(super) fn accept(self: &Rc<Self>, stream: TcpStream, from: SocketAddr) {
        let full = self.connection_count() >= self.options.connections_max;
        let Some(slot) = self.options.connections.take().filter(|_| !full) else {
            self.count(|counters| counters.refused += 1);
            return debug!(address = %from, "too many connections, one is refused");
        };
        let peer = PeerId(NEXT_PEER.fetch_add(1, Ordering::Relaxed));
        self.count(|counters| counters.accepted += 1);
        debug!(%peer, address = %from, "accepted");
        set_socket_options(&stream);
        let engine = Engine::new(&self.config);
        let shared = (&self.options, &self.sums);
        let (connection, input) = Connection::new(peer, from, stream, engine, slot, shared);
        self.shared.borrow_mut().connections.insert(peer, Rc::clone(&connection));
        tokio::task::spawn_local(connection.serve(Rc::clone(self), input));
    }

    /// The reader of `connection` is done.
    pub(super) fn closed(&self, connection: &Rc<Connection>, reason: LeftReason) {
        let (phase, identity) = {
            let mut state = connection.state.borrow_mut();
            self.shared.borrow_mut().connections.remove(&connection.peer);
            (std::mem::replace(&mut state.phase, Phase::Closed), state.identity.clone())
        };
        connection.let_go();
        debug!(peer = %connection.peer, %reason, "connection closed");
        self.count(|counters| counters.left(&reason));
        if phase == Phase::Open {
            self.push(connection, HubEvent::Left { peer: connection.peer, reason });
        }
        self.give_back(connection, phase, &identity);
    }

    pub(super) fn connection(&self, peer: PeerId) -> Option<Rc<Connection>> {
        self.shared.borrow().connections.get(&peer).cloned()
    }

    pub(super) fn connections(&self) -> Vec<Rc<Connection>> {
        self.shared.borrow().connections.values().cloned().collect()
    }

    pub(super) fn connection_count(&self) -> usize {
        self.shared.borrow().connections.len()
    }

    // --- input

    /// Units of work that the event makes for the owner.
    pub(super) fn push(&self, connection: &Rc<Connection>, event: HubEvent) -> u32 {
        self.round.push(connection, event)
    }

    pub(super) fn try_recv(&self) -> Option<HubEvent> {
        self.round.pop()
    }

    pub(super) async fn recv(&self) -> HubEvent {
        poll_fn(|context| {
            let event = self.try_recv();
            if event.is_none() {
                self.round.wait(context);
            }
            event.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// What waits for the owner, in bytes, and whether the process holds more than it may.
    pub(super) fn crowd(&self) -> (usize, bool) {
        let memory = &self.options.memory;
        (self.sums.arrived.get(), memory.held() > memory.max())
    }

    pub(super) fn take_slab(&self) -> BytesMut {
        let mut slab = std::mem::take(&mut *self.slab.borrow_mut());
        if slab.capacity() < SLAB_MIN {
            slab.reserve(SLAB);
            self.round.slab_filled();
        }
        slab
    }

    pub(super) fn put_slab(&self, slab: BytesMut) {
        *self.slab.borrow_mut() = slab;
    }

    // --- output

    /// Appends a message for a peer, to be written by [`Hub::flush`]. `false`: no such peer.
    pub(super) fn send(&self, peer: PeerId, frames: &[Bytes]) -> bool {
        let mut shared = self.shared.borrow_mut();
        let Some(connection) = shared.connections.get(&peer) else { return false };
        let sent = connection.send(frames, &self.options);
        if sent == Sent::First {
            let connection = Rc::clone(connection);
            shared.dirty.push(connection);
        }
        sent != Sent::No
    }

    /// Bytes that wait for a peer; `None` if there is no such peer.
    pub(super) fn unread(&self, peer: PeerId) -> Option<usize> {
        let connection = self.connection(peer)?;
        let unread = connection.state.borrow_mut().engine.outbox().len();
        Some(unread)
    }

    /// Writes what was sent since the last flush, one write a connection.
    pub(super) fn flush(&self) {
        while self.flush_some() {}
    }

    /// The same for some of them. Whether there are more: a turn has a bound.
    pub(super) fn flush_some(&self) -> bool {
        let mut dirty = std::mem::take(&mut self.shared.borrow_mut().dirty);
        let some = dirty.len().min(FLUSHED_IN_ONE_GO);
        for connection in dirty.drain(..some) {
            connection.flush();
        }
        // Keep the allocation for the next turn.
        let mut shared = self.shared.borrow_mut();
        dirty.append(&mut shared.dirty);
        let more = !dirty.is_empty();
        shared.dirty = dirty;
        drop(shared);
        self.relieve();
        more
    }

    /// Waits until every peer has been written what waits for it.
    pub(super) async fn written(&self) {
        for connection in self.connections() {
            connection.written().await;
        }
    }

    pub(super) fn close_all(&self) {
        for connection in self.connections() {
            connection.close(LeftReason::Shutdown);
        }
    }
}
