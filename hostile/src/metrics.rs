//! What the broker's admin port tells, as far as it tells it.

use std::time::Duration;

use crate::http;

/// One reading of `/metrics`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// The accounts of memory together, if they are shown.
    pub(crate) accounts: Option<u64>,
    /// Turns counted, by the upper bound of their length in seconds, ascending; what is counted is cumulated.
    turns: Vec<(f64, f64)>,
    /// The longest since the start, in seconds.
    longest: f64,
}

/// How long the loop's turns were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turns {
    /// The longest in seconds, or the bound under which it was.
    pub(crate) longest: f64,
    /// How many were above 50 ms.
    pub(crate) too_long: u64,
}

/// The longest that a turn may be, in seconds.
const TURN_MAX: f64 = 0.05;

/// Reads them; `None` if nobody answers in time.
pub(crate) fn read(admin: u16, patience: Duration) -> Option<Metrics> {
    let answer = http::get(admin, "/metrics", patience).ok()?;
    Some(parse(&answer.text()))
}

fn parse(text: &str) -> Metrics {
    let mut metrics = Metrics::default();
    for line in text.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        if series.starts_with("zmws_memory_bytes{") || series.starts_with("zmws_gateway_memory_bytes{") {
            let so_far = metrics.accounts.unwrap_or(0);
            metrics.accounts = Some(so_far.saturating_add(value as u64));
        } else if let Some(labels) = series.strip_prefix("zmws_turn_seconds_bucket{") {
            metrics.turns.extend(bound(labels).map(|bound| (bound, value)));
        } else if series == "zmws_turn_longest_seconds" {
            metrics.longest = value;
        }
    }
    metrics.turns.sort_by(|one, other| one.0.total_cmp(&other.0));
    metrics
}

/// `le="0.05"}` or `le="+Inf"}`.
fn bound(labels: &str) -> Option<f64> {
    let text = labels.split_once("le=\"")?.1.split_once('"')?.0;
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
}

/// The turns between two readings; `None` if they are not shown.
pub(crate) fn turns(before: &Metrics, after: &Metrics) -> Option<Turns> {
    let counts: Vec<(f64, f64)> = after
        .turns
        .iter()
        .map(|(bound, count)| {
            let earlier = before.turns.iter().find(|(known, _)| known == bound);
            (*bound, count - earlier.map_or(0.0, |(_, count)| *count))
        })
        .collect();
    let all = counts.last()?.1;
    let bound = counts.iter().find(|(_, count)| *count >= all)?.0;
    // If it is later than the first reading, it is known exactly.
    let longest = if after.longest > before.longest { after.longest } else { bound };
    // The first bound that is not below the roof: turns in the bucket of the roof itself are good.
    let good = counts.iter().find(|(bound, _)| *bound >= TURN_MAX).map_or(all, |(_, count)| *count);
    Some(Turns { longest, too_long: (all - good).max(0.0) as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(counts: [u64; 3]) -> Metrics {
        let [short, long, all] = counts;
        parse(&format!(
            "zmws_memory_bytes{{account=\"jobs\"}} 1000\nzmws_memory_bytes{{account=\"names\"}} 24\n\
             zmws_turn_seconds_bucket{{le=\"0.01\"}} {short}\nzmws_turn_seconds_bucket{{le=\"0.05\"}} {long}\n\
             zmws_turn_seconds_bucket{{le=\"+Inf\"}} {all}\n"
        ))
    }

    #[test]
    fn accounts_are_summed_and_turns_are_those_between_two_readings() {
        let (before, after) = (reading([5, 7, 8]), reading([15, 18, 20]));
        assert_eq!(after.accounts, Some(1024));
        let turns = turns(&before, &after).expect("they are shown");
        assert_eq!((turns.longest, turns.too_long), (f64::INFINITY, 1));
        let quiet = super::turns(&before, &reading([9, 12, 13])).expect("they are shown");
        assert_eq!((quiet.longest, quiet.too_long), (0.05, 0));
    }

    #[test]
    fn what_is_not_shown_is_not_known() {
        let none = parse("zmws_jobs 3\n");
        assert!(none.accounts.is_none() && turns(&none, &none).is_none());
    }
}
