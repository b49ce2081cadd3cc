//! One accepted connection: its engine, its two halves of a TCP stream, and the task that reads.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use super::hub::{Hub, HubEvent};
use crate::job::PeerId;
use crate::zmtp::{Engine, Event, PeerInfo, Version, ZmtpError};

/// Why a connection is gone.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LeftReason {
    /// The peer closed it.
    #[error("closed by the peer")]
    Closed,
    /// The network took it.
    #[error("connection lost: {0}")]
    Lost(io::ErrorKind),
    /// The peer broke ZMTP.
    #[error("{0}")]
    Protocol(ZmtpError),
    /// No READY in time.
    #[error("the handshake was not done in time")]
    Handshake,
    /// More output waits for the peer than it may.
    #[error("the peer does not read: {unread} bytes wait for it")]
    Slow {
        /// Bytes that were waiting.
        unread: usize,
    },
    /// All peers together have sent more of unfinished messages than is allowed.
    #[error("unfinished messages of all peers hold {held} bytes, the most that is allowed")]
    InputFull {
        /// Bytes that were held.
        held: usize,
    },
    /// No answer to PING.
    #[error("the peer does not answer PING")]
    Vanished,
    /// A new connection with the same identity took its place.
    #[error("a new connection came with the same identity")]
    Replaced,
    /// We closed it.
    #[error("closed by us")]
    Shutdown,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Greeting and READY are under way.
    Handshake,
    /// Its identity is in use by another connection; what it says is kept until that one leaves.
    Held,
    /// Known to the socket's owner.
    Open,
    /// Gone.
    Closed,
}

/// What [`Connection`] changes as it goes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) engine: Engine,
    pub(super) phase: Phase,
    pub(super) identity: Bytes,
    pub(super) info: Option<PeerInfo>,
    /// Bytes of a frame that is not whole yet. Empty for a quiet connection, which thus costs no buffer.
    partial: BytesMut,
    /// Bytes taken since the last whole message.
    pub(super) unfinished: usize,
    /// What of it the hub's sum holds.
    pub(super) charged: usize,
    /// Messages said while held, until the identity is free.
    pub(super) kept: Vec<Vec<Bytes>>,
    /// The largest message in the output: its bytes, and where it ends in the stream.
    pub(super) largest: (u64, u64),
    /// In the hub's list of connections to be flushed.
    pub(super) dirty: bool,
    /// A task waits until the kernel takes more.
    writing: bool,
    /// Something came since the janitor looked last.
    pub(super) heard: bool,
    /// The janitor's looks since then.
    pub(super) quiet_ticks: u32,
    pub(super) pinged: bool,
    /// The janitor's looks since the connection was accepted, while its handshake lasts.
    pub(super) age_ticks: u32,
    reason: Option<LeftReason>,
}

impl State {
    /// Bytes that wait for the peer beside the largest message: one large message is no sign that nobody reads.
    pub(super) fn unread(&mut self) -> usize {
        let outbox = self.engine.outbox();
        let (size, end) = self.largest;
        let left = end.saturating_sub(outbox.written()).min(size);
        outbox.len().saturating_sub(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Appends a message to the output.
    pub(super) fn send(&mut self, frames: &[Bytes]) {
        let start = self.engine.outbox().end();
        self.engine.send(frames);
        let outbox = self.engine.outbox();
        let (size, end) = (outbox.end() - start, outbox.end());
        if outbox.written() >= self.largest.1 || size > self.largest.0 {
            self.largest = (size, end);
        }
    }
}

/// One accepted connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: PeerId,
    /// Where it comes from.
    pub(super) from: SocketAddr,
    output: OwnedWriteHalf,
    closing: Notify,
    /// Told when all output is written, or never will be.
    written: Notify,
    pub(super) state: RefCell<State>,
}

/// The most messages that are kept of a connection whose identity is in use.
const KEPT_MAX: usize = 64;

impl Connection {
    /// Takes a stream over; its reading half is for [`Connection::serve`].
    pub(super) fn new(
        peer: PeerId,
        from: SocketAddr,
        stream: TcpStream,
        engine: Engine,
    ) -> (Rc<Self>, OwnedReadHalf) {
        let (input, output) = stream.into_split();
        let state = State {
            engine,
            phase: Phase::Handshake,
            identity: Bytes::new(),
            info: None,
            partial: BytesMut::new(),
            unfinished: 0,
            charged: 0,
            kept: Vec::new(),
            largest: (0, 0),
            dirty: false,
            writing: false,
            heard: false,
            quiet_ticks: 0,
            pinged: false,
            age_ticks: 0,
            reason: None,
        };
        let (closing, written) = (Notify::new(), Notify::new());
        (Rc::new(Self { peer, from, output, closing, written, state: RefCell::new(state) }), input)
    }

