//! Flags as PHP's programs take them: one dash or two (original.md §7).

use std::ffi::OsString;

/// The arguments with `-client-port=5555` written as `--client-port=5555`.
///
/// Ours have no clusters of short flags, so that a dash and two letters can only be a long name. What
/// comes after `--` belongs to another program.
pub(super) fn normalized(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut foreign = false;
    args.map(|arg| {
        foreign |= arg == "--";
        match arg.to_str().filter(|_| !foreign) {
            Some(text) if is_long_with_one_dash(text) => format!("-{text}").into(),
            _ => arg,
        }
    })
    .collect()
}

fn is_long_with_one_dash(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next() == Some('-')
        && letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && letters.next().is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str]) -> Vec<String> {
        let normalized = normalized(args.iter().map(OsString::from));
        normalized.into_iter().map(|arg| arg.into_string().expect("made from text")).collect()
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        assert_eq!(
            check(&["zmws", "broker", "-cport", "1", "-log=I"]),
            ["zmws", "broker", "--cport", "1", "--log=I"]
        );
    }

    #[test]
    fn short_flags_numbers_and_the_words_of_other_programs_stay() {
        let args = ["zmws", "-h", "-1", "-", "--log", "--", "convert", "-resize"];
        assert_eq!(check(&args), args);
    }
}
