//! A job that is not over, and where it is.
//!
//! ```text
//!   submit             assign                 finish
//!  --------> Queued ------------> Active ----------------> (gone)
//!               ^   its worker left, |                        ^
//!               '--- ran too long ---'                        |
//!               '---- a former worker's late answer ----------'
//! ```

use bytes::Bytes;

use super::queue::Position;
use super::record::StoredJob;
use super::services::ServiceKey;
use super::weights;
use crate::job::{Body, JobId, PeerId, ServiceName, Timestamp};
use crate::memory::Charge;
use crate::message::{Address, Mode};

/// A job that is not over. A million may wait, so each field is weighed.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) service: ServiceKey,
    pub(super) body: Body,
    pub(super) client: Client,
    pub(super) mode: Mode,
    pub(super) requested_at: Timestamp,
    pub(super) state: State,
    /// Workers it has lost.
    pub(super) attempts: u32,
    /// Those workers; `None` for nearly all jobs.
    #[expect(clippy::box_collection, reason = "one word for the jobs that have none")]
    pub(super) former: Option<Box<Vec<Owner>>>,
    /// Until when it waits for a worker of a kind that is not there: its timer rings then.
    pub(super) held_until: Option<Timestamp>,
    /// [`Job::held`] bytes.
    pub(super) charge: Charge,
}

/// Who asked for a job.
#[derive(Debug)]
pub(super) enum Client {
    /// It may still be connected.
    Known(Address),
    /// It asked an earlier process; only its identity was kept. A worker may have the job from that time.
    Restored(Bytes),
    /// It was told that the job failed, which is tried again.
    Told(Bytes),
}

/// Where a job is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// In its service's queue.
    Queued(Position),
    /// With a worker.
    Active { worker: PeerId, started_at: Timestamp },
}

/// A worker that had a job.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) peer: PeerId,
    pub(super) identity: Bytes,
}

impl Job {
    /// Bytes that count against `bytes_max`.
    pub(super) fn weight(&self) -> usize {
        match &self.client {
            Client::Known(address) => self.body.len() + envelope_len(address),
            Client::Restored(_) | Client::Told(_) => self.body.len(),
        }
    }

    /// Bytes that it holds, its own among them.
    pub(super) fn held(&self) -> usize {
        let envelope = match &self.client {
            Client::Known(address) => address.origin.envelope.as_deref().unwrap_or_default(),
            Client::Restored(_) | Client::Told(_) => &[],
        };
        let former = self.former.as_ref().map_or(0, |owners| owners.len() * weights::OWNER);
        weights::job(&self.body, self.client_identity(), envelope) + former
    }

    /// The same without the workers that had it: what it holds from its first moment to its last.
    pub(super) fn load(&self) -> usize {
        let former = self.former.as_ref().map_or(0, |owners| owners.len() * weights::OWNER);
        self.charge.bytes() - former
    }

    /// A worker had it and lost it. Of very many only the last are remembered.
    pub(super) fn lost_by(&mut self, owner: Owner) {
        let former = self.former.get_or_insert_default();
        if former.len() >= FORMER_MAX {
            former.remove(0);
        }
        former.push(owner);
        let held = self.held();
        self.charge.set(held);
    }

    /// Its client's ZeroMQ identity.
    pub(super) fn client_identity(&self) -> &Bytes {
        match &self.client {
            Client::Known(address) => &address.identity,
            Client::Restored(identity) | Client::Told(identity) => identity,
        }
    }

    /// Whether `peer` had this job and lost it, perhaps under an earlier connection.
    pub(super) fn was_with(&self, peer: PeerId, identity: &Bytes) -> bool {
        let same = |owner: &Owner| owner.peer == peer || (owner.identity == *identity && is_own(identity));
        self.former.iter().flat_map(|owners| owners.iter()).any(same)
    }

    /// What a store is to keep of it.
    pub(super) fn stored(&self, job: JobId, service: &ServiceName) -> StoredJob {
        StoredJob {
            job,
            service: service.clone(),
            body: self.body.clone(),
            client: self.client_identity().clone(),
            requested_at: self.requested_at,
            attempts: self.attempts,
        }
    }

    /// Whether a worker may have it since an earlier process.
    pub(super) fn is_restored(&self) -> bool {
        matches!(self.client, Client::Restored(_))
    }

    /// Whether a worker without an identity of its own had this job and lost it: under a new connection
    /// it is not to be told from others of its kind.
    pub(super) fn was_with_an_anonymous_worker(&self) -> bool {
        self.former.iter().flat_map(|owners| owners.iter()).any(|owner| !is_own(&owner.identity))
    }
}

/// Workers that had a job and are remembered, so that their late answers count.
const FORMER_MAX: usize = 32;

/// Bytes of the return envelope, which a client may make as large as it likes.
pub(super) fn envelope_len(address: &Address) -> usize {
    address.origin.envelope.iter().flatten().map(Bytes::len).sum()
}

/// Whether an identity is the peer's own, not one that we gave it.
pub(super) fn is_own(identity: &[u8]) -> bool {
    identity.first().is_some_and(|&byte| byte != 0)
}