    /// Reads until the connection ends, and tells the hub why it did.
    pub(super) async fn serve(self: Rc<Self>, hub: Rc<Hub>, mut input: OwnedReadHalf) {
        let closing = self.closing.notified();
        self.flush();
        let already = self.state.borrow().reason.is_some();
        let reason = tokio::select! {
            biased;
            () = closing, if !already => LeftReason::Shutdown,
            () = std::future::ready(()), if already => LeftReason::Shutdown,
            reason = self.read_all(&hub, &mut input) => reason,
        };
        self.flush(); // an ERROR command, perhaps
        let reason = self.state.borrow().reason.clone().unwrap_or(reason);
        hub.part(&self, reason);
    }

    async fn read_all(self: &Rc<Self>, hub: &Rc<Hub>, input: &mut OwnedReadHalf) -> LeftReason {
        loop {
            let mut bytes = match self.read_some(hub, input).await {
                Ok(bytes) if bytes.is_empty() => return LeftReason::Closed,
                Ok(bytes) => bytes,
                Err(error) => return LeftReason::Lost(error.kind()),
            };
            let parsed = self.parse(hub, &mut bytes);
            self.keep_rest(bytes);
            if let Err(reason) = parsed.and_then(|()| hub.charge(self)) {
                return reason;
            }
            hub.wait_for_room().await;
            // One read a turn, so that a peer that never stops talking does not silence the others.
            tokio::task::yield_now().await;
        }
    }

    /// The unfinished frame and what has arrived after it; nothing at the end of the stream.
    ///
    /// A connection without an unfinished frame reads into the buffer that all share, so that ten
    /// thousand quiet connections hold no memory, and a busy one gets many messages a read.
    async fn read_some(&self, hub: &Hub, input: &mut OwnedReadHalf) -> io::Result<BytesMut> {
        poll_fn(|context| {
            let rest = std::mem::take(&mut self.state.borrow_mut().partial);
            let shared = rest.is_empty();
            let mut buffer = if shared { hub.take_slab() } else { rest };
            if !shared {
                buffer.reserve((buffer.len() / 2).clamp(READ_MIN, READ_MAX));
            }
            let polled = pin!(input.read_buf(&mut buffer)).poll(context);
            if shared {
                let bytes = buffer.split();
                hub.put_slab(buffer);
                return polled.map(|read| read.map(|_| bytes));
            }
            match polled {
                std::task::Poll::Ready(Ok(0)) => std::task::Poll::Ready(Ok(BytesMut::new())),
                std::task::Poll::Ready(Ok(count)) => {
                    self.state.borrow_mut().unfinished += count;
                    std::task::Poll::Ready(Ok(buffer))
                }
                std::task::Poll::Ready(Err(error)) => std::task::Poll::Ready(Err(error)),
                std::task::Poll::Pending => {
                    self.state.borrow_mut().partial = buffer;
                    std::task::Poll::Pending
                }
            }
        })
        .await
    }

