//! Recordings of a worker alone, replayed to our worker session: the broker's words go in, what our worker
//! says is compared with what the recorded one said.
//!
//! A recording is a worker's if jobs are given in it and nobody asks for any. What a job brings is taken from
//! the recording: a worker's conversation is compared, not its work.

use std::collections::HashMap;

use bytes::Bytes;
use zmws::job::{Body, ServiceName, Timestamp};
use zmws::message::{Dialect, Outcome};
use zmws::wire;
use zmws::worker::session::{Action, Config, Event, Session};

use crate::classify::worker::{Verb, WorkerForm, WorkerMessage};
use crate::conversation::Conversation;
use crate::differ::{About, Difference, Kind};
use crate::trace::{ConnIndex, Frame, Port, Side, Trace, What, to_text};

/// Whether a recording is a worker's alone.
pub fn is_of_workers(recorded: &Conversation) -> bool {
    recorded.requests.is_empty() && !recorded.jobs.is_empty()
}

/// Where our worker says something else than the recorded one.
pub fn differences(trace: &Trace) -> Vec<Difference> {
    let conns = trace.conns.iter().enumerate().filter(|(_, conn)| conn.port == Port::Backend);
    let of_conn = |(conn, _)| match Exchange::of(trace, conn) {
        Some(exchange) => exchange.played(),
        None => nameless(trace, conn).into_iter().collect(),
    };
    conns.flat_map(of_conn).collect()
}

/// A worker that begins without READY, if it speaks at all.
fn nameless(trace: &Trace, conn: ConnIndex) -> Option<Difference> {
    let first = trace.events.iter().find_map(|event| match &event.what {
        What::Message { conn: of, frames, .. } if *of == conn => Some((event.at, frames)),
        _ => None,
    });
    let (at, frames) = first?;
    let words = format!("{}: in the recording, the worker does not say READY first", trace.conns[conn].peer);
    let (about, kind) = (About::Conn(conn), Kind::Recorded);
    Some(Difference { about, kind, recorded: Some(frames.clone()), ours: None, at, words })
}

struct Exchange {
    conn: ConnIndex,
    peer: String,
    dialect: Dialect,
    service: ServiceName,
    /// Whether it ends the connection.
    hangs_up: bool,
    messages: Vec<(u64, Side, Vec<Frame>)>,
}

impl Exchange {
    /// `None` if there is no READY.
    fn of(trace: &Trace, conn: ConnIndex) -> Option<Self> {
        let of_conn = trace.events.iter().filter_map(|event| match &event.what {
            What::Message { conn: of, to, frames } if *of == conn => Some((event.at, *to, frames.clone())),
            _ => None,
        });
        let messages: Vec<_> = of_conn.collect();
        let (_, _, first) = messages.first()?;
        let WorkerMessage::Ready { service, form } = WorkerMessage::read(&bare(first)) else { return None };
        let dialect = match form {
            WorkerForm::Zmws1 => Dialect::Zmws1,
            WorkerForm::Zmws2 => Dialect::Zmws2,
            WorkerForm::Majordomo1 => Dialect::Mdp01,
            WorkerForm::Majordomo2 => Dialect::Mdp02,
        };
        let peer = trace.conns[conn].peer.clone();
        let hangs_up = trace.events.iter().find_map(|event| match event.what {
            What::Close { conn: of, by } if of == conn => Some(by == Side::Peer),
            _ => None,
        });
        let hangs_up = hangs_up == Some(true);
        Some(Self { conn, peer, dialect, service: ServiceName::new(service)?, hangs_up, messages })
    }

