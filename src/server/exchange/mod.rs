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
use crate::wire::{self, Frames, WireError};
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
    /// The message that goes out; empty, and kept from one to the next for its memory.
    frames: Frames,
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
            self.reply(peers, &to, &ClientReply::Accepted { job: news.job, service: news.service.clone() });
        }
    }

    /// Answers in the dialect of the address. A client that has come back under its own identity gets what was meant for
    /// its old connection. Whether anybody is there.
    pub fn reply(&mut self, peers: &impl Peers, to: &Address, reply: &ClientReply) -> bool {
        let has_words = wire::append_client_reply(&to.origin, reply, &mut self.frames).is_some();
        let sent = |peer| peers.to_client(peer, &self.frames);
        let arrived = !has_words || sent(to.peer) || peers.client_called(&to.identity).is_some_and(sent);
        self.frames.clear();
        arrived
    }

    /// Orders in the dialect of the address. Whether the worker is there.
    pub fn order(&mut self, peers: &impl Peers, to: &Address, order: &WorkerOrder) -> bool {
        let has_words = wire::append_worker_order(&to.origin, order, &mut self.frames).is_some();
        let arrived = !has_words || peers.to_worker(to.peer, &self.frames);
        self.frames.clear();
        arrived
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::broker::{Action, Config};

    /// Peers who all have one address, or do not.
    #[derive(Default)]
    struct Told {
        sent: RefCell<Vec<(PeerId, Vec<Bytes>)>>,
        one_host: bool,
        /// A client that has come back under the identity of one that is gone.
        again: Option<PeerId>,
    }

    impl Peers for Told {
        fn to_client(&self, peer: PeerId, frames: &[Bytes]) -> bool {
            self.sent.borrow_mut().push((peer, frames.to_vec()));
            peer != GONE
        }

        fn to_worker(&self, peer: PeerId, frames: &[Bytes]) -> bool {
            self.to_client(peer, frames)
        }

        fn client_called(&self, _identity: &Bytes) -> Option<PeerId> {
            self.again
        }

        fn are_of_one_host(&self, _client: PeerId, _worker: PeerId) -> bool {
            self.one_host
        }
    }

    const CLIENT: PeerId = PeerId(1);
    const WORKER: PeerId = PeerId(2);
    const OTHER: PeerId = PeerId(3);
    const GONE: PeerId = PeerId(4);

    fn frames(text: &[&str]) -> Vec<Bytes> {
        text.iter().map(|frame| Bytes::copy_from_slice(frame.as_bytes())).collect()
    }

    /// A broker whose worker, ready at the time 0, has a job; and the worker's answer to it.
    fn busy(exchange: &mut Exchange) -> (Broker, Vec<Bytes>) {
        let (mut broker, told) = (Broker::new(Config::default()), Told { one_host: true, ..Told::default() });
        let mut actions = Vec::new();
        let ready = decode_worker((WORKER, Bytes::new()), frames(&["MDPC02", "3", "DEMO", "READY"]));
        broker.handle(Timestamp(0), ready.expect("READY"), &mut actions);
        let request = frames(&["", "MDPC02", "1", "p", "SYNC-DEMO"]);
        let request = exchange.decode_client(&told, &broker, (CLIENT, Bytes::new()), request);
        broker.handle(Timestamp(0), request.expect("a request"), &mut actions);
        for action in actions {
            if let Action::Order { to, order: what } = action {
                exchange.order(&told, &to, &what);
            }
        }
        let sent = told.sent.into_inner();
        let job = sent.last().and_then(|(_, frames)| frames.last()).expect("an order");
        let id = std::str::from_utf8(&job[b"JOB: ".len()..]).expect("an id");
        let answer = frames(&["MDPC02", "3", "DEMO", "PARAM-JSON: 1", &format!("COMPLETE: {id}")]);
        (broker, answer)
    }

    fn is_believed(came_at: Timestamp, one_host: bool, asks_first: bool) -> bool {
        let mut exchange = Exchange::default();
        let (broker, answer) = busy(&mut exchange);
        let told = Told { one_host, ..Told::default() };
        exchange.client_came(came_at, OTHER, []);
        if asks_first {
            let request = frames(&["", "MDPC02", "1", "p", "DEMO"]);
            exchange.decode_client(&told, &broker, (OTHER, Bytes::new()), request).expect("a request");
        }
        let event = exchange.decode_client(&told, &broker, (OTHER, Bytes::new()), answer).expect("an answer");
        matches!(event, Event::Client { command: ClientCommand::Finish { .. }, .. })
    }

    #[test]
    fn an_answer_at_the_clients_port_is_the_workers_if_it_came_with_it_from_its_host_and_never_asked() {
        assert!(is_believed(Timestamp(8_000), true, false));
        assert!(!is_believed(Timestamp(1_000_000), true, false));
        assert!(!is_believed(Timestamp(8_000), false, false));
        assert!(!is_believed(Timestamp(8_000), true, true));
    }

    #[test]
    fn a_client_that_came_back_gets_what_was_meant_for_its_old_connection() {
        let told = Told { again: Some(OTHER), ..Told::default() };
        let mut exchange = Exchange::default();
        let event = exchange.decode_client(
            &told,
            &Broker::new(Config::default()),
            (GONE, Bytes::from_static(b"CLI")),
            frames(&["", "MDPC02", "9", "p", "DEMO"]),
        );
        let (to, refused) = event.expect_err("a type that is none").answer.expect("zmws 2 has a word for it");
        assert!(exchange.reply(&told, &to, &refused));
        let heard: Vec<PeerId> = told.sent.into_inner().into_iter().map(|(peer, _)| peer).collect();
        assert_eq!(heard, [GONE, OTHER]);
    }
}
