//! Words that must not stand in a file: a dialect in the broker, a path of somebody's machine.

use super::scan::Source;
use super::{File, Finding};

/// Folders that only one machine has. In two halves, so that this file passes.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/tmp", "/wt")];

/// Modules whose matches over our own enums must be spelled out.
const EXHAUSTIVE: [&str; 2] = ["src/broker/mod.rs", "src/wire/mod.rs"];

/// All of them.
pub(crate) fn check(files: &[File], sources: &[Source]) -> Vec<Finding> {
    let mut findings = dialects_in_broker(sources);
    findings.extend(files.iter().flat_map(machine_paths));
    findings.extend(files.iter().filter_map(spells_its_arms));
    findings
}

/// Dialects differ in data: the broker carries them and never asks which one it has.
fn dialects_in_broker(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/broker/") && !source.test) {
        for found in &source.uses {
            let after = found.segments.iter().skip_while(|segment| *segment != "Dialect").nth(1);
            if let Some(variant) = after {
                let what = format!("the broker names Dialect::{variant}: let wire fill in a field instead");
                findings.push(Finding { path: source.path.clone(), line: found.line, what });
            }
        }
    }
    findings
}

fn machine_paths(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if let Some(found) = MACHINE_PATHS.iter().find(|path| line.contains(*path)) {
            let what = format!("{found} is a folder of one machine");
            findings.push(Finding { path: file.path.clone(), line: index + 1, what });
        }
    }
    findings
}

fn spells_its_arms(file: &File) -> Option<Finding> {
    let must = EXHAUSTIVE.contains(&file.path.as_str());
    (must && !file.text.contains("#![deny(clippy::wildcard_enum_match_arm)]")).then(|| Finding {
        path: file.path.clone(),
        line: 1,
        what: "must begin with #![deny(clippy::wildcard_enum_match_arm)]".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan;
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn dialects(text: &str) -> usize {
        dialects_in_broker(&[scan("src/broker/queue.rs", text).expect("the source is Rust")]).len()
    }

    #[test]
    fn a_dialect_that_the_broker_names_is_found() {
        assert_eq!(dialects("fn f(d: Dialect) -> bool { d == Dialect::Zmws1 }"), 1);
        assert_eq!(dialects("use crate::message::Dialect::{Zmws1, Mdp01};"), 2);
    }

    #[test]
    fn a_dialect_that_the_broker_carries_passes() {
        assert_eq!(dialects("use crate::message::Dialect; struct Seen { dialect: Dialect }"), 0);
    }

    #[test]
    fn a_path_of_one_machine_is_found_with_its_line() {
        let findings = machine_paths(&file("README.md", concat!("first\nsee /ho", "me/me/x\n")));
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn broker_and_wire_must_refuse_wildcards() {
        assert!(spells_its_arms(&file("src/wire/mod.rs", "//! Wire.")).is_some());
        let good = "//! Wire.\n#![deny(clippy::wildcard_enum_match_arm)]";
        assert!(spells_its_arms(&file("src/wire/mod.rs", good)).is_none());
    }
}
