//! A recording as a play: what the peers say and when, and what the broker is expected to say.

use std::collections::HashMap;

use bytes::Bytes;

use crate::classify::Generation;
use crate::classify::worker::{Verb, WorkerMessage};
use crate::conversation::{Conversation, End, JobIndex, RequestIndex};
use crate::stub_worker;
use crate::target::WANTS_IDS;
use crate::trace::{Conn, ConnIndex, Frame, Port, Side, Trace, What};

#[derive(Clone, Debug)]
pub struct Script {
    pub conns: Vec<Conn>,
    pub recorded: Conversation,
    /// What the peers do of their own accord, in the order of time. What workers say of their jobs is not
    /// among it: that follows from the jobs they are given.
    pub steps: Vec<Step>,
    /// Connections that the recorded broker took notice of.
    pub accepted_conns: Vec<bool>,
    /// Connections whose clients want to know the ids of the jobs that they wait for.
    pub wants_ids: Vec<bool>,
    /// Lives of brokers.
    pub lives: Vec<Life>,
    /// The time of the last event.
    pub end: u64,
}

/// A broker's life: until its next one.
#[derive(Clone, Debug)]
pub struct Life {
    pub broker: String,
    pub from: u64,
    /// Whether it was seen to begin then; else it did so some time later.
    pub seen: bool,
}

#[derive(Clone, Debug)]
pub struct Step {
    /// When, in microseconds.
    pub at: u64,
    /// Over which connection; `None` for a restart.
    pub conn: Option<ConnIndex>,
    pub act: Act,
}

#[derive(Clone, Debug)]
pub enum Act {
    Restart(String),
    /// It connects under an identity.
    Open(Bytes),
    Close,
    Ask {
        request: RequestIndex,
        /// The frames, at their full length.
        frames: Vec<Bytes>,
        /// The recorded job whose id it names: a worker's answer at the clients' port.
        about: Option<JobIndex>,
    },
    /// A worker says something that is no answer to a job it was given.
    Tell(Vec<Bytes>),
    /// A worker that had a job at this time in the recording, and so was silent, says that it lives, if it
    /// has none in the replay.
    Heartbeat,
}

impl Script {
    /// Reads a (decoded) trace as a play.
    pub fn of(trace: &Trace) -> Self {
        let generation = generation(trace);
        let mut writer = Builder {
            script: Self {
                conns: trace.conns.clone(),
                recorded: Conversation::new(generation, trace.conns.clone()),
                steps: Vec::new(),
                accepted_conns: vec![false; trace.conns.len()],
                wants_ids: vec![false; trace.conns.len()],
                lives: Vec::new(),
                end: trace.events.last().map_or(0, |event| event.at),
            },
            open: HashMap::new(),
            running: false,
        };
        for event in &trace.events {
            writer.event(event.at, &event.what);
        }
        let mut script = writer.script;
        let half_interval = half(trace.header.heartbeat_interval);
        script.lives(half_interval);
        stub_worker::add(&mut script, half_interval);
        script.steps.sort_by_key(|step| step.at);
        script
    }

    /// Whether it can be played to a broker that runs: there is one, and it does not die.
    pub fn is_for_sockets(&self) -> bool {
        let dies = self.steps.iter().any(|step| matches!(step.act, Act::Restart(_)));
        !dies && self.conns.iter().all(|conn| conn.broker().is_empty())
    }

    /// Signs of life for the times in which a worker was busy in the recording.
    fn lives(&mut self, half: u64) {
        for (&conn, worker) in &self.recorded.workers {
            for busy in worker.busy.iter().filter(|busy| busy.end == Some(End::Answered)) {
                let to = busy.to.unwrap_or(busy.from);
                let times = (busy.from..to).step_by(half as usize).skip(1);
                self.steps.extend(times.map(|at| Step { at, conn: Some(conn), act: Act::Heartbeat }));
            }
        }
    }
}

/// Half of an interval in seconds, in microseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "intervals are seconds")]
fn half(interval: f64) -> u64 {
    ((interval * 5e5) as u64).max(1_000)
}

/// How the recorded broker reads its clients: by its version or, where the header names none that is known,
/// by what it answers to zmws 2.
fn generation(trace: &Trace) -> Generation {
    Generation::of(&trace.header.upstream).unwrap_or_else(|| {
        let mut asked = (false, false);
        let mut answered = (false, false);
        for event in &trace.events {
            let What::Message { conn, to, frames } = &event.what else { continue };
            if trace.conns[*conn].port != Port::Frontend {
                continue;
            }
            // A part has the old form everywhere.
            if frames.iter().any(|frame| frame.bytes.starts_with(b"CONT: ")) {
                continue;
            }
            let new = frames.iter().take(2).any(|frame| frame.bytes == "MDPC02");
            let seen = if *to == Side::Broker { &mut asked } else { &mut answered };
            if new { seen.1 = true } else { seen.0 = true }
        }
        match (asked, answered) {
            ((true, true), (true, true)) => Generation::Both,
            (_, (true, false)) => Generation::One,
            (_, (false, true)) => Generation::Two,
            ((true, false), _) => Generation::One,
            ((false, true), _) => Generation::Two,
            ((true, true), (false, false)) => Generation::Both,
            // Nobody asked: as good as any.
            ((false, false), _) => Generation::One,
        }
    })
}

