//! What the process holds for others, and how long the loop's turns are.

use std::fmt;

use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;

use super::Families;
use crate::memory::Memory;

/// Bounds of the buckets, in microseconds.
const BOUNDS_US: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// How long turns of the broker's loop were.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnTimes {
    counts: [u64; BOUNDS_US.len() + 1],
    sum_us: u64,
    longest_us: u64,
}

impl TurnTimes {
    /// Counts a turn of so many microseconds.
    pub fn add(&mut self, us: u64) {
        self.counts[BOUNDS_US.partition_point(|&bound| bound < us)] += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.longest_us = self.longest_us.max(us);
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a century fit 53 bits")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

impl Families<'_, '_> {
    pub(super) fn memory(&mut self, memory: &Memory) -> fmt::Result {
        let held = memory
            .accounts()
            .map(|(purpose, held)| (vec![("account", purpose.name().to_owned())], held as u64));
        self.gauges("zmws_memory_bytes", "Memory held because of peers, by what it is for.", held)?;
        if memory.max() < usize::MAX {
            self.gauge("zmws_memory_max_bytes", "The most that may be held in all.", memory.max() as u64)?;
        }
        self.count("zmws_memory_refused", "Times that nothing more could be held.", memory.refused())
    }

    pub(super) fn turns(&mut self, turns: &TurnTimes) -> fmt::Result {
        let help = "How long turns of the broker's loop were.";
        let mut metric = self.0.encode_descriptor("zmws_turn_seconds", help, None, MetricType::Histogram)?;
        let bounds = BOUNDS_US.into_iter().map(seconds).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(turns.counts).collect();
        let count = turns.counts.iter().sum();
        metric.encode_histogram::<NoLabelSet>(seconds(turns.sum_us), count, &buckets, None)?;
        let help = "How long the longest turn was.";
        self.gauge("zmws_turn_longest_seconds", help, seconds(turns.longest_us))
    }
}
