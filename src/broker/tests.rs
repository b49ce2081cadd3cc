//! Transcripts: what is said to the broker, and what it says. The language is of messages, not of frames.
//!
//! ```text
//! w1 ready SLEEP        a worker (m1 … are Majordomo workers, which take several frames)
//! z1 ready SLEEP        a worker of zmws 2, which may answer at the clients' port, as f1
//! c1 wait SLEEP a       a client that waits; `ask` for one that does not, `hold` for Majordomo
//! w1 done 0             the first job that was given, by the order in which ids appeared
//! w1 leaves             its connection closes
//! op pause SLEEP        an operator, in the words of [`operation`]
//! +5000                 so many milliseconds pass; timers ring when they are due
//! ```

mod bounds;
mod figures;
mod laws;
mod lists;
mod operations;
mod restored;
mod simulation;
mod transcripts;

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;

use super::*;
use crate::job::{Body, ServiceName};
use crate::memory::Memory;
use crate::message::{
    Address, ClientCommand, ClientReply, Dialect, IfUnknown, JobRef, Mode, Origin, Outcome, WorkerCommand,
    WorkerOrder,
};

/// A broker and what was said, with ids as numbers in the order in which they appeared.
struct World {
    broker: Broker,
    now: Timestamp,
    ids: Vec<JobId>,
    log: String,
    /// Sent with the next connection of a peer of that name.
    incarnations: HashMap<String, u64>,
}

const START: Timestamp = Timestamp(1_800_000_000_000_000);

impl World {
    fn new(config: Config) -> Self {
        Self {
            broker: Broker::new(config),
            now: START,
            ids: Vec::new(),
            log: String::new(),
            incarnations: HashMap::new(),
        }
    }

    fn play(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            writeln!(self.log, "{line}").expect("text takes text");
            match line.strip_prefix('+') {
                Some(ms) => self.pass(ms.parse().expect("milliseconds")),
                None => self.step(line),
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now.plus_micros(ms * MS);
        while let Some(due) = self.broker.deadline().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.event(Event::Tick);
        }
        self.now = end;
    }

    fn step(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        if line == "drain" {
            return self.event(Event::Drain);
        }
        if let ["op", rest @ ..] = words.as_slice() {
            let operation = self.operation(rest);
            return self.event(Event::Operate(operation));
        }
        let (who, rest) = (words[0], &words[1..]);
        let from = self.address(who);
        if rest == ["leaves"] {
            *self.incarnations.entry(who.to_owned()).or_default() += 1;
            return self.event(match who.starts_with(['c', 'f']) {
                true => Event::ClientLeft(from.peer),
                false => Event::WorkerLeft(from.peer),
            });
        }
        if who.starts_with(['c', 'f']) {
            let command = client_command(rest, &self.ids);
            return self.event(Event::Client { from, command });
        }
        let command = worker_command(rest, &self.ids);
        self.event(Event::Worker { from, command });
    }

    /// `w1` is a worker of zmws 1, `z1` one of zmws 2, `m1` one of Majordomo, `a1` one without an identity of its own;
    /// `f1` is a connection to the clients' port as zmws 2's workers have it.
    fn address(&self, who: &str) -> Address {
        let dialect = match who.as_bytes()[0] {
            b'm' => Dialect::Mdp01,
            b'z' | b'f' => Dialect::Zmws2,
            _ => Dialect::Zmws1,
        };
        let incarnation = self.incarnations.get(who).copied().unwrap_or(0);
        let number: u64 = who[1..].parse().expect("a number");
        let peer = PeerId(u64::from(who.as_bytes()[0]) * 1_000_000 + number * 1_000 + incarnation);
        let identity = match who.starts_with(['a', 'f']) {
            true => Bytes::from(vec![0, 0, 0, 0, (peer.0 % 250) as u8]),
            false => Bytes::copy_from_slice(who.as_bytes()),
        };
        let delimiter = !who.starts_with('f');
        Address { peer, identity, origin: Origin { delimiter, ..Origin::plain(dialect) } }
    }

    fn event(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.broker.handle(self.now, event, &mut actions);
        self.broker.check();
        self.broker.check_books();
        for action in actions {
            self.show(&action);
        }
    }

    fn show(&mut self, action: &Action) {
        let text = match action {
            Action::Reply { to, reply } => format!("{} < {}", name(to), self.reply(reply)),
            Action::Inspect { to, view, .. } => format!("{} < list {view:?}", name(to)),
            Action::Order { to, order } => format!("{} < {}", name(to), self.order(order)),
            Action::Record(record) => self.record(record),
            Action::Operated(Ok(done)) => self.with_numbers(format!("op < {done}")),
            Action::Operated(Err(denied)) => self.with_numbers(format!("op < denied: {denied}")),
            Action::Announce(JobProgress { job, service, stage, .. }) => {
                format!("news: {} of {service} {stage:?}", self.id(*job))
            }
            Action::Publish(_) | Action::Log(_) => return,
        };
        writeln!(self.log, "    {text}").expect("text takes text");
    }

    fn record(&mut self, record: &Record) -> String {
        match record {
            Record::Accepted(job) => format!("record {}", self.id(job.job)),
            Record::Retried(job) => format!("record {} again", self.id(job.job)),
            Record::Attempted { job, attempts } => format!("record {} lost {attempts}", self.id(*job)),
            Record::Dead(letter) => format!("record {} dead: {}", self.id(letter.job.job), letter.reason),
            Record::Finished(job) => format!("record {} over", self.id(*job)),
            Record::Service(ServiceState { service, paused, draining }) => {
                format!("record {service} paused {paused} draining {draining}")
            }
        }
    }