    fn played(self) -> Vec<Difference> {
        let mut said = Vec::new();
        let mut worker = Player::new(self.dialect, self.service.clone());
        let mut found = Vec::new();
        let mut heard: Option<Heard> = None;
        said.extend(worker.connected());
        for (index, (at, to, frames)) in self.messages.iter().enumerate() {
            let is_beat = frames.last().is_some_and(|last| last.bytes == "HEARTBEAT");
            if *to == Side::Peer {
                worker.hear(*at, bare(frames));
                if !is_beat {
                    found.extend(heard.as_ref().and_then(|heard| self.unanswered(heard)));
                    heard = Some(Heard { at: *at, frames: frames.clone(), is_answered: false });
                }
                continue;
            }
            if is_beat {
                continue;
            }
            // The first is READY.
            if index > 0 {
                found.extend(self.unlike(*at, frames, heard.as_ref()));
            }
            said.extend(worker.answer(*at, &bare(frames)));
            let mine = (!said.is_empty()).then(|| said.remove(0));
            found.extend(self.compare(*at, frames, mine, heard.as_ref()));
            let is_part =
                matches!(WorkerMessage::read(&bare(frames)), WorkerMessage::Answer { verb: Verb::Part, .. });
            if let Some(heard) = &mut heard {
                heard.is_answered |= !is_part;
            }
        }
        let last = heard.filter(|_| !self.hangs_up);
        found.extend(last.as_ref().and_then(|heard| self.unanswered(heard)));
        found
    }

    /// What the recorded worker left without an answer: the original's answers whatever is no heartbeat.
    fn unanswered(&self, heard: &Heard) -> Option<Difference> {
        let words = "does not answer what it heard";
        (!heard.is_answered).then(|| self.recorded(heard.at, &heard.frames, words))
    }

    /// What the recorded worker says though the original's does not (quirk 33).
    fn unlike(&self, at: u64, frames: &[Frame], heard: Option<&Heard>) -> Option<Difference> {
        let answers = heard.filter(|heard| !heard.is_answered).is_some_and(|heard| {
            answers_so(self.dialect, self.service.as_bytes(), &bare(&heard.frames), &bare(frames))
        });
        (!answers).then(|| self.recorded(at, frames, "says what is no answer to what it heard"))
    }

    fn recorded(&self, at: u64, frames: &[Frame], words: &str) -> Difference {
        Difference {
            about: About::Conn(self.conn),
            kind: Kind::Recorded,
            recorded: Some(frames.to_vec()),
            ours: None,
            at,
            words: format!("{}: in the recording, the worker {words}", self.peer),
        }
    }

    fn compare(
        &self,
        at: u64,
        recorded: &[Frame],
        ours: Option<Vec<Bytes>>,
        heard: Option<&Heard>,
    ) -> Option<Difference> {
        let same = ours.as_ref().is_some_and(|ours| {
            let pairs = recorded.iter().zip(ours);
            recorded.len() == ours.len() && pairs.into_iter().all(|(theirs, mine)| theirs.admits(mine))
        });
        if same {
            return None;
        }
        let sound = heard.is_none_or(|heard| is_sound(self.dialect, &bare(&heard.frames)));
        let order = heard.map_or_else(String::new, |heard| {
            heard.frames.iter().map(|frame| to_text(&frame.bytes)).collect::<Vec<_>>().join(" | ")
        });
        let verb = if ours.is_some() { "says something else" } else { "says nothing" };
        Some(Difference {
            about: About::Conn(self.conn),
            kind: Kind::Worker { silent: ours.is_none(), sound },
            recorded: Some(recorded.to_vec()),
            ours: ours.map(|ours| ours.into_iter().map(Frame::whole).collect()),
            at,
            words: format!("{}: our worker {verb}, having heard {order:?}", self.peer),
        })
    }
}

/// What a worker was told, and whether it has said how that ended.
struct Heard {
    at: u64,
    frames: Vec<Frame>,
    is_answered: bool,
}

