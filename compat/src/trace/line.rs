//! A line of the format: one shape, for who writes and who reads.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Conn, ConnIndex, Damage, Event, Frame, Header, Port, Side, What};

/// The newest format that is read and written. A header without `trace` is of format 1.
pub const FORMAT: u64 = 1;

/// Bytes in a string, each as the character of its number.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Latin1(Bytes);

/// Bytes in a string, each as two digits.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Hex(Bytes);

type Properties = BTreeMap<String, Latin1>;

#[derive(Debug, Deserialize, Serialize)]
struct HeaderLine<H> {
    #[serde(default = "first_format")]
    trace: u64,
    #[serde(flatten)]
    header: H,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct EventLine {
    t: f64,
    note: Option<String>,
    peer: Option<String>,
    conn: Option<u32>,
    port: Option<Port>,
    to: Option<Side>,
    frames: Option<Vec<Latin1>>,
    truncated_from: Option<Vec<usize>>,
    http: Option<Latin1>,
    hex: Option<Hex>,
    zmtp: Option<Value>,
    command: Option<Value>,
    event: Option<Occasion>,
    by: Option<Side>,
    peer_ready: Option<Properties>,
    broker_ready: Option<Properties>,
}

/// What may happen to a connection.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Occasion {
    Open,
    Refused,
    Close,
    Handshake,
}

fn first_format() -> u64 {
    1
}

/// The text of `bytes`, a character a byte.
pub fn to_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of `text`; `None` if it has a character past U+00FF.
pub fn to_bytes(text: &str) -> Option<Bytes> {
    if text.is_ascii() {
        return Some(Bytes::copy_from_slice(text.as_bytes()));
    }
    text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

/// Two hexadecimal digits a byte.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_hex(text: &str) -> Option<Bytes> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(*pair.get(1)?)?).ok();
    text.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

impl TryFrom<String> for Latin1 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        to_bytes(&text).map(Self).ok_or("a character past U+00FF is no byte")
    }
}

impl From<Latin1> for String {
    fn from(bytes: Latin1) -> Self {
        to_text(&bytes.0)
    }
}

impl TryFrom<String> for Hex {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        of_hex(&text).map(Self).ok_or("not hexadecimal")
    }
}

impl From<Hex> for String {
    fn from(bytes: Hex) -> Self {
        to_hex(&bytes.0)
    }
}

// --- the header

pub(super) fn of_header(header: &Header) -> String {
    serde_json::json!(HeaderLine { trace: FORMAT, header }).to_string()
}

pub(super) fn header(text: &str) -> Result<Header, Damage> {
    let line: HeaderLine<Header> = serde_json::from_str(text)?;
    if line.trace > FORMAT { Err(Damage::Format(line.trace)) } else { Ok(line.header) }
}

// --- events

/// The line of an event, without its end.
#[expect(clippy::cast_precision_loss, reason = "a recording is shorter than 285 years")]
pub fn line(conn: Option<&Conn>, event: &Event) -> String {
    let line = EventLine {
        t: event.at as f64 / 1e6,
        peer: conn.map(|conn| conn.peer.clone()),
        conn: conn.map(|conn| conn.number),
        port: conn.map(|conn| conn.port),
        ..of_what(&event.what)
    };
    let mut line = serde_json::json!(line);
    line.as_object_mut().expect("a structure").retain(|_, value| !value.is_null());
    line.to_string()
}

fn of_what(what: &What) -> EventLine {
    let line = EventLine::default();
    let happened = |event: Occasion| EventLine { event: Some(event), ..EventLine::default() };
    let said = |to: &Side| EventLine { to: Some(*to), ..EventLine::default() };
    match what {
        What::Note(note) => EventLine { note: Some(note.clone()), ..line },
        What::Open(_) => happened(Occasion::Open),
        What::Refused(_) => happened(Occasion::Refused),
        What::Close { by, .. } => EventLine { by: Some(*by), ..happened(Occasion::Close) },
        What::Handshake { peer, broker, .. } => EventLine {
            peer_ready: Some(of_properties(peer)),
            broker_ready: Some(of_properties(broker)),
            ..happened(Occasion::Handshake)
        },
        What::Message { to, frames, .. } => {
            let is_cut = frames.iter().any(|frame| frame.cut_from.is_some());
            let sizes = frames.iter().map(|frame| frame.cut_from.unwrap_or(frame.bytes.len()));
            EventLine {
                frames: Some(frames.iter().map(|frame| Latin1(frame.bytes.clone())).collect()),
                truncated_from: is_cut.then(|| sizes.collect()),
                ..said(to)
            }
        }
        What::Http { to, bytes, .. } => EventLine { http: Some(Latin1(bytes.clone())), ..said(to) },
        What::Raw { to, bytes, .. } => EventLine { hex: Some(Hex(bytes.clone())), ..said(to) },
        What::Command { to, member: "zmtp", value, .. } => {
            EventLine { zmtp: Some(value.clone()), ..said(to) }
        }
        What::Command { to, value, .. } => EventLine { command: Some(value.clone()), ..said(to) },
    }
}

