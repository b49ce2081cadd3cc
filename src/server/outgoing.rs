//! Messages on their way out, over the sockets.

use bytes::Bytes;
use tracing::debug;

use super::{Server, exchange};
use crate::job::PeerId;
use crate::message::{Address, ClientReply, WorkerOrder};
use crate::transport::Router;

/// The peers of the two ports.
pub(super) struct Sockets<'a> {
    pub(super) clients: &'a Router,
    pub(super) workers: &'a Router,
}

impl exchange::Peers for Sockets<'_> {
    fn to_client(&self, peer: PeerId, frames: &[Bytes]) -> bool {
        self.clients.send(peer, frames).is_ok()
    }

    fn to_worker(&self, peer: PeerId, frames: &[Bytes]) -> bool {
        self.workers.send(peer, frames).is_ok()
    }

    fn client_called(&self, identity: &Bytes) -> Option<PeerId> {
        self.clients.peer_of(identity)
    }

    fn are_of_one_host(&self, client: PeerId, worker: PeerId) -> bool {
        let (one, other) = (self.clients.remote_addr(client), self.workers.remote_addr(worker));
        one.zip(other).is_some_and(|(one, other)| one.ip() == other.ip())
    }
}

impl Server {
    pub(super) fn reply(&mut self, to: &Address, reply: &ClientReply) {
        let sockets = Sockets { clients: &self.clients, workers: &self.workers };
        if !self.exchange.reply(&sockets, to, reply) {
            debug!(peer = %to.peer, "answer for a client that is gone");
        }
    }

    pub(super) fn order(&mut self, to: &Address, order: &WorkerOrder) {
        let sockets = Sockets { clients: &self.clients, workers: &self.workers };
        if !self.exchange.order(&sockets, to, order) {
            // Its `Left` is on the way and gives the job back.
            debug!(peer = %to.peer, "order for a worker that is gone");
        }
    }
}
