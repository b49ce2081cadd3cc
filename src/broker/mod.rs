//! The broker: jobs in, jobs out, nothing else.

use std::collections::HashMap;

use bytes::Bytes;

use crate::job::{Body, JobId, PeerId, ServiceName, Timestamp};
use crate::message::{Address, ClientCommand, ClientReply, Outcome, WorkerCommand, WorkerOrder};

/// What the broker may be told to do otherwise.
#[derive(Clone, Debug)]
pub struct Config {
    /// Time between two heartbeats to an idle worker, in milliseconds. Default 5 000.
    pub heartbeat_ms: u64,
    /// Heartbeats an idle worker may miss before it is dropped. Default 3.
    pub missed_max: u32,
    /// Workers a job may take down before it is failed. Default 5.
    pub attempts_max: u32,
    /// How long a job may run, in milliseconds, before it is taken from its worker; by service.
    pub job_timeout_ms: HashMap<ServiceName, u64>,
    /// The same for the services not named. Default none.
    pub job_timeout_default_ms: Option<u64>,
    /// How long a Majordomo request waits for a worker of an unknown service, in milliseconds. Default 60 000.
    pub hold_ms: u64,
    /// Ended jobs that are remembered. Default 100.
    pub history_max: usize,
    /// Jobs queued in one service. Default 1 000 000.
    pub queued_per_service_max: usize,
    /// Jobs queued in all services together. Default 4 000 000.
    pub queued_max: usize,
    /// Bytes of parameters, queued and active. Default 1 GiB.
    pub bytes_max: usize,
    /// Services that are remembered. Default 65 536.
    pub services_max: usize,
    /// Where job ids begin: from the clock or the system's randomness at the edge.
    pub seed: u64,
}

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
    /// [`Broker::deadline`] has come.
    Tick,
    /// Take no new jobs from now on.
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
    /// Tell a worker.
    Order {
        /// Whom, and how.
        to: Address,
        /// What.
        order: WorkerOrder,
    },
    /// Keep this: replies that come after it in the same batch depend on it.
    Record(Record),
    /// A job ended: tell those who listen to the news.
    Publish(JobEnd),
}

/// What a store keeps of background jobs.
#[derive(Clone, Debug)]
pub enum Record {
    /// The job was taken.
    Accepted {
        /// Its id.
        job: JobId,
        /// Its service.
        service: ServiceName,
        /// Its parameter.
        body: Body,
        /// Who asked.
        client: Bytes,
        /// When.
        at: Timestamp,
    },
    /// The job is over and may be forgotten.
    Finished(JobId),
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
}

/// The state machine.
#[derive(Debug)]
pub struct Broker {
    config: Config,
}

impl Broker {
    /// A broker that knows no service, no worker, no job.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// Takes one event and appends what must be done to `actions`.
    pub fn handle(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        let _ = (now, event, actions, &self.config);
        todo!()
    }

    /// When to send [`Event::Tick`], if nothing happens before.
    pub fn deadline(&self) -> Option<Timestamp> {
        todo!()
    }
}
