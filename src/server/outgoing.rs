//! Messages on their way out: each in the dialect of its address.

use tracing::debug;

use super::Server;
use crate::message::{Address, ClientReply, WorkerOrder};
use crate::wire;

impl Server {
    /// A client that has come back under its own identity gets what was meant for its old connection.
    pub(super) fn reply(&mut self, to: &Address, reply: &ClientReply) {
        let has_words = wire::append_client_reply(&to.origin, reply, &mut self.frames).is_some();
        if has_words && !self.reaches(to) {
            debug!(peer = %to.peer, "answer for a client that is gone");
        }
        self.frames.clear();
    }

    fn reaches(&self, to: &Address) -> bool {
        let sent = |peer| self.clients.send(peer, &self.frames).is_ok();
        sent(to.peer) || self.clients.peer_of(&to.identity).is_some_and(sent)
    }

    pub(super) fn order(&mut self, to: &Address, order: &WorkerOrder) {
        let has_words = wire::append_worker_order(&to.origin, order, &mut self.frames).is_some();
        if has_words && self.workers.send(to.peer, &self.frames).is_err() {
            // Its `Left` is on the way and gives the job back.
            debug!(peer = %to.peer, "order for a worker that is gone");
        }
        self.frames.clear();
    }
}
