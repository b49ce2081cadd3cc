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

use crate::differ::{About, Difference, Kind};
use crate::glance_worker::{Said, Verb, WorkerForm};
use crate::ledger::Ledger;
use crate::trace::{ConnIndex, Frame, Port, Side, Trace, What, to_text};

/// Whether a recording is a worker's alone.
pub fn is_of_workers(recorded: &Ledger) -> bool {
    recorded.questions.is_empty() && !recorded.jobs.is_empty()
}

/// Where our worker says something else than the recorded one.
pub fn differences(trace: &Trace) -> Vec<Difference> {
    let conns = trace.conns.iter().enumerate().filter(|(_, conn)| conn.port == Port::Backend);
    conns.flat_map(|(conn, _)| Exchange::of(trace, conn)).flat_map(Exchange::played).collect()
}

/// One connection of a worker.
struct Exchange {
    conn: ConnIndex,
    peer: String,
    dialect: Dialect,
    service: ServiceName,
    /// What was said, from READY on.
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
        let Said::Ready { service, form } = Said::read(&bare(first)) else { return None };
        let dialect = match form {
            WorkerForm::Zmws1 => Dialect::Zmws1,
            WorkerForm::Zmws2 => Dialect::Zmws2,
            WorkerForm::Majordomo1 => Dialect::Mdp01,
            WorkerForm::Majordomo2 => Dialect::Mdp02,
        };
        let peer = trace.conns[conn].peer.clone();
        Some(Self { conn, peer, dialect, service: ServiceName::new(service)?, messages })
    }

    fn played(self) -> Vec<Difference> {
        let mut said = Vec::new();
        let mut worker = Player::new(self.dialect, self.service.clone());
        let mut found = Vec::new();
        let mut waiting: Option<Vec<Frame>> = None;
        let recorded = self.messages.iter();
        said.extend(worker.connected());
        for (at, to, frames) in recorded {
            if *to == Side::Peer {
                worker.hear(*at, bare(frames));
                waiting = Some(frames.clone());
                continue;
            }
            if Said::read(&bare(frames)) == Said::Heartbeat {
                continue;
            }
            said.extend(worker.answer(*at, &bare(frames)));
            let mine = (!said.is_empty()).then(|| said.remove(0));
            found.extend(self.compare(*at, frames, mine, waiting.take().as_deref()));
        }
        found
    }

    fn compare(
        &self,
        at: u64,
        recorded: &[Frame],
        ours: Option<Vec<Bytes>>,
        order: Option<&[Frame]>,
    ) -> Option<Difference> {
        let same = ours.as_ref().is_some_and(|ours| {
            let pairs = recorded.iter().zip(ours);
            recorded.len() == ours.len() && pairs.into_iter().all(|(theirs, mine)| theirs.admits(mine))
        });
        if same {
            return None;
        }
        let sound = order.is_none_or(|order| is_sound(self.dialect, &bare(order)));
        let heard = order.map_or_else(String::new, |order| {
            order.iter().map(|frame| to_text(&frame.bytes)).collect::<Vec<_>>().join(" | ")
        });
        let verb = if ours.is_some() { "says something else" } else { "says nothing" };
        Some(Difference {
            about: About::Conn(self.conn),
            kind: Kind::Worker { silent: ours.is_none(), sound },
            recorded: Some(recorded.to_vec()),
            ours: ours.map(|ours| ours.into_iter().map(Frame::whole).collect()),
            at,
            words: format!("{}: our worker {verb}, having heard {heard:?}", self.peer),
        })
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
        let Said::Answer { verb, value, .. } = Said::read(recorded) else { return Vec::new() };
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

/// Whether these frames are a job in a dialect (PROTOCOL.md §2.3), a missing parameter frame forgiven.
fn is_sound(dialect: Dialect, frames: &[Bytes]) -> bool {
    let id = frames.last().and_then(|job| job.strip_prefix(b"JOB: "));
    let named = id.is_some_and(crate::glance::is_id);
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
pub(crate) fn nobody(recorded: &Ledger) -> crate::replay::Played {
    let ours = recorded.emptied();
    crate::replay::Played { ours, questions: HashMap::new(), improvised: Vec::new(), epoch: 0, slack: 0 }
}
