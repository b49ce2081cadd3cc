//! A DEALER that connects, and connects again.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::debug;

use super::listen::set_socket_options;
use super::sender::{DealerSender, Progress};
use crate::zmtp::{self, Engine, Event, Limits, PeerInfo, SocketType};

/// How a [`Dealer`] behaves.
#[derive(Clone, Debug)]
pub struct DealerOptions {
    /// The identity announced to the peer. Empty for none.
    pub identity: Bytes,
    /// Messages that may wait to be written, while connected or not. Default 1 000.
    pub queue_max: usize,
    /// The first wait before connecting again; doubled each time, with jitter. Default 100 ms.
    pub reconnect_min: Duration,
    /// The longest such wait. Default 5 s.
    pub reconnect_max: Duration,
    /// PING after this long without a byte from a 3.1 peer; given up after as long again. Default 5 s; zero
    /// for never.
    pub ping: Duration,
    /// How long a connection may take to come up, handshake included. Default 5 s.
    pub handshake: Duration,
    /// What the peer may send.
    pub limits: Limits,
    /// Whether a message beyond the limits ends as [`DealerEvent::TooLarge`] and not with the connection. Default no.
    pub drop_too_large: bool,
    /// READY properties beyond those of RFC 23.
    pub properties: Vec<(&'static str, Bytes)>,
}

impl Default for DealerOptions {
    fn default() -> Self {
        Self {
            identity: Bytes::new(),
            queue_max: 1_000,
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(5),
            ping: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            limits: Limits::default(),
            drop_too_large: false,
            properties: Vec::new(),
        }
    }
}

/// What a [`Dealer`] saw, or a [`Subscriber`](super::Subscriber).
#[derive(Debug)]
pub enum DealerEvent {
    /// Connected, handshake done. Comes again after each reconnect.
    Connected(PeerInfo),
    /// A message, at least one frame.
    Message(Vec<Bytes>),
    /// A message that is larger than [`DealerOptions::limits`] allow. It comes only with
    /// [`DealerOptions::drop_too_large`].
    TooLarge {
        /// Its frames before the one that was too much.
        frames: Vec<Bytes>,
        /// Bytes of all its frames.
        size: u64,
    },
    /// The connection is gone, or could not be made; the socket goes on trying. Says why.
    Disconnected(String),
}

/// A DEALER socket with one peer. Runs as a task of its own on the current tokio runtime (any
/// flavour); dropping it closes the connection at once.
///
/// Messages that were queued while there was no connection are written after the next handshake, as
/// libzmq does. Those that were already handed to the kernel when a connection broke are lost.
#[derive(Debug)]
pub struct Dealer {
    sender: DealerSender,
    events: mpsc::Receiver<DealerEvent>,
    task: Task,
}

impl Dealer {
    /// Starts to connect to `address` (`host:port`) and returns at once.
    pub fn connect(address: impl Into<String>, options: DealerOptions) -> Self {
        let (sender, outgoing) = mpsc::channel(options.queue_max.max(1));
        let progress = Arc::<Progress>::default();
        let (incoming, events) = mpsc::channel(EVENTS);
        let link = Link {
            address: address.into(),
            socket_type: SocketType::Dealer,
            topics: Vec::new(),
            options,
            outgoing,
            incoming,
            held: None,
            progress: Arc::clone(&progress),
            begun: VecDeque::new(),
        };
        Self { sender: DealerSender::new(sender, progress), events, task: link.start() }
    }

    /// A handle that sends; may be cloned and moved to other tasks.
    pub fn sender(&self) -> DealerSender {
        self.sender.clone()
    }

    /// The next event. Never ends while the dealer lives. Cancel safe.
    pub async fn recv(&mut self) -> DealerEvent {
        match self.events.recv().await {
            Some(event) => event,
            // The task ends only when this dealer is closed, or by its runtime's own end.
            None => std::future::pending().await,
        }
    }

    /// Writes what is queued if the peer takes it within `linger`, then closes.
    ///
    /// Other [`DealerSender`]s are told `Closed` from now on.
    pub async fn close(self, linger: Duration) {
        let Self { sender, mut events, mut task } = self;
        // An empty message is no ZeroMQ message, so it can be the sign that no more will come.
        let finished = async {
            sender.send_end().await;
            while events.recv().await.is_some() {}
            let _ = (&mut task.0).await;
        };
        if tokio::time::timeout(linger, finished).await.is_err() {
            debug!("closed with messages unsent");
        }
    }
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The task behind a [`Dealer`] or a [`Subscriber`](super::Subscriber).
pub(super) struct Link {
    pub(super) address: String,
    pub(super) socket_type: SocketType,
    /// What to subscribe to on each connection.
    pub(super) topics: Vec<Bytes>,
    pub(super) options: DealerOptions,
    pub(super) outgoing: mpsc::Receiver<Vec<Bytes>>,
    pub(super) incoming: mpsc::Sender<DealerEvent>,
    /// A message taken from the queue when the connection broke.
    pub(super) held: Option<Vec<Bytes>>,
    pub(super) progress: Arc<Progress>,
    /// Where each message in the outbox begins and ends, in bytes of the connection.
    pub(super) begun: VecDeque<(u64, u64)>,
}

/// How a connection ended.
enum End {
    /// By the network or the peer.
    Broken(String),
    /// The owner wants no more.
    Closed,
}

impl Link {
    pub(super) fn start(self) -> Task {
        Task(tokio::spawn(self.run()))
    }

