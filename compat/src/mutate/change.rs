//! The ways in which a recording is changed.

use bytes::Bytes;

use super::parts::{self, Part, STATUS};
use super::rng::Rng;
use crate::differ::rows;
use crate::trace::{ConnIndex, Event, Frame, Port, Side, Trace, What};

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, clap::ValueEnum)]
pub enum Change {
    /// A message is left out.
    Dropped,
    /// A message changes places with the next one to the same peer.
    Swapped,
    /// A message stands twice.
    Duplicated,
    /// A message goes to another peer of the same port.
    Misdelivered,
    /// A frame is left out, put in, or changes places with its neighbour.
    Frames,
    /// A byte of a value changes.
    Value,
    /// A number in a value or a list changes, times excepted.
    Number,
    /// Another service is named.
    Service,
    /// The header or the type changes.
    Type,
    /// Another word says how the job stands.
    Status,
    /// A job has another id than elsewhere.
    Id,
    /// An entry of a list is left out, stands twice, or says something else.
    List,
    /// A heartbeat is left out.
    BeatDropped,
    /// A heartbeat comes late, by more than half an interval.
    BeatDelayed,
    /// A part of an answer over HTTP changes.
    Http,
}

impl Change {
    /// Whether it puts other content into a sound message.
    pub(super) fn is_of_content(self) -> bool {
        matches!(self, Self::Swapped | Self::Value | Self::Number | Self::Status | Self::Id)
    }

    /// Whether it can be done to an event of a trace at all.
    pub(super) fn fits(self, trace: &Trace, event: usize) -> bool {
        let What::Message { conn, frames, .. } = &trace.events[event].what else {
            return self == Self::Http && matches!(trace.events[event].what, What::Http { .. });
        };
        let parts = parts::parts(frames, trace.conns[*conn].port);
        let has = |part| parts.contains(&part);
        let is_beat = is_beat(frames);
        match self {
            Self::BeatDropped | Self::BeatDelayed => is_beat,
            Self::Dropped | Self::Duplicated | Self::Misdelivered | Self::Swapped | Self::Frames => !is_beat,
            Self::Value => has(Part::Value) && !is_beat,
            Self::Number => has(Part::Value) && !is_beat || has(Part::List),
            Self::Service => has(Part::Service) || has(Part::Status),
            Self::Type => has(Part::Head),
            Self::Status => has(Part::Status),
            Self::Id => {
                has(Part::Status) && frames.iter().any(|frame| is_told_again(trace, event, &frame.bytes))
            }
            Self::List => has(Part::List),
            Self::Http => false,
        }
    }
}

/// Whether an id in a frame stands in another message, too. What is told once may be any.
fn is_told_again(trace: &Trace, event: usize, bytes: &[u8]) -> bool {
    let has = |frame: &Frame, id: &[u8]| frame.bytes.windows(id.len()).any(|window| window == id);
    parts::ids(bytes).first().is_some_and(|&at| {
        let id = &bytes[at..at + 9];
        trace.events.iter().enumerate().any(|(other, said)| match &said.what {
            What::Message { frames, .. } => other != event && frames.iter().any(|frame| has(frame, id)),
            _ => false,
        })
    })
}

/// Whether a message is a heartbeat.
pub(super) fn is_beat(frames: &[Frame]) -> bool {
    matches!(
        crate::classify::worker::WorkerOrder::read(frames),
        crate::classify::worker::WorkerOrder::Heartbeat
    )
}

/// The changed recording and the change in words; `None` if nothing came of it.
pub(super) fn changed(trace: &Trace, event: usize, change: Change, rng: &mut Rng) -> Option<(Trace, String)> {
    let mut changed = trace.clone();
    let words = match &trace.events[event].what {
        What::Http { bytes, .. } => {
            let (bytes, words) = http(bytes, rng)?;
            put_http(&mut changed.events[event], bytes);
            words
        }
        What::Message { conn, to, frames } => match change {
            Change::Dropped | Change::BeatDropped => {
                changed.events.remove(event);
                "left out".to_owned()
            }
            Change::Duplicated => {
                changed.events.insert(event, trace.events[event].clone());
                "twice".to_owned()
            }
            Change::Swapped => swap(&mut changed, event, *conn, *to)?,
            Change::Misdelivered => misdeliver(&mut changed, event, *conn, *to, rng)?,
            Change::BeatDelayed => delay(&mut changed, event, *conn, rng)?,
            _ => {
                let (frames, words) = message(frames, trace.conns[*conn].port, change, rng)?;
                put_frames(&mut changed.events[event], frames);
                words
            }
        },
        _ => return None,
    };
    (changed.events != trace.events).then_some((changed, words))
}

fn put_frames(event: &mut Event, new: Vec<Frame>) {
    if let What::Message { frames, .. } = &mut event.what {
        *frames = new;
    }
}

