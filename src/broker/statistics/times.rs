//! Times of jobs, for quantiles: sorted buckets of which only those are kept that have something in them.
//!
//! A bucket is a microsecond wide below 512 µs and a 512th of an octave above that, so that what a quantile says is
//! wrong by a thousandth at most. Services whose times are spread widely would need many buckets: beyond
//! [`BUCKETS_MAX`] each two become one, as often as it takes. Spread over ten octaves, 1 ms to 1 s, a quantile is then
//! right to 1 %, and to 3 % if one spreads its times over all of 1 µs to 19 hours.

use super::Quantiles;

/// Buckets of one list: 4 KiB.
const BUCKETS_MAX: usize = 512;
/// Bits of a time that tell it apart within its octave.
const BITS: u32 = 9;
/// From 2^36 µs on, 19 hours, all times are one.
const OCTAVE_MAX: u32 = 36;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Bucket {
    /// Its place among all buckets there could be.
    place: u32,
    count: u32,
}

/// Times that were counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// By their places; none is empty.
    buckets: Vec<Bucket>,
    /// So many times were each two buckets made one.
    halvings: u8,
    least_us: u64,
    most_us: u64,
}

impl Times {
    /// Counts one time.
    pub(super) fn add(&mut self, us: u64) {
        (self.least_us, self.most_us) = match self.buckets.is_empty() {
            true => (us, us),
            false => (self.least_us.min(us), self.most_us.max(us)),
        };
        let place = place(us) >> self.halvings;
        match self.buckets.binary_search_by_key(&place, |bucket| bucket.place) {
            Ok(at) => self.buckets[at].count = self.buckets[at].count.saturating_add(1),
            Err(at) => {
                self.buckets.insert(at, Bucket { place, count: 1 });
                while self.buckets.len() > BUCKETS_MAX {
                    self.halve();
                }
            }
        }
    }

    /// Makes one of each two buckets.
    fn halve(&mut self) {
        self.halvings += 1;
        self.buckets.iter_mut().for_each(|bucket| bucket.place >>= 1);
        self.buckets.dedup_by(|next, bucket| {
            let is_one = next.place == bucket.place;
            if is_one {
                bucket.count = bucket.count.saturating_add(next.count);
            }
            is_one
        });
    }

    /// The middle of each bucket in microseconds, and how many times are in it. What was the shortest and the longest
    /// time is known, and no middle is beyond them.
    fn counts(&self) -> impl Iterator<Item = (f64, u64)> {
        let (least, most) = (exact(self.least_us), exact(self.most_us));
        self.buckets.iter().map(move |bucket| {
            let (first, next) = (bucket.place << self.halvings, (bucket.place + 1) << self.halvings);
            // Times are whole microseconds: the last of a bucket is one before the next begins.
            let middle = f64::midpoint(start(first), start(next) - 1.0);
            (middle.clamp(least, most), u64::from(bucket.count))
        })
    }

    /// Bytes beside its own.
    pub(super) fn heap(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }
}

/// The bucket of a time, at the finest.
fn place(us: u64) -> u32 {
    let octave = us.checked_ilog2().unwrap_or(0);
    if octave < BITS {
        return u32::try_from(us).expect("it is below 2^9");
    }
    if octave >= OCTAVE_MAX {
        return (OCTAVE_MAX - BITS + 1) << BITS;
    }
    let within = u32::try_from(us >> (octave - BITS)).expect("it is below 2^10");
    ((octave - BITS) << BITS) + within
}

/// Where a bucket begins, in microseconds.
fn start(place: u32) -> f64 {
    if place < 1 << BITS {
        return f64::from(place);
    }
    let octave = (place >> BITS) - 1;
    let within = (place & ((1 << BITS) - 1)) + (1 << BITS);
    f64::from(within) * f64::from(octave).exp2()
}

#[expect(clippy::cast_precision_loss, reason = "a time beyond 53 bits is 285 years")]
fn exact(us: u64) -> f64 {
    us as f64
}