    async fn run(mut self) {
        let seed = self.address.len() as u64 ^ std::ptr::from_ref(&self) as u64;
        let mut jitter = fastrand::Rng::with_seed(seed);
        let mut wait = self.options.reconnect_min;
        loop {
            let mut connected = None;
            let why = match self.live(&mut connected).await {
                End::Broken(why) => why,
                End::Closed => return,
            };
            // A peer that lets us in and hangs up again and again is no better than one that does not let us in.
            if connected.is_some_and(|since: Instant| since.elapsed() > self.options.reconnect_max) {
                wait = self.options.reconnect_min;
            }
            debug!(address = self.address, reason = why, "disconnected");
            if self.incoming.send(DealerEvent::Disconnected(why)).await.is_err() {
                return;
            }
            // Between half and one and a half, so that a fleet does not come back in one moment.
            tokio::time::sleep(wait.mul_f64(0.5 + jitter.f64())).await;
            wait = (wait * 2).min(self.options.reconnect_max);
        }
    }

    /// One connection from its first to its last byte.
    async fn live(&mut self, connected: &mut Option<Instant>) -> End {
        let deadline = Instant::now() + self.options.handshake;
        let opening = tokio::time::timeout_at(deadline, TcpStream::connect(&self.address));
        let stream = match opening.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return End::Broken(error.to_string()),
            Err(_) => return End::Broken("no connection in time".to_owned()),
        };
        set_socket_options(&stream);
        let (input, output) = stream.into_split();
        let mut wire = Wire { engine: Engine::new(&self.config()), input, output, buffer: BytesMut::new() };
        if self.options.drop_too_large {
            wire.engine.drop_what_is_too_large();
        }
        let info = match tokio::time::timeout_at(deadline, wire.handshake()).await {
            Ok(Ok(info)) => info,
            Ok(Err(why)) => return End::Broken(why),
            Err(_) => return End::Broken("the handshake was not done in time".to_owned()),
        };
        *connected = Some(Instant::now());
        if self.incoming.send(DealerEvent::Connected(info)).await.is_err() {
            return End::Closed;
        }
        self.topics.iter().for_each(|topic| wire.engine.subscribe(topic));
        self.begun.clear();
        if let Some(frames) = self.held.take() {
            append(&mut self.begun, &mut wire.engine, &frames);
        }
        self.exchange(&mut wire).await
    }

    fn config(&self) -> zmtp::Config {
        zmtp::Config {
            socket_type: self.socket_type,
            identity: self.options.identity.clone(),
            properties: self.options.properties.clone(),
            limits: self.options.limits.clone(),
        }
    }

    async fn exchange(&mut self, wire: &mut Wire) -> End {
        let quiet = self.options.ping;
        let mut heard = Instant::now();
        let mut pinged = false;
        let mut batch = Vec::new();
        let mut last = false;
        loop {
            if let Err(why) = self.hand_over(wire).await {
                return why;
            }
            if let Err(error) = wire.write_now() {
                return End::Broken(error.to_string());
            }
            self.note_progress(&mut wire.engine);
            if last && wire.engine.outbox().is_empty() {
                return End::Closed;
            }
            let writing = !wire.engine.outbox().is_empty();
            let room = wire.engine.outbox().len() < UNWRITTEN_MAX && !last;
            tokio::select! {
                moved = wire.move_some(writing) => match moved {
                    Ok(Moved::Read(0)) => return End::Broken("closed by the peer".to_owned()),
                    Ok(Moved::Read(_)) => (heard, pinged) = (Instant::now(), false),
                    Ok(Moved::Written(0)) => return End::Broken("nothing can be written".to_owned()),
                    Ok(Moved::Written(count)) => wire.engine.outbox().advance(count),
                    Err(error) => return End::Broken(error.to_string()),
                },
                count = self.outgoing.recv_many(&mut batch, BATCH), if room => {
                    // All senders are gone, or the owner's sign: write what there is, then close.
                    last |= count == 0;
                    for frames in batch.drain(..) {
                        match frames.is_empty() {
                            true => last = true,
                            false => append(&mut self.begun, &mut wire.engine, &frames),
                        }
                    }
                },
                () = tokio::time::sleep_until(heard + quiet * if pinged { 2 } else { 1 }), if !quiet.is_zero() => {
                    if pinged {
                        return End::Broken("the peer does not answer PING".to_owned());
                    }
                    wire.engine.ping(0);
                    // Peers before 3.1 cannot be asked: TCP's own keepalive must do.
                    pinged = !wire.engine.outbox().is_empty();
                    heard = if pinged { heard } else { Instant::now() };
                },
            }
        }
    }

