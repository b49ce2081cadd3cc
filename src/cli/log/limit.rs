//! How many lines of one kind there may be, from one peer and from all together.
//!
//! A kind is a place in the code that logs. Who says nothing but what others say, again and again, is heard for a while
//! and then summed up: `… 12,345 more: <message>`. Each peer has a share of its own, so that one that floods the log
//! takes no other's lines away; and since a peer may come as many, all together have one, too, which is far larger.
//!
//! Pure: the time comes from outside.

use std::collections::HashMap;
use std::time::Duration;

use tracing::Level;

/// Which lines have a share in common.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key<K> {
    /// Where in the code.
    pub(super) kind: K,
    /// The field that tells peers apart, and its value; `None` for all peers together.
    pub(super) who: Option<(&'static str, String)>,
}

/// Lines that were not written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Summary {
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) who: Option<(&'static str, String)>,
    pub(super) lines: u64,
}

/// All shares.
#[derive(Debug)]
pub(super) struct Limiter<K> {
    shares: HashMap<Key<K>, Share>,
}

#[derive(Debug)]
struct Share {
    rate: Rate,
    /// Lines that may be written at once.
    room: u32,
    /// Until when time has been made into room.
    refilled_at: Duration,
    held_back: u64,
    /// The line that the others are like.
    level: Level,
    message: String,
}

/// So many at once, and so many a second.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    per_second: u32,
}

/// A peer's lines of one kind.
const OF_ONE: Rate = Rate { burst: 20, per_second: 1 };
/// All peers' lines of one kind.
const OF_ALL: Rate = Rate { burst: 200, per_second: 20 };
/// Shares that are remembered; peers beyond these have but the common one.
const SHARES_MAX: usize = 4_096;
/// Peers that are summed up each for itself at a time; the rest is added to its kind.
const TOLD_APART: usize = 8;

impl<K> Default for Limiter<K> {
    fn default() -> Self {
        Self { shares: HashMap::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash> Limiter<K> {
    /// Whether a line may be written; one that may not is counted. `now` is the time since any moment.
    pub(super) fn admits(&mut self, now: Duration, key: Key<K>, level: Level, message: &str) -> bool {
        let all = Key { kind: key.kind.clone(), who: None };
        let known = self.shares.contains_key(&key) || self.shares.len() < SHARES_MAX;
        if key.who.is_some() && known && !self.share(now, key, OF_ONE).takes(now, level, message) {
            return false;
        }
        self.share(now, all, OF_ALL).takes(now, level, message)
    }

    fn share(&mut self, now: Duration, key: Key<K>, rate: Rate) -> &mut Share {
        self.shares.entry(key).or_insert_with(|| Share {
            rate,
            room: rate.burst,
            refilled_at: now,
            held_back: 0,
            level: Level::INFO,
            message: String::new(),
        })
    }

    /// Whether there are lines to sum up.
    pub(super) fn holds_back(&self) -> bool {
        self.shares.values().any(|share| share.held_back > 0)
    }

    /// Sums up what was not written since the last time, and forgets who has been quiet.
    pub(super) fn sum_up(&mut self, now: Duration) -> Vec<Summary> {
        let mut told: HashMap<K, usize> = HashMap::new();
        let (mut summaries, mut rest) = (Vec::new(), HashMap::new());
        for (key, share) in &mut self.shares {
            share.refill(now);
            let lines = std::mem::take(&mut share.held_back);
            if lines == 0 {
                continue;
            }
            let summary =
                Summary { level: share.level, message: share.message.clone(), who: key.who.clone(), lines };
            let count = told.entry(key.kind.clone()).or_default();
            if key.who.is_some() && *count < TOLD_APART {
                *count += 1;
                summaries.push(summary);
            } else {
                let sum = rest.entry(key.kind.clone()).or_insert(Summary { who: None, lines: 0, ..summary });
                sum.lines += lines;
            }
        }
        self.shares.retain(|_, share| share.room < share.rate.burst);
        summaries.extend(rest.into_values());
        summaries
    }
}

impl Share {
    fn takes(&mut self, now: Duration, level: Level, message: &str) -> bool {
        self.refill(now);
        if self.room > 0 {
            self.room -= 1;
            return true;
        }
        if self.held_back == 0 {
            (self.level, self.message) = (level, message.to_owned());
        }
        self.held_back += 1;
        false
    }

    fn refill(&mut self, now: Duration) {
        let whole =
            now.saturating_sub(self.refilled_at).as_millis() * u128::from(self.rate.per_second) / 1_000;
        let lines = u32::try_from(whole).unwrap_or(u32::MAX);
        if lines > 0 {
            self.room = self.room.saturating_add(lines).min(self.rate.burst);
            self.refilled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn key(kind: u32, peer: &str) -> Key<u32> {
        Key { kind, who: Some(("peer", peer.to_owned())) }
    }

    fn admitted(limiter: &mut Limiter<u32>, now: Duration, key: &Key<u32>, lines: u32) -> usize {
        let admits = |_: &u32| limiter.admits(now, key.clone(), Level::WARN, "no");
        (0..lines).filter(admits).count()
    }

    #[test]
    fn who_floods_is_summed_up_and_others_are_heard() {
        let mut limiter = Limiter::default();
        assert_eq!(admitted(&mut limiter, NOW, &key(1, "7"), 10_000), 20);
        assert_eq!(admitted(&mut limiter, NOW, &key(1, "8"), 1), 1, "another peer");
        assert_eq!(admitted(&mut limiter, NOW, &key(2, "7"), 1), 1, "another kind");
        let who = Some(("peer", "7".to_owned()));
        let summary = Summary { level: Level::WARN, message: "no".to_owned(), who, lines: 9_980 };
        assert_eq!(limiter.sum_up(NOW), [summary]);
        assert!(!limiter.holds_back() && limiter.sum_up(NOW).is_empty(), "said once");
        let later = NOW + Duration::from_secs(5);
        assert_eq!(admitted(&mut limiter, later, &key(1, "7"), 100), 5, "one a second");
    }

    #[test]
    fn a_peer_that_comes_as_many_is_bounded_in_lines_and_in_memory() {
        let mut limiter = Limiter::default();
        let mut lines = 0;
        for peer in 0..100_000 {
            lines += admitted(&mut limiter, NOW, &key(1, &peer.to_string()), 1);
        }
        assert_eq!(lines, 200);
        assert!(limiter.shares.len() <= SHARES_MAX + 1);
        let told: u64 = limiter.sum_up(NOW).iter().map(|summary| summary.lines).sum();
        assert_eq!(told, 100_000 - 200);
        limiter.sum_up(NOW + Duration::from_secs(60));
        assert!(limiter.shares.is_empty(), "who is quiet is forgotten");
    }

    #[test]
    fn summaries_of_many_peers_are_few_lines() {
        let mut limiter = Limiter::default();
        for peer in 0..50 {
            admitted(&mut limiter, NOW, &key(1, &peer.to_string()), 100);
        }
        let summaries = limiter.sum_up(NOW);
        assert_eq!(summaries.len(), TOLD_APART + 1);
        assert_eq!(summaries.iter().map(|summary| summary.lines).sum::<u64>(), 50 * 100 - 200);
    }
}
