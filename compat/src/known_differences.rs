//! The deliberate differences, each with its reason: `compat/known-differences.json`.
//!
//! An entry names a rule, which says what may differ and how; the rules are code (`rules`). An entry may be
//! limited to versions of the original and to scenarios. One that explains nothing any more is out of date.

use serde::Deserialize;

use crate::classify::Generation;
use crate::differ::{Comparison, Difference};
use crate::rules::Rule;

/// One deliberate difference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A short name, unique.
    pub id: String,
    pub rule: Rule,
    /// Versions of the original that it is limited to, as patterns with `*`.
    #[serde(default = "anything")]
    pub upstream: Vec<String>,
    /// Scenarios that it is limited to, as patterns with `*`.
    #[serde(default = "anything")]
    pub scenario: Vec<String>,
    pub reason: String,
    /// Where original.md speaks of it: `quirk 7`, `§10`.
    pub protocol: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDifferences {
    pub differences: Vec<Entry>,
}

fn anything() -> Vec<String> {
    vec!["*".into()]
}

/// The file that belongs to this version.
const OURS: &str = include_str!("../known-differences.json");

impl KnownDifferences {
    /// Those of this version.
    pub fn ours() -> Self {
        Self::read(OURS).expect("the suite reads it, too")
    }

    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The entry that explains a difference, by its place.
    pub fn explains(&self, comparison: Comparison<'_>, difference: &Difference) -> Option<usize> {
        // From a broker of our own kind we do not differ.
        if comparison.recorded().generation() == Generation::Both {
            return None;
        }
        let upstream = comparison.header.upstream.as_str();
        // A recording that does not say what it is of may be of any version that reads its clients so.
        let versions: &[&str] = match (Generation::of(upstream), comparison.recorded().generation()) {
            (Some(_), _) | (None, Generation::Both) => &[upstream],
            (None, Generation::One) => &["1.0.0"],
            (None, Generation::Two) => &["2.0.0-rc4", "master"],
        };
        self.differences.iter().position(|entry| {
            versions.iter().any(|version| fits(&entry.upstream, version))
                && fits(&entry.scenario, &comparison.header.scenario)
                && entry.rule.explains(comparison, difference)
        })
    }
}

fn fits(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern.as_bytes(), text.as_bytes()))
}

/// Whether `text` is as `pattern` says, where `*` stands for any text.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skipped| matches(rest, &text[skipped..])),
        Some((first, rest)) => {
            text.split_first().is_some_and(|(head, tail)| head == first && matches(rest, tail))
        }
    }
}
