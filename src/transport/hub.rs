//! What all connections of a listening socket share: who is there, what arrived, what must be written.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tracing::{debug, warn};

use super::connection::{Connection, LeftReason, Phase};
use crate::job::PeerId;
use crate::zmtp::{self, Engine, Limits, PeerInfo};

/// How a listening socket behaves.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// What a peer may send in a frame and in a message.
    pub limits: Limits,
    /// How long greeting and READY may take. Default 10 s; shorter loses peers behind bad lines, longer
    /// lets those who never finish hold connections.
    pub handshake: Duration,
    /// PING after this long without a byte from a 3.1 peer; closed after as long again without one.
    /// Default 5 s; zero for never.
    pub ping: Duration,
    /// Connections at a time. Default 16 384; the next one is closed at once.
    pub connections_max: usize,
    /// Bytes that may wait for a peer that does not read, the largest message that waits aside. Default 16 MiB; then it is
    /// disconnected.
    pub unread_max: usize,
    /// Bytes of unfinished messages of all peers together. Default 512 MiB; then the one who sends on is
    /// disconnected.
    pub unfinished_max: usize,
    /// Whether a new connection takes over an identity that is in use. Default no: the first one stays,
    /// unless it turns out to be dead (PROTOCOL.md quirks 16 and 34).
    pub handover: bool,
    /// Where the automatic identities begin.
    pub seed: u32,
    /// READY properties beyond those of RFC 23.
    pub properties: Vec<(&'static str, Bytes)>,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            handshake: Duration::from_secs(10),
            ping: Duration::from_secs(5),
            connections_max: 16_384,
            unread_max: 16 << 20,
            unfinished_max: 512 << 20,
            handover: false,
            seed: 1,
            properties: Vec::new(),
        }
    }
}

/// What a listening socket counted since it was bound.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections closed at once because there were too many.
    pub refused: u64,
    /// Handshakes done.
    pub ready: u64,
    /// Connections that ended by [`LeftReason::Handshake`].
    pub handshake_timeouts: u64,
    /// Connections that ended by [`LeftReason::Protocol`].
    pub protocol_errors: u64,
    /// Connections that ended by [`LeftReason::Slow`].
    pub slow: u64,
    /// Connections that ended by [`LeftReason::Vanished`].
    pub vanished: u64,
    /// Connections that found their identity in use.
    pub identity_clashes: u64,
}

/// What the connections tell the socket's owner.
#[derive(Debug)]
pub(super) enum HubEvent {
    Came { peer: PeerId, identity: Bytes, info: PeerInfo },
    Message { peer: PeerId, identity: Bytes, frames: Vec<Bytes> },
    Subscribe { peer: PeerId, topic: Bytes },
    Cancel { peer: PeerId, topic: Bytes },
    Left { peer: PeerId, reason: LeftReason },
}

/// What all connections of a listening socket share. One thread, so no lock.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) options: ListenerOptions,
    config: zmtp::Config,
    shared: RefCell<Shared>,
    events: RefCell<VecDeque<HubEvent>>,
    event_bytes: Cell<usize>,
    slab: RefCell<BytesMut>,
    /// The owner waits here for an event.
    arrived: Notify,
    /// Readers wait here until the owner has caught up.
    room: Notify,
    pub(super) counters: Cell<Counters>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Everybody, in handshake too.
    connections: HashMap<PeerId, Rc<Connection>>,
    /// Those the owner knows, by identity.
    identities: HashMap<Bytes, PeerId>,
    /// Those whose identity is in use, oldest first.
    held: HashMap<Bytes, VecDeque<Rc<Connection>>>,
    dirty: Vec<Rc<Connection>>,
    unfinished: usize,
    next_identity: u32,
}

