//! What goes into the broker and what comes out of it.

use bytes::Bytes;

use crate::job::{JobId, PeerId, ServiceName, Timestamp};
use crate::message::{Address, ClientCommand, ClientReply, Outcome, View, WorkerCommand, WorkerOrder};

use super::{Denied, Done, LogEvent, Operation, Reason, Record, StoreState};

/// What happens to the broker.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client said something.
    Client {
        /// Where the answer goes.
        from: Address,
        /// What it said.
        command: ClientCommand,
    },
    /// Somebody at the clients' port answered for a job as a worker does that the network knows it is not.
    Stranger {
        /// The connection.
        from: PeerId,
        /// The job.
        job: JobId,
    },
    /// A client's connection is gone.
    ClientLeft(PeerId),
    /// A worker said something.
    Worker {
        /// Where orders go: the dialect is that of this message.
        from: Address,
        /// What it said.
        command: WorkerCommand,
    },
    /// A worker's connection is gone.
    WorkerLeft(PeerId),
    /// [`Broker::deadline`](super::Broker::deadline) has come.
    Tick,
    /// What can be promised of background jobs has changed.
    Store(StoreState),
    /// A background job could not be kept, and its client is told that it was not taken: if it waits still, it is over.
    NotKept(JobId),
    /// An operator wants something: answered by one [`Action::Operated`], the last.
    Operate(Operation),
    /// The server ends: take no new jobs from now on, and begin none.
    Drain,
}

/// What the server must carry out, in this order.
#[derive(Clone, Debug)]
pub enum Action {
    /// Tell a client.
    Reply {
        /// Whom, and how.
        to: Address,
        /// What.
        reply: ClientReply,
    },
    /// Tell a client what [`Broker::snapshot`](super::Broker::snapshot) says, as JSON: a
    /// [`ClientReply::Snapshot`], which the broker leaves to others to write.
    Inspect {
        /// Whom, and how.
        to: Address,
        /// Which list.
        view: View,
        /// For the reply's field of this name.
        echo: Vec<Bytes>,
    },
    /// Tell a worker.
    Order {
        /// Whom, and how.
        to: Address,
        /// What.
        order: WorkerOrder,
    },
    /// Keep this. A [`ClientReply::Accepted`] that comes after it depends on it, and nothing else does.
    Record(Record),
    /// A job ended: tell those who listen to the news.
    Publish(JobEnd),
    /// A job has come this far: tell those who listen to that, if anybody does
    /// ([`Broker::set_subscriptions`](super::Broker::set_subscriptions)).
    Announce(JobProgress),
    /// What an [`Event::Operate`] came to, for whoever asked.
    Operated(Result<Done, Denied>),
    /// Something an operator may want to read in the log.
    Log(LogEvent),
}

/// How a job ended, for the news.
#[derive(Clone, Debug)]
pub struct JobEnd {
    /// Its id.
    pub job: JobId,
    /// Its service.
    pub service: ServiceName,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When a worker got it; `None` if none ever did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it failed, as far as anybody said.
    pub reason: Option<Reason>,
}

/// How far a job has come, for the news.
#[derive(Clone, Debug)]
pub struct JobProgress {
    /// Its id.
    pub job: JobId,
    /// Its service.
    pub service: ServiceName,
    /// How far.
    pub stage: Stage,
    /// When.
    pub at: Timestamp,
}

/// How far a job has come that is not over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// It was taken.
    Accepted,
    /// A worker got it. A job that goes back to its queue starts again.
    Started,
}

/// Who listens to what jobs come to before they end. Nothing is made for nobody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Subscriptions {
    /// Somebody listens to [`Stage::Accepted`].
    pub accepted: bool,
    /// Somebody listens to [`Stage::Started`].
    pub started: bool,
}
