//! ZMTP, the protocol under ZeroMQ, without I/O: bytes in, events out; messages in, bytes out.
//!
//! Versions 3.1 (RFC 37), 3.0 (RFC 23) and 2.0 (RFC 15), with the NULL mechanism. No sockets, no
//! clock, no patterns: what a ROUTER does with identities, and when a silent peer is dead, is decided
//! by whoever drives an [`Engine`].
//!
//! Invariants:
//! - no input panics; a peer that errs gets a [`ZmtpError`], and its engine takes no more;
//! - what is held for a peer is bounded by [`Limits`], and grows by what came, not by what was announced;
//! - the same bytes give the same events, however they are cut.

mod body;
mod command;
mod dropping;
mod engine;
mod frame;
mod greeting;
mod mechanism;
mod metadata;
mod opening;
mod outbox;
mod socket_type;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use body::SLICE_MAX;
pub use engine::{Engine, Remains};
pub use outbox::Outbox;
pub use socket_type::SocketType;

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
#[derive(Clone, Debug, Eq, PartialEq)]
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

impl PeerInfo {
    /// Bytes of memory that it takes.
    pub fn held(&self) -> usize {
        let property = |(name, value): &(Bytes, Bytes)| 2 * size_of::<Bytes>() + name.len() + value.len() + 5;
        size_of::<Self>() + self.properties.iter().map(property).sum::<usize>()
    }
}

/// What came out of the peer's bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
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
    /// What means nothing to us: a command of a later version, a message to a PUB that is no subscription. Told, so that
    /// whoever drives the engine can count what a peer says.
    Ignored,
}

/// Why a connection cannot go on. Always the peer's doing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ZmtpError {
    /// The peer speaks ZMTP 1.0.
    #[error("the peer speaks ZMTP 1.0 (libzmq 2.x), which is not served")]
    Version1,
    /// The first bytes are no greeting of any version: perhaps HTTP, or TLS.
    #[error("the peer does not speak ZMTP: it begins with \"{}\"", .start.escape_ascii())]
    NotZmtp {
        /// The first two bytes.
        start: [u8; 2],
    },
    /// The peer greets with another security mechanism.
    #[error("the peer wants the security mechanism \"{theirs}\", we have {ours}")]
    Mechanism {
        /// Ours.
        ours: &'static str,
        /// The mechanism in the peer's greeting.
        theirs: String,
    },
    /// The two socket types may not talk to each other (RFC 23, "The Socket-Type Property").
    #[error("a {ours} does not talk to a {theirs}")]
    SocketType {
        /// Our socket type.
        ours: &'static str,
        /// The peer's, as it said it.
        theirs: String,
    },
    /// A longer identity than 255 bytes.
    #[error("an identity of {size} bytes, 255 are allowed")]
    IdentityTooLong {
        /// The identity's bytes.
        size: u64,
    },
    /// READY's properties cannot be read.
    #[error("malformed metadata in READY: {0}")]
    MalformedMetadata(&'static str),
    /// A command's body cannot be read.
    #[error("malformed command: {0}")]
    MalformedCommand(&'static str),
    /// A command that has no place in the handshake.
    #[error("unexpected command \"{name}\" in the handshake")]
    UnexpectedCommand {
        /// Its name.
        name: String,
    },
    /// A message before READY.
    #[error("a message before the handshake was done")]
    MessageInHandshake,
    /// The peer gave up, and said why.
    #[error("the peer refuses: {reason}")]
    PeerError {
        /// The reason in its ERROR command.
        reason: String,
    },
    /// Flags that no version knows, or that the peer's version does not.
    #[error("reserved bits in the flags of a frame: {flags:#04x}")]
    ReservedFlags {
        /// The octet.
        flags: u8,
    },
    /// A command is one frame, never more.
    #[error("a command with the MORE flag")]
    CommandWithMore,
    /// A longer frame than [`Limits::frame_max`].
    #[error("a frame of {size} bytes, {max} are allowed")]
    FrameTooLarge {
        /// The length in the frame's header.
        size: u64,
        /// The limit.
        max: usize,
    },
    /// A longer message than [`Limits::message_max`].
    #[error("a message of {size} bytes or more, {max} are allowed")]
    MessageTooLarge {
        /// The lengths of its frames so far.
        size: u64,
        /// The limit.
        max: usize,
    },
    /// More frames in a message than [`Limits::frames_max`].
    #[error("a message of more than {max} frames")]
    TooManyFrames {
        /// The limit.
        max: usize,
    },
    /// A longer command than any of ours needs: 8 KiB in the handshake, 64 KiB after it.
    #[error("a command of {size} bytes, {max} are allowed")]
    CommandTooLarge {
        /// The length in the frame's header.
        size: u64,
        /// The limit.
        max: usize,
    },
    /// [`Engine::abandon`] was called.
    #[error("given up")]
    Abandoned,
    /// A longer context in PING or PONG than 16 bytes (RFC 37, "Connection Heartbeating").
    #[error("a heartbeat context of {size} bytes, 16 are allowed")]
    ContextTooLong {
        /// The context's bytes.
        size: usize,
    },
}
