//! A request on its way from a caller to the connection's task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::client::CallError;
use crate::client::session::RequestId;
use crate::job::{Body, JobId};
use crate::message::{ClientCommand, ClientReply};

/// Bytes from which on a parameter is given up when it has left.
const HEAVY: usize = 1 << 10;

/// Parts of a result that may wait to be taken.
pub(super) const PARTS_MAX: usize = 1_024;

/// What a caller tells the connection's task.
#[derive(Debug)]
pub(super) enum Command {
    /// Send this.
    Send(Box<Request>),
    /// The caller gave up.
    Cancel(RequestId),
}

/// A request, and where its replies go.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) command: ClientCommand,
    /// Whether to send it again if a connection is lost after it was sent.
    pub(super) repeatable: bool,
    /// Which of the messages of its connection it is; 0 for none.
    pub(super) place: u64,
    pub(super) waiter: Waiter,
}

/// The job that a reply speaks of.
fn job_of(reply: &ClientReply) -> Option<JobId> {
    match reply {
        ClientReply::Accepted { job, .. } => Some(*job),
        ClientReply::Partial { job, .. } | ClientReply::Finished { job, .. } => *job,
        ClientReply::Refused { .. } | ClientReply::Snapshot { .. } | ClientReply::Managed { .. } => None,
    }
}

impl Request {
    /// Whether its parameter is worth to be given up as soon as it has left.
    pub(super) fn is_heavy(&self) -> bool {
        match &self.command {
            ClientCommand::Submit { body, .. } => !self.repeatable && body.len() >= HEAVY,
            ClientCommand::Inspect { .. } | ClientCommand::Manage { .. } | ClientCommand::Finish { .. } => {
                false
            }
        }
    }

    /// The broker has it: what is not needed to send it again goes.
    pub(super) fn release(&mut self) {
        if self.repeatable {
            return;
        }
        if let ClientCommand::Submit { body, .. } = &mut self.command {
            *body = Body::EMPTY;
        }
    }

    /// Ends the request without a result.
    pub(super) fn fail(self, error: CallError) {
        self.waiter.finish(Err(error));
    }
}

/// Who waits for the replies.
#[derive(Debug)]
pub(super) enum Waiter {
    /// Someone who wants the last reply only, and to know the job meanwhile.
    One(oneshot::Sender<Result<ClientReply, CallError>>, watch::Sender<Option<JobId>>),
    /// Someone who wants them all. The channel has [`PARTS_MAX`] places and one for the last.
    Many(mpsc::Sender<Result<ClientReply, CallError>>),
}

/// There was no room for a part.
#[derive(Debug)]
pub(super) struct Overrun;

impl Waiter {
    /// Hands over a part of the result, or word that the job was taken, if they are wanted.
    pub(super) fn part(&self, reply: ClientReply) -> Result<(), Overrun> {
        match self {
            Self::One(_, job) => {
                job.send_replace(job_of(&reply));
                Ok(())
            }
            Self::Many(sender) if sender.capacity() <= 1 => Err(Overrun),
            Self::Many(sender) => {
                let _gone = sender.try_send(Ok(reply)); // its Cancel is on the way
                Ok(())
            }
        }
    }

    /// Hands over the last reply. A caller who is gone does not mind.
    pub(super) fn finish(self, last: Result<ClientReply, CallError>) {
        match self {
            Self::One(sender, _) => drop(sender.send(last)),
            Self::Many(sender) => drop(sender.try_send(last)),
        }
    }

    /// Waits until the caller gives up. Cancel safe.
    pub(super) async fn gone(&mut self) {
        match self {
            Self::One(sender, _) => sender.closed().await,
            Self::Many(sender) => sender.closed().await,
        }
    }
}

/// A caller's hold on a request: room among those in flight, and the duty to tell the task if the
/// caller gives up.
#[derive(Debug)]
pub(super) struct InFlight {
    id: RequestId,
    commands: mpsc::UnboundedSender<Command>,
    settled: bool,
    _room: OwnedSemaphorePermit,
    _in_flight: Slot,
}

/// One among the requests of a connection, until dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Slot {
    pub(super) fn one_more(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    pub(super) fn new(
        id: RequestId,
        commands: mpsc::UnboundedSender<Command>,
        room: OwnedSemaphorePermit,
        in_flight: Slot,
    ) -> Self {
        Self { id, commands, settled: false, _room: room, _in_flight: in_flight }
    }

    /// The last reply is here.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.settled {
            let _closed = self.commands.send(Command::Cancel(self.id));
        }
    }
}
