//! How busy the workers of a service are, as a bar.

use super::table::{Cell, Column};
use super::text::Tone;
use crate::admin::status::Service;

/// Above the bars.
pub(super) const COLUMN: Column<'static> = Column::words("LOAD", 3);

/// Cells of a bar.
const CELLS: usize = 8;
/// Eighths of a cell.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// A bar as long as the share of the workers that are busy; none without workers.
pub(super) fn bar(service: &Service) -> Cell {
    let workers = service.busy.saturating_add(service.idle);
    if workers == 0 {
        return Cell::default();
    }
    // The shares of the largest counts there are still have room.
    let eighths = u128::from(service.busy) * (CELLS as u128 * 8) / u128::from(workers);
    let eighths = usize::try_from(eighths).expect("no more than those of the whole bar");
    // One that is busy is seen, however many there are.
    let eighths = if service.busy > 0 { eighths.max(1) } else { 0 };
    let (whole, part) = ("█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
    let rest = "░".repeat(CELLS - eighths.div_ceil(8));
    Cell::toned(whole + part + &rest, tone(service))
}

/// All are busy and jobs wait: more workers would help.
fn tone(service: &Service) -> Tone {
    match (service.idle, service.queued) {
        (0, 1..) => Tone::Bad,
        (0, 0) => Tone::Warn,
        _ => Tone::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_the_share_that_is_busy() {
        let bar = |busy, idle| super::bar(&Service { busy, idle, ..Service::default() });
        let text = |text: &str, tone| Cell::toned(text, tone);
        assert_eq!(bar(0, 0), Cell::default());
        assert_eq!(bar(0, 5), text("░░░░░░░░", Tone::Good));
        assert_eq!(bar(1, 1_000_000), text("▏░░░░░░░", Tone::Good));
        assert_eq!(bar(1, 1), text("████░░░░", Tone::Good));
        assert_eq!(bar(u64::MAX, 0), text("████████", Tone::Warn));
    }
}
