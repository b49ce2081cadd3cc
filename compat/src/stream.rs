//! Raw recordings against our ZMTP engine: what the peers sent goes in, what our end says is compared with
//! what the recorded broker's end said.
//!
//! Compared unit by unit: the greeting's fields that have a meaning (RFC 37 gives the padding none, and a
//! newer minor version is no difference), READY as a set of properties, everything else to the byte.
//! Application messages are the recorded broker's own: the engine only has to frame them alike. Each stream
//! is played as it came and once more byte by byte.

use std::collections::BTreeMap;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use zmws::zmtp::{Config, Engine, Event as ZmtpEvent, Limits, SocketType};

use crate::differ::{About, Difference, Kind};
use crate::trace::{ConnIndex, Frame, Port, Side, Trace, What};

/// How the streams of a recording differ from ours. Nothing if it holds none.
pub fn differences(trace: &Trace) -> Vec<Difference> {
    let conns = 0..trace.conns.len();
    conns
        .flat_map(|conn| [Pieces::AsTheyCame, Pieces::ByteByByte].map(|pieces| played(trace, conn, pieces)))
        .flatten()
        .collect()
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Pieces {
    AsTheyCame,
    ByteByByte,
}

fn played(trace: &Trace, conn: ConnIndex, pieces: Pieces) -> Option<Difference> {
    let port = trace.conns[conn].port;
    let pieces_of = |event: &crate::trace::Event| match &event.what {
        What::Raw { conn: of, to, bytes } if *of == conn => Some((event.at, *to, bytes.clone())),
        _ => None,
    };
    let raw: Vec<(u64, Side, Bytes)> = trace.events.iter().filter_map(pieces_of).collect();
    let at = raw.first()?.0;
    let refused = trace.events.iter().find_map(|event| match event.what {
        What::Close { conn: of, by } if of == conn => Some(by == Side::Broker),
        _ => None,
    });
    let mut end = End::new(port);
    for (_, to, bytes) in &raw {
        match to {
            Side::Broker if pieces == Pieces::ByteByByte => bytes.chunks(1).for_each(|byte| end.hear(byte)),
            Side::Broker => end.hear(bytes),
            Side::Peer => end.theirs.extend_from_slice(bytes),
        }
        end.say_what_they_said();
    }
    let words = end.compare(refused == Some(true))?;
    Some(Difference {
        about: About::Conn(conn),
        kind: Kind::Stream,
        recorded: Some(vec![Frame::whole(Bytes::from(end.theirs.to_vec()))]),
        ours: Some(vec![Frame::whole(Bytes::from(end.ours))]),
        at,
        words: format!("{}, connection {}: {words}", trace.conns[conn].peer, trace.conns[conn].number),
    })
}

/// Our end of a connection, with the recorded end beside it.
struct End {
    engine: Engine,
    input: BytesMut,
    ours: Vec<u8>,
    theirs: BytesMut,
    /// How far of `theirs` its messages were given to our end.
    spoken: usize,
    ready: bool,
    error: Option<String>,
}

impl End {
    fn new(port: Port) -> Self {
        let socket_type = match port {
            Port::News => SocketType::Pub,
            Port::Frontend | Port::Backend | Port::Http => SocketType::Router,
        };
        let config =
            Config { socket_type, identity: Bytes::new(), properties: Vec::new(), limits: Limits::default() };
        let mut end = Self {
            engine: Engine::new(&config),
            input: BytesMut::new(),
            ours: Vec::new(),
            theirs: BytesMut::new(),
            spoken: 0,
            ready: false,
            error: None,
        };
        end.drain();
        end
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while self.error.is_none() {
            match self.engine.receive(&mut self.input) {
                Ok(Some(ZmtpEvent::Ready(_))) => self.ready = true,
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => self.error = Some(error.to_string()),
            }
            self.drain();
        }
        self.drain();
    }

    fn drain(&mut self) {
        let outbox = self.engine.outbox();
        while !outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = outbox.slices(&mut slices);
            let written: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
            slices[..filled].iter().for_each(|slice| self.ours.extend_from_slice(slice));
            outbox.advance(written);
        }
    }

    /// Gives our engine the messages that the recorded end has sent by now.
    fn say_what_they_said(&mut self) {
        while self.ready {
            let Some(units) = Units::read(&self.theirs) else { return };
            let messages = units.messages();
            let Some(message) = messages.get(self.spoken) else { return };
            self.engine.send(message);
            self.spoken += 1;
            self.drain();
        }
    }

    /// In words, the first thing that differs.
    fn compare(&self, refused: bool) -> Option<String> {
        match (&self.error, refused) {
            (Some(error), false) => return Some(format!("our end refuses it: {error}")),
            (None, true) => return Some("our end does not refuse it".into()),
            (Some(_), true) | (None, false) => {}
        }
        let (Some(theirs), Some(ours)) = (Units::read(&self.theirs), Units::read(&self.ours)) else {
            return Some("a greeting cannot be read".into());
        };
        if let Some(words) = theirs.greeting_differs(&ours) {
            return Some(words);
        }
        let pairs = theirs.frames.iter().zip(&ours.frames).enumerate();
        let differs = pairs.into_iter().find(|(_, (theirs, ours))| !theirs.admits(ours));
        if let Some((index, (theirs, ours))) = differs {
            return Some(format!("frame {index} after the greeting is {ours} instead of {theirs}"));
        }
        let (theirs, ours) = (theirs.frames.len(), ours.frames.len());
        (theirs != ours).then(|| format!("{ours} frames after the greeting instead of {theirs}"))
    }
}

