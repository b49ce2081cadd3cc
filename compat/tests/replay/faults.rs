//! Built-in faults: our broker, spoilt between itself and its peers. The suite must notice each of them.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use zmws_compat::classify::worker::{WorkerMessage, WorkerOrder};
use zmws_compat::classify::{ClientMessage, Generation, Reply, RequestKind};
use zmws_compat::in_memory::InMemory;
use zmws_compat::target::{Opening, Output, Target};
use zmws_compat::trace::{ConnIndex, Frame, Header, Port};

/// What is wrong with the broker.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Fault {
    Nothing,
    WrongWord,
    LostDelimiter,
    ParamAndJobSwapped,
    FailWithPrefix,
    LastInFirstOut,
    AcknowledgedAfterTheJob,
    MissingValueFrame,
    WrongId,
    NoHeartbeatOnReady,
    NoHeartbeatsAtAll,
    HeartbeatsForTheBusy,
    JobGivenTwice,
    AnswerLost,
    AnswerToAnother,
    AcknowledgementLost,
    ParameterLost,
    ClientHidden,
    OtherProtocol,
    TypeAsByte,
    PlainSlashes,
    OrphansForgotten,
    SecondWorkerIgnored,
    CompleteIsFail,
    PartsLost,
    IdsInLowerCase,
    UnknownServiceTaken,
}

/// Our broker with a fault.
pub(crate) struct Faulty {
    fault: Fault,
    broker: InMemory,
    ports: HashMap<ConnIndex, Port>,
    clients: Vec<ConnIndex>,
    ready: HashSet<ConnIndex>,
    greeted: HashSet<ConnIndex>,
    out: VecDeque<Output>,
    held: Option<Output>,
    stack: Stack,
}

impl Faulty {
    pub(crate) fn new(header: &Header, fault: Fault) -> Self {
        Self {
            fault,
            broker: InMemory::new(header),
            ports: HashMap::new(),
            clients: Vec::new(),
            ready: HashSet::new(),
            greeted: HashSet::new(),
            out: VecDeque::new(),
            held: None,
            stack: Stack::default(),
        }
    }
}

impl Target for Faulty {
    fn open(&mut self, at: u64, conn: ConnIndex, opening: &Opening<'_>) {
        self.ports.insert(conn, opening.port);
        if opening.port == Port::Frontend {
            self.clients.push(conn);
        }
        self.broker.open(at, conn, opening);
    }

    fn close(&mut self, at: u64, conn: ConnIndex) {
        if self.fault != Fault::OrphansForgotten || self.ports[&conn] != Port::Backend {
            self.broker.close(at, conn);
        }
    }

    fn say(&mut self, at: u64, conn: ConnIndex, frames: Vec<Bytes>) {
        let worker = self.ports.get(&conn) == Some(&Port::Backend);
        let said = worker.then(|| WorkerMessage::read(&frames));
        if let Some(WorkerMessage::Ready { .. }) = said {
            self.ready.insert(conn);
            if self.fault == Fault::SecondWorkerIgnored && self.ready.len() > 1 {
                return;
            }
        }
        let frames = match self.fault {
            Fault::LastInFirstOut => self.stack.said(conn, frames, said),
            _ => frames,
        };
        if self.fault == Fault::UnknownServiceTaken && !worker && self.takes(at, conn, &frames) {
            return;
        }
        self.broker.say(at, conn, frames);
    }

    fn restart(&mut self, at: u64, broker: &str) {
        self.broker.restart(at, broker);
    }

    fn next(&mut self, until: u64) -> Option<Output> {
        loop {
            if let Some(output) = self.out.pop_front() {
                return Some(output);
            }
            let Some(output) = self.broker.next(until) else { return self.held.take() };
            self.spoil(output);
        }
    }

    fn slack(&self) -> u64 {
        self.broker.slack()
    }

    fn epoch(&self) -> u64 {
        self.broker.epoch()
    }
}

impl Faulty {
    fn spoil(&mut self, output: Output) {
        match self.ports.get(&output.conn) {
            Some(Port::Frontend) => self.spoil_reply(output),
            Some(Port::Backend) => self.spoil_order(output),
            _ => self.out.push_back(output),
        }
    }

    fn spoil_reply(&mut self, mut output: Output) {
        let whole: Vec<Frame> = output.frames.iter().cloned().map(Frame::whole).collect();
        let reply = Reply::read(&whole);
        let ended = matches!(reply, Reply::Ended { .. });
        match self.fault {
            Fault::WrongWord => change(&mut output, b"COMPLETE: ", b"COMPLETED: "),
            Fault::CompleteIsFail => change(&mut output, b"COMPLETE: ", b"FAIL: "),
            Fault::LostDelimiter => drop(output.frames.remove(0)),
            Fault::FailWithPrefix if matches!(reply, Reply::Refused { .. }) => {
                change(&mut output, b"FAIL: ", b"FAIL: JOB: ");
            }
            Fault::MissingValueFrame if ended => drop(output.frames.pop()),
            Fault::WrongId if ended => {
                let id = reply.id().cloned().unwrap_or_default();
                change(&mut output, &id, b"FFFF-FFFF");
            }
            Fault::IdsInLowerCase => {
                let id = reply.id().cloned().unwrap_or_default();
                change(&mut output, &id, &id.to_ascii_lowercase());
            }
            Fault::AnswerLost if ended => return,
            Fault::PartsLost if matches!(reply, Reply::Part { .. }) => return,
            Fault::AcknowledgementLost if matches!(reply, Reply::Accepted { .. }) => return,
            Fault::AcknowledgedAfterTheJob if matches!(reply, Reply::Accepted { .. }) => {
                let before = self.held.replace(output);
                return self.out.extend(before);
            }
            Fault::AnswerToAnother if ended => {
                let other = self.clients.iter().find(|client| **client != output.conn);
                output.conn = other.copied().unwrap_or(output.conn);
            }
            Fault::OtherProtocol => change(&mut output, b"MDPC02", b"MDPC01"),
            Fault::TypeAsByte if output.frames.get(2).is_some_and(|kind| kind == "3") => {
                output.frames[2] = Bytes::from_static(b"\x03");
            }
            Fault::PlainSlashes if reply == Reply::Other => change(&mut output, b"\\/", b"/"),
            Fault::LastInFirstOut => self.stack.heard(&output, &reply),
            _ => {}
        }
        self.out.push_back(output);
    }

