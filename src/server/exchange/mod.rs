//! From frames to events and from actions to frames: what the loop does with its peers' messages, without the sockets.
//!
//! The replay of recordings (`compat`) has peers of its own and no sockets, and goes this same way: so what it proves is
//! what the loop does. No I/O, no clock.

mod ids;
mod stray;

use bytes::Bytes;

use crate::broker::{Broker, Event, JobProgress, Stage};
use crate::job::{PeerId, Timestamp};
use crate::message::{Address, ClientCommand, ClientReply, WorkerOrder};
use crate::wire::{self, WireError};
use ids::IdSeekers;
use stray::Silent;

/// The peers that are there: those of the two ports, or those of a replay.
pub trait Peers {
    /// Sends to a client's connection. Whether that is there.
    fn to_client(&self, peer: PeerId, frames: &[Bytes]) -> bool;

    /// Sends to a worker's connection. Whether that is there.
    fn to_worker(&self, peer: PeerId, frames: &[Bytes]) -> bool;

    /// The client that has this identity now.
    fn client_called(&self, identity: &Bytes) -> Option<PeerId>;

    /// Whether a client's and a worker's connection come from one address.
    fn are_of_one_host(&self, client: PeerId, worker: PeerId) -> bool;
}

/// A client's message that means nothing.
#[derive(Debug)]
pub struct Refused {
    /// What is wrong with it.
    pub error: WireError,
    /// What to tell whom, where the client's dialect has a word for it.
    pub answer: Option<(Address, ClientReply)>,
}

/// What is known of the clients beside what the broker knows.
#[derive(Debug, Default)]
pub struct Exchange {
    id_seekers: IdSeekers,
    silent: Silent,
}

impl Exchange {
    /// A client came, with properties of these names in its READY.
    pub fn client_came<'a>(
        &mut self,
        now: Timestamp,
        peer: PeerId,
        properties: impl IntoIterator<Item = &'a [u8]>,
    ) {
        self.silent.came(now, peer);
        properties.into_iter().for_each(|name| self.id_seekers.came_with(peer, name));
    }

    /// A client is gone.
    pub fn client_left(&mut self, peer: PeerId) -> Event {
        self.silent.left(peer);
        self.id_seekers.left(peer);
        Event::ClientLeft(peer)
    }

    /// What a client's message means.
    ///
    /// # Errors
    ///
    /// It means nothing.
    pub fn decode_client(
        &mut self,
        peers: &impl Peers,
        broker: &Broker,
        (peer, identity): (PeerId, Bytes),
        frames: Vec<Bytes>,
    ) -> Result<Event, Box<Refused>> {
        match wire::decode_client_command(frames) {
            Ok((_, ClientCommand::Finish { job, .. }))
                if !self.silent.may_be_its_workers(peers, broker, peer, job) =>
            {
                Ok(Event::Stranger { from: peer, job })
            }
            Ok((origin, command)) => {
                if !matches!(command, ClientCommand::Finish { .. }) {
                    self.silent.left(peer);
                }
                let from = Address { peer, identity, origin };
                self.id_seekers.asked(&from, &command);
                Ok(Event::Client { from, command })
            }
            Err(rejected) => {
                self.silent.left(peer);
                let answer =
                    rejected.reply.map(|(origin, reply)| (Address { peer, identity, origin }, reply));
                Err(Box::new(Refused { error: rejected.error, answer }))
            }
        }
    }

    /// Whether somebody wants to know the ids of the jobs that are taken.
    pub fn has_id_seekers(&self) -> bool {
        !self.id_seekers.is_empty()
    }

    /// Tells whoever asked and wants to know it the id of the job that was taken just now.
    pub fn tell_id(&mut self, peers: &impl Peers, news: &JobProgress) {
        let seeker = if news.stage == Stage::Accepted { self.id_seekers.take() } else { None };
        if let Some(to) = seeker {
            let accepted = ClientReply::Accepted { job: news.job, service: news.service.clone() };
            reply(peers, &to, &accepted, &mut Vec::new());
        }
    }

    /// An event is handled: a request that was not taken has no id.
    pub fn handled(&mut self) {
        self.id_seekers.take();
    }
}

/// What a worker's message means.
///
/// # Errors
///
/// It means nothing.
pub fn decode_worker((peer, identity): (PeerId, Bytes), frames: Vec<Bytes>) -> Result<Event, WireError> {
    let (origin, command) = wire::decode_worker_command(frames)?;
    Ok(Event::Worker { from: Address { peer, identity, origin }, command })
}

/// Answers in the dialect of the address. A client that has come back under its own identity gets what was meant for its
/// old connection. Whether anybody is there. `frames` is for the use of its memory, empty before and after.
pub fn reply(peers: &impl Peers, to: &Address, reply: &ClientReply, frames: &mut Vec<Bytes>) -> bool {
    let reaches = wire::append_client_reply(&to.origin, reply, frames).is_none_or(|()| {
        let sent = |peer| peers.to_client(peer, frames);
        sent(to.peer) || peers.client_called(&to.identity).is_some_and(sent)
    });
    frames.clear();
    reaches
}

/// Orders in the dialect of the address. Whether the worker is there. `frames` is as in [`reply`].
pub fn order(peers: &impl Peers, to: &Address, order: &WorkerOrder, frames: &mut Vec<Bytes>) -> bool {
    let reaches = wire::append_worker_order(&to.origin, order, frames)
        .is_none_or(|()| peers.to_worker(to.peer, frames));
    frames.clear();
    reaches
}
