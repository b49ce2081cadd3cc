//! ZMTP, the protocol under ZeroMQ, without I/O: bytes in, events out; messages in, bytes out.

use bytes::{Bytes, BytesMut};

/// What an [`Engine`] is told of its socket. Shared by all connections of the socket.
#[derive(Clone, Debug)]
pub struct Config {
    /// The socket's own type, for READY and for RFC 23's table of who may talk to whom.
    pub socket_type: SocketType,
    /// The identity announced in READY. Empty for none; 255 bytes at most.
    pub identity: Bytes,
    /// More READY properties, as name and value: `X-…` names are for applications (RFC 23).
    pub properties: Vec<(&'static str, Bytes)>,
    /// What a peer may send.
    pub limits: Limits,
}

/// ZeroMQ's socket types, by their names in READY.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SocketType {
    Pair,
    Pub,
    Sub,
    Req,
    Rep,
    Dealer,
    Router,
    Pull,
    Push,
    XPub,
    XSub,
}

/// Bounds on what a peer may make us hold. A declared length never allocates: buffers grow by what
/// has arrived.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes in a frame. Default 64 MiB.
    pub frame_max: usize,
    /// Bytes in a message, all frames together. Default 128 MiB.
    pub message_max: usize,
    /// Frames in a message. Default 1 024.
    pub frames_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame_max: 64 << 20, message_max: 128 << 20, frames_max: 1024 }
    }
}

/// The protocol version that a connection speaks.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// ZMTP 2.0: libzmq 3.x.
    V2,
    /// ZMTP 3.0: libzmq 4.0 … 4.1.
    V3_0,
    /// ZMTP 3.1: libzmq 4.2 and later. Only these may be sent PING.
    V3_1,
}

/// What the handshake told of the peer.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// What both ends speak.
    pub version: Version,
    /// The peer's socket type.
    pub socket_type: SocketType,
    /// Its identity; empty for none.
    pub identity: Bytes,
    /// All READY properties as they came, names in their own case.
    pub properties: Vec<(Bytes, Bytes)>,
}

/// What came out of the peer's bytes.
#[derive(Clone, Debug)]
pub enum Event {
    /// The handshake is done; messages may be sent. Comes first, and once.
    Ready(PeerInfo),
    /// A whole message, at least one frame.
    Message(Vec<Bytes>),
    /// The peer subscribes to a topic prefix: SUBSCRIBE, or a message 0x01… to a PUB.
    Subscribe(Bytes),
    /// The peer cancels a subscription: CANCEL, or a message 0x00… to a PUB.
    Cancel(Bytes),
    /// The peer's PING; the PONG is already in the output.
    Ping,
    /// The peer answered our PING.
    Pong,
}

/// Why a connection cannot go on. Always the peer's doing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ZmtpError {
    /// The peer speaks ZMTP 1.0.
    #[error("the peer speaks ZMTP 1.0 (libzmq 2.x), which is not served")]
    Version1,
}

/// One end of one connection.
#[derive(Debug)]
pub struct Engine {
    outbox: Outbox,
}

impl Engine {
    /// A new connection's engine. The first bytes of the greeting are already in its output.
    pub fn new(config: &Config) -> Self {
        let _ = config;
        todo!()
    }

    /// Takes from the front of `input` what makes the next event, without a copy where frames are
    /// whole. `None`: more bytes are needed, and `input` is left with what cannot be used yet.
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ZmtpError> {
        let _ = input;
        todo!()
    }

    /// Appends a message to the output. Only after [`Event::Ready`].
    pub fn send(&mut self, frames: &[Bytes]) {
        let _ = frames;
        todo!()
    }

    /// Appends a PING with a time to live in tenths of a second. Nothing for peers before 3.1.
    pub fn ping(&mut self, ttl_deciseconds: u16) {
        let _ = ttl_deciseconds;
        todo!()
    }

    /// Appends a SUBSCRIBE (3.1) or the message 0x01… (before).
    pub fn subscribe(&mut self, topic: &[u8]) {
        let _ = topic;
        todo!()
    }

    /// The bytes to be written: greeting and handshake, PONGs, messages.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

/// Bytes on their way to a peer: small frames gathered in one buffer, large ones shared as they are.
#[derive(Debug, Default)]
pub struct Outbox {}

impl Outbox {
    /// Bytes not yet written.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether all is written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `slices` from the front, for a vectored write; how many were filled.
    pub fn slices<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let _ = slices;
        todo!()
    }

    /// The first `count` bytes were written.
    pub fn advance(&mut self, count: usize) {
        let _ = count;
        todo!()
    }
}
