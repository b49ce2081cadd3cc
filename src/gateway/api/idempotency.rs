//! `Idempotency-Key`: the same request twice is done once.
//!
//! A key belongs to a service and to the bearer token it came with. What was answered is kept for a
//! time and given again; a request that certainly never reached a broker gives its key back. The
//! table is bounded in entries and bytes, the oldest answers going first.
//!
//! The table is behind a lock, held for look-ups only, as connections may run on several threads.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::gateway::api::Reply;
use crate::gateway::config::Config;
use crate::memory::{Account, Charge, MemoryFull, Purpose};

/// Whose key, and for what.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Key {
    service: Vec<u8>,
    token: Vec<u8>,
    key: Vec<u8>,
}

impl Key {
    pub(crate) fn new(service: &[u8], token: Option<&[u8]>, key: &[u8]) -> Self {
        Self { service: service.to_vec(), token: token.unwrap_or_default().to_vec(), key: key.to_vec() }
    }

    fn len(&self) -> usize {
        self.service.len() + self.token.len() + self.key.len()
    }
}

/// The keys in use.
#[derive(Clone, Debug)]
pub(crate) struct Keys(Arc<Mutex<Table>>);

/// What a key led to.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nobody used it: the request is the caller's to do.
    Mine(Claimed),
    /// It was done, and answered so.
    Answered(Reply),
    /// It is being done.
    Running,
    /// The key was used for another request.
    Other,
    /// There is no room to remember it.
    NoRoom(MemoryFull),
}

/// A key whose request is being done. Dropped without [`Claimed::settle`] it is given back.
#[derive(Debug)]
pub(crate) struct Claimed {
    keys: Keys,
    key: Option<Key>,
}

#[derive(Debug)]
struct Table {
    ttl: Duration,
    entries_max: usize,
    bytes_max: usize,
    account: Account,
    entries: HashMap<Key, Entry>,
    /// Answered keys in the order of their answers, each with the moment it is forgotten.
    answered: VecDeque<(Instant, Key)>,
    /// Bytes of answered keys.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    fingerprint: u64,
    answer: Option<Reply>,
    charge: Charge,
}

/// What an entry costs beside the bytes of key and answer, more or less. The key is there twice.
const ENTRY: usize = 512;

impl Keys {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Arc::new(Mutex::new(Table {
            ttl: config.idempotency_ttl,
            entries_max: config.idempotency_max,
            bytes_max: config.idempotency_bytes_max,
            account: config.memory.account(Purpose::Idempotency),
            entries: HashMap::new(),
            answered: VecDeque::new(),
            bytes: 0,
        })))
    }

    /// Asks for a key. `fingerprint` is what the request must have in common with the first one.
    pub(crate) fn claim(&self, now: Instant, key: Key, fingerprint: u64) -> Claim {
        let mut table = self.table();
        table.forget_old(now);
        match table.entries.get(&key) {
            Some(entry) if entry.fingerprint != fingerprint => Claim::Other,
            Some(Entry { answer: Some(reply), .. }) => Claim::Answered(reply.clone()),
            Some(Entry { answer: None, .. }) => Claim::Running,
            None => {
                let charge = match table.account.charge(ENTRY + 2 * key.len()) {
                    Ok(charge) => charge,
                    Err(full) => return Claim::NoRoom(full),
                };
                table.entries.insert(key.clone(), Entry { fingerprint, answer: None, charge });
                Claim::Mine(Claimed { keys: self.clone(), key: Some(key) })
            }
        }
    }

    /// No step under the lock can leave the table half changed.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    /// Keeps the answer, or gives the key back if there is none to keep.
    pub(crate) fn settle(mut self, now: Instant, answer: Option<Reply>) {
        let Some(answer) = answer else { return }; // the drop gives it back
        if let Some(key) = self.key.take() {
            self.keys.table().keep(now, key, answer);
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.keys.table().entries.remove(&key);
        }
    }
}

impl Table {
    /// The answer is promised to whoever comes with the key, so that older ones go first.
    fn keep(&mut self, now: Instant, key: Key, answer: Reply) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        // In memory of its own: what it was made of may be larger, and is weighed as an answer under way.
        let answer = Reply { json: Bytes::copy_from_slice(&answer.json), ..answer };
        entry.charge.set(entry.charge.bytes() + answer.json.len());
        self.bytes += entry.charge.bytes();
        entry.answer = Some(answer);
        self.answered.push_back((now + self.ttl, key));
        while self.answered.len() > self.entries_max || self.bytes > self.bytes_max {
            self.forget_oldest();
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while self.answered.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, key)) = self.answered.pop_front() else { return };
        if let Some(entry) = self.entries.remove(&key) {
            self.bytes -= entry.charge.bytes();
        }
    }
}
