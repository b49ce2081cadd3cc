//! Our broker without sockets and without a clock: what `server` does, in virtual time.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use zmws::admin;
use zmws::broker::{Action, Broker, Config, Event, Stage, Subscriptions};
use zmws::job::{PeerId, Timestamp};
use zmws::message::{Address, ClientCommand, ClientReply, Mode};
use zmws::wire;

use crate::target::{Opening, Output, Target};
use crate::trace::{ConnIndex, Header, Port};

/// When a replay in memory begins, as Unix time in microseconds. Any time of this century would do.
pub const EPOCH: u64 = 1_795_490_000_000_000;

/// Our broker, in memory.
#[derive(Debug)]
pub struct InMemory {
    config: Config,
    brokers: HashMap<String, One>,
    broker_of: HashMap<ConnIndex, String>,
    peers: u64,
    now: u64,
    out: VecDeque<Output>,
}

/// One broker of those in a recording.
#[derive(Debug)]
struct One {
    broker: Broker,
    conns: HashMap<ConnIndex, Peer>,
    by_peer: HashMap<PeerId, ConnIndex>,
    /// Who is to be told the id of the job that is taken now.
    wants_id: Option<Address>,
}

#[derive(Clone, Debug)]
struct Peer {
    id: PeerId,
    identity: Bytes,
    port: Port,
    wants_ids: bool,
}

impl InMemory {
    /// A broker with the timing that a recording's header names.
    pub fn new(header: &Header) -> Self {
        Self {
            config: config(header),
            brokers: HashMap::new(),
            broker_of: HashMap::new(),
            peers: 0,
            now: 0,
            out: VecDeque::new(),
        }
    }

    fn one(&mut self, conn: ConnIndex) -> Option<&mut One> {
        self.brokers.get_mut(self.broker_of.get(&conn)?)
    }

    fn handle(&mut self, at: u64, conn: ConnIndex, event: Event) {
        if let Some(one) = self.one(conn) {
            let said = one.handle(at, event);
            self.out.extend(said);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "intervals are seconds")]
fn config(header: &Header) -> Config {
    Config {
        heartbeat_ms: (header.heartbeat_interval * 1e3) as u64,
        missed_max: header.heartbeat_maxtries,
        seed: 1,
        ..Config::default()
    }
}

impl Target for InMemory {
    fn open(&mut self, at: u64, conn: ConnIndex, opening: &Opening<'_>) {
        self.now = at;
        if matches!(opening.port, Port::News | Port::Http) {
            return;
        }
        self.peers += 1;
        let id = PeerId(self.peers);
        let identity = match opening.identity.is_empty() {
            true => Bytes::from([&[0, b'k'][..], &(self.peers as u32).to_be_bytes()[1..]].concat()),
            false => opening.identity.clone(),
        };
        self.broker_of.insert(conn, opening.broker.to_owned());
        let config = &self.config;
        let one = self.brokers.entry(opening.broker.to_owned()).or_insert_with(|| One::new(config));
        one.by_peer.insert(id, conn);
        one.conns.insert(conn, Peer { id, identity, port: opening.port, wants_ids: opening.wants_ids });
    }

    fn close(&mut self, at: u64, conn: ConnIndex) {
        self.now = at;
        if let Some(one) = self.one(conn) {
            let said = one.left(at, conn);
            self.out.extend(said);
        }
    }

    fn say(&mut self, at: u64, conn: ConnIndex, frames: Vec<Bytes>) {
        self.now = at;
        let Some(peer) = self.one(conn).and_then(|one| one.conns.get(&conn).cloned()) else { return };
        match peer.port {
            Port::Frontend => match wire::decode_client_command(frames) {
                Ok((origin, command)) => {
                    let from = Address { peer: peer.id, identity: peer.identity, origin };
                    let waits = matches!(command, ClientCommand::Submit { mode: Mode::Wait, .. });
                    if let Some(one) = self.one(conn) {
                        one.wants_id = (waits && peer.wants_ids).then(|| from.clone());
                    }
                    self.handle(at, conn, Event::Client { from, command });
                }
                Err(rejected) => {
                    let frames =
                        rejected.reply.and_then(|(origin, reply)| wire::encode_client_reply(&origin, &reply));
                    self.out.extend(frames.map(|frames| Output { at, conn, frames }));
                }
            },
            Port::Backend => {
                if let Ok((origin, command)) = wire::decode_worker_command(frames) {
                    let from = Address { peer: peer.id, identity: peer.identity, origin };
                    self.handle(at, conn, Event::Worker { from, command });
                }
            }
            Port::News | Port::Http => {}
        }
    }