fn put_http(event: &mut Event, new: Vec<u8>) {
    if let What::Http { bytes, .. } = &mut event.what {
        *bytes = new.into();
    }
}

// --- whole messages

fn swap(trace: &mut Trace, event: usize, conn: ConnIndex, to: Side) -> Option<String> {
    let is_next = |other: &&usize| matches!(&trace.events[**other].what, What::Message { conn: of, to: side, .. } if *of == conn && *side == to);
    let later: Vec<usize> = (event + 1..trace.events.len()).collect();
    let next = *later.iter().find(is_next)?;
    let (first, second) = (trace.events[event].what.clone(), trace.events[next].what.clone());
    (trace.events[event].what, trace.events[next].what) = (second, first);
    Some(format!("swapped with that at {} ms", trace.events[next].at / 1_000))
}

fn misdeliver(trace: &mut Trace, event: usize, conn: ConnIndex, to: Side, rng: &mut Rng) -> Option<String> {
    let port = trace.conns[conn].port;
    let others: Vec<ConnIndex> =
        (0..trace.conns.len()).filter(|&other| other != conn && trace.conns[other].port == port).collect();
    let other = *rng.one_of(&others)?;
    // One that is there by then.
    let is_there = |event: &Event| event.conn() == Some(other) && !matches!(event.what, What::Refused(_));
    let there = trace.events[..event].iter().any(is_there);
    let gone = trace.events[..event]
        .iter()
        .any(|event| matches!(event.what, What::Close { conn, .. } if conn == other));
    if !there || gone || to != Side::Peer {
        return None;
    }
    if let What::Message { conn, .. } = &mut trace.events[event].what {
        *conn = other;
    }
    Some(format!("to {} instead", trace.conns[other].peer))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "intervals are seconds")]
fn delay(trace: &mut Trace, event: usize, conn: ConnIndex, rng: &mut Rng) -> Option<String> {
    let interval = (trace.header.heartbeat_interval * 1e6) as u64;
    let late = interval * (60 + rng.below(90) as u64) / 100;
    let mut beat = trace.events.remove(event);
    beat.at += late;
    let after = trace.events.iter().position(|other| other.at > beat.at)?;
    let gone = trace.events[..after]
        .iter()
        .any(|event| matches!(event.what, What::Close { conn: of, .. } if of == conn));
    if gone {
        return None;
    }
    trace.events.insert(after, beat);
    Some(format!("{} ms late", late / 1_000))
}

// --- frames

fn message(frames: &[Frame], port: Port, change: Change, rng: &mut Rng) -> Option<(Vec<Frame>, String)> {
    if change == Change::Frames {
        return reframed(frames, rng);
    }
    let parts = parts::parts(frames, port);
    let expected = |part: Part| match change {
        Change::Value => part == Part::Value,
        Change::Number => matches!(part, Part::Value | Part::List),
        Change::Service => matches!(part, Part::Service | Part::Status),
        Change::Type => part == Part::Head,
        Change::Status | Change::Id => part == Part::Status,
        Change::List => part == Part::List,
        _ => false,
    };
    let places: Vec<usize> = (0..frames.len()).filter(|&place| expected(parts[place])).collect();
    let place = *rng.one_of(&places)?;
    let old = &frames[place];
    let (new, words) = frame(&old.bytes, parts[place], change, rng)?;
    let mut frames = frames.to_vec();
    frames[place] = Frame { bytes: new, cut_from: old.cut_from };
    Some((frames, format!("frame {place}: {words}")))
}

fn reframed(frames: &[Frame], rng: &mut Rng) -> Option<(Vec<Frame>, String)> {
    let mut changed = frames.to_vec();
    let place = rng.below(frames.len());
    let words = match rng.below(3) {
        0 if frames.len() > 1 => {
            changed.remove(place);
            "left out"
        }
        1 => {
            changed.insert(place, Frame::whole(Bytes::new()));
            "an empty one put before it"
        }
        _ if place + 1 < frames.len() => {
            changed.swap(place, place + 1);
            "swapped with the next"
        }
        _ => return None,
    };
    Some((changed, format!("frame {place}: {words}")))
}

fn frame(bytes: &Bytes, part: Part, change: Change, rng: &mut Rng) -> Option<(Bytes, String)> {
    match change {
        Change::Value => value(bytes, rng),
        Change::Number if part == Part::List => number_in_list(bytes, rng),
        Change::Number => number(bytes, rng).map(|new| (new, "another number".to_owned())),
        Change::Service => service(bytes, part),
        Change::Type => head(bytes, rng),
        Change::Status => status(bytes, rng),
        Change::Id => id(bytes, rng),
        Change::List => list(bytes, rng),
        _ => None,
    }
}