    fn operation(&self, words: &[&str]) -> Operation {
        match words {
            ["pause", name] => Operation::Pause(service(name)),
            ["resume", name] => Operation::Resume(service(name)),
            ["drain", name] => Operation::Drain(service(name)),
            ["drain"] => Operation::DrainAll,
            ["resume"] => Operation::ResumeAll,
            ["retire", who] => Operation::Retire(self.address(who).peer),
            ["retry", job] => Operation::Retry(named(job, &self.ids)),
            ["delete", job] => Operation::Delete(named(job, &self.ids)),
            _ => panic!("no operator says {words:?}"),
        }
    }

    /// The text with the numbers of ids in their place, and names for connections.
    fn with_numbers(&mut self, mut text: String) -> String {
        for (number, id) in self.ids.iter().enumerate() {
            text = text.replace(&id.to_string(), &format!("#{number}"));
        }
        let workers = self.broker.workers.values();
        workers.fold(text, |text, worker| {
            text.replace(
                &format!("worker {}", worker.address.peer),
                &format!("worker {}", name(&worker.address)),
            )
        })
    }

    fn reply(&mut self, reply: &ClientReply) -> String {
        match reply {
            ClientReply::Accepted { job, service } => format!("accepted {} {service}", self.id(*job)),
            ClientReply::Refused { service, body } => {
                let why = if body.is_empty() { String::new() } else { format!(" ({})", text(body)) };
                format!("refused {}{why}", String::from_utf8_lossy(service))
            }
            ClientReply::Partial { job, body, .. } => format!("part of {} ({})", self.some(*job), text(body)),
            ClientReply::Finished { job, outcome, body, .. } => {
                format!("{outcome:?} {} ({})", self.some(*job), text(body))
            }
            ClientReply::Snapshot { .. } => "list".to_owned(),
            ClientReply::Managed { code, .. } => String::from_utf8_lossy(code).into_owned(),
        }
    }

    fn order(&mut self, order: &WorkerOrder) -> String {
        match order {
            WorkerOrder::Run { job: JobRef::Named(job), body, .. } => {
                format!("run {} ({})", self.id(*job), text(body))
            }
            WorkerOrder::Run { .. } => unreachable!("our jobs have ids"),
            WorkerOrder::Heartbeat => "heartbeat".to_owned(),
            WorkerOrder::Disconnect => "disconnect".to_owned(),
        }
    }

    fn some(&mut self, job: Option<JobId>) -> String {
        self.id(job.expect("the broker knows the job"))
    }

    fn id(&mut self, job: JobId) -> String {
        let known = self.ids.iter().position(|&id| id == job);
        let at = known.unwrap_or_else(|| {
            self.ids.push(job);
            self.ids.len() - 1
        });
        format!("#{at}")
    }
}

fn name(address: &Address) -> String {
    match address.identity.first() {
        Some(0) => "a".to_owned(),
        _ => String::from_utf8_lossy(&address.identity).into_owned(),
    }
}

fn text(body: &Body) -> String {
    body.frames().iter().map(|frame| String::from_utf8_lossy(frame)).collect::<Vec<_>>().join("|")
}

fn body(words: &[&str]) -> Body {
    match words {
        [] => Body::EMPTY,
        [text] => {
            Body::from_frames(text.split('|').map(|frame| Bytes::copy_from_slice(frame.as_bytes())).collect())
        }
        _ => panic!("a body is one word"),
    }
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name.to_owned()).expect("a name")
}

fn named(job: &str, ids: &[JobId]) -> JobId {
    match job.parse::<usize>() {
        Ok(at) => ids[at],
        Err(_) => JobId::parse(job.as_bytes()).expect("a job id"),
    }
}

fn client_command(words: &[&str], ids: &[JobId]) -> ClientCommand {
    let submit = |name: &str, rest, mode, if_unknown| ClientCommand::Submit {
        service: service(name),
        body: body(rest),
        mode,
        if_unknown,
    };
    match words {
        ["ask", name, rest @ ..] => submit(name, rest, Mode::Background, IfUnknown::Refuse),
        ["wait", name, rest @ ..] => submit(name, rest, Mode::Wait, IfUnknown::Refuse),
        ["hold", name, rest @ ..] => submit(name, rest, Mode::Wait, IfUnknown::Hold),
        ["mmi", name, query] => {
            ClientCommand::Manage { name: service(name), query: Bytes::copy_from_slice(query.as_bytes()) }
        }
        ["done", job, of, rest @ ..] => ClientCommand::Finish {
            job: named(job, ids),
            service: service(of).as_bytes().clone(),
            outcome: Outcome::Complete,
            body: body(rest),
        },
        _ => panic!("no client says {words:?}"),
    }
}

fn worker_command(words: &[&str], ids: &[JobId]) -> WorkerCommand {
    let finish = |job, rest, outcome| WorkerCommand::Finish { job, service: None, outcome, body: body(rest) };
    match words {
        ["ready", name] => WorkerCommand::Ready { service: service(name) },
        ["heartbeat"] => WorkerCommand::Heartbeat,
        ["goes"] => WorkerCommand::Disconnect,
        ["done", job, rest @ ..] => finish(JobRef::Named(named(job, ids)), rest, Outcome::Complete),
        ["fail", job, rest @ ..] => finish(JobRef::Named(named(job, ids)), rest, Outcome::Fail),
        ["done-it", rest @ ..] => {
            finish(JobRef::Address(Bytes::from_static(b"somebody")), rest, Outcome::Complete)
        }
        ["part", job, rest @ ..] => {
            WorkerCommand::Partial { job: JobRef::Named(named(job, ids)), service: None, body: body(rest) }
        }
        _ => panic!("no worker says {words:?}"),
    }
}
