//! Answers at the clients' port, as far as the network knows whose they are.
//!
//! Zmws 2's original, after a fail-over, opens two connections in one go: one to the workers' port, and one to the
//! clients' port, over which it then answers and never asks (original.md quirk 1, `master/worker-unmodified`). So an
//! answer over a connection to the clients' port may only be of a worker that
//!
//! - came from the same address,
//! - at the same time, and
//! - if nothing but answers was ever said over that connection.
//!
//! What the broker knows it looks at itself. Whoever passes all that may still be another program
//! on the worker's machine that came in that moment: the ports have no password.

use rustc_hash::FxHashMap;

use super::Peers;
use crate::broker::Broker;
use crate::job::{JobId, PeerId, Timestamp};

/// The most between a worker's READY and its connection to the clients' port, in microseconds. They were 0.1 and 8 ms
/// apart; libzmq tries again after 100 ms to 200 ms where a port was not open yet.
const TOGETHER_US: u64 = 250_000;

/// Connections to the clients' port that have asked for nothing, and when they came.
#[derive(Debug, Default)]
pub(super) struct Silent(FxHashMap<PeerId, Timestamp>);

impl Silent {
    pub(super) fn came(&mut self, now: Timestamp, peer: PeerId) {
        self.0.insert(peer, now);
    }

    /// It has said something else than an answer, or is gone.
    pub(super) fn left(&mut self, peer: PeerId) {
        if !self.0.is_empty() {
            self.0.remove(&peer);
        }
    }

    /// Whether an answer at the clients' port may be of the worker that has the job, as far as the network knows.
    pub(super) fn may_be_its_workers(
        &self,
        peers: &impl Peers,
        broker: &Broker,
        peer: PeerId,
        job: JobId,
    ) -> bool {
        let Some((worker, ready_at)) = broker.worker_of(job) else { return false };
        let Some(&came_at) = self.0.get(&peer) else { return false };
        let apart = came_at.micros_since(ready_at).max(ready_at.micros_since(came_at));
        apart <= TOGETHER_US && peers.are_of_one_host(peer, worker)
    }
}
