//! Our broker without sockets and without a clock: what `server` does, in virtual time.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use zmws::admin;
use zmws::broker::{Action, Broker, Config, Event, Subscriptions};
use zmws::job::{PeerId, Timestamp};
use zmws::message::ClientReply;
use zmws::server::exchange::{self, Exchange, Peers};

use crate::target::{Opening, Output, Target, WANTS_IDS};
use crate::trace::{ConnIndex, Header, Port};

/// When a replay in memory begins, as Unix time in microseconds. Any time of this century would do.
const EPOCH: u64 = 1_795_490_000_000_000;

/// Our broker, in memory: one for each name in a recording.
#[derive(Debug)]
pub struct InMemory {
    config: Config,
    brokers: HashMap<String, Running>,
    broker_of: HashMap<ConnIndex, String>,
    peers: u64,
    now: u64,
    out: VecDeque<Output>,
}

/// A broker, and who is connected to it.
#[derive(Debug)]
struct Running {
    broker: Broker,
    exchange: Exchange,
    conns: Connections,
}

#[derive(Debug, Default)]
struct Connections {
    all: HashMap<ConnIndex, Connection>,
    by_peer: HashMap<PeerId, ConnIndex>,
    sent: RefCell<Vec<(ConnIndex, Vec<Bytes>)>>,
}

#[derive(Clone, Debug)]
struct Connection {
    peer: PeerId,
    identity: Bytes,
    port: Port,
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

    /// Lets the broker of a connection do something, and takes what it sends.
    fn at_broker_of(&mut self, at: u64, conn: ConnIndex, act: impl FnOnce(&mut Running, Timestamp)) {
        self.now = at;
        let Some(running) = self.broker_of.get(&conn).and_then(|name| self.brokers.get_mut(name)) else {
            return;
        };
        act(running, Timestamp(EPOCH + at));
        self.out.extend(running.conns.taken(at));
    }
}

/// What a header says of its broker's timing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "intervals are seconds")]
pub(crate) fn config(header: &Header) -> Config {
    Config {
        heartbeat_ms: (header.heartbeat_interval * 1e3) as u64,
        missed_max: header.heartbeat_maxtries,
        seed: 1,
        ..Config::default()
    }
}

impl Target for InMemory {
    fn open(&mut self, at: u64, conn: ConnIndex, opening: &Opening<'_>) {
        if matches!(opening.port, Port::News | Port::Http) {
            return;
        }
        self.peers += 1;
        let peer = PeerId(self.peers);
        let identity = match opening.identity.is_empty() {
            true => Bytes::from([&[0, b'k'][..], &(self.peers as u32).to_be_bytes()[1..]].concat()),
            false => opening.identity.clone(),
        };
        self.broker_of.insert(conn, opening.broker.to_owned());
        let config = &self.config;
        self.brokers.entry(opening.broker.to_owned()).or_insert_with(|| Running::new(config));
        let property = opening.wants_ids.then_some(WANTS_IDS.as_bytes());
        self.at_broker_of(at, conn, |running, now| {
            running.conns.by_peer.insert(peer, conn);
            running.conns.all.insert(conn, Connection { peer, identity, port: opening.port });
            if opening.port == Port::Frontend {
                running.exchange.client_came(now, peer, property);
                let accepted = running.exchange.has_id_seekers();
                running.broker.set_subscriptions(Subscriptions { accepted, started: false });
            }
        });
    }

    fn close(&mut self, at: u64, conn: ConnIndex) {
        self.at_broker_of(at, conn, |running, now| {
            let Some(gone) = running.conns.all.remove(&conn) else { return };
            running.conns.by_peer.remove(&gone.peer);
            let event = match gone.port {
                Port::Frontend => running.exchange.client_left(gone.peer),
                Port::Backend | Port::News | Port::Http => Event::WorkerLeft(gone.peer),
            };
            running.handle(now, event);
        });
    }

    fn say(&mut self, at: u64, conn: ConnIndex, frames: Vec<Bytes>) {
        self.at_broker_of(at, conn, |running, now| running.hear(now, conn, frames));
    }

    fn restart(&mut self, at: u64, broker: &str) {
        self.now = at;
        self.brokers.remove(broker);
        self.config.seed += 1;
    }

    fn next(&mut self, until: u64) -> Option<Output> {
        while self.out.is_empty() {
            let now = self.now;
            let due = self.brokers.values_mut().filter_map(|running| {
                let deadline = running.broker.deadline()?.0.saturating_sub(EPOCH);
                Some((deadline.max(now), running))
            });
            let (at, running) = due.min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= until)?;
            running.handle(Timestamp(EPOCH + at), Event::Tick);
            self.out.extend(running.conns.taken(at));
            self.now = at;
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

impl Running {
    fn new(config: &Config) -> Self {
        Self {
            broker: Broker::new(config.clone()),
            exchange: Exchange::default(),
            conns: Connections::default(),
        }
    }

    fn hear(&mut self, now: Timestamp, conn: ConnIndex, frames: Vec<Bytes>) {
        let Some(Connection { peer, identity, port }) = self.conns.all.get(&conn).cloned() else { return };
        let event = if port == Port::Frontend {
            self.exchange.decode_client(&self.conns, &self.broker, (peer, identity), frames).map_err(
                |refused| {
                    if let Some((to, reply)) = refused.answer {
                        self.exchange.reply(&self.conns, &to, &reply);
                    }
                },
            )
        } else {
            exchange::decode_worker((peer, identity), frames).map_err(drop)
        };
        if let Ok(event) = event {
            self.handle(now, event);
        }
    }

    fn handle(&mut self, now: Timestamp, event: Event) {
        let mut actions = Vec::new();
        self.broker.handle(now, event, &mut actions);
        actions.into_iter().for_each(|action| self.carry_out(action));
        self.exchange.handled();
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Reply { to, reply } => drop(self.exchange.reply(&self.conns, &to, &reply)),
            // The server makes lists in pieces, for all who ask.
            Action::Inspect { to, view, echo } => {
                let json = admin::json(&self.broker.snapshot(view));
                self.exchange.reply(&self.conns, &to, &ClientReply::Snapshot { view, json, echo });
            }
            Action::Order { to, order } => drop(self.exchange.order(&self.conns, &to, &order)),
            Action::Announce(news) => self.exchange.tell_id(&self.conns, &news),
            Action::Record(_) | Action::Publish(_) | Action::Operated(_) | Action::Log(_) => {}
        }
    }
}

impl Connections {
    fn taken(&self, at: u64) -> impl Iterator<Item = Output> + use<> {
        self.sent.take().into_iter().map(move |(conn, frames)| Output { at, conn, frames })
    }

    fn send(&self, peer: PeerId, frames: &[Bytes]) -> bool {
        let conn = self.by_peer.get(&peer);
        self.sent.borrow_mut().extend(conn.map(|&conn| (conn, frames.to_vec())));
        conn.is_some()
    }
}

impl Peers for Connections {
    fn to_client(&self, peer: PeerId, frames: &[Bytes]) -> bool {
        self.send(peer, frames)
    }

    fn to_worker(&self, peer: PeerId, frames: &[Bytes]) -> bool {
        self.send(peer, frames)
    }

    fn client_called(&self, identity: &Bytes) -> Option<PeerId> {
        let called = |conn: &&Connection| conn.port == Port::Frontend && conn.identity == *identity;
        self.all.values().find(called).map(|conn| conn.peer)
    }

    /// What was recorded was so at one machine.
    fn are_of_one_host(&self, _client: PeerId, _worker: PeerId) -> bool {
        true
    }
}