/// The median and the 99th percentile of all these times together; `None` if there are none.
pub(super) fn quantiles<'a>(times: impl Iterator<Item = &'a Times>) -> Option<Quantiles> {
    let mut counts: Vec<(f64, u64)> = times.flat_map(Times::counts).collect();
    counts.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    // The nearest rank: the first time that at least so many of a hundred do not exceed.
    let at = |percent: u64| {
        let rank = u128::from(total) * u128::from(percent);
        let mut before = 0;
        let found = counts.iter().find(|(_, count)| {
            before += u128::from(*count) * 100;
            before >= rank
        });
        found.map(|(us, _)| *us)
    };
    Some(Quantiles { p50_us: at(50)?, p99_us: at(99)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> (Times, Quantiles) {
        let mut counted = Times::default();
        times.into_iter().for_each(|us| counted.add(us));
        let quantiles = quantiles([&counted].into_iter()).expect("there are times");
        (counted, quantiles)
    }

    #[test]
    fn what_is_alike_is_told_as_it_was() {
        for us in [0, 1, 64, 511, 512, 801_000, 3_600_000_000, u64::MAX] {
            let (_, told) = of([us; 3]);
            assert_eq!((told.p50_us, told.p99_us), (us as f64, us as f64));
        }
        // What lies between two others, too, below 512 µs; above it, to a thousandth.
        assert_eq!(of([1, 64, 200]).1.p50_us, 64.0);
        let (_, told) = of([1, 801_000, 5_000_000]);
        assert!((told.p50_us / 801_000.0 - 1.0).abs() < 0.001, "{told:?}");
    }

    #[test]
    fn none_is_none() {
        assert_eq!(quantiles(std::iter::once(&Times::default())), None);
        assert_eq!(quantiles(std::iter::empty()), None);
    }

    #[test]
    fn several_windows_are_one_list_of_times() {
        let (short, _) = of(1..=99);
        let (long, _) = of([1_000_000]);
        let told = quantiles([&long, &short].into_iter()).expect("there are times");
        assert_eq!((told.p50_us, told.p99_us), (50.0, 99.0));
    }

    #[test]
    fn places_ascend_without_a_gap_and_begin_where_they_should() {
        let mut last = 0;
        for us in 0..300_000 {
            let place = place(us);
            assert!(place == last || place == last + 1, "{us} is in {place} after {last}");
            assert!(start(place) <= us as f64 && (us as f64) < start(place + 1), "{us} in {place}");
            last = place;
        }
        assert_eq!(place(u64::MAX), place(1 << OCTAVE_MAX));
        assert_eq!(start(place(1 << OCTAVE_MAX)), f64::from(OCTAVE_MAX).exp2());
    }

    /// Times of a service, spread evenly over so many octaves from 1 ms on.
    fn spread(octaves: f64) -> (Times, f64) {
        let mut times: Vec<u64> =
            (0..20_000).map(|at| (1e3 * (octaves * f64::from(at) / 2e4).exp2()) as u64).collect();
        let (counted, told) = of(times.iter().copied());
        times.sort_unstable();
        let wrong = |told: f64, at: usize| (told / times[at - 1] as f64 - 1.0).abs();
        (counted, wrong(told.p50_us, 10_000).max(wrong(told.p99_us, 19_800)))
    }

    #[test]
    fn a_wide_spread_costs_accuracy_and_no_more_memory() {
        for (octaves, wrong_max) in [(0.5, 0.001), (2.0, 0.002), (10.0, 0.01), (25.0, 0.03)] {
            let (counted, wrong) = spread(octaves);
            assert!(wrong <= wrong_max, "{wrong} over {octaves} octaves");
            assert!(counted.buckets.len() <= BUCKETS_MAX && counted.heap() <= 8 << 10, "{}", counted.heap());
        }
    }

    proptest! {
        #[test]
        fn all_are_counted_whatever_they_are(times in proptest::collection::vec(any::<u64>(), 1..2_000)) {
            let (counted, told) = of(times.iter().copied());
            let count: u64 = counted.counts().map(|(_, count)| count).sum();
            prop_assert_eq!(count, times.len() as u64);
            let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            prop_assert!(*least as f64 <= told.p50_us && told.p50_us <= told.p99_us && told.p99_us <= *most as f64);
        }
    }
}
