//! One accepted connection: its engine, what is held for it, and the half of its TCP stream that writes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use super::hub::Hub;
use super::identity::Buffered;
use super::inbox::Inbox;
use super::left::LeftReason;
use super::options::{ConnectionSlot, ListenerOptions};
use super::pressure::{Moved, Sums, Weight};
use super::signal::Signal;
use crate::job::PeerId;
use crate::memory::{Charge, Purpose};
use crate::zmtp::{Engine, Outbox, PeerInfo, Version};

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

/// What became of a message for a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    /// The connection takes none any more.
    No,
    /// It is the first since the last flush.
    First,
    /// It goes with others.
    More,
}

/// What [`Connection`] changes as it goes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) engine: Engine,
    pub(super) phase: Phase,
    pub(super) identity: Bytes,
    /// What the handshake told, until the owner is told.
    pub(super) info: Option<Box<PeerInfo>>,
    /// What is held of a message that is not whole, and of input that was not looked at.
    pub(super) unfinished: Weight,
    /// Bytes that came since the last whole message.
    pub(super) message_bytes: usize,
    /// Messages said while its identity is in use.
    pub(super) buffered: Buffered,
    /// Output that is not written.
    pub(super) unread: Weight,
    /// Large messages in the output: where each ends, and its bytes.
    large: VecDeque<(u64, usize)>,
    pub(super) received: Moved,
    pub(super) written: Moved,
    /// In the hub's list of connections to be flushed.
    pub(super) dirty: bool,
    /// A task waits until the kernel takes more.
    writing: bool,
    /// Messages that could not be right, less those that were forgiven.
    pub(super) blame: u32,
    pub(super) times: Times,
    reason: Option<LeftReason>,
    /// The connection itself.
    own: Charge,
}

/// What the liveness check counts, in its looks.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Something came since the last look.
    pub(super) heard: bool,
    /// Looks since then.
    pub(super) quiet: u32,
    pub(super) pinged: bool,
    /// Looks since the connection was accepted, while its handshake lasts, or since its identity was found in use.
    pub(super) age: u32,
    /// Looks since the message began that is not whole.
    pub(super) message: u32,
    /// Looks since the peer took something of what waits for it.
    pub(super) unread: u32,
}

/// One accepted connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: PeerId,
    /// Where it comes from.
    pub(super) from: SocketAddr,
    output: OwnedWriteHalf,
    /// Its reader waits for its end here, beside what it waits for.
    reader: Signal,
    /// Whoever writes what is left waits for the end here.
    closing: Notify,
    /// Told when all output is written, or never will be.
    written: Notify,
    /// What waits for the owner.
    pub(super) inbox: RefCell<Inbox>,
    /// Its reader waits here until the owner has caught up with what it sent.
    pub(super) room: Signal,
    pub(super) paused: Cell<bool>,
    pub(super) state: RefCell<State>,
    _slot: ConnectionSlot,
}

/// Memory of a connection that nothing is held for: state, tasks, registration with the runtime.
const CONNECTION: usize = 3 << 10;

impl Connection {
    /// Takes a stream over; its reading half is for [`Connection::serve`].
    pub(super) fn new(
        peer: PeerId,
        from: SocketAddr,
        stream: TcpStream,
        engine: Engine,
        slot: ConnectionSlot,
        (options, sums): (&ListenerOptions, &Sums),
    ) -> (Rc<Self>, OwnedReadHalf) {
        let (input, output) = stream.into_split();
        let account = |purpose| options.memory.account(purpose);
        let arrived = || Weight::new(account(Purpose::Arrived).empty(), &sums.arrived);
        let state = State {
            engine,
            phase: Phase::Handshake,
            identity: Bytes::new(),
            info: None,
            unfinished: Weight::new(account(Purpose::Unfinished).empty(), &sums.unfinished),
            message_bytes: 0,
            buffered: Buffered::new(arrived()),
            unread: Weight::new(account(Purpose::Unread).empty(), &sums.unread),
            large: VecDeque::new(),
            received: Moved::default(),
            written: Moved::default(),
            dirty: false,
            writing: false,
            blame: 0,
            times: Times::default(),
            reason: None,
            own: account(Purpose::Connections).charge_promised(CONNECTION),
        };
        let connection = Self {
            peer,
            from,
            output,
            reader: Signal::default(),
            closing: Notify::new(),
            written: Notify::new(),
            inbox: RefCell::new(Inbox::new(arrived())),
            room: Signal::default(),
            paused: Cell::new(false),
            state: RefCell::new(state),
            _slot: slot,
        };
        (Rc::new(connection), input)
    }

