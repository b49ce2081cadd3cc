//! How a duration is written, wherever somebody gives one: a flag, the environment, a file, an HTTP request.

use std::time::Duration;

/// Why a text is no duration. Says what is expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DurationError {
    /// It cannot be read as one.
    #[error("a duration is expected, as 250ms, 5s, 10m, 1.5h, 7d, or a number of seconds")]
    Unreadable,
    /// It is longer than anything that can be counted.
    #[error("the duration is too long")]
    TooLong,
    /// It is 0 where that makes no sense.
    #[error("a duration above 0 is expected, as 250ms, 5s, 10m, 1.5h, 7d, or a number of seconds")]
    Zero,
}

/// The units, and milliseconds in each: a thousandth of a second is no number that a float has.
const UNITS: [(&str, f64); 5] = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3_600e3), ("d", 86_400e3)];

/// Reads a decimal number, which may have a fraction, and its unit: `ms`, `s`, `m`, `h` or `d`. A number without a unit
/// is one of seconds.
///
/// # Errors
///
/// The text is anything else, or the duration is longer than a [`Duration`] can be.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "" => 1e3,
        unit => UNITS.iter().find(|(name, _)| *name == unit).ok_or(DurationError::Unreadable)?.1,
    };
    let number = number.trim_end();
    // What else Rust reads as a number, `1e3` or `inf`, nobody means.
    let is_decimal = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.parse().ok().filter(|_| is_decimal).ok_or(DurationError::Unreadable)?;
    Duration::try_from_secs_f64(number * unit / 1e3).map_err(|_| DurationError::TooLong)
}

/// The same, but 0 is an error, too.
///
/// # Errors
///
/// As [`parse`]; or the duration is none.
pub fn parse_positive(text: &str) -> Result<Duration, DurationError> {
    parse(text).and_then(|time| if time.is_zero() { Err(DurationError::Zero) } else { Ok(time) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_has_a_unit_or_is_one_of_seconds() {
        let millis = |text| parse(text).map(|time| time.as_millis());
        assert_eq!(
            ["250ms", "5s", "10m", "1.5h", "7d"].map(millis),
            [250, 5_000, 600_000, 5_400_000, 604_800_000].map(Ok)
        );
        assert_eq!(
            ["60", "0.5", " 5 s ", "0", ".5", "5."].map(millis),
            [60_000, 500, 5_000, 0, 500, 5_000].map(Ok)
        );
        assert_eq!(parse("1ms"), Ok(Duration::from_millis(1)));
    }

    #[test]
    fn what_is_no_duration_says_what_is_expected() {
        for text in [
            "", "s", "ms", ".", "-1", "+1", "1e3", "inf", "NaN", "5 weeks", "5S", "1.2.3", "1h30m", "５s",
            "5,5",
        ] {
            assert_eq!(parse(text), Err(DurationError::Unreadable), "{text}");
        }
        assert_eq!(parse(&"9".repeat(400)), Err(DurationError::TooLong));
        assert_eq!(parse("99999999999999999999d"), Err(DurationError::TooLong));
        assert_eq!(["0", "0ms", "0.0000000001"].map(parse_positive), [Err(DurationError::Zero); 3]);
    }

    proptest! {
        #[test]
        fn no_text_is_more_than_it_can_read(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn whole_milliseconds_are_read_to_the_nanosecond(millis in 0_u32..) {
            prop_assert_eq!(parse(&format!("{millis}ms")), Ok(Duration::from_millis(millis.into())));
        }
    }
}