    fn restart(&mut self, at: u64, broker: &str) {
        self.now = at;
        self.brokers.remove(broker);
        self.config.seed += 1;
    }

    fn next(&mut self, until: u64) -> Option<Output> {
        while self.out.is_empty() {
            let now = self.now;
            let due = self.brokers.values_mut().filter_map(|one| {
                let deadline = one.broker.deadline()?.0.saturating_sub(EPOCH);
                Some((deadline.max(now), one))
            });
            let (at, one) = due.min_by_key(|(at, _)| *at)?;
            if at > until {
                return None;
            }
            self.now = at;
            let said = one.handle(at, Event::Tick);
            self.out.extend(said);
        }
        self.out.pop_front()
    }

    fn slack(&self) -> u64 {
        0
    }

    fn epoch(&self) -> u64 {
        EPOCH
    }
}

impl One {
    fn new(config: &Config) -> Self {
        let mut broker = Broker::new(config.clone());
        broker.set_subscriptions(Subscriptions { accepted: true, started: false });
        Self { broker, conns: HashMap::new(), by_peer: HashMap::new(), wants_id: None }
    }

    fn holder(&self, port: Port, identity: &Bytes) -> Option<ConnIndex> {
        let same = |peer: &Peer| peer.port == port && peer.identity == *identity;
        self.conns.iter().find(|(_, peer)| same(peer)).map(|(&conn, _)| conn)
    }

    fn left(&mut self, at: u64, conn: ConnIndex) -> Vec<Output> {
        let Some(peer) = self.conns.remove(&conn) else { return Vec::new() };
        self.by_peer.remove(&peer.id);
        let event = match peer.port {
            Port::Frontend => Event::ClientLeft(peer.id),
            Port::Backend | Port::News | Port::Http => Event::WorkerLeft(peer.id),
        };
        self.handle(at, event)
    }

    fn handle(&mut self, at: u64, event: Event) -> Vec<Output> {
        let mut actions = Vec::new();
        self.broker.handle(Timestamp(EPOCH + at), event, &mut actions);
        let outputs = actions.into_iter().filter_map(|action| self.carry_out(action));
        let outputs = outputs.map(|(conn, frames)| Output { at, conn, frames }).collect();
        self.wants_id = None;
        outputs
    }

    fn carry_out(&mut self, action: Action) -> Option<(ConnIndex, Vec<Bytes>)> {
        let (to, frames) = match action {
            Action::Reply { to, reply } => {
                let frames = wire::encode_client_reply(&to.origin, &reply);
                (to, frames)
            }
            Action::Inspect { to, view, echo } => {
                let json = admin::json(&self.broker.snapshot(view));
                let frames =
                    wire::encode_client_reply(&to.origin, &ClientReply::Snapshot { view, json, echo });
                (to, frames)
            }
            Action::Order { to, order } => {
                let frames = wire::encode_worker_order(&to.origin, &order);
                (to, frames)
            }
            Action::Announce(news) if news.stage == Stage::Accepted => {
                let to = self.wants_id.take()?;
                let reply = ClientReply::Accepted { job: news.job, service: news.service };
                let frames = wire::encode_client_reply(&to.origin, &reply);
                (to, frames)
            }
            Action::Record(_) | Action::Publish(_) | Action::Announce(_) => return None,
            Action::Operated(_) | Action::Log(_) => return None,
        };
        // A client that has come back under its own identity gets what was meant for its old connection.
        let conn = self.by_peer.get(&to.peer).copied();
        let conn = conn.or_else(|| self.holder(Port::Frontend, &to.identity))?;
        Some((conn, frames?))
    }
}
