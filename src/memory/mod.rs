//! One account for all memory that is held because of somebody outside.
//!
//! A process has one [`Memory`] with a total and a maximum, and an [`Account`] in it for each kind of thing that a peer
//! can make the process hold. Whoever holds such a thing holds its [`Charge`] beside it: the charge is made when the
//! thing comes and gives its bytes back when it is dropped, so that no path can forget it.
//!
//! Weights are bytes *and* a fixed cost an object: a thousand empty frames are not nothing.
//!
//! Invariants:
//! - what an account holds is the sum of its charges that are alive;
//! - the total is the sum of all accounts;
//! - a charge that is asked for ([`Account::charge`]) never takes the total above the maximum.
//!
//! Counters are relaxed atomics: the rooms are single-threaded, but a process may have several.

mod account;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub use account::{Account, Charge};

/// What memory is held for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Purpose {
    /// Connections: their state, before anything is said.
    Connections,
    /// Messages whose last frame has not come.
    Unfinished,
    /// Whole messages that wait for their turn, or for an identity that is in use.
    Arrived,
    /// Output that a peer has not read.
    Unread,
    /// Topics of subscribers.
    Subscriptions,
    /// Jobs queued and active.
    Jobs,
    /// Acknowledgements of background jobs that wait for the disk, with their jobs.
    Acknowledgements,
    /// Services and workers: their names.
    Names,
    /// Jobs that are over and remembered.
    History,
    /// Jobs that were given up and are kept whole.
    DeadLetters,
    /// Lists that were made for somebody who asked.
    Lists,
    /// HTTP requests: heads, bodies, parameters.
    Requests,
    /// HTTP answers and streams under way.
    Responses,
    /// Idempotency keys with their answers.
    Idempotency,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Connections,
        Self::Unfinished,
        Self::Arrived,
        Self::Unread,
        Self::Subscriptions,
        Self::Jobs,
        Self::Acknowledgements,
        Self::Names,
        Self::History,
        Self::DeadLetters,
        Self::Lists,
        Self::Requests,
        Self::Responses,
        Self::Idempotency,
    ];

    /// As metrics and logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Unfinished => "unfinished",
            Self::Arrived => "arrived",
            Self::Unread => "unread",
            Self::Subscriptions => "subscriptions",
            Self::Jobs => "jobs",
            Self::Acknowledgements => "acknowledgements",
            Self::Names => "names",
            Self::History => "history",
            Self::DeadLetters => "dead_letters",
            Self::Lists => "lists",
            Self::Requests => "requests",
            Self::Responses => "responses",
            Self::Idempotency => "idempotency",
        }
    }
}

/// Why nothing more may be held.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("out of memory for {}: {held} bytes are held in all, {max} are allowed", .purpose.name())]
pub struct MemoryFull {
    /// What it was asked for.
    pub purpose: Purpose,
    /// Bytes that all accounts held then.
    pub held: usize,
    /// The maximum of all accounts together.
    pub max: usize,
}

/// The books of a process. Cloning gives the same books.
#[derive(Clone)]
pub struct Memory(Arc<Books>);

struct Books {
    total: Arc<Total>,
    accounts: [Account; Purpose::ALL.len()],
}

/// What all accounts share.
#[derive(Debug)]
struct Total {
    held: AtomicUsize,
    max: AtomicUsize,
    refused: AtomicU64,
}

impl Memory {
    /// Books that allow `max` bytes in all.
    pub fn new(max: usize) -> Self {
        let total = Arc::new(Total {
            held: AtomicUsize::new(0),
            max: AtomicUsize::new(max),
            refused: AtomicU64::new(0),
        });
        let accounts = Purpose::ALL.map(|purpose| Account::new(purpose, Arc::clone(&total)));
        Self(Arc::new(Books { total, accounts }))
    }

    /// The account for a purpose.
    pub fn account(&self, purpose: Purpose) -> Account {
        self.0.accounts[purpose as usize].clone()
    }

    /// Bytes held in all.
    pub fn held(&self) -> usize {
        self.0.total.held.load(Ordering::Relaxed)
    }

    /// The most that may be held in all.
    pub fn max(&self) -> usize {
        self.0.total.max.load(Ordering::Relaxed)
    }

    /// Charges that were refused because the maximum was reached.
    pub fn refused(&self) -> u64 {
        self.0.total.refused.load(Ordering::Relaxed)
    }

    /// Bytes held, account by account.
    pub fn accounts(&self) -> impl Iterator<Item = (Purpose, usize)> + '_ {
        self.0.accounts.iter().map(|account| (account.purpose(), account.held()))
    }
}

/// Books without a maximum: for programs that embed a part and have limits of their own.
impl Default for Memory {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("held", &self.held()).field("max", &self.max()).finish()
    }
}
