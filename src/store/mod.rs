//! Where background jobs are kept so that they outlive the broker.
//!
//! The broker says what to keep ([`Record`]) ahead of the reply that promises it; the server appends
//! before it sends. Today there is one store, [`Memory`]: the queue lives as long as the process, and
//! nothing waits. A store on disk enters here: it appends a batch, deletes a batch, and is scanned at the
//! start ([`Restored`]).

use crate::broker::{Record, Restored};

/// The store of a broker whose queue lives in its own memory: it keeps no second copy, only the count.
#[derive(Debug, Default)]
pub struct Memory {
    open: u64,
}

impl Memory {
    /// Takes a record. What depends on it may be said at once.
    pub fn append(&mut self, record: &Record) {
        match record {
            Record::Accepted { .. } => self.open += 1,
            Record::Finished(_) => self.open = self.open.saturating_sub(1),
        }
    }

    /// Jobs that were kept and are not over: what a restart of the process would lose.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// What an earlier process left: nothing.
    pub fn scan(&self) -> impl Iterator<Item = Restored> + use<> {
        std::iter::empty()
    }
}
