//! Reads and writes traces. A damaged one is refused with the number of its line.

use std::io::{self, Write};
use std::path::Path;

use super::line::{self, FORMAT};
use super::{Conn, Event, Header, Port, Trace};

/// Why a file is no trace.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Lines count from 1.
    #[error("line {line}: {damage}")]
    Damaged { line: usize, damage: Damage },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error("the header is missing")]
    NoHeader,
    #[error("format {0} is newer than this reader's, {FORMAT}")]
    Format(u64),
    /// No JSON object, or one with a member of a wrong type.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("the member {0:?} is missing")]
    Missing(&'static str),
    /// A text is none of those that may stand there.
    #[error("{value:?} is not a {what}")]
    Unknown { what: &'static str, value: String },
    #[error("the line has none of note, event, frames, http, hex, zmtp, command")]
    Nothing,
    #[error("the time goes back, from {before} to {at} microseconds")]
    TimeGoesBack { before: u64, at: u64 },
    #[error("{frames} frames with {sizes} sizes")]
    Frames { frames: usize, sizes: usize },
}

/// Reads the trace in a file.
pub fn read_file(path: &Path) -> Result<Trace, ReadError> {
    read(&std::fs::read_to_string(path)?)
}

/// Reads the trace that `text` is. A last line that breaks off, as a recorder leaves it that was killed, is left
/// out.
pub fn read(text: &str) -> Result<Trace, ReadError> {
    let mut reader = Reader::default();
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

/// Reads line after line, as they come.
#[derive(Debug, Default)]
pub struct Reader {
    header: Option<Header>,
    /// The connections so far.
    pub conns: Vec<Conn>,
    now: u64,
    lines: usize,
}

impl Reader {
    /// The next line; `None` for the header.
    pub fn line(&mut self, text: &str) -> Result<Option<Event>, ReadError> {
        self.lines += 1;
        let line = self.lines;
        let damaged = |damage| ReadError::Damaged { line, damage };
        if self.header.is_none() {
            self.header = Some(line::header(text).map_err(damaged)?);
            return Ok(None);
        }
        self.event(text).map(Some).map_err(damaged)
    }

    fn event(&mut self, text: &str) -> Result<Event, Damage> {
        let mut read = line::event(text)?;
        let (before, at) = (self.now, read.at);
        if at < before {
            return Err(Damage::TimeGoesBack { before, at });
        }
        self.now = at;
        let conn = read.conn.take().map(|(peer, number, port)| self.conn(peer, number, port)).transpose()?;
        Ok(Event { at, what: read.what(conn.unwrap_or_default())? })
    }

    /// The connection of a line; its port is the line's, or else what the header says of the peer.
    fn conn(&mut self, peer: String, number: u32, port: Option<Port>) -> Result<usize, Damage> {
        let known = |conn: &Conn| conn.peer == peer && conn.number == number;
        if let Some(index) = self.conns.iter().rposition(known) {
            return Ok(index);
        }
        let port = match port {
            Some(port) => port,
            None => self.port_of(&peer)?,
        };
        self.conns.push(Conn { peer, number, port });
        Ok(self.conns.len() - 1)
    }

    fn port_of(&self, peer: &str) -> Result<Port, Damage> {
        let kind = self.header.as_ref().and_then(|header| header.peers.get(peer));
        let kind = kind.ok_or(Damage::Unknown { what: "peer of the header", value: peer.to_owned() })?;
        let port = serde_json::from_value(kind.connects_to.clone().into());
        port.map_err(|_| Damage::Unknown { what: "port", value: kind.connects_to.clone() })
    }
}

/// Writes a trace to `W`, a line an event, so that what was written can be read at any moment.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// Bytes written.
    pub written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a trace with its header.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { out, written: 0 };
        writer.line(&line::of_header(header))?;
        Ok(writer)
    }

    /// Appends an event on `conn`, or a note.
    pub fn event(&mut self, conn: Option<&Conn>, event: &Event) -> io::Result<()> {
        self.line(&line::line(conn, event))
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.written += line.len() as u64 + 1;
        Ok(())
    }

    /// Hands on what `out` has not written yet.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    pub fn into_inner(self) -> W {
        self.out
    }
}
