//! Those who ask, and those who do.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::history::Book;
use super::{ORDERED, SHARED, Weather, connected};
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::{Message, Peer};

/// Requests that a client has under way.
const WINDOW: usize = 16;
/// How long anybody listens before it looks around.
const LOOK: Duration = Duration::from_millis(200);
/// One job in so many takes its worker's connection down.
const LOST: u32 = 300;

#[derive(Clone)]
pub(super) struct Peers {
    /// Of clients and of workers.
    pub(super) ports: [u16; 2],
    pub(super) weather: Weather,
    pub(super) book: Book,
}

/// What a client waits for.
enum Awaited {
    Acknowledgement,
    Value(Vec<u8>),
}

impl Peers {
    /// A client, until there are to be no more questions and all its answers are there.
    pub(super) fn ask(&self, number: usize, dialect: Dialect, seed: u64) {
        let (mut random, mut next) = (fastrand::Rng::with_seed(seed), 0);
        while let Some(mut peer) = connected(self.ports[0], &self.weather) {
            // Whoever was cut off does not know, and asks no more for that.
            let done = self.ask_over(&mut peer, number, dialect, &mut random, &mut next);
            if done.is_ok() || self.weather.over.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn ask_over(
        &self,
        peer: &mut Peer,
        number: usize,
        dialect: Dialect,
        random: &mut fastrand::Rng,
        next: &mut u64,
    ) -> io::Result<()> {
        let mut under_way = VecDeque::new();
        loop {
            let is_calm = self.weather.calm.load(Ordering::Relaxed);
            while under_way.len() < WINDOW && !is_calm {
                *next += 1;
                under_way.push_back(self.ask_one(peer, dialect, random, &format!("{number}-{next}"))?);
            }
            if under_way.is_empty() || self.weather.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            match peer.receive(LOOK) {
                Ok(frames) => self.hear(number, dialect, &frames, &mut under_way),
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Zmws has jobs in the background, of either service; Majordomo has none, and waits.
    fn ask_one(
        &self,
        peer: &mut Peer,
        dialect: Dialect,
        random: &mut fastrand::Rng,
        param: &str,
    ) -> io::Result<Awaited> {
        self.book.ask(param.to_owned());
        let (frames, awaited) = match dialect {
            Dialect::Zmws1 => (dialect::background_zmws1(SHARED, param.as_bytes()), Awaited::Acknowledgement),
            // One connection alone asks for it, so that there is an order.
            Dialect::Zmws2 if random.bool() => {
                (dialect::background(ORDERED, param.as_bytes()), Awaited::Acknowledgement)
            }
            Dialect::Zmws2 => (dialect::background(SHARED, param.as_bytes()), Awaited::Acknowledgement),
            Dialect::Mdp01 | Dialect::Mdp02 => {
                (dialect::sync(dialect, SHARED, param.as_bytes()), Awaited::Value(result(param.as_bytes())))
            }
        };
        peer.send(&frames)?;
        Ok(awaited)
    }

    fn hear(&self, number: usize, dialect: Dialect, frames: &[Vec<u8>], under_way: &mut VecDeque<Awaited>) {
        match dialect::answer(dialect, frames) {
            (Said::Taken, id) => {
                under_way.pop_front();
                self.book.acknowledge(&id, number);
            }
            (Said::Complete, value) => {
                // Jobs that several workers do end in any order.
                let is_it = |one: &Awaited| matches!(one, Awaited::Value(expected) if *expected == value);
                let at = under_way.iter().position(is_it);
                under_way.remove(at.unwrap_or(0));
                let expected = if at.is_some() { value.clone() } else { b"something else".to_vec() };
                self.book.answer(&expected, &value);
            }
            (Said::Fail | Said::Other, _) => {
                under_way.pop_front();
                self.book.refuse();
                // The workers are not back yet.
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// A worker, until all is over.
    pub(super) fn work(&self, dialect: Dialect, service: &str, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut unsaid = None;
        while let Some(mut peer) = connected(self.ports[1], &self.weather) {
            let _ = self.work_over(&mut peer, dialect, service, &mut random, &mut unsaid);
            if self.weather.over.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// What it has done and may not have said is in `unsaid`, for the next connection.
    fn work_over(
        &self,
        peer: &mut Peer,
        dialect: Dialect,
        service: &str,
        random: &mut fastrand::Rng,
        unsaid: &mut Option<Message>,
    ) -> io::Result<()> {
        if let Some(result) = unsaid.take() {
            peer.send(&result)?;
        }
        peer.send(&dialect::ready(dialect, service.as_bytes()))?;
        while !self.weather.over.load(Ordering::Relaxed) {
            let frames = match peer.receive(LOOK) {
                Ok(frames) => frames,
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    peer.send(&dialect::heartbeat(dialect))?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some(job) = dialect::job(dialect, &frames) else { continue };
            self.book.work(service, &job.token, &job.param);
            if random.u32(0..LOST) == 0 {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            let result = dialect::complete(dialect, service, &job.token, &result(&job.param));
            *unsaid = Some(result.clone());
            peer.send(&result)?;
        }
        Ok(())
    }
}

fn result(param: &[u8]) -> Vec<u8> {
    [b"result of ", param].concat()
}
