//! What came of a run, for the terminal: a line a scenario, a column a version.

use std::collections::{BTreeMap, BTreeSet};

use crate::suite::{Case, Verdict};

/// What a recording of a gateway alone is told.
pub(crate) const NO_BROKER: &str = "a gateway recorded without its broker: what it asked, and was told, is not known, so its \
     answers cannot be compared; record the broker's port for clients together with it, in one `zmws-trace record`";

/// The table as text.
pub fn table(cases: &[Case]) -> String {
    let versions: BTreeSet<&str> = cases.iter().map(version).collect();
    let mut scenarios: BTreeMap<String, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for case in cases {
        let scenario = case.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let cells = scenarios.entry(scenario).or_default();
        cells.entry(version(case)).or_default().push(verdict(&case.verdict));
    }
    let head = versions.iter().map(|version| (*version).to_owned());
    let mut lines = vec![std::iter::once("scenario".to_owned()).chain(head).collect::<Vec<String>>()];
    for (scenario, cells) in scenarios {
        let cell = |version: &&str| cells.get(version).map_or("–".into(), |verdicts| verdicts.join(", "));
        lines.push(std::iter::once(scenario).chain(versions.iter().map(cell)).collect());
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=versions.len()).map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().map(padded).collect()
}

fn version(case: &Case) -> &str {
    case.header.as_ref().map_or("?", |header| &header.upstream)
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Same => "same".into(),
        Verdict::Known(count, _) => format!("known {count}"),
        Verdict::Failed(count) => format!("FAIL {count}"),
        Verdict::NoBroker => "no broker".into(),
        Verdict::Broken(_) => "BROKEN".into(),
    }
}