struct Builder {
    script: Script,
    /// Connections that were opened; `false` once they are closed.
    open: HashMap<ConnIndex, bool>,
    running: bool,
}

impl Builder {
    fn event(&mut self, at: u64, what: &What) {
        match what {
            // The driver's own word for it; a broker that is started again knows nothing.
            What::Note(note) if note.starts_with("broker started") => {
                if self.running {
                    self.restart(at, "");
                }
                self.running = true;
                self.script.lives.push(Life { broker: String::new(), from: at, seen: true });
            }
            What::Note(_) | What::Open(_) | What::Http { .. } | What::Raw { .. } | What::Command { .. } => {}
            // Nobody listened: the broker is gone, with all it knew.
            What::Refused(conn) => {
                let broker = self.script.conns[*conn].broker().to_owned();
                self.restart(at, &broker);
                self.script.lives.push(Life { broker, from: at, seen: false });
            }
            What::Handshake { conn, peer, .. } => {
                self.script.wants_ids[*conn] = peer.contains_key(WANTS_IDS);
                self.opened(at, *conn, peer.get("Identity").cloned().unwrap_or_default());
            }
            What::Close { conn, .. } => self.closed(at, *conn),
            What::Message { conn, to: Side::Broker, frames } => {
                self.opened(at, *conn, Bytes::new());
                self.said(at, *conn, frames);
            }
            What::Message { conn, to: Side::Peer, frames } => {
                self.script.accepted_conns[*conn] = true;
                self.heard(at, *conn, frames);
            }
        }
    }

    fn restart(&mut self, at: u64, broker: &str) {
        self.script.recorded.restarted(broker);
        self.step(at, None, Act::Restart(broker.to_owned()));
    }

    fn opened(&mut self, at: u64, conn: ConnIndex, identity: Bytes) {
        if self.open.contains_key(&conn) {
            return;
        }
        self.open.insert(conn, true);
        self.script.recorded.identified(conn, &identity);
        self.step(at, Some(conn), Act::Open(identity));
    }

    fn closed(&mut self, at: u64, conn: ConnIndex) {
        if self.open.insert(conn, false) == Some(true) {
            self.script.recorded.worker_left(at, conn);
            self.step(at, Some(conn), Act::Close);
        }
    }

    fn said(&mut self, at: u64, conn: ConnIndex, frames: &[Frame]) {
        let filled: Vec<Bytes> = frames.iter().map(Frame::filled).collect();
        let recorded = &mut self.script.recorded;
        match self.script.conns[conn].port {
            Port::Frontend => {
                let about = named_job(recorded, conn, &filled);
                let request = recorded.client_sent(at, conn, filled.clone());
                self.step(at, Some(conn), Act::Ask { request, frames: filled, about });
            }
            Port::Backend => {
                let said = recorded.worker_sent(at, conn, frames);
                if !answers_a_run(recorded, conn, &said) {
                    self.step(at, Some(conn), Act::Tell(filled));
                }
            }
            Port::News | Port::Http => {}
        }
    }

    fn heard(&mut self, at: u64, conn: ConnIndex, frames: &[Frame]) {
        match self.script.conns[conn].port {
            Port::Frontend => drop(self.script.recorded.client_received(at, conn, frames.to_vec())),
            Port::Backend => drop(self.script.recorded.worker_received(at, conn, frames.to_vec())),
            Port::News | Port::Http => {}
        }
    }

    fn step(&mut self, at: u64, conn: Option<ConnIndex>, act: Act) {
        self.script.steps.push(Step { at, conn, act });
    }
}

/// The job that a client's message speaks of as a worker would.
fn named_job(recorded: &Conversation, conn: ConnIndex, frames: &[Bytes]) -> Option<JobIndex> {
    match WorkerMessage::read(frames) {
        WorkerMessage::Answer { id, .. } => recorded.job_of(conn, &id),
        WorkerMessage::Ready { .. }
        | WorkerMessage::Heartbeat
        | WorkerMessage::Disconnect
        | WorkerMessage::Other => None,
    }
}

/// Whether it speaks of a job that a worker was given.
fn answers_a_run(recorded: &Conversation, conn: ConnIndex, said: &WorkerMessage) -> bool {
    match said {
        WorkerMessage::Answer { id, .. } => {
            recorded.job_of(conn, id).is_some_and(|job| !recorded.jobs[job].runs.is_empty())
        }
        WorkerMessage::Ready { .. }
        | WorkerMessage::Heartbeat
        | WorkerMessage::Disconnect
        | WorkerMessage::Other => false,
    }
}

/// Whether nothing more comes of a job after this.
pub(crate) fn is_last(verb: Verb) -> bool {
    match verb {
        Verb::Complete | Verb::Fail => true,
        Verb::Part => false,
    }
}