/// Events and bytes that may wait for the owner before readers pause.
const EVENTS_MAX: usize = 4_096;
const EVENT_BYTES_MAX: usize = 8 << 20;
/// The shared read buffer: how much is asked for, and how little is still used.
const SLAB: usize = 128 << 10;
const SLAB_MIN: usize = 16 << 10;

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
            events: RefCell::default(),
            event_bytes: Cell::new(0),
            slab: RefCell::default(),
            arrived: Notify::new(),
            room: Notify::new(),
            counters: Cell::default(),
        })
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        add(&mut counters);
        self.counters.set(counters);
    }

    // --- connections come and go

    /// Accepts until the task is aborted.
    pub(super) async fn accept_all(self: Rc<Self>, listener: TcpListener) {
        let mut told = false;
        loop {
            match listener.accept().await {
                Ok((stream, from)) => {
                    told = false;
                    self.welcome(stream, from);
                }
                Err(error) => {
                    // Out of descriptors, as a rule: others must leave before anybody can come.
                    if !std::mem::replace(&mut told, true) {
                        warn!(%error, "cannot accept connections for the time being");
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn welcome(self: &Rc<Self>, stream: TcpStream, from: SocketAddr) {
        let peer = PeerId(NEXT_PEER.fetch_add(1, Ordering::Relaxed));
        if self.shared.borrow().connections.len() >= self.options.connections_max {
            self.count(|counters| counters.refused += 1);
            warn!(address = %from, connections = self.options.connections_max, "too many connections, one is refused");
            return;
        }
        self.count(|counters| counters.accepted += 1);
        debug!(%peer, address = %from, "accepted");
        set_socket_options(&stream);
        let (connection, input) = Connection::new(peer, from, stream, Engine::new(&self.config));
        self.shared.borrow_mut().connections.insert(peer, Rc::clone(&connection));
        tokio::task::spawn_local(connection.serve(Rc::clone(self), input));
    }

    /// The handshake is done: the connection gets its identity, or waits for it.
    pub(super) fn admit(self: &Rc<Self>, connection: &Rc<Connection>, info: PeerInfo) {
        self.count(|counters| counters.ready += 1);
        let identity = match info.identity.is_empty() {
            true => self.automatic_identity(),
            false => Bytes::copy_from_slice(&info.identity),
        };
        {
            let mut state = connection.state.borrow_mut();
            state.identity = identity.clone();
            state.info = Some(info);
        }
        let owner = self.shared.borrow().identities.get(&identity).copied();
        let Some(owner) = owner.and_then(|peer| self.connection(peer)) else {
            return self.open(connection);
        };
        self.count(|counters| counters.identity_clashes += 1);
        if self.options.handover {
            debug!(peer = %connection.peer, first = %owner.peer, "identity taken over");
            owner.close(LeftReason::Replaced);
        } else {
            debug!(peer = %connection.peer, first = %owner.peer, "identity in use, the new connection waits");
            self.probe(&owner);
        }
        connection.state.borrow_mut().phase = Phase::Held;
        self.shared.borrow_mut().held.entry(identity).or_default().push_back(Rc::clone(connection));
    }

    /// Asks a connection for a sign of life now, not when its silence is long enough.
    fn probe(&self, connection: &Rc<Connection>) {
        if !self.options.ping.is_zero() && !connection.state.borrow().pinged {
            connection.ping();
        }
    }

    fn open(&self, connection: &Rc<Connection>) {
        let mut state = connection.state.borrow_mut();
        state.phase = Phase::Open;
        let (peer, identity) = (connection.peer, state.identity.clone());
        let info = state.info.clone().expect("set by admit before");
        self.shared.borrow_mut().identities.insert(identity.clone(), peer);
        self.push(HubEvent::Came { peer, identity: identity.clone(), info });
        for frames in std::mem::take(&mut state.kept) {
            self.push_message(peer, &identity, frames);
        }
    }

    /// The reader of `connection` is done.
    pub(super) fn part(&self, connection: &Rc<Connection>, reason: LeftReason) {
        let (phase, identity) = {
            let mut state = connection.state.borrow_mut();
            let mut shared = self.shared.borrow_mut();
            shared.unfinished -= std::mem::take(&mut state.charged);
            shared.connections.remove(&connection.peer);
            (std::mem::replace(&mut state.phase, Phase::Closed), state.identity.clone())
        };
        debug!(peer = %connection.peer, %reason, "connection closed");
        self.count(|counters| match reason {
            LeftReason::Handshake => counters.handshake_timeouts += 1,
            LeftReason::Protocol(_) => counters.protocol_errors += 1,
            LeftReason::Slow { .. } => counters.slow += 1,
            LeftReason::Vanished => counters.vanished += 1,
            LeftReason::Closed
            | LeftReason::Lost(_)
            | LeftReason::InputFull { .. }
            | LeftReason::Replaced
            | LeftReason::Shutdown => {}
        });
        match phase {
            Phase::Open => {
                self.push(HubEvent::Left { peer: connection.peer, reason });
                self.shared.borrow_mut().identities.remove(&identity);
                self.admit_next(&identity);
            }
            Phase::Held => self.forget_held(connection, &identity),
            Phase::Handshake | Phase::Closed => {}
        }
    }

    fn admit_next(&self, identity: &Bytes) {
        let next = {
            let mut shared = self.shared.borrow_mut();
            let Some(waiting) = shared.held.get_mut(identity) else { return };
            let next = waiting.pop_front();
            if waiting.is_empty() {
                shared.held.remove(identity);
            }
            next
        };
        if let Some(connection) = next {
            self.open(&connection);
        }
    }

    fn forget_held(&self, connection: &Rc<Connection>, identity: &Bytes) {
        let mut shared = self.shared.borrow_mut();
        if let Some(waiting) = shared.held.get_mut(identity) {
            waiting.retain(|other| !Rc::ptr_eq(other, connection));
            if waiting.is_empty() {
                shared.held.remove(identity);
            }
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

    pub(super) fn connection(&self, peer: PeerId) -> Option<Rc<Connection>> {
        self.shared.borrow().connections.get(&peer).cloned()
    }

    pub(super) fn connections(&self) -> Vec<Rc<Connection>> {
        self.shared.borrow().connections.values().cloned().collect()
    }

    pub(super) fn connection_count(&self) -> usize {
        self.shared.borrow().connections.len()
    }

    pub(super) fn peer_of(&self, identity: &[u8]) -> Option<PeerId> {
        self.shared.borrow().identities.get(identity).copied()
    }

    // --- input

    pub(super) fn push_message(&self, peer: PeerId, identity: &Bytes, frames: Vec<Bytes>) {
        let bytes: usize = frames.iter().map(Bytes::len).sum();
        self.event_bytes.set(self.event_bytes.get() + bytes);
        self.push(HubEvent::Message { peer, identity: identity.clone(), frames });
    }

    pub(super) fn push(&self, event: HubEvent) {
        let mut events = self.events.borrow_mut();
        events.push_back(event);
        if events.len() == 1 {
            self.arrived.notify_one();
        }
    }

    pub(super) fn try_recv(&self) -> Option<HubEvent> {
        let event = self.events.borrow_mut().pop_front()?;
        if let HubEvent::Message { frames, .. } = &event {
            let bytes: usize = frames.iter().map(Bytes::len).sum();
            self.event_bytes.set(self.event_bytes.get() - bytes);
        }
        if self.events.borrow().is_empty() {
            self.room.notify_waiters();
        }
        Some(event)
    }

    pub(super) async fn recv(&self) -> HubEvent {
        loop {
            if let Some(event) = self.try_recv() {
                return event;
            }
            self.arrived.notified().await;
        }
    }

    /// Pauses a reader while the owner is behind.
    pub(super) async fn wait_for_room(&self) {
        while self.events.borrow().len() > EVENTS_MAX || self.event_bytes.get() > EVENT_BYTES_MAX {
            self.room.notified().await;
        }
    }

    /// Accounts for what a connection has sent of an unfinished message.
    pub(super) fn charge(&self, connection: &Connection) -> Result<(), LeftReason> {
        let mut state = connection.state.borrow_mut();
        let mut shared = self.shared.borrow_mut();
        shared.unfinished = shared.unfinished - state.charged + state.unfinished;
        state.charged = state.unfinished;
        match shared.unfinished > self.options.unfinished_max {
            true => Err(LeftReason::InputFull { held: shared.unfinished }),
            false => Ok(()),
        }
    }

    pub(super) fn take_slab(&self) -> BytesMut {
        let mut slab = std::mem::take(&mut *self.slab.borrow_mut());
        if slab.capacity() < SLAB_MIN {
            slab.reserve(SLAB);
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
        let Some(connection) = shared.connections.get(&peer).map(Rc::clone) else { return false };
        let mut state = connection.state.borrow_mut();
        if state.phase != Phase::Open {
            return false;
        }
        let unread = state.unread();
        if unread > self.options.unread_max {
            drop(state);
            connection.close(LeftReason::Slow { unread });
            return false;
        }
        state.send(frames);
        if !state.dirty {
            state.dirty = true;
            drop(state);
            shared.dirty.push(connection);
        }
        true
    }

    /// Bytes that wait for a peer; `None` if there is no such peer.
    pub(super) fn unread(&self, peer: PeerId) -> Option<usize> {
        let connection = self.connection(peer)?;
        let unread = connection.state.borrow_mut().engine.outbox().len();
        Some(unread)
    }

    /// Writes what was sent since the last flush, one write a connection.
    pub(super) fn flush(&self) {
        let mut dirty = std::mem::take(&mut self.shared.borrow_mut().dirty);
        for connection in dirty.drain(..) {
            connection.flush();
        }
        // Keep the allocation for the next turn.
        let mut shared = self.shared.borrow_mut();
        if shared.dirty.is_empty() {
            shared.dirty = dirty;
        }
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

/// Binds `address`; port 0 lets the system choose.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Small messages go out at once; a host that vanished is noticed without PING, too, if slowly.
pub(super) fn set_socket_options(stream: &TcpStream) {
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    let socket = socket2::SockRef::from(stream);
    if let Err(error) = stream.set_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keepalive)) {
        debug!(%error, "cannot set socket options"); // the connection works all the same
    }
}
