//! What a comment cites is in the house: `original.md §n`, `design.md §n`, `quirk n`.

use std::collections::BTreeSet;

use super::{File, Finding};

const ORIGINAL: &str = "docs/src/original.md";
const DESIGN: &str = "docs/src/design.md";

/// Documents that were cited once and are not here. In two halves, so that this file passes.
const ELSEWHERE: [&str; 2] = [concat!("PROTO", "COL.md"), concat!("DES", "IGN.md")];

/// A way to cite: the words in front of the numbers, and the numbers that exist.
struct Way {
    words: &'static [&'static str],
    numbers: BTreeSet<String>,
}

pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let ways = ways(files);
    let lines = files.iter().flat_map(|file| {
        file.text.lines().enumerate().map(move |(index, line)| (file.path.as_str(), index + 1, line))
    });
    lines
        .flat_map(|(path, line, text)| judge(text, &ways).into_iter().map(move |what| at(path, line, what)))
        .collect()
}

fn at(path: &str, line: usize, what: String) -> Finding {
    Finding { path: path.to_owned(), line, what }
}

fn ways(files: &[File]) -> [Way; 3] {
    let text = |path| files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
    let (original, design) = (text(ORIGINAL), text(DESIGN));
    let quirks =
        original.split_once("\n## 8.").map_or("", |(_, rest)| rest.split("\n## ").next().unwrap_or(rest));
    [
        Way { words: &["original.md §"], numbers: headings(original) },
        Way { words: &["design.md §"], numbers: items(design) },
        Way { words: &["quirk ", "quirks "], numbers: items(quirks) },
    ]
}

/// `## 2. Dialects` and `### 2.1 Client` have the numbers 2 and 2.1.
fn headings(text: &str) -> BTreeSet<String> {
    let number = |line: &str| {
        let title = line.strip_prefix("## ").or_else(|| line.strip_prefix("### "))?;
        leading_number(title)
    };
    text.lines().filter_map(number).collect()
}

/// The numbers of a numbered list.
fn items(text: &str) -> BTreeSet<String> {
    let item = |line: &str| leading_number(line).filter(|number| line[number.len()..].starts_with(". "));
    text.lines().filter_map(item).collect()
}

fn leading_number(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    (!number.is_empty()).then(|| number.to_owned())
}

/// What is wrong with a line's citations.
fn judge(line: &str, ways: &[Way]) -> Vec<String> {
    let gone = ELSEWHERE.iter().filter(|name| line.contains(*name));
    let mut wrong: Vec<String> =
        gone.map(|name| format!("{name} is not in the repository: cite {ORIGINAL} or {DESIGN}")).collect();
    for way in ways {
        for words in way.words {
            let cited =
                line.match_indices(words).flat_map(|(start, _)| numbers_at(&line[start + words.len()..]));
            wrong.extend(
                cited
                    .filter(|number| !way.numbers.contains(number))
                    .map(|number| format!("there is no {words}{number}")),
            );
        }
    }
    wrong
}

/// `2, 16 and 34 …` are the numbers 2, 16, 34.
fn numbers_at(mut text: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    while let Some(number) = leading_number(text) {
        text =
            text[number.len()..].trim_start_matches(", ").trim_start_matches(" and ").trim_start_matches('§');
        numbers.push(number);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# x\n\n## 2. Dialects\n\n### 2.1 Clients\n\n## 8. Quirks\n\n1. **a**\n2. **b**\n\n## 9. Strict\n\n3. no quirk\n";

    fn wrong(line: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let files = [file(ORIGINAL, PAGE), file(DESIGN, "1. x\n"), file("src/a.rs", line)];
        check(&files).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_exists_may_be_cited() {
        let nothing: [&str; 0] = [];
        for line in
            ["// original.md §2, §2.1", "// see original.md §9: so", "// quirks 1 and 2", "// design.md §1"]
        {
            assert_eq!(wrong(line), nothing, "{line}");
        }
    }

    #[test]
    fn what_does_not_exist_is_found() {
        assert_eq!(wrong("// original.md §3"), ["there is no original.md §3"]);
        assert_eq!(wrong("// quirks 1 and 3"), ["there is no quirks 3"]);
        assert_eq!(wrong("// design.md §2"), ["there is no design.md §2"]);
    }

    #[test]
    fn a_document_that_is_not_here_is_found() {
        assert_eq!(wrong(concat!("// PROTO", "COL.md §2")).len(), 1);
    }
}
