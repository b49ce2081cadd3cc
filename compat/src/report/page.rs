//! The page: the table, what is known and why, and each exchange as a sequence diagram.

use std::fmt::Write;

use super::{diagram, is_bad, scenario, verdict, version};
use crate::known_differences::KnownDifferences;
use crate::suite::{Case, Verdict};

/// The whole page, in one file that needs no other.
pub fn page(cases: &[Case], known: &KnownDifferences) -> String {
    let mut html = String::from(HEAD);
    let bad = cases.iter().filter(|case| is_bad(&case.verdict)).count();
    let _ = write!(
        html,
        "<h1>zmws and its recordings</h1><p>{} recordings replayed, {bad} with differences that nobody explains.</p>",
        cases.len()
    );
    overview(&mut html, cases);
    reasons(&mut html, cases, known);
    for (index, case) in cases.iter().enumerate() {
        section(&mut html, index, case, known);
    }
    html.push_str("</body></html>\n");
    html
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>zmws compat</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:76em;padding:0 1em;color:#1d1f21}
table{border-collapse:collapse}td,th{padding:.2em .7em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
.same{color:#2a7d3f}.known{color:#8a6100}.bad{color:#b3261e;font-weight:600}.skipped{color:#777}
details{margin:.6em 0;border:1px solid #ddd;border-radius:6px;padding:.4em .8em}summary{cursor:pointer}
svg{font:12px ui-monospace,monospace;display:block;margin:.6em 0;max-width:100%}
svg text{fill:#333}svg .line{stroke:#bbb}svg .arrow{stroke:#555;fill:none}svg .d .arrow{stroke:#b3261e}svg .k .arrow{stroke:#c08a00}
svg .d text{fill:#b3261e}svg .k text{fill:#8a6100}svg .note{fill:#777;font-style:italic}
</style></head><body>"#;

fn overview(html: &mut String, cases: &[Case]) {
    html.push_str("<table><tr><th>version</th><th>scenario</th><th>verdict</th></tr>");
    for (index, case) in cases.iter().enumerate() {
        let _ = write!(
            html,
            "<tr><td>{}</td><td><a href=\"#c{index}\">{}</a></td><td class=\"{}\">{}</td></tr>",
            escaped(&version(case)),
            escaped(&scenario(case)),
            class(&case.verdict),
            verdict(&case.verdict)
        );
    }
    html.push_str("</table>");
}

fn reasons(html: &mut String, cases: &[Case], known: &KnownDifferences) {
    html.push_str("<h2>Deliberate differences</h2><table><tr><th>name</th><th>original.md</th><th>why</th><th>seen in</th></tr>");
    for (index, entry) in known.differences.iter().enumerate() {
        let seen =
            cases.iter().filter(|case| matches!(&case.verdict, Verdict::Known(_, by) if by.contains(&index)));
        let _ = write!(
            html,
            "<tr><td id=\"k-{0}\">{0}</td><td>{1}</td><td>{2}</td><td>{3}</td></tr>",
            escaped(&entry.id),
            escaped(&entry.protocol),
            escaped(&entry.reason),
            seen.count()
        );
    }
    html.push_str("</table><h2>Exchanges</h2>");
}

fn section(html: &mut String, index: usize, case: &Case, known: &KnownDifferences) {
    let open = if is_bad(&case.verdict) { " open" } else { "" };
    let _ = write!(
        html,
        "<details id=\"c{index}\"{open}><summary>{} · {} · <span class=\"{}\">{}</span></summary>",
        escaped(&version(case)),
        escaped(&scenario(case)),
        class(&case.verdict),
        verdict(&case.verdict)
    );
    match &case.verdict {
        Verdict::Broken(why) => drop(write!(html, "<p class=\"bad\">{}</p>", escaped(why))),
        Verdict::Skipped(entry) => drop(write!(html, "<p>{}</p>", escaped(&known.skipped[*entry].reason))),
        Verdict::NoBroker => drop(write!(html, "<p>{}</p>", escaped(super::NO_BROKER))),
        Verdict::Same | Verdict::Known(..) | Verdict::Failed(_) => {}
    }
    if let Some(replayed) = &case.replayed {
        let _ = write!(html, "<p>{}</p>", escaped(&replayed.trace.header.about));
        html.push_str(&diagram::diagram(replayed, known));
    }
    html.push_str("</details>");
}

fn class(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "same",
        Verdict::Known(..) => "known",
        Verdict::Failed(_) | Verdict::Broken(_) => "bad",
        Verdict::Skipped(_) | Verdict::NoBroker => "skipped",
    }
}

/// Text for HTML, with control characters made visible.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            char if char.is_control() => drop(write!(html, "\\x{:02x}", u32::from(char))),
            char => html.push(char),
        }
    }
    html
}