struct Units {
    greeting: Vec<u8>,
    frames: Vec<Unit>,
}

struct Unit {
    flags: u8,
    body: Bytes,
}

const GREETING: usize = 64;

impl Units {
    /// `None` if not even a version is there. What is incomplete at the end is left out.
    fn read(stream: &[u8]) -> Option<Self> {
        let greeting = stream.get(..GREETING.min(stream.len())).filter(|greeting| greeting.len() > 10)?;
        let mut rest = &stream[greeting.len()..];
        let mut frames = Vec::new();
        while let Some(unit) = Unit::read(&mut rest) {
            frames.push(unit);
        }
        Some(Self { greeting: greeting.to_vec(), frames })
    }

    fn greeting_differs(&self, ours: &Self) -> Option<String> {
        let fields = [
            ("signature", 0..1),
            ("signature", 9..10),
            ("major version", 10..11),
            ("mechanism", 12..32),
            ("as-server", 32..33),
            ("filler", 33..64),
        ];
        let differs = fields
            .into_iter()
            .find(|(_, range)| self.greeting.get(range.clone()) != ours.greeting.get(range.clone()));
        if let Some((field, _)) = differs {
            return Some(format!("the greeting's {field} differs"));
        }
        (ours.greeting.get(11) < self.greeting.get(11))
            .then(|| "the greeting's minor version is older".into())
    }

    fn messages(&self) -> Vec<Vec<Bytes>> {
        let mut messages = vec![Vec::new()];
        for unit in self.frames.iter().filter(|unit| unit.flags & 4 == 0) {
            messages.last_mut().expect("never empty").push(unit.body.clone());
            if unit.flags & 1 == 0 {
                messages.push(Vec::new());
            }
        }
        messages.pop();
        messages
    }
}

impl Unit {
    fn read(rest: &mut &[u8]) -> Option<Self> {
        let flags = *rest.first()?;
        let (head, size) = match flags & 2 {
            0 => (2, usize::from(*rest.get(1)?)),
            _ => (9, usize::try_from(rest.get(1..9)?.get_u64()).ok()?),
        };
        let body = rest.get(head..size.checked_add(head)?)?;
        *rest = &rest[head + size..];
        Some(Self { flags, body: Bytes::copy_from_slice(body) })
    }

    fn admits(&self, ours: &Self) -> bool {
        let ready = b"\x05READY";
        if self.flags == ours.flags && self.body.starts_with(ready) && ours.body.starts_with(ready) {
            return properties(&self.body[ready.len()..]) == properties(&ours.body[ready.len()..]);
        }
        let error = b"\x05ERROR";
        // Its reason is for people.
        let errors = self.body.starts_with(error) && ours.body.starts_with(error);
        self.flags == ours.flags && (errors || self.body == ours.body)
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.body[..self.body.len().min(60)];
        write!(f, "{:02x} {:?}", self.flags, crate::trace::to_text(shown))
    }
}

/// Properties by name, without what is for applications. No identity is an empty one.
fn properties(mut rest: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    while let Some((&length, after)) = rest.split_first() {
        let (name, after) = after.split_at_checked(usize::from(length))?;
        let (size, after) = after.split_at_checked(4)?;
        let size = usize::try_from(u32::from_be_bytes(size.try_into().ok()?)).ok()?;
        let (value, after) = after.split_at_checked(size)?;
        let name = String::from_utf8_lossy(name).to_lowercase();
        if !(name.starts_with("x-") || name == "identity" && value.is_empty()) {
            found.insert(name, value.to_vec());
        }
        rest = after;
    }
    Some(found)
}
