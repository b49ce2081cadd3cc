//! Words that may not be the name of a file or folder: they say nothing of what is in it.

use super::{File, Finding};

const EMPTY_WORDS: [&str; 13] = [
    "common", "handler", "handlers", "helper", "helpers", "manager", "managers", "misc", "service", "types",
    "util", "utils", "shared",
];

/// Files that are called so because that is what is in them.
const MEANT: [&str; 1] = [
    // A service of the broker: what workers offer and clients ask for.
    "src/broker/service.rs",
];

/// Every part of every path, the ending left away.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for File { path, .. } in files.iter().filter(|file| !MEANT.contains(&file.path.as_str())) {
        for part in path.split('/') {
            let stem = part.split('.').next().unwrap_or(part);
            if EMPTY_WORDS.contains(&stem) {
                let what = format!("{stem:?} says nothing: name what is in it");
                findings.push(Finding { path: path.clone(), line: 0, what });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_path(path: &str) -> usize {
        check(&[File { path: path.to_owned(), text: String::new() }]).len()
    }

    #[test]
    fn empty_words_are_found_as_file_and_as_folder() {
        assert_eq!(check_path("src/wire/utils.rs"), 1);
        assert_eq!(check_path("src/helpers/mod.rs"), 1);
        assert_eq!(check_path("tests/peers/php/common.php"), 1);
    }

    #[test]
    fn names_that_merely_contain_such_a_word_pass() {
        assert_eq!(check_path("src/broker/services_known.rs"), 0);
        assert_eq!(check_path("src/wire/mdp_types.rs"), 0);
    }
}
