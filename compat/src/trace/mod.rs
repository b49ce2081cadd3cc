//! A trace: what passed between peers and a broker, with the time of each message.
//!
//! A file is JSON Lines: a header, then one event a line in the order of time (original.md, head). Bytes
//! stand in strings, each byte as the character of its number (latin-1), so that a trace reads well and
//! loses nothing. Nothing here knows what the messages mean.

mod file;
mod line;
mod raw;

pub use file::{Damage, ReadError, Reader, Writer, read, read_file};
pub(crate) use line::to_hex;
pub use line::{FORMAT, line, to_bytes, to_text};
pub(crate) use raw::what;
pub use raw::{Stream, decoded};

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Debug)]
pub struct Trace {
    /// What the recording is of.
    pub header: Header,
    /// The connections in it, in the order of their first event.
    pub conns: Vec<Conn>,
    /// What happened, in the order of time.
    pub events: Vec<Event>,
}

/// The first line of a file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Header {
    pub scenario: String,
    /// Which broker was recorded: a tag of the PHP original, or the name and version of another.
    pub upstream: String,
    /// What it is about, in words.
    #[serde(default)]
    pub about: String,
    /// The broker's HEARTBEAT_INTERVAL, in seconds.
    pub heartbeat_interval: f64,
    /// The broker's HEARTBEAT_MAXTRIES.
    pub heartbeat_maxtries: u32,
    pub peers: BTreeMap<String, PeerKind>,
    /// Whether bytes were recorded (`hex`) instead of messages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub raw: bool,
    /// Whatever else the header says: kept, not understood.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What the header says of a peer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct PeerKind {
    /// Its ZeroMQ socket type; empty for HTTP.
    pub socket: String,
    /// `frontend`, `backend`, `backend+frontend`, `news` or `http`.
    pub connects_to: String,
}

#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Port {
    /// Clients (5555).
    Frontend,
    /// Workers (5556).
    Backend,
    /// Subscribers (5557).
    News,
    /// The gateway's HTTP port (5580).
    Http,
}

/// Which connection of [`Trace::conns`].
pub type ConnIndex = usize;

/// One TCP connection of a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conn {
    pub peer: String,
    /// The how many-th of the peer's connections, from 1.
    pub number: u32,
    pub port: Port,
}

impl Conn {
    /// Which broker of the recording it belongs to, if there are several: what follows `@` in the name of
    /// the peer (`w1@B`).
    pub fn broker(&self) -> &str {
        self.peer.split_once('@').map_or("", |(_, broker)| broker)
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The broker (or the gateway, for HTTP).
    Broker,
    Peer,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Peer => "peer",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Microseconds since the recording began.
    pub at: u64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// What the one who recorded did or saw.
    Note(String),
    /// A connection was made.
    Open(ConnIndex),
    /// A connection could not be made: nobody listened.
    Refused(ConnIndex),
    /// The READY of both ends.
    Handshake {
        conn: ConnIndex,
        /// The peer's properties, by name.
        peer: BTreeMap<String, Bytes>,
        broker: BTreeMap<String, Bytes>,
    },
    /// A direction of a connection ended.
    Close {
        conn: ConnIndex,
        /// Who ended it.
        by: Side,
    },
    /// A multipart message.
    Message {
        conn: ConnIndex,
        to: Side,
        /// At least one frame.
        frames: Vec<Frame>,
    },
    /// A piece of an HTTP stream.
    Http { conn: ConnIndex, to: Side, bytes: Bytes },
    /// A piece of a ZMTP stream.
    Raw { conn: ConnIndex, to: Side, bytes: Bytes },
    /// A ZMTP command, or what the recorder made of a piece of a ZMTP stream: `command` or `zmtp`, kept as
    /// it stands.
    Command { conn: ConnIndex, to: Side, member: &'static str, value: Value },
}

/// A frame, perhaps cut in the recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// What was kept of it.
    pub bytes: Bytes,
    /// How long it was, if it was cut.
    pub cut_from: Option<usize>,
}

impl Frame {
    /// A whole frame.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), cut_from: None }
    }

    /// Whether `other` may be this frame: equal, or of its length and equal as far as it was kept.
    pub fn admits(&self, other: &[u8]) -> bool {
        match self.cut_from {
            None => self.bytes == other,
            Some(length) => other.len() == length && other.starts_with(&self.bytes),
        }
    }

    /// The frame at its old length, its lost part made up.
    pub fn filled(&self) -> Bytes {
        match self.cut_from {
            None => self.bytes.clone(),
            Some(length) => {
                let mut bytes = self.bytes.to_vec();
                bytes.resize(length, b'x');
                bytes.into()
            }
        }
    }
}

impl Event {
    pub fn conn(&self) -> Option<ConnIndex> {
        match &self.what {
            What::Note(_) => None,
            What::Open(conn) | What::Refused(conn) => Some(*conn),
            What::Handshake { conn, .. }
            | What::Close { conn, .. }
            | What::Message { conn, .. }
            | What::Http { conn, .. }
            | What::Raw { conn, .. }
            | What::Command { conn, .. } => Some(*conn),
        }
    }
}
