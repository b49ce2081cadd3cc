//! Figures for people: times, bytes, counts, rates. Any figure may come from a peer, so all are shown.

/// How long, from seconds: `40 µs`, `1.2 ms`, `120 ms`, `1.2 s`, `12 s`, `3 m 05 s`, `2 h 07 m`, `12 d 03 h`. What is no
/// time is a dash, what is less than none is none.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NOTHING.to_owned();
    }
    let seconds = seconds.max(0.0);
    if seconds < 0.000_999_5 {
        return format!("{:.0} µs", seconds * 1e6);
    }
    if seconds < 0.9995 {
        return format!("{} ms", short(seconds * 1e3));
    }
    // The cast keeps within u64, and all that is too much for it is too much for anybody.
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{} s", short(seconds)),
        60..HOUR => format!("{} m {:02} s", whole / 60, whole % 60),
        HOUR..DAY => format!("{} h {:02} m", whole / HOUR, whole % HOUR / 60),
        DAY.. => format!("{} d {:02} h", whole / DAY, whole % DAY / HOUR),
    }
}

/// How long something took that was measured, from seconds: the same with three digits, `64 µs`, `1.23 ms`, `801 ms`,
/// `12.3 s`. What is measured in microseconds has no other below a millisecond.
pub fn measured(seconds: f64) -> String {
    if !(0.000_999_5..59.95).contains(&seconds) {
        return duration(seconds);
    }
    let (figure, unit) = if seconds < 0.9995 { (seconds * 1e3, "ms") } else { (seconds, "s") };
    let places = match figure {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{figure:.places$} {unit}")
}

/// The same from milliseconds.
pub fn millis(millis: f64) -> String {
    measured(millis / 1e3)
}

/// How many bytes, in units of a thousand: `312 B`, `1.2 kB`, `312 MB`.
pub fn bytes(bytes: u64) -> String {
    let (figure, unit) = scaled(bytes, 1_000);
    format!("{figure} {unit}B")
}

/// How many: `9999`, `12.3k`, `1.2M`.
pub fn count(count: u64) -> String {
    let (figure, unit) = scaled(count, 10_000);
    format!("{figure}{unit}")
}

/// How many of something: `1 client`, `12.3k clients`.
pub fn count_of(figure: u64, one: &str) -> String {
    format!("{} {one}{}", count(figure), if figure == 1 { "" } else { "s" })
}

/// How many a second: `0.3`, `12`, `12.3k`. What is no rate is a dash.
pub fn rate(rate: f64) -> String {
    match rate.is_finite() {
        true if rate < 9.95 => format!("{:.1}", rate.max(0.0)),
        true => count(rate.round() as u64),
        false => NOTHING.to_owned(),
    }
}

/// The time of day in UTC, as the log has it, from seconds since the Unix epoch: `12:03:44`. A dash for a moment
/// that no calendar has.
pub fn clock(epoch: f64) -> String {
    strftime(epoch, "%H:%M:%S")
}

/// The same with milliseconds: `12:03:44.120`.
pub fn clock_millis(epoch: f64) -> String {
    strftime(epoch, "%H:%M:%S%.3f")
}

/// What stands where there is no figure.
pub const NOTHING: &str = "–";

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];

fn strftime(epoch: f64, form: &str) -> String {
    // A cast of what is no number is 0, which is a moment like any other: so it is asked first.
    let micros = Some(epoch * 1e6).filter(|micros| micros.is_finite()).map(|micros| micros.round() as i64);
    let moment = micros.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    moment.map_or_else(|| NOTHING.to_owned(), |moment| moment.strftime(form).to_string())
}

/// Below ten with one place, above it without.
fn short(figure: f64) -> String {
    if figure < 9.95 { format!("{figure:.1}") } else { format!("{figure:.0}") }
}

/// The figure as it is below `plain`, or else three digits and a unit of a thousand or more.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn scaled(figure: u64, plain: u64) -> (String, &'static str) {
    if figure < plain {
        return (figure.to_string(), "");
    }
    let mut scaled = figure as f64;
    let mut unit = "";
    for larger in UNITS {
        // What would be shown as 1000 is one of the next.
        if scaled < 999.5 {
            break;
        }
        (scaled, unit) = (scaled / 1e3, larger);
    }
    let shown = if scaled < 99.95 { format!("{scaled:.1}") } else { format!("{scaled:.0}") };
    (shown, unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let shown =
            [0.0, 0.0004, 0.0123, 0.9994, 0.9996, 1.24, 9.96, 59.4, 59.6, 185.0, 3599.6, 7620.0, 1.05e6];
        let shown = shown.map(duration).join(" | ");
        insta::assert_snapshot!(
            shown,
            @"0 µs | 400 µs | 12 ms | 999 ms | 1.0 s | 1.2 s | 10 s | 59 s | 1 m 00 s | 3 m 05 s | 1 h 00 m | 2 h 07 m | 12 d 03 h"
        );
    }

    #[test]
    fn what_was_measured_has_three_digits() {
        let shown = [
            0.0,
            64e-6,
            0.000_999_6,
            0.001_234,
            0.009_996,
            0.0123,
            0.0996,
            0.801,
            0.9996,
            1.2345,
            12.34,
            59.96,
        ];
        insta::assert_snapshot!(
            shown.map(measured).join(" | "),
            @"0 µs | 64 µs | 1.00 ms | 1.23 ms | 10.0 ms | 12.3 ms | 99.6 ms | 801 ms | 1.00 s | 1.23 s | 12.3 s | 1 m 00 s"
        );
    }

    #[test]
    fn bytes_and_counts_have_three_digits() {
        let figures = [0, 999, 1_000, 9_999, 10_000, 12_345, 99_950, 999_499, 999_500, 312_000_000, u64::MAX];
        insta::assert_snapshot!(
            figures.map(bytes).join(" | "),
            @"0 B | 999 B | 1.0 kB | 10.0 kB | 10.0 kB | 12.3 kB | 100 kB | 999 kB | 1.0 MB | 312 MB | 18.4 EB"
        );
        insta::assert_snapshot!(
            figures.map(count).join(" | "),
            @"0 | 999 | 1000 | 9999 | 10.0k | 12.3k | 100k | 999k | 1.0M | 312M | 18.4E"
        );
        insta::assert_snapshot!([0.0, 0.26, 9.96, 123.4, 1e30].map(rate).join(" | "), @"0.0 | 0.3 | 10 | 123 | 18.4E");
    }

    #[test]
    fn what_is_no_figure_is_a_dash() {
        for figure in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!([duration(figure), measured(figure), rate(figure), clock(figure)], [NOTHING; 4]);
        }
        assert_eq!(clock(1e300), NOTHING);
        assert_eq!(clock_millis(1_764_000_000.12), "16:00:00.120");
    }

    proptest! {
        #[test]
        fn any_figure_is_shown_in_a_few_letters(figure in any::<u64>(), bits in any::<u64>()) {
            for float in [f64::from_bits(bits), figure as f64, -(figure as f64), figure as f64 / 1e9] {
                prop_assert!(duration(float).chars().count() <= 24);
                prop_assert!(rate(float).chars().count() <= 6);
                prop_assert!(clock_millis(float).chars().count() <= 12);
                prop_assert!(measured(float).chars().count() <= 24);
            }
            prop_assert!(bytes(figure).chars().count() <= 8);
            prop_assert!(count(figure).chars().count() <= 5);
        }
    }
}
