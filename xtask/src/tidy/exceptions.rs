//! Lengths above the roof, each allowed by a line with its reason: a ratchet. A line allows what
//! is there and no more, and one that is no longer needed must go.

use super::Finding;
use super::lengths::{Length, Measure};

/// `WORD PLACE LINES REASON`; `#` begins a comment.
pub(crate) const FILE: &str = "xtask/tidy-exceptions.txt";

struct Exception<'a> {
    row: usize,
    word: &'a str,
    place: &'a str,
    lines: usize,
}

/// What of `lengths` is above the roof without an exception, and what exceptions allow too much.
pub(crate) fn judge(lengths: Vec<Length>, exceptions: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let exceptions = read(exceptions, &mut findings);
    for length in &lengths {
        let roof = length.measure.roof();
        let allowed = exceptions.iter().find(|exception| is_for(exception, length)).map_or(roof, |e| e.lines);
        if length.lines > allowed {
            let what = format!("{} of {} lines, {allowed} is the roof", length.measure.word(), length.lines);
            findings.push(Finding { path: length.path.clone(), line: length.line, what });
        }
    }
    for exception in exceptions {
        let longest =
            lengths.iter().filter(|length| is_for(&exception, length)).map(|length| length.lines).max();
        let what = match longest {
            None => format!("{} is not there: remove the line", exception.place),
            Some(lines) if lines <= roof(exception.word) => {
                format!("{} is under the roof: remove the line", exception.place)
            }
            Some(lines) if lines < exception.lines => {
                format!("{} has become shorter: lower the figure to {lines}", exception.place)
            }
            Some(_) => continue,
        };
        findings.push(Finding { path: FILE.to_owned(), line: exception.row, what });
    }
    findings
}

fn is_for(exception: &Exception<'_>, length: &Length) -> bool {
    exception.word == length.measure.word() && exception.place == length.place
}

fn roof(word: &str) -> usize {
    match word == Measure::File.word() {
        true => Measure::File.roof(),
        false => Measure::Function.roof(),
    }
}

fn read<'a>(text: &'a str, findings: &mut Vec<Finding>) -> Vec<Exception<'a>> {
    let mut exceptions = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (row, mut words) = (index + 1, line.split_whitespace());
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let parts =
            (words.next(), words.next(), words.next().and_then(|lines| lines.parse().ok()), words.next());
        match parts {
            (Some(word @ ("file" | "function")), Some(place), Some(lines), Some(_reason)) => {
                exceptions.push(Exception { row, word, place, lines });
            }
            _ => findings.push(Finding {
                path: FILE.to_owned(),
                line: row,
                what: "a line is: file|function PLACE LINES REASON".to_owned(),
            }),
        }
    }
    exceptions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge_function(lines: usize, exceptions: &str) -> Vec<String> {
        let length = Length {
            measure: Measure::Function,
            place: "src/a.rs::f".to_owned(),
            path: "src/a.rs".to_owned(),
            line: 7,
            lines,
        };
        judge(vec![length], exceptions).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_is_above_the_roof_is_found() {
        assert_eq!(judge_function(70, ""), [""; 0]);
        assert_eq!(judge_function(71, ""), ["function of 71 lines, 70 is the roof"]);
    }

    #[test]
    fn an_exception_allows_its_figure_and_no_more() {
        assert_eq!(judge_function(90, "function src/a.rs::f 90 a table"), [""; 0]);
        assert_eq!(
            judge_function(91, "function src/a.rs::f 90 a table"),
            ["function of 91 lines, 90 is the roof"]
        );
    }

    #[test]
    fn an_exception_that_allows_too_much_must_be_lowered_or_go() {
        let exception = "function src/a.rs::f 90 a table";
        assert_eq!(judge_function(80, exception), ["src/a.rs::f has become shorter: lower the figure to 80"]);
        assert_eq!(judge_function(70, exception), ["src/a.rs::f is under the roof: remove the line"]);
        assert_eq!(judge_function(1, "file src/b.rs 600 gone"), ["src/b.rs is not there: remove the line"]);
    }

    #[test]
    fn an_exception_without_a_reason_is_none() {
        assert_eq!(
            judge_function(1, "function src/a.rs::f 90"),
            ["a line is: file|function PLACE LINES REASON"]
        );
    }
}
