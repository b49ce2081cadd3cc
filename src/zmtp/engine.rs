//! The engine of one end of one connection.
//!
//! Invariants:
//! - a length is checked against the limits before a byte of its body is waited for;
//! - `frames` holds fewer than `frames_max` frames and at most `message_max` bytes;
//! - a frame above [`SLICE_MAX`] has a buffer of its own, and others are slices of the input: whoever lets an engine wait
//!   for more calls [`Engine::detach`], so that a frame does not keep the buffer that it came in;
//! - after an error nothing more is taken: every later call gives the same error.

use bytes::buf::Limit;
use bytes::{Buf, Bytes, BytesMut};

use super::body::{Body, SLICE_MAX};
use super::command::{CONTEXT_MAX, Command, put_command};
use super::dropping::Dropping;
use super::frame::{COMMAND, Header, LONG, MORE, put_header};
use super::opening::Opening;
use super::outbox::Outbox;
use super::{Config, Event, Limits, SocketType, Version, ZmtpError};

/// The longest command that is taken once the peer is ready, in octets of its body: a subscription's
/// topic has no bound of its own.
const COMMAND_MAX: usize = 64 << 10;

/// PONGs that may wait for a peer that does not read. What comes above that is not answered: such a
/// peer has a sign of life in what waits for it.
const PONGS_MAX: usize = 16;

/// Room for the frames of most messages.
const FRAMES_TYPICAL: usize = 8;

/// What an allocation costs beside its bytes, more or less.
const ALLOCATION: usize = 16;

/// A body that lacks less than this is not worth a read of its own: what follows it comes with it.
const READ_MIN: usize = 16 << 10;

/// One end of one connection.
#[derive(Debug)]
pub struct Engine {
    phase: Phase,
    limits: Limits,
    /// The flags a peer of this version may set.
    flags_allowed: u8,
    /// Whether messages of the peer may be subscriptions, and whether others count.
    inbound: Inbound,
    /// Frames of a message whose last frame has not come.
    frames: Vec<Bytes>,
    /// The bytes of `frames`.
    frames_len: usize,
    /// How many of `frames`, from the first on, are not slices of the input any more.
    detached: usize,
    /// The frame that is on its way.
    body: Option<Body>,
    outbox: Outbox,
    pongs: Pongs,
    version: Option<Version>,
    peer_ttl: Option<u16>,
    /// Whether a message beyond the limits is dropped, instead of ending the connection.
    drops: bool,
    /// The message that is being dropped.
    dropping: Option<Dropping>,
    /// Bytes of the last message, if its end was dropped.
    dropped: Option<u64>,
}

/// What an engine held for its peer. To free it takes a while if it is large.
#[derive(Debug)]
pub struct Remains {
    held: usize,
    _frames: Vec<Bytes>,
    _body: Option<Body>,
    _outbox: Outbox,
}

impl Remains {
    /// Bytes that it takes.
    pub fn held(&self) -> usize {
        self.held
    }
}

#[derive(Debug)]
enum Phase {
    Opening(Box<Opening>),
    Traffic,
    Failed(Box<ZmtpError>),
}

/// What the messages of a peer are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Inbound {
    /// Messages.
    Messages,
    /// XPUB: subscriptions if they look so, or else messages.
    SubscriptionsAndMessages,
    /// PUB: subscriptions if they look so, or else nothing.
    Subscriptions,
}

impl Engine {
    /// A new connection's engine. The first bytes of the greeting are already in its output.
    pub fn new(config: &Config) -> Self {
        let mut outbox = Outbox::default();
        let opening = Box::new(Opening::new(config, &mut outbox));
        Self {
            phase: Phase::Opening(opening),
            limits: config.limits.clone(),
            flags_allowed: MORE | LONG | COMMAND,
            inbound: Inbound::of(config.socket_type),
            frames: Vec::new(),
            frames_len: 0,
            detached: 0,
            body: None,
            outbox,
            pongs: Pongs::default(),
            version: None,
            peer_ttl: None,
            drops: false,
            dropping: None,
            dropped: None,
        }
    }

    /// From now on a message that is too large is no error: the frames before the one that was too much come as its
    /// [`Event::Message`] (an empty one if there are none), and [`Engine::take_dropped`] tells of it.
    pub fn drop_what_is_too_large(&mut self) {
        self.drops = true;
    }

    /// Bytes of the message that came last, if it was too large and its end was dropped.
    pub fn take_dropped(&mut self) -> Option<u64> {
        self.dropped.take()
    }