/// Whether the original's worker answers so: a zmws 1 worker does its job for any message and takes what
/// stands behind five bytes of the last frame for the id; one of zmws 2 fails what has not its header.
fn answers_so(dialect: Dialect, service: &[u8], heard: &[Bytes], said: &[Bytes]) -> bool {
    let Some((body, (status, head))) = heard.last().zip(said.split_last()) else { return false };
    let id = body.get(5..).unwrap_or_default();
    let names_id = ["COMPLETE: ", "FAIL: ", "CONT: ", "PARTIAL: "]
        .iter()
        .any(|word| status.strip_prefix(word.as_bytes()).is_some_and(|rest| rest == id));
    let has_header = matches!(heard, [first, header, kind, ..] if first.is_empty() && header == "MDPC02" && matches!(kind[..], [b'1' | 1]));
    let is_value =
        |frames: &[Bytes]| frames.len() <= 1 && frames.iter().all(|value| value.starts_with(b"PARAM"));
    match (dialect, head) {
        (Dialect::Zmws1, [value @ .., name]) => names_id && name == service && is_value(value),
        (Dialect::Zmws2, [header, kind, name, value @ ..]) if has_header => {
            names_id && header == "MDPC02" && kind == "3" && name == service && is_value(value)
        }
        (Dialect::Zmws2, [header, kind, name]) => {
            let text = [b"FAIL: ", &body[..]].concat();
            header == "MDPC02" && kind == "3" && name == body && *status == text
        }
        // Not the original's.
        (Dialect::Mdp01 | Dialect::Mdp02, _) => true,
        (Dialect::Zmws1 | Dialect::Zmws2, _) => false,
    }
}

/// Our worker, its work taken from the recording.
struct Player {
    dialect: Dialect,
    session: Session,
    busy: bool,
}

impl Player {
    fn new(dialect: Dialect, service: ServiceName) -> Self {
        let session = Session::new(Config::new(service, 1, 1), Timestamp(0), &mut Vec::new());
        Self { dialect, session, busy: false }
    }

    fn connected(&mut self) -> Vec<Vec<Bytes>> {
        self.handle(0, Event::Connected(self.dialect))
    }

    /// The broker's word. What the worker says to it comes with its answer.
    fn hear(&mut self, at: u64, frames: Vec<Bytes>) {
        let event = wire::decode_worker_order(self.dialect, frames).map_or(Event::Unreadable, Event::Order);
        self.handle(at, event);
    }

    /// What our worker says where the recorded one said this: the job it has brings the same.
    fn answer(&mut self, at: u64, recorded: &[Bytes]) -> Vec<Vec<Bytes>> {
        let WorkerMessage::Answer { verb, value, .. } = WorkerMessage::read(recorded) else {
            return Vec::new();
        };
        if !self.busy {
            return Vec::new();
        }
        let body = value.map_or(Body::EMPTY, Body::One);
        let event = match verb {
            Verb::Part => Event::Partial(body),
            Verb::Complete => Event::Finished { outcome: Outcome::Complete, body },
            Verb::Fail => Event::Finished { outcome: Outcome::Fail, body },
        };
        self.busy = verb == Verb::Part;
        self.handle(at, event)
    }

    fn handle(&mut self, at: u64, event: Event) -> Vec<Vec<Bytes>> {
        let mut actions = Vec::new();
        self.session.handle(Timestamp(at), event, &mut actions);
        let mut said = Vec::new();
        for action in actions {
            match action {
                Action::Send(command) => said.extend(wire::encode_worker_command(self.dialect, &command)),
                Action::Start(_) => self.busy = true,
                Action::Connect { .. } | Action::Abandon | Action::Idle | Action::Close => {}
            }
        }
        said
    }
}

/// Whether these frames are a job in a dialect (original.md §2.3), a missing parameter frame forgiven.
fn is_sound(dialect: Dialect, frames: &[Bytes]) -> bool {
    let id = frames.last().and_then(|job| job.strip_prefix(b"JOB: "));
    let named = id.is_some_and(crate::classify::is_id);
    match dialect {
        Dialect::Zmws1 => named && matches!(frames.len(), 3 | 4) && frames[1].is_empty(),
        Dialect::Zmws2 => {
            let head = matches!(frames, [first, header, kind, ..] if first.is_empty() && header == "MDPC02" && kind == "1");
            named && head && matches!(frames.len(), 4 | 5)
        }
        Dialect::Mdp01 | Dialect::Mdp02 => true,
    }
}

fn bare(frames: &[Frame]) -> Vec<Bytes> {
    frames.iter().map(Frame::filled).collect()
}

/// A replay in which no broker took part.
pub(crate) fn nobody(recorded: &Conversation) -> crate::replay::Played {
    let ours = recorded.emptied();
    crate::replay::Played { ours, requests: HashMap::new(), epoch: 0, slack: 0 }
}