/// An event, and over which connection: its peer, its number, and the port if the line names one.
pub(super) struct Read {
    pub(super) at: u64,
    pub(super) conn: Option<(String, u32, Option<Port>)>,
    line: EventLine,
}

pub(super) fn event(text: &str) -> Result<Read, Damage> {
    let mut line: EventLine = serde_json::from_str(text)?;
    let at = micros(line.t)?;
    if line.note.is_some() {
        return Ok(Read { at, conn: None, line });
    }
    let peer = line.peer.take().ok_or(Damage::Missing("peer"))?;
    let number = line.conn.ok_or(Damage::Missing("conn"))?;
    Ok(Read { at, conn: Some((peer, number, line.port)), line })
}

impl Read {
    /// What happened, `conn` being its connection.
    pub(super) fn what(self, conn: ConnIndex) -> Result<What, Damage> {
        let line = self.line;
        if let Some(note) = line.note {
            return Ok(What::Note(note));
        }
        if let Some(event) = line.event {
            return Ok(match event {
                Occasion::Open => What::Open(conn),
                Occasion::Refused => What::Refused(conn),
                Occasion::Close => What::Close { conn, by: line.by.ok_or(Damage::Missing("by"))? },
                Occasion::Handshake => What::Handshake {
                    conn,
                    peer: properties(line.peer_ready.ok_or(Damage::Missing("peer_ready"))?),
                    broker: properties(line.broker_ready.ok_or(Damage::Missing("broker_ready"))?),
                },
            });
        }
        let to = line.to.ok_or(Damage::Missing("to"))?;
        match (line.frames, line.http, line.hex, line.zmtp, line.command) {
            (Some(texts), ..) => Ok(What::Message { conn, to, frames: frames(texts, line.truncated_from)? }),
            (_, Some(Latin1(bytes)), ..) => Ok(What::Http { conn, to, bytes }),
            (_, _, Some(Hex(bytes)), ..) => Ok(What::Raw { conn, to, bytes }),
            (.., Some(value), _) => Ok(What::Command { conn, to, member: "zmtp", value }),
            (.., Some(value)) => Ok(What::Command { conn, to, member: "command", value }),
            _ => Err(Damage::Nothing),
        }
    }
}

fn of_properties(properties: &BTreeMap<String, Bytes>) -> Properties {
    properties.iter().map(|(name, value)| (name.clone(), Latin1(value.clone()))).collect()
}

fn properties(properties: Properties) -> BTreeMap<String, Bytes> {
    properties.into_iter().map(|(name, value)| (name, value.0)).collect()
}

fn frames(texts: Vec<Latin1>, sizes: Option<Vec<usize>>) -> Result<Vec<Frame>, Damage> {
    let sizes = sizes.unwrap_or_else(|| texts.iter().map(|text| text.0.len()).collect());
    if texts.is_empty() || sizes.len() != texts.len() {
        return Err(Damage::Frames { frames: texts.len(), sizes: sizes.len() });
    }
    let frame = |(Latin1(bytes), size): (Latin1, usize)| Frame {
        cut_from: (size > bytes.len()).then_some(size),
        bytes,
    };
    Ok(texts.into_iter().zip(sizes).map(frame).collect())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked right before")]
fn micros(seconds: f64) -> Result<u64, Damage> {
    if !(0.0..1e12).contains(&seconds) {
        return Err(Damage::Unknown { what: "time", value: seconds.to_string() });
    }
    Ok((seconds * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(to_bytes(&to_text(&all)).as_deref(), Some(&all[..]));
        assert_eq!(of_hex(&to_hex(&all)).as_deref(), Some(&all[..]));
    }

    #[test]
    fn a_character_past_255_is_no_byte() {
        assert_eq!(to_bytes("a\u{100}"), None);
    }
}
