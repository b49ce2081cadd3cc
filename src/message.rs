//! What peers say to each other, free of any dialect: one enum a direction.
//!
//! `wire` turns frames into these and back; `broker` knows nothing else. Four small enums instead
//! of one large, so that no code has to say what it would do with a message that cannot come.

use bytes::Bytes;

use crate::job::{Body, JobId, PeerId, ServiceName};

/// The protocols that share a port. What tells them apart: original.md §9.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Dialect {
    /// zmws 0.9 … 1.0.0 for clients, 0.9 … 2.0.0-rc4 for workers.
    Zmws1,
    /// zmws 2.0.0-rc1 … master for clients, master for workers.
    Zmws2,
    /// Majordomo 0.1, RFC 7.
    Mdp01,
    /// Majordomo 0.2, RFC 18.
    Mdp02,
}

impl Dialect {
    /// Whether a body of several frames can be said: zmws has one frame for it, Majordomo as many as
    /// there are.
    pub fn carries_many(self) -> bool {
        match self {
            Self::Zmws1 | Self::Zmws2 => false,
            Self::Mdp01 | Self::Mdp02 => true,
        }
    }

    /// Whether a worker may answer at the clients' port: zmws 2's original does so after a fail-over
    /// (original.md quirk 1).
    pub fn answers_at_clients_port(self) -> bool {
        match self {
            Self::Zmws2 => true,
            Self::Zmws1 | Self::Mdp01 | Self::Mdp02 => false,
        }
    }

    /// Whether a body passes unharmed.
    pub fn carries(self, body: &Body) -> bool {
        matches!(body, Body::One(_)) || self.carries_many()
    }
}

/// What an answer needs so as to look like the question did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The dialect of the question.
    pub dialect: Dialect,
    /// Whether the question began with an empty frame. A zmws 1 DEALER sends none
    /// (`1.0.0/client-base`), and gets one all the same, but for the echo of SERVER-*.
    pub delimiter: bool,
    /// Frames in front of the delimiter, to be given back as they came: ZeroMQ's return envelope.
    pub envelope: Option<Box<[Bytes]>>,
}

impl Origin {
    /// The origin of an ordinary message of a dialect: a delimiter, no envelope.
    pub fn plain(dialect: Dialect) -> Self {
        Self { dialect, delimiter: true, envelope: None }
    }
}

/// Where an answer goes. Made when a message is decoded, read again when the answer is encoded;
/// it travels with the job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// The connection the message came over.
    pub peer: PeerId,
    /// Its ZeroMQ identity: the peer's own, or five bytes beginning with 00 that we gave it.
    pub identity: Bytes,
    /// The form that the answer must have.
    pub origin: Origin,
}

/// Whether a client waits for the result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Told the job's id, and nothing after that.
    Background,
    /// Told the result (`SYNC-`, and every Majordomo request), and nothing before but partials.
    Wait,
}

/// What to do with a job for a service that no worker ever offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfUnknown {
    /// Say so at once: zmws.
    Refuse,
    /// Wait for such a worker: Majordomo.
    Hold,
}

/// The lists a client may ask for (`SERVER-*`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum View {
    /// `SERVER-JOBS`: queued jobs.
    Jobs,
    /// `SERVER-ACTIVE`: jobs a worker has.
    Active,
    /// `SERVER-HIST`: the last jobs that ended.
    History,
    /// `SERVER-WORKERS`: the workers.
    Workers,
}