    /// Takes from the front of `input` what makes the next event, without a copy where frames are
    /// whole. `None`: more bytes are needed, and `input` is left with what cannot be used yet.
    ///
    /// After an error the connection is to be closed; what is in the output may hold the reason for
    /// the peer. Later calls give the same error.
    #[inline]
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ZmtpError> {
        let result = match &mut self.phase {
            Phase::Traffic => self.traffic(input),
            Phase::Opening(_) => self.open(input),
            Phase::Failed(error) => return Err(*error.clone()),
        };
        if let Err(error) = &result {
            self.fail(error);
        }
        result
    }

    /// Appends a message to the output. Only after [`Event::Ready`].
    #[inline]
    pub fn send(&mut self, frames: &[Bytes]) {
        debug_assert!(self.version.is_some(), "messages are sent once the peer is ready");
        let Some((last, before)) = frames.split_last() else { return };
        if self.outbox.put_message(frames) {
            return;
        }
        for frame in before {
            self.put_frame(MORE, frame);
        }
        self.put_frame(0, last);
    }

    /// Appends a PING with a time to live in tenths of a second. Nothing for peers before 3.1.
    pub fn ping(&mut self, ttl_deciseconds: u16) {
        if self.version == Some(Version::V3_1) {
            put_command(&mut self.outbox, "PING", &[&ttl_deciseconds.to_be_bytes()]);
        }
    }

    /// Appends a SUBSCRIBE (3.1) or the message 0x01… (before). Only after [`Event::Ready`].
    pub fn subscribe(&mut self, topic: &[u8]) {
        debug_assert!(self.version.is_some(), "subscriptions are sent once the peer is ready");
        if self.version == Some(Version::V3_1) {
            put_command(&mut self.outbox, "SUBSCRIBE", &[topic]);
        } else {
            put_header(&mut self.outbox, 0, 1 + topic.len());
            self.outbox.put(&[1]);
            self.outbox.put_copied(topic);
        }
    }

