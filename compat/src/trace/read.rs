//! Reads a trace, and refuses a damaged one with the number of its line.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Conn, ConnIndex, Event, FORMAT, Frame, Header, PeerKind, Port, Side, Trace, What, to_bytes};

/// Why a file is no trace.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read at all.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line is damaged. Lines count from 1.
    #[error("line {line}: {damage}")]
    Damaged {
        /// Which line.
        line: usize,
        /// What is wrong with it.
        damage: Damage,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The file has no line.
    #[error("the header is missing")]
    NoHeader,
    /// Made by a newer recorder.
    #[error("format {0} is newer than this reader's, {FORMAT}")]
    Format(u64),
    /// No JSON object, or one with a member of a wrong type.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A member is missing.
    #[error("the member {0:?} is missing")]
    Missing(&'static str),
    /// A text is none of those that may stand there.
    #[error("{value:?} is no {what}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// What was found.
        value: String,
    },
    /// A string that stands for bytes has a character past U+00FF, or is not hexadecimal.
    #[error("{0:?} does not hold bytes")]
    NoBytes(&'static str),
    /// The line tells of nothing.
    #[error("the line has none of note, event, frames, http, hex, zmtp, command")]
    Nothing,
    /// An event before the one in front of it.
    #[error("the time goes back, from {before} to {at} microseconds")]
    TimeGoesBack {
        /// The time of the line before.
        before: u64,
        /// Its time.
        at: u64,
    },
    /// A message of no frame, or sizes for another number of frames.
    #[error("{frames} frames with {sizes} sizes")]
    Frames {
        /// How many frames.
        frames: usize,
        /// How many sizes.
        sizes: usize,
    },
}

#[derive(Deserialize)]
struct HeaderLine {
    #[serde(default)]
    trace: Option<u64>,
    scenario: String,
    upstream: String,
    #[serde(default)]
    about: String,
    heartbeat_interval: f64,
    heartbeat_maxtries: u32,
    peers: BTreeMap<String, PeerLine>,
    #[serde(default)]
    raw: bool,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
struct PeerLine {
    #[serde(default)]
    socket: String,
    #[serde(default)]
    connects_to: String,
}

#[derive(Deserialize)]
struct EventLine {
    t: f64,
    note: Option<String>,
    peer: Option<String>,
    conn: Option<u32>,
    port: Option<String>,
    to: Option<String>,
    frames: Option<Vec<String>>,
    truncated_from: Option<Vec<usize>>,
    http: Option<String>,
    hex: Option<String>,
    zmtp: Option<Value>,
    command: Option<Value>,
    event: Option<String>,
    by: Option<String>,
    peer_ready: Option<BTreeMap<String, String>>,
    broker_ready: Option<BTreeMap<String, String>>,
}

/// Reads the trace in a file.
///
/// # Errors
///
/// The system's, or the first damaged line.
pub fn read_file(path: &Path) -> Result<Trace, ReadError> {
    read(&std::fs::read_to_string(path)?)
}

/// Reads the trace that `text` is. A last line that breaks off, as a recorder leaves it that was killed, is left
/// out.
///
/// # Errors
///
/// The first damaged line.
pub fn read(text: &str) -> Result<Trace, ReadError> {
    let mut reader = Reader::new();
    let mut events = Vec::new();
    for line in text.split_inclusive('\n') {
        match reader.line(line.trim_end_matches('\n').trim_end_matches('\r')) {
            Ok(event) => events.extend(event),
            Err(ReadError::Damaged { damage: Damage::Json(error), line: 2.. })
                if error.is_eof() && !line.ends_with('\n') =>
            {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let damage = || ReadError::Damaged { line: 1, damage: Damage::NoHeader };
    Ok(Trace { header: reader.header.ok_or_else(damage)?, conns: reader.conns, events })
}

fn header(text: &str) -> Result<Header, Damage> {
    let line: HeaderLine = serde_json::from_str(text)?;
    let format = line.trace.unwrap_or(FORMAT);
    if format > FORMAT {
        return Err(Damage::Format(format));
    }
    let kind = |peer: PeerLine| PeerKind { socket: peer.socket, connects_to: peer.connects_to };
    Ok(Header {
        scenario: line.scenario,
        upstream: line.upstream,
        about: line.about,
        heartbeat_interval: line.heartbeat_interval,
        heartbeat_maxtries: line.heartbeat_maxtries,
        peers: line.peers.into_iter().map(|(name, peer)| (name, kind(peer))).collect(),
        raw: line.raw,
        more: line.more,
    })
}

/// Reads line after line, as they come.
#[derive(Debug, Default)]
pub struct Reader {
    header: Option<Header>,
    conns: Vec<Conn>,
    now: u64,
    lines: usize,
}

impl Reader {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The connections so far.
    pub fn conns(&self) -> &[Conn] {
        &self.conns
    }

    /// The next line; `None` for the header.
    ///
    /// # Errors
    ///
    /// What is wrong with the line, and its number.
    pub fn line(&mut self, text: &str) -> Result<Option<Event>, ReadError> {
        self.lines += 1;
        let line = self.lines;
        let damaged = |damage| ReadError::Damaged { line, damage };
        if self.header.is_none() {
            self.header = Some(header(text).map_err(damaged)?);
            return Ok(None);
        }
        self.event(text).map(Some).map_err(damaged)
    }

    fn event(&mut self, text: &str) -> Result<Event, Damage> {
        let line: EventLine = serde_json::from_str(text)?;
        let at = micros(line.t)?;
        if at < self.now {
            return Err(Damage::TimeGoesBack { before: self.now, at });
        }
        self.now = at;
        let what = self.what(line)?;
        Ok(Event { at, what })
    }

    fn what(&mut self, line: EventLine) -> Result<What, Damage> {
        if let Some(note) = line.note {
            return Ok(What::Note(note));
        }
        let conn = self.conn(&line)?;
        if let Some(event) = &line.event {
            return connection(conn, event, &line);
        }
        let to = side(line.to.as_deref().ok_or(Damage::Missing("to"))?)?;
        if let Some(texts) = line.frames {
            return Ok(What::Message { conn, to, frames: frames(&texts, line.truncated_from)? });
        }
        if let Some(text) = line.http {
            let bytes = to_bytes(&text).ok_or(Damage::NoBytes("http"))?;
            return Ok(What::Http { conn, to, bytes });
        }
        if let Some(text) = line.hex {
            let bytes = of_hex(&text).ok_or(Damage::NoBytes("hex"))?;
            return Ok(What::Raw { conn, to, bytes });
        }
        let (member, value) = match (line.zmtp, line.command) {
            (Some(value), _) => ("zmtp", value),
            (None, Some(value)) => ("command", value),
            (None, None) => return Err(Damage::Nothing),
        };
        Ok(What::Command { conn, to, member, value })
    }

    /// The connection of a line; its port is the line's, or else what the header says of the peer.
    fn conn(&mut self, line: &EventLine) -> Result<ConnIndex, Damage> {
        let peer = line.peer.as_deref().ok_or(Damage::Missing("peer"))?;
        let number = line.conn.ok_or(Damage::Missing("conn"))?;
        let known = |conn: &Conn| conn.peer == peer && conn.number == number;
        if let Some(index) = self.conns.iter().rposition(known) {
            return Ok(index);
        }
        let port = match &line.port {
            Some(port) => port.as_str(),
            None => {
                let kind = self.header.as_ref().and_then(|header| header.peers.get(peer));
                let unknown = || Damage::Unknown { what: "peer of the header", value: peer.to_owned() };
                &kind.ok_or_else(unknown)?.connects_to
            }
        };
        let unknown = || Damage::Unknown { what: "port", value: port.to_owned() };
        let port = Port::parse(port).ok_or_else(unknown)?;
        self.conns.push(Conn { peer: peer.to_owned(), number, port });
        Ok(self.conns.len() - 1)
    }
}

fn connection(conn: ConnIndex, event: &str, line: &EventLine) -> Result<What, Damage> {
    match event {
        "open" => Ok(What::Open(conn)),
        "refused" => Ok(What::Refused(conn)),
        "close" => Ok(What::Close { conn, by: side(line.by.as_deref().ok_or(Damage::Missing("by"))?)? }),
        "handshake" => Ok(What::Handshake {
            conn,
            peer: properties(line.peer_ready.as_ref(), "peer_ready")?,
            broker: properties(line.broker_ready.as_ref(), "broker_ready")?,
        }),
        other => Err(Damage::Unknown { what: "event", value: other.to_owned() }),
    }
}

fn properties(
    texts: Option<&BTreeMap<String, String>>,
    member: &'static str,
) -> Result<BTreeMap<String, Bytes>, Damage> {
    let texts = texts.ok_or(Damage::Missing(member))?;
    let bytes = |text: &String| to_bytes(text).ok_or(Damage::NoBytes(member));
    texts.iter().map(|(name, text)| Ok((name.clone(), bytes(text)?))).collect()
}

fn frames(texts: &[String], sizes: Option<Vec<usize>>) -> Result<Vec<Frame>, Damage> {
    let count = sizes.as_ref().map_or(texts.len(), Vec::len);
    if texts.is_empty() || count != texts.len() {
        return Err(Damage::Frames { frames: texts.len(), sizes: count });
    }
    let frame = |(index, text): (usize, &String)| {
        let bytes = to_bytes(text).ok_or(Damage::NoBytes("frames"))?;
        let size = sizes.as_ref().map_or(bytes.len(), |sizes| sizes[index]);
        Ok(Frame { cut_from: (size > bytes.len()).then_some(size), bytes })
    };
    texts.iter().enumerate().map(frame).collect()
}

fn side(name: &str) -> Result<Side, Damage> {
    match name {
        "broker" => Ok(Side::Broker),
        "peer" => Ok(Side::Peer),
        other => Err(Damage::Unknown { what: "side", value: other.to_owned() }),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked right before")]
fn micros(seconds: f64) -> Result<u64, Damage> {
    if !(0.0..1e12).contains(&seconds) {
        return Err(Damage::Unknown { what: "time", value: seconds.to_string() });
    }
    Ok((seconds * 1e6).round() as u64)
}

fn of_hex(text: &str) -> Option<Bytes> {
    let digits = text.as_bytes();
    if digits.len() % 2 == 1 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    digits.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
}