/// Client to broker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientCommand {
    /// Do this job.
    Submit {
        /// Whose work it is.
        service: ServiceName,
        /// The parameter.
        body: Body,
        /// Whether the client waits.
        mode: Mode,
        /// What if no worker ever offered the service.
        if_unknown: IfUnknown,
    },
    /// Show a list (`SERVER-*`).
    Inspect {
        /// Which.
        view: View,
        /// The request's frames but the last, which upstream's answer repeats (original.md quirk 3).
        echo: Vec<Bytes>,
    },
    /// A Majordomo management request, RFC 8: `mmi.service` and its kin.
    Manage {
        /// The whole name, `mmi.` included.
        name: ServiceName,
        /// The first body frame: for `mmi.service` the service asked for.
        query: Bytes,
    },
    /// A worker's answer at the clients' port: upstream's zmws 2 worker sends it there after a
    /// fail-over (original.md quirk 1).
    Finish {
        /// The job.
        job: JobId,
        /// The service it names.
        service: Bytes,
        /// How it ended.
        outcome: Outcome,
        /// What it brought.
        body: Body,
    },
}

/// How a job ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// The worker did it.
    Complete,
    /// The worker said no, or no worker could be found that survived it.
    Fail,
}

/// Broker to client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientReply {
    /// A background job was taken, and (where a store is) is on disk.
    Accepted {
        /// Its id.
        job: JobId,
        /// Its service.
        service: ServiceName,
    },
    /// The request was not taken: unknown service, a limit that was hit, a malformed request.
    Refused {
        /// What upstream's text names: the service, or the job frame of a malformed request.
        /// May be empty.
        service: Bytes,
        /// Why, as a value that all clients can read. Empty where the original would refuse as well (an unknown service, a
        /// malformed request): the words of that are known.
        body: Body,
    },
    /// A part of the result; more follow (`CONT`).
    Partial {
        /// The job. `None` where the dialect does not say (Majordomo).
        job: Option<JobId>,
        /// Its service.
        service: ServiceName,
        /// The part.
        body: Body,
    },
    /// The result of a job that was waited for.
    Finished {
        /// The job. `None` where the dialect does not say (Majordomo).
        job: Option<JobId>,
        /// Its service.
        service: ServiceName,
        /// How it ended.
        outcome: Outcome,
        /// What it brought; empty if nothing.
        body: Body,
    },
    /// The list that was asked for.
    Snapshot {
        /// Which.
        view: View,
        /// A JSON array.
        json: Bytes,
        /// The request's other frames, as [`ClientCommand::Inspect`] had them.
        echo: Vec<Bytes>,
    },
    /// The answer to a Majordomo management request, RFC 8.
    Managed {
        /// The name that was asked, `mmi.` included.
        name: ServiceName,
        /// `200`, `404`, `501`, … as text.
        code: Bytes,
    },
}

/// Which job a worker speaks of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JobRef {
    /// By its id.
    Named(JobId),
    /// By the client address frame of a Majordomo request, which the worker gives back. Our own
    /// broker writes the job's id there, so this is only met at foreign brokers and from
    /// workers that do not give it back as it was.
    Address(Bytes),
}

/// Worker to broker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WorkerCommand {
    /// I do this work. The answer form of all that follows is that of this message.
    Ready {
        /// What it does.
        service: ServiceName,
    },
    /// I am alive.
    Heartbeat,
    /// A part of the result.
    Partial {
        /// Of which job.
        job: JobRef,
        /// The service it names; `None` in Majordomo, which names none.
        service: Option<ServiceName>,
        /// The part.
        body: Body,
    },
    /// The job is over.
    Finish {
        /// Which.
        job: JobRef,
        /// The service it names; `None` in Majordomo, which names none.
        service: Option<ServiceName>,
        /// How it ended. Majordomo knows only [`Outcome::Complete`].
        outcome: Outcome,
        /// What it brought; empty if nothing.
        body: Body,
    },
    /// I go (Majordomo).
    Disconnect,
}

/// Broker to worker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WorkerOrder {
    /// Do this job.
    Run {
        /// Which.
        job: JobRef,
        /// The client's ZeroMQ identity, which zmws 1 tells the worker. Empty in other dialects.
        client: Bytes,
        /// The parameter.
        body: Body,
    },
    /// I am alive.
    Heartbeat,
    /// I do not know you: register anew (Majordomo).
    Disconnect,
}