fn value(bytes: &Bytes, rng: &mut Rng) -> Option<(Bytes, String)> {
    let at = rng.below(bytes.len());
    let mut new = bytes.to_vec();
    new[at] ^= 1;
    Some((new.into(), format!("byte {at} of the value")))
}

/// Another digit in the place of one that begins a number.
fn number(bytes: &[u8], rng: &mut Rng) -> Option<Bytes> {
    let at = *rng.one_of(&parts::numbers(bytes))?;
    let mut new = bytes.to_vec();
    new[at] = match new[at] {
        b'9' => b'1',
        digit => digit + 1,
    };
    Some(new.into())
}

fn number_in_list(bytes: &Bytes, rng: &mut Rng) -> Option<(Bytes, String)> {
    let mut rows = rows(bytes)?;
    let mut members = parts::members(&rows);
    members.retain(|&(row, at)| !parts::numbers(rows[row].0[at].1.as_bytes()).is_empty());
    let &(row, at) = rng.one_of(&members)?;
    let (name, value) = &mut rows[row].0[at];
    *value = String::from_utf8(number(value.as_bytes(), rng)?.to_vec()).ok()?;
    let words = format!("another number in {name} of entry {row}");
    Some((parts::list(&rows), words))
}

fn service(bytes: &Bytes, part: Part) -> Option<(Bytes, String)> {
    let words = "another service".to_owned();
    if part == Part::Service {
        return Some(([&bytes[..], b"X"].concat().into(), words));
    }
    let word = STATUS.iter().find(|word| bytes.starts_with(word))?;
    let rest = &bytes[word.len()..];
    let end = match (*word, rest.iter().position(|&byte| byte == b' ')) {
        // An acknowledgement names it last, an order not at all.
        (b"JOB: ", Some(_)) => bytes.len(),
        (b"JOB: ", None) => return None,
        (_, Some(at)) => word.len() + at,
        (_, None) => bytes.len(),
    };
    Some(([&bytes[..end], b"X", &bytes[end..]].concat().into(), words))
}

fn head(bytes: &Bytes, rng: &mut Rng) -> Option<(Bytes, String)> {
    let mut new = bytes.to_vec();
    let last = new.last_mut()?;
    *last = last.wrapping_add(1 + u8::try_from(rng.below(3)).ok()?);
    Some((new.into(), "another header or type".to_owned()))
}

fn status(bytes: &Bytes, rng: &mut Rng) -> Option<(Bytes, String)> {
    let old = STATUS.iter().position(|word| bytes.starts_with(word))?;
    let new = STATUS[(old + 1 + rng.below(STATUS.len() - 1)) % STATUS.len()];
    let words = format!("{} instead", String::from_utf8_lossy(new).trim_end());
    Some(([new, &bytes[STATUS[old].len()..]].concat().into(), words))
}

fn id(bytes: &Bytes, rng: &mut Rng) -> Option<(Bytes, String)> {
    let at = *rng.one_of(&parts::ids(bytes))?;
    let mut new = bytes.to_vec();
    new[at] = if new[at] == b'F' { b'A' } else { b'F' };
    Some((new.into(), "another id".to_owned()))
}

fn list(bytes: &Bytes, rng: &mut Rng) -> Option<(Bytes, String)> {
    let mut rows = rows(bytes)?;
    if rows.is_empty() {
        return Some((
            Bytes::from_static(b"[{\"hb\":1795490002.5,\"service\":\"X\",\"workerid\":\"X\"}]"),
            "an entry put in".to_owned(),
        ));
    }
    let row = rng.below(rows.len());
    let words = match rng.below(4) {
        0 => {
            rows.remove(row);
            format!("entry {row} left out")
        }
        1 => {
            rows.insert(row, rows[row].clone());
            format!("entry {row} twice")
        }
        _ => {
            let &(row, at) = rng.one_of(&parts::members(&rows))?;
            let (name, value) = &mut rows[row].0[at];
            *value = match value.as_str() {
                "true" => "false".to_owned(),
                "false" => "true".to_owned(),
                text => format!("{}x\"", text.strip_suffix('"')?),
            };
            format!("{name} of entry {row}")
        }
    };
    Some((parts::list(&rows), words))
}

// --- HTTP

fn http(bytes: &Bytes, rng: &mut Rng) -> Option<(Vec<u8>, String)> {
    let mut new = bytes.to_vec();
    let body = bytes.windows(2).position(|window| window == b"\n\n").map(|at| at + 2);
    let body = body.filter(|&body| body < bytes.len())?;
    if rng.below(2) == 0 {
        let at = body + rng.below(bytes.len() - body);
        new[at] ^= 1;
        return Some((new, format!("byte {} of the body", at - body)));
    }
    let status = new.iter().position(|&byte| byte == b' ')? + 1;
    new[status] = if new[status] == b'2' { b'4' } else { b'2' };
    Some((new, "another status".to_owned()))
}
