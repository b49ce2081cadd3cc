//! The table: a line a scenario, a column a version.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{scenario, verdict, version};
use crate::suite::Case;

/// The table as text.
pub fn table(cases: &[Case]) -> String {
    let versions: BTreeSet<String> = cases.iter().map(version).collect();
    let mut lines: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for case in cases {
        let cells = lines.entry(scenario(case)).or_default();
        let cell = cells.entry(version(case)).or_default();
        let separator = if cell.is_empty() { "" } else { ", " };
        *cell += &format!("{separator}{}", verdict(&case.verdict));
    }
    let first = lines.keys().map(String::len).max().unwrap_or(0).max("scenario".len());
    let widths: BTreeMap<&String, usize> =
        versions.iter().map(|version| (version, width(version, &lines))).collect();
    let mut text = format!("{:first$}", "scenario");
    for version in &versions {
        let _ = write!(text, "  {version:0$}", widths[version]);
    }
    for (scenario, cells) in &lines {
        let _ = write!(text, "\n{scenario:first$}");
        for version in &versions {
            let cell = cells.get(version).map_or("–", String::as_str);
            let _ = write!(text, "  {cell:0$}", widths[version]);
        }
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn width(version: &String, lines: &BTreeMap<String, BTreeMap<String, String>>) -> usize {
    let cells = lines.values().filter_map(|cells| cells.get(version)).map(String::len);
    cells.max().unwrap_or(0).max(version.len())
}