    /// The bytes to be written: greeting and handshake, PONGs, messages.
    #[inline]
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Whether the handshake is done, and nothing has failed since.
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Traffic)
    }

    /// What both ends speak. `None` before [`Event::Ready`].
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The time to live in the peer's last PING, in tenths of a second: after such a silence it is to
    /// be taken for dead (RFC 37, "Connection Heartbeating"). `None` if it gave none, or zero.
    pub fn peer_ttl_deciseconds(&self) -> Option<u16> {
        self.peer_ttl
    }

    /// Where the rest of a long frame may be read into, so that it is not copied; [`Engine::receive`] then finds it there.
    /// `None`: no such frame is under way, or little of it is missing.
    pub fn room(&mut self) -> Option<Limit<&mut Vec<u8>>> {
        self.body.as_mut().filter(|body| body.missing() >= READ_MIN).map(Body::room)
    }

    /// Gives the frames of a message that is not whole memory of their own. To be called before the input is waited for.
    pub fn detach(&mut self) {
        for frame in &mut self.frames[self.detached..] {
            if (1..=SLICE_MAX).contains(&frame.len()) {
                *frame = Bytes::copy_from_slice(frame);
            }
        }
        self.detached = self.frames.len();
    }

    /// Memory that is held because a message is not whole, frames' fixed cost included: what a peer makes us keep
    /// beside the input.
    pub fn held(&self) -> usize {
        let fixed = self.frames.capacity() * size_of::<Bytes>() + self.frames.len() * ALLOCATION;
        fixed + self.frames_len + self.body.as_ref().map_or(0, Body::held)
    }

    /// Gives up: nothing more is taken. What was held, also by an engine that has failed.
    pub fn abandon(&mut self) -> Remains {
        let held = self.held() + self.outbox.len();
        self.fail(&ZmtpError::Abandoned);
        (self.frames_len, self.detached) = (0, 0);
        let frames = std::mem::take(&mut self.frames);
        Remains { held, _frames: frames, _body: self.body.take(), _outbox: std::mem::take(&mut self.outbox) }
    }

    fn open(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ZmtpError> {
        let Phase::Opening(opening) = &mut self.phase else { return Ok(None) };
        let Some(peer) = opening.receive(input, &mut self.outbox)? else { return Ok(None) };
        self.phase = Phase::Traffic;
        self.version = Some(peer.version);
        if peer.version == Version::V2 {
            self.flags_allowed = MORE | LONG;
        }
        Ok(Some(Event::Ready(peer)))
    }

    #[cold]
    fn fail(&mut self, error: &ZmtpError) {
        self.phase = Phase::Failed(Box::new(error.clone()));
    }

    #[inline]
    fn traffic(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ZmtpError> {
        loop {
            if self.dropping.is_some() {
                return self.drop_rest(input);
            }
            if let Some(frames) = self.whole_message(input) {
                return Ok(Some(self.message(frames)));
            }
            let Some((header, body)) = self.next_frame(input)? else {
                if self.dropping.is_some() {
                    continue;
                }
                return Ok(None);
            };
            let event =
                if header.is_command() { Some(self.command(&body)?) } else { self.frame(header, body) };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    #[cold]
    fn drop_rest(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ZmtpError> {
        let Some(dropping) = &mut self.dropping else { return Ok(None) };
        let Some(size) = dropping.take(input, self.flags_allowed)? else { return Ok(None) };
        (self.dropping, self.dropped, self.frames_len) = (None, Some(size), 0);
        let mut frames = std::mem::take(&mut self.frames);
        if frames.is_empty() {
            frames.push(Bytes::new());
        }
        Ok(Some(Event::Message(frames)))
    }

    /// A message that has come whole, of a few frames that may be slices of the input: as nearly all are. Frame by
    /// frame it takes half as much again: 1,900 instructions a job instead of 1,300. Anything else is left for that.
    #[inline]
    fn whole_message(&self, input: &mut BytesMut) -> Option<Vec<Bytes>> {
        if !self.frames.is_empty() || self.body.is_some() {
            return None;
        }
        let (mut bodies, mut count, mut end, mut size) = ([(0, 0); FRAMES_TYPICAL], 0, 0, 0);
        loop {
            let header = Header::peek(&input[end..], MORE | LONG).ok()??;
            let len = usize::try_from(header.body_len).ok().filter(|&len| len <= SLICE_MAX)?;
            let start = end + header.header_len;
            (end, size) = (start + len, size + len);
            let limits = &self.limits;
            if end > input.len() || len > limits.frame_max || size > limits.message_max {
                return None;
            }
            *bodies.get_mut(count)? = (start, end);
            count += 1;
            if !header.has_more() {
                break;
            }
        }
        if count > self.limits.frames_max {
            return None;
        }
        let mut rest = input.split_to(end).freeze();
        let mut frames = Vec::with_capacity(count);
        let (last, before) = bodies[..count].split_last()?;
        let slice =
            |&(start, end): &(usize, usize)| if start == end { Bytes::new() } else { rest.slice(start..end) };
        frames.extend(before.iter().map(slice));
        // The last one needs no handle of its own.
        rest.advance(last.0);
        frames.push(if rest.is_empty() { Bytes::new() } else { rest });
        Some(frames)
    }

    #[inline]
    fn next_frame(&mut self, input: &mut BytesMut) -> Result<Option<(Header, Bytes)>, ZmtpError> {
        if self.body.is_some() {
            return Ok(self.go_on(input));
        }
        let Some(header) = Header::peek(input, self.flags_allowed)? else { return Ok(None) };
        if let Err(error) = self.check_limits(header) {
            if !self.drops || header.is_command() {
                return Err(error);
            }
            self.dropping = Some(Dropping::new(self.frames_len));
            return Ok(None);
        }
        // Within the limits, so it fits.
        let body_len = header.body_len as usize;
        let whole = input.len() - header.header_len >= body_len;
        input.advance(header.header_len);
        if !whole || body_len > SLICE_MAX {
            self.body = Some(Body::new(header));
            return Ok(self.go_on(input));
        }
        let body = if body_len == 0 { Bytes::new() } else { input.split_to(body_len).freeze() };
        Ok(Some((header, body)))
    }

    /// Takes more of the frame that is on its way; the frame, once it is whole.
    fn go_on(&mut self, input: &mut BytesMut) -> Option<(Header, Bytes)> {
        let body = self.body.as_mut()?;
        body.take(input);
        let frame = body.whole()?;
        self.body = None;
        Some(frame)
    }

    #[inline]
    fn check_limits(&self, header: Header) -> Result<(), ZmtpError> {
        let size = header.body_len;
        if header.is_command() {
            return within(size, COMMAND_MAX, |size, max| ZmtpError::CommandTooLarge { size, max });
        }
        within(size, self.limits.frame_max, |size, max| ZmtpError::FrameTooLarge { size, max })?;
        let message = size.saturating_add(self.frames_len as u64);
        within(message, self.limits.message_max, |size, max| ZmtpError::MessageTooLarge { size, max })?;
        if self.frames.len() >= self.limits.frames_max {
            return Err(ZmtpError::TooManyFrames { max: self.limits.frames_max });
        }
        Ok(())
    }

    /// Takes a frame of a message; the event, if it was the last one.
    #[inline]
    fn frame(&mut self, header: Header, body: Bytes) -> Option<Event> {
        if header.has_more() {
            if self.frames.capacity() == 0 {
                self.frames.reserve(FRAMES_TYPICAL);
            }
            self.frames_len += body.len();
            self.frames.push(body);
            return None;
        }
        if self.frames.is_empty() {
            return Some(self.message(vec![body]));
        }
        self.frames_len = 0;
        self.detached = 0;
        let mut frames = std::mem::take(&mut self.frames);
        frames.push(body);
        Some(self.message(frames))
    }

    #[inline]
    fn message(&self, frames: Vec<Bytes>) -> Event {
        match self.inbound {
            Inbound::Messages => Event::Message(frames),
            Inbound::SubscriptionsAndMessages => subscription(&frames).unwrap_or(Event::Message(frames)),
            Inbound::Subscriptions => subscription(&frames).unwrap_or(Event::Ignored),
        }
    }

    /// Takes a command. libzmq may put a PING between two frames of a message, so we let commands come
    /// there. What we do not know is ignored, so that later versions may say more.
    fn command(&mut self, body: &Bytes) -> Result<Event, ZmtpError> {
        let command = Command::parse(body)?;
        let subscribable = self.inbound != Inbound::Messages;
        Ok(match command.name {
            b"PING" => self.answer_ping(command.data)?,
            b"PONG" => {
                check_context(command.data)?;
                Event::Pong
            }
            b"SUBSCRIBE" if subscribable => Event::Subscribe(body.slice_ref(command.data)),
            b"CANCEL" if subscribable => Event::Cancel(body.slice_ref(command.data)),
            b"ERROR" => return Err(command.error_reason()),
            _ => Event::Ignored,
        })
    }

    fn answer_ping(&mut self, data: &[u8]) -> Result<Event, ZmtpError> {
        let (ttl, context) =
            data.split_first_chunk().ok_or(ZmtpError::MalformedCommand("PING has no time to live"))?;
        check_context(context)?;
        self.peer_ttl = Some(u16::from_be_bytes(*ttl)).filter(|&ttl| ttl > 0);
        if self.pongs.one_more(&self.outbox) {
            put_command(&mut self.outbox, "PONG", &[context]);
        }
        Ok(Event::Ping)
    }

    #[inline]
    fn put_frame(&mut self, flags: u8, frame: &Bytes) {
        put_header(&mut self.outbox, flags, frame.len());
        self.outbox.put_frame(frame);
    }
}

impl Inbound {
    fn of(socket_type: SocketType) -> Self {
        use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
        match socket_type {
            Pub => Self::Subscriptions,
            XPub => Self::SubscriptionsAndMessages,
            Pair | Sub | Req | Rep | Dealer | Router | Pull | Push | XSub => Self::Messages,
        }
    }
}

/// Counts the PONGs that wait, by the place in the stream where a batch of them began.
#[derive(Debug, Default)]
struct Pongs {
    batch_began: u64,
    batch_len: usize,
}

impl Pongs {
    /// Whether one more may be appended. A batch ends when its first PONG is written, so at most two
    /// batches wait.
    fn one_more(&mut self, outbox: &Outbox) -> bool {
        if self.batch_len == 0 || outbox.written() > self.batch_began {
            *self = Self { batch_began: outbox.end(), batch_len: 0 };
        }
        let allowed = self.batch_len < PONGS_MAX;
        self.batch_len += usize::from(allowed);
        allowed
    }
}

/// The subscription in a message of one frame that begins with 1 or 0 (RFC 15, RFC 23).
fn subscription(frames: &[Bytes]) -> Option<Event> {
    let [frame] = frames else { return None };
    match frame.first() {
        Some(1) => Some(Event::Subscribe(frame.slice(1..))),
        Some(0) => Some(Event::Cancel(frame.slice(1..))),
        Some(_) | None => None,
    }
}

fn check_context(context: &[u8]) -> Result<(), ZmtpError> {
    if context.len() > CONTEXT_MAX {
        return Err(ZmtpError::ContextTooLong { size: context.len() });
    }
    Ok(())
}

#[inline]
fn within(size: u64, max: usize, error: impl FnOnce(u64, usize) -> ZmtpError) -> Result<(), ZmtpError> {
    if size > max as u64 { Err(error(size, max)) } else { Ok(()) }
}