    fn spoil_order(&mut self, mut output: Output) {
        let whole: Vec<Frame> = output.frames.iter().cloned().map(Frame::whole).collect();
        let order = WorkerOrder::read(&whole);
        let is_job = matches!(order, WorkerOrder::Run { .. });
        let last = output.frames.len() - 1;
        match self.fault {
            Fault::NoHeartbeatsAtAll if order == WorkerOrder::Heartbeat => return,
            Fault::NoHeartbeatOnReady
                if order == WorkerOrder::Heartbeat && self.greeted.insert(output.conn) =>
            {
                return;
            }
            Fault::ParamAndJobSwapped if is_job => output.frames.swap(last, last - 1),
            Fault::ParameterLost if is_job => output.frames[last - 1] = Bytes::new(),
            Fault::ClientHidden if is_job => output.frames[0] = Bytes::new(),
            Fault::IdsInLowerCase if is_job => {
                output.frames[last] =
                    [&b"JOB: "[..], &output.frames[last][5..].to_ascii_lowercase()].concat().into();
            }
            Fault::LastInFirstOut => self.stack.given(&mut output, &order),
            _ => {}
        }
        let copy = output.clone();
        self.out.push_back(output);
        match self.fault {
            Fault::JobGivenTwice if is_job => self.out.push_back(copy),
            Fault::HeartbeatsForTheBusy if is_job => {
                self.out.push_back(Output { frames: vec![Bytes::from_static(b"HEARTBEAT")], ..copy });
            }
            Fault::AcknowledgedAfterTheJob => self.out.extend(self.held.take()),
            _ => {}
        }
    }

    /// Acknowledges a job of any service.
    fn takes(&mut self, at: u64, conn: ConnIndex, frames: &[Bytes]) -> bool {
        let asked = ClientMessage::read(frames, Generation::Both);
        if asked.kind != RequestKind::Background || !asked.service.starts_with(b"NOSUCH") {
            return false;
        }
        let text = [b"JOB: 0000-0001 ", &asked.service[..]].concat();
        self.out.push_back(Output { at, conn, frames: vec![Bytes::new(), text.into()] });
        true
    }
}

/// Puts one text in the place of another, where frames begin with it or hold it.
fn change(output: &mut Output, from: &[u8], to: &[u8]) {
    if from.is_empty() {
        return;
    }
    for frame in &mut output.frames {
        if let Some(at) = frame.windows(from.len()).position(|window| window == from) {
            *frame = [&frame[..at], to, &frame[at + from.len()..]].concat().into();
        }
    }
}

/// Gives the newest job out first, by passing one job off as another.
#[derive(Default)]
struct Stack {
    asked: VecDeque<(ConnIndex, ClientMessage)>,
    /// Jobs that no worker was shown yet.
    waiting: Vec<(Bytes, ClientMessage)>,
    /// The broker's id of each job shown.
    real: HashMap<Bytes, Bytes>,
}

impl Stack {
    fn said(&mut self, conn: ConnIndex, mut frames: Vec<Bytes>, said: Option<WorkerMessage>) -> Vec<Bytes> {
        match said {
            None => {
                let asked = ClientMessage::read(&frames, Generation::Both);
                if asked.kind == RequestKind::Background {
                    self.asked.push_back((conn, asked));
                }
            }
            Some(WorkerMessage::Answer { id, .. }) => {
                if let Some(real) = self.real.get(&id)
                    && let Some(last) = frames.last_mut()
                {
                    let verb = last.len() - id.len();
                    *last = [&last[..verb], real].concat().into();
                }
            }
            Some(_) => {}
        }
        frames
    }

    fn heard(&mut self, output: &Output, reply: &Reply) {
        let Reply::Accepted { id, .. } = reply else { return };
        if let Some(at) = self.asked.iter().position(|(conn, _)| *conn == output.conn)
            && let Some((_, asked)) = self.asked.remove(at)
        {
            self.waiting.push((id.clone(), asked));
        }
    }

    fn given(&mut self, output: &mut Output, order: &WorkerOrder) {
        let WorkerOrder::Run { id, .. } = order else { return };
        let Some(service) =
            self.waiting.iter().find(|(job, _)| job == id).map(|(_, asked)| asked.service.clone())
        else {
            return;
        };
        let Some(newest) = self.waiting.iter().rposition(|(_, asked)| asked.service == service) else {
            return;
        };
        let (shown, asked) = self.waiting.remove(newest);
        let last = output.frames.len() - 1;
        output.frames[last - 1] = asked.param.unwrap_or_default();
        output.frames[last] = [b"JOB: ", &shown[..]].concat().into();
        self.real.insert(shown, id.clone());
    }
}
