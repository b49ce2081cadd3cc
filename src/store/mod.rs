//! Where background jobs are kept so that they outlive the broker.
//!
//! A [`Store`] takes batches of [`Record`]s, each all or none and durable when it returns, and gives at the start what it
//! kept, as [`Restored`]. Today there are [`MemoryStore`], whose jobs live as long as the process, and [`DiskStore`], a file of
//! redb. [`Committer`] runs a store on a thread of its own and makes one commit of all that came in while the last one
//! ran, so that nobody waits for a disk but the acknowledgement that depends on it (docs/src/design.md §8).
//!
//! Invariants, the same for every store (`tests/conformance.rs`):
//! - a batch that was committed is there after any crash; one that failed changes nothing that was committed before;
//! - jobs come back in the order in which they were accepted;
//! - a change of a job that is not kept changes nothing.

#[cfg(feature = "store")]
mod commit;
#[cfg(feature = "store")]
mod disk;
pub mod lines;
mod memory;
#[cfg(feature = "store")]
mod record;
#[cfg(all(test, feature = "store"))]
mod tests;
#[cfg(feature = "store")]
mod unwritten;

#[cfg(feature = "store")]
pub use commit::{Committer, Report, Ticket};
#[cfg(feature = "store")]
pub use disk::{DiskOptions, DiskStore};
pub use memory::MemoryStore;

use std::path::PathBuf;

use crate::broker::{Record, Restored};

/// How much a store keeps.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StoreStatistics {
    /// Jobs that are not over.
    pub jobs: u64,
    /// Dead letters.
    pub dead: u64,
    /// Bytes that it takes on its disk; 0 for one in memory.
    pub bytes: u64,
}

/// Where background jobs are kept.
pub trait Store: Send {
    /// Makes `changes` durable, in their order, all or none of them.
    ///
    /// # Errors
    ///
    /// Nothing of the batch is promised: it may be there after a crash, or not. A later call may succeed.
    fn commit(&mut self, changes: &[Record]) -> Result<(), StoreError>;

    /// Hands out all that is kept: services, then jobs in the order in which they were accepted, then dead letters, the
    /// oldest in front.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or holds what it never wrote.
    fn scan(&mut self, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError>;

    /// How much it keeps.
    fn statistics(&self) -> StoreStatistics;
}

/// Why a store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or entered.
    #[error("cannot keep jobs in {}: {source}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Another process has the file.
    #[error("{} is in use: another broker keeps its jobs there; give this one a --data-dir of its own", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A format that this program does not know.
    #[error("{} has format {found}, this program reads {known}: it was written by a newer zmws; use that one", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The version that it has.
        found: u64,
        /// The version that we have.
        known: u64,
    },
    /// What is in the file was not written so.
    #[error("{} is damaged: {what}; move it away to begin with an empty queue, or bring back a copy", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A disk that is full, or broken.
    #[error("cannot write to {}: {what}", .path.display())]
    Failing {
        /// The file.
        path: PathBuf,
        /// The system's word.
        what: String,
    },
}
