//! Writes a trace, a line an event, so that what was written can be read at any moment.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Conn, Event, FORMAT, Frame, Header, What, to_text};

/// Writes to `W`.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a trace with its header.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        let line = header_line(header);
        writeln!(out, "{line}")?;
        Ok(Self { out, written: line.len() as u64 + 1 })
    }

    /// Appends an event on `conn`, or a note.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn event(&mut self, conn: Option<&Conn>, event: &Event) -> io::Result<()> {
        let line = line(conn, event);
        writeln!(self.out, "{line}")?;
        self.written += line.len() as u64 + 1;
        Ok(())
    }

    /// Hands on what `out` has not written yet.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Bytes written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

fn header_line(header: &Header) -> String {
    let kind = |(name, kind): (&String, &super::PeerKind)| {
        (name.clone(), json!({"socket": kind.socket, "connects_to": kind.connects_to}))
    };
    let mut line = Map::new();
    line.insert("trace".into(), FORMAT.into());
    line.insert("scenario".into(), header.scenario.clone().into());
    line.insert("upstream".into(), header.upstream.clone().into());
    line.insert("about".into(), header.about.clone().into());
    line.insert("heartbeat_interval".into(), header.heartbeat_interval.into());
    line.insert("heartbeat_maxtries".into(), header.heartbeat_maxtries.into());
    line.insert("peers".into(), header.peers.iter().map(kind).collect::<Map<_, _>>().into());
    if header.raw {
        line.insert("raw".into(), true.into());
    }
    line.extend(header.more.clone());
    Value::Object(line).to_string()
}

/// The line of an event, without its end.
#[expect(clippy::cast_precision_loss, reason = "a recording is shorter than 285 years")]
pub fn line(conn: Option<&Conn>, event: &Event) -> String {
    let mut line = Map::new();
    line.insert("t".into(), (event.at as f64 / 1e6).into());
    if let Some(conn) = conn {
        line.insert("peer".into(), conn.peer.clone().into());
        line.insert("conn".into(), conn.number.into());
        line.insert("port".into(), conn.port.name().into());
    }
    what(&mut line, &event.what);
    Value::Object(line).to_string()
}

fn what(line: &mut Map<String, Value>, what: &What) {
    let mut put = |name: &str, value: Value| line.insert(name.into(), value);
    match what {
        What::Note(note) => drop(put("note", note.clone().into())),
        What::Open(_) => drop(put("event", "open".into())),
        What::Refused(_) => drop(put("event", "refused".into())),
        What::Close { by, .. } => {
            put("event", "close".into());
            put("by", by.name().into());
        }
        What::Handshake { peer, broker, .. } => {
            put("event", "handshake".into());
            put("peer_ready", properties(peer));
            put("broker_ready", properties(broker));
        }
        What::Message { to, frames, .. } => {
            put("to", to.name().into());
            put("frames", frames.iter().map(|frame| to_text(&frame.bytes)).collect());
            if frames.iter().any(|frame| frame.cut_from.is_some()) {
                put("truncated_from", sizes(frames));
            }
        }
        What::Http { to, bytes, .. } => {
            put("to", to.name().into());
            put("http", to_text(bytes).into());
        }
        What::Raw { to, bytes, .. } => {
            put("to", to.name().into());
            put("hex", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into());
        }
        What::Command { to, member, value, .. } => {
            put("to", to.name().into());
            put(member, value.clone());
        }
    }
}

fn properties(properties: &BTreeMap<String, Bytes>) -> Value {
    let text = |(name, value): (&String, &Bytes)| (name.clone(), Value::from(to_text(value)));
    properties.iter().map(text).collect::<Map<_, _>>().into()
}

fn sizes(frames: &[Frame]) -> Value {
    frames.iter().map(|frame| frame.cut_from.unwrap_or(frame.bytes.len())).collect()
}
