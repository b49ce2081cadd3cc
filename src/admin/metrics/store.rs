//! What the store of background jobs keeps, and whether it can.

use std::fmt;

use super::Families;

/// Figures of a store on disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct StoreFigures {
    /// Background jobs that are not over.
    pub jobs: u64,
    /// Dead letters.
    pub dead: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Whether nothing can be kept now.
    pub failing: bool,
    /// Commits, one sync each.
    pub commits: u64,
    /// Batches that could not be committed.
    pub failures: u64,
    /// Acknowledgements that wait for their commit.
    pub held: u64,
    /// Bytes of those and of their jobs.
    pub held_bytes: u64,
}

impl Families<'_, '_> {
    pub(super) fn store(&mut self, store: &StoreFigures) -> fmt::Result {
        self.gauge("zmws_store_jobs", "Background jobs on disk.", store.jobs)?;
        self.gauge("zmws_store_dead", "Dead jobs on disk.", store.dead)?;
        self.gauge("zmws_store_bytes", "Bytes of the file of jobs.", store.bytes)?;
        let failing = u64::from(store.failing);
        self.gauge("zmws_store_failing", "Whether background jobs cannot be kept.", failing)?;
        self.count("zmws_store_commits", "Commits of jobs to the disk, one sync each.", store.commits)?;
        self.count("zmws_store_failures", "Batches that could not be written.", store.failures)?;
        self.gauge("zmws_store_unacknowledged", "Acknowledgements that wait for the disk.", store.held)?;
        let help = "Memory of those and of their jobs.";
        self.gauge("zmws_store_unacknowledged_bytes", help, store.held_bytes)
    }
}
