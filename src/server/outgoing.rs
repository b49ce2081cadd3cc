//! Messages on their way out: each in the dialect of its address.

use tracing::debug;

use super::Server;
use crate::message::{Address, ClientReply, WorkerOrder};
use crate::wire;

impl Server {
    /// A client that has come back under its own identity gets what was meant for its old connection.
    pub(super) fn reply(&self, to: &Address, reply: &ClientReply) {
        let Some(frames) = wire::encode_client_reply(&to.origin, reply) else { return };
        if self.clients.send(to.peer, &frames).is_ok() {
            return;
        }
        let again = self.clients.peer_of(&to.identity).map(|peer| self.clients.send(peer, &frames));
        if again.is_none_or(|sent| sent.is_err()) {
            debug!(peer = %to.peer, "answer for a client that is gone");
        }
    }

    pub(super) fn order(&self, to: &Address, order: &WorkerOrder) {
        let Some(frames) = wire::encode_worker_order(&to.origin, order) else { return };
        if self.workers.send(to.peer, &frames).is_err() {
            // Its `Left` is on the way and gives the job back.
            debug!(peer = %to.peer, "order for a worker that is gone");
        }
    }
}
