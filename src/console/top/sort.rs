//! In which order services are shown.

use std::cmp::Ordering;

use super::super::status::SERVICES;
use crate::admin::status::Service;

/// A column of [`SERVICES`], and a direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sort {
    /// The column's place.
    pub(super) column: usize,
    /// Names from Z to A, figures from low to high.
    pub(super) reverse: bool,
}

impl Default for Sort {
    /// What has the most to do comes first.
    fn default() -> Self {
        Self { column: 2, reverse: false }
    }
}

impl Sort {
    /// The column `step` further to the right, around the ends.
    pub(super) fn moved(self, step: isize) -> Self {
        let columns = SERVICES.len().cast_signed();
        let column = (self.column.cast_signed() + step).rem_euclid(columns).cast_unsigned();
        Self { column, ..self }
    }

    /// Whether the values rise from top to bottom.
    pub(super) fn rises(self) -> bool {
        (self.column == 0) != self.reverse
    }

    /// Puts services in order. Those that are equal are in the order of their names.
    pub(super) fn order(self, services: &mut [&Service]) {
        services.sort_by(|a, b| {
            let ordering = self.compare(a, b);
            let ordering = if self.rises() { ordering } else { ordering.reverse() };
            ordering.then_with(|| a.service.cmp(&b.service))
        });
    }

    fn compare(self, a: &Service, b: &Service) -> Ordering {
        match self.column {
            0 => a.service.cmp(&b.service),
            column => figure(a, column).total_cmp(&figure(b, column)),
        }
    }
}

/// What the column shows; what it does not know is less than all.
#[expect(clippy::cast_precision_loss, reason = "figures beyond 53 bits may be shown in any order")]
fn figure(service: &Service, column: usize) -> f64 {
    let known = |figure: Option<f64>| figure.unwrap_or(f64::NEG_INFINITY);
    match column {
        // What is held in front of what runs.
        1 => f64::from(u8::from(service.paused)) * 2.0 + f64::from(u8::from(service.draining)),
        2 => service.queued as f64,
        3 => service.active as f64,
        4 => service.idle as f64,
        5 => service.busy as f64,
        6 => service.completed_a_minute as f64,
        7 => service.failed_a_minute as f64,
        8 => known(service.oldest_s),
        9 => known(service.wait.p50_ms),
        10 => known(service.wait.p99_ms),
        11 => known(service.run.p50_ms),
        _ => known(service.run.p99_ms),
    }
}