    /// Counts the messages that the kernel has.
    fn note_progress(&mut self, engine: &mut Engine) {
        let at = engine.outbox().written();
        let mut whole = 0;
        while self.begun.front().is_some_and(|&(_, end)| end <= at) {
            self.begun.pop_front();
            whole += 1;
        }
        let in_part = self.begun.front().is_some_and(|&(start, _)| start < at);
        self.progress.note(whole, in_part);
    }

    /// Gives every whole message that has arrived to the owner, waiting for it if it is behind.
    async fn hand_over(&self, wire: &mut Wire) -> Result<(), End> {
        loop {
            match wire.engine.receive(&mut wire.buffer) {
                Ok(None) => return Ok(()),
                Ok(Some(Event::Message(frames))) => {
                    let event = match wire.engine.take_dropped() {
                        Some(size) => DealerEvent::TooLarge { frames, size },
                        None => DealerEvent::Message(frames),
                    };
                    self.incoming.send(event).await.map_err(|_| End::Closed)?;
                }
                Ok(Some(
                    Event::Ready(_)
                    | Event::Subscribe(_)
                    | Event::Cancel(_)
                    | Event::Ping
                    | Event::Pong
                    | Event::Ignored,
                )) => {}
                Err(error) => return Err(End::Broken(error.to_string())),
            }
        }
    }
}

fn append(begun: &mut VecDeque<(u64, u64)>, engine: &mut Engine, frames: &[Bytes]) {
    let start = engine.outbox().end();
    engine.send(frames);
    begun.push_back((start, engine.outbox().end()));
}

/// A stream and its engine.
struct Wire {
    engine: Engine,
    input: OwnedReadHalf,
    output: OwnedWriteHalf,
    buffer: BytesMut,
}

/// Bytes that went over a stream.
enum Moved {
    Read(usize),
    Written(usize),
}

impl Wire {
    /// Reads once, or, if there is something to write, writes once: what is possible first. Cancel safe.
    async fn move_some(&mut self, writing: bool) -> io::Result<Moved> {
        poll_fn(|context| {
            let read = self.poll_read(context).map_ok(Moved::Read);
            if read.is_ready() || !writing {
                return read;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.engine.outbox().slices(&mut slices);
            Pin::new(&mut self.output).poll_write_vectored(context, &slices[..count]).map_ok(Moved::Written)
        })
        .await
    }

    /// What is missing of a long frame is read where it belongs.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.is_empty()
            && let Some(mut room) = self.engine.room()
        {
            return pin!(self.input.read_buf(&mut room)).poll(context);
        }
        self.buffer.reserve(READ);
        pin!(self.input.read_buf(&mut self.buffer)).poll(context)
    }

    /// Writes as much as the kernel takes at once.
    fn write_now(&mut self) -> io::Result<()> {
        while !self.engine.outbox().is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.engine.outbox().slices(&mut slices);
            match self.output.try_write_vectored(&slices[..count]) {
                Ok(written) => self.engine.outbox().advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn handshake(&mut self) -> Result<PeerInfo, String> {
        loop {
            match self.engine.receive(&mut self.buffer) {
                Ok(Some(Event::Ready(info))) => return Ok(info),
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
            while !self.engine.outbox().is_empty() {
                write_some(&mut self.output, &mut self.engine).await.map_err(|error| error.to_string())?;
            }
            match self.input.read_buf(&mut self.buffer).await {
                Ok(0) => return Err("closed by the peer during the handshake".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Writes once. Cancel safe: what was written is gone from the outbox, nothing else is.
async fn write_some(output: &mut OwnedWriteHalf, engine: &mut Engine) -> io::Result<()> {
    let written = poll_fn(|context| {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = engine.outbox().slices(&mut slices);
        Pin::new(&mut *output).poll_write_vectored(context, &slices[..count])
    });
    match written.await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        count => {
            engine.outbox().advance(count);
            Ok(())
        }
    }
}

/// Events that may wait for the owner.
pub(super) const EVENTS: usize = 256;
/// Messages taken from the queue at a time.
const BATCH: usize = 256;
/// Bytes in the outbox above which messages stay in the queue, so that the queue's bound is the bound.
const UNWRITTEN_MAX: usize = 1 << 20;
/// Bytes of room to read into.
const READ: usize = 16 << 10;
/// Pieces in one vectored write.
const SLICES: usize = 32;