    /// Hands on every whole message in `bytes`.
    fn parse(self: &Rc<Self>, hub: &Rc<Hub>, bytes: &mut BytesMut) -> Result<(), LeftReason> {
        let mut state = self.state.borrow_mut();
        state.heard = true;
        loop {
            let event = state.engine.receive(bytes).map_err(LeftReason::Protocol)?;
            match event {
                None => break,
                Some(Event::Message(frames)) => match state.phase {
                    Phase::Open => hub.push_message(self.peer, &state.identity, frames),
                    Phase::Held if state.kept.len() < KEPT_MAX => state.kept.push(frames),
                    Phase::Held | Phase::Handshake | Phase::Closed => {}
                },
                Some(Event::Ready(info)) => {
                    drop(state);
                    hub.admit(self, info);
                    state = self.state.borrow_mut();
                }
                Some(Event::Subscribe(topic)) => hub.push(HubEvent::Subscribe { peer: self.peer, topic }),
                Some(Event::Cancel(topic)) => hub.push(HubEvent::Cancel { peer: self.peer, topic }),
                Some(Event::Ping | Event::Pong) => {}
            }
            state.unfinished = 0;
        }
        // Handshake and PONG do not wait for the owner's turn.
        let answer = !state.dirty && !state.engine.outbox().is_empty();
        drop(state);
        if answer {
            self.flush();
        }
        Ok(())
    }

    /// Keeps an unfinished frame in memory of its own, so that it does not keep the shared buffer alive.
    fn keep_rest(&self, rest: BytesMut) {
        let mut state = self.state.borrow_mut();
        state.unfinished = state.unfinished.max(rest.len());
        if rest.is_empty() {
            return;
        }
        state.partial = match rest.len() < READ_MAX {
            true => BytesMut::from(&rest[..]),
            false => rest,
        };
    }

    /// Writes what waits, as far as the kernel takes it; a task sees to the rest.
    pub(super) fn flush(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        state.dirty = false;
        if state.writing {
            return;
        }
        match self.write(&mut state) {
            Ok(()) if state.engine.outbox().is_empty() => {}
            Ok(()) => {
                state.writing = true;
                tokio::task::spawn_local(Rc::clone(self).write_later());
            }
            Err(error) => {
                drop(state);
                self.close(LeftReason::Lost(error.kind()));
            }
        }
    }

    /// `Ok` with output left: the kernel takes no more.
    fn write(&self, state: &mut State) -> io::Result<()> {
        while !state.engine.outbox().is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = state.engine.outbox().slices(&mut slices);
            let written = match self.output.try_write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            state.engine.outbox().advance(written);
        }
        Ok(())
    }

    async fn write_later(self: Rc<Self>) {
        loop {
            let closing = self.closing.notified();
            if self.state.borrow().phase == Phase::Closed {
                return;
            }
            tokio::select! {
                _ = self.output.writable() => {}
                () = closing => return,
            }
            let mut state = self.state.borrow_mut();
            match self.write(&mut state) {
                Ok(()) if state.engine.outbox().is_empty() => {
                    state.writing = false;
                    return self.written.notify_waiters();
                }
                Ok(()) => {}
                Err(error) => {
                    drop(state);
                    return self.close(LeftReason::Lost(error.kind()));
                }
            }
        }
    }

    /// Waits until all output is written, or never will be.
    pub(super) async fn written(&self) {
        loop {
            let written = self.written.notified();
            {
                let mut state = self.state.borrow_mut();
                if state.phase == Phase::Closed || state.engine.outbox().is_empty() {
                    return;
                }
            }
            written.await;
        }
    }

    /// Sends a PING if the peer knows the word (ZMTP 3.1).
    pub(super) fn ping(self: &Rc<Self>) {
        {
            let mut state = self.state.borrow_mut();
            if state.info.as_ref().is_none_or(|info| info.version < Version::V3_1) {
                return;
            }
            // No time to live: libzmq would hang up on us when we are silent for that long.
            state.engine.ping(0);
            state.pinged = true;
            state.quiet_ticks = 0;
        }
        self.flush();
    }

    /// Ends the connection; its reader tells the hub.
    pub(super) fn close(&self, reason: LeftReason) {
        self.state.borrow_mut().reason.get_or_insert(reason);
        self.closing.notify_waiters();
        self.written.notify_waiters();
    }
}

/// Room for an unfinished frame grows by this much at least, bytes.
const READ_MIN: usize = 8 << 10;
/// … and at most, so that buffers follow what arrives.
const READ_MAX: usize = 1 << 20;
/// Pieces in one vectored write.
const SLICES: usize = 32;