    /// Reads until the connection ends, and tells the hub why it did.
    pub(super) async fn serve(self: Rc<Self>, hub: Rc<Hub>, mut input: OwnedReadHalf) {
        self.flush();
        let mut reading = pin!(self.read_all(&hub, &mut input));
        let reason = poll_fn(|context| {
            if self.is_closing() {
                return Poll::Ready(LeftReason::Shutdown);
            }
            self.reader.register(context);
            reading.as_mut().poll(context)
        })
        .await;
        self.flush(); // an ERROR command, perhaps
        let reason = self.state.borrow().reason.clone().unwrap_or(reason);
        hub.closed(&self, reason);
    }

    /// Appends a message to its output.
    pub(super) fn send(&self, frames: &[Bytes], options: &ListenerOptions) -> Sent {
        let mut state = self.state.borrow_mut();
        if !matches!(state.phase, Phase::Open | Phase::Held) || state.reason.is_some() {
            return Sent::No;
        }
        let unread = state.engine.outbox().len();
        if unread > options.unread_max && unread > state.unread_max(options) {
            drop(state);
            self.close(LeftReason::Slow { unread });
            return Sent::No;
        }
        let began = state.engine.outbox().end();
        state.engine.send(frames);
        let end = state.engine.outbox().end();
        let bytes = (end - began) as usize;
        if bytes > options.unread_max / 4 {
            state.large.push_back((end, bytes));
        }
        if state.engine.outbox().len() > WEIGHED_AT_ONCE {
            state.weigh_output();
        }
        match std::mem::replace(&mut state.dirty, true) {
            true => Sent::More,
            false => Sent::First,
        }
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
        let before = state.engine.outbox().written();
        let result = self.write_all(state);
        let written = state.engine.outbox().written() - before;
        if written > 0 {
            state.written.add(written as usize);
            state.times.unread = 0;
        }
        state.weigh_output();
        result
    }

    fn write_all(&self, state: &mut State) -> io::Result<()> {
        while !state.engine.outbox().is_empty() {
            let written = match self.write_some(state.engine.outbox()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            state.engine.outbox().advance(written);
        }
        Ok(())
    }

    /// Small messages are in one piece, and `send` costs the system less than `writev`.
    fn write_some(&self, outbox: &Outbox) -> io::Result<usize> {
        if let Some(piece) = outbox.only_piece() {
            return self.output.try_write(piece);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = outbox.slices(&mut slices);
        self.output.try_write_vectored(&slices[..count])
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
            if state.engine.version() != Some(Version::V3_1) {
                return;
            }
            // No time to live: libzmq would hang up on us when we are silent for that long.
            state.engine.ping(0);
            state.times.pinged = true;
            state.times.quiet = 0;
        }
        self.flush();
    }

    /// Ends the connection; its reader tells the hub.
    pub(super) fn close(&self, reason: LeftReason) {
        self.state.borrow_mut().reason.get_or_insert(reason);
        self.reader.wake();
        self.closing.notify_waiters();
        self.written.notify_waiters();
    }

    /// Whether it is about to end.
    pub(super) fn is_closing(&self) -> bool {
        self.state.borrow().reason.is_some()
    }
}

impl State {
    /// Bytes that may wait for the peer: what is set; its large messages, since one cannot be sent by halves; and what it
    /// takes in some seconds, since who reads is not to be cut.
    fn unread_max(&mut self, options: &ListenerOptions) -> usize {
        let written = self.engine.outbox().written();
        while self.large.front().is_some_and(|(end, _)| *end <= written) {
            self.large.pop_front();
        }
        let large: usize = self.large.iter().map(|(_, bytes)| bytes).sum();
        let large = large.min(2 * options.limits.message_max);
        options.unread_max + large + 2 * self.written.recent()
    }

    fn weigh_output(&mut self) {
        let outbox = self.engine.outbox();
        let held = if outbox.is_empty() { 0 } else { outbox.held() };
        self.unread.set(held);
    }

    /// Weighs what the handshake told, for as long as it is kept.
    pub(super) fn weigh_info(&mut self) {
        let info = self.info.as_ref().map_or(0, |info| info.held());
        self.own.set(CONNECTION + info);
    }
}

/// Output is weighed when it is written, and before that if it is more than this.
const WEIGHED_AT_ONCE: usize = 64 << 10;
/// Pieces in one vectored write.
const SLICES: usize = 32;
