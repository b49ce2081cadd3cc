//! How long files and functions are.

use super::File;
use super::scan::Source;

/// What is measured, and against which roof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Measure {
    /// Lines of a file, tests included.
    File,
    /// Lines of a function, from `fn` to its closing brace.
    Function,
}

impl Measure {
    /// The longest that needs no exception.
    pub(crate) fn roof(self) -> usize {
        match self {
            Self::File => 500,
            Self::Function => 70,
        }
    }

    /// As the list of exceptions calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Function => "function",
        }
    }
}

/// One measured thing.
#[derive(Debug)]
pub(crate) struct Length {
    pub(crate) measure: Measure,
    /// The file, or `file::function`.
    pub(crate) place: String,
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// All Rust files, and the scripts among the tests; all functions.
pub(crate) fn measure(files: &[File], sources: &[Source]) -> Vec<Length> {
    let code = |file: &&File| [".rs", ".php", ".py"].iter().any(|end| file.path.ends_with(end));
    let mut lengths: Vec<Length> = files
        .iter()
        .filter(code)
        .map(|file| Length {
            measure: Measure::File,
            place: file.path.clone(),
            path: file.path.clone(),
            line: 0,
            lines: file.text.lines().count(),
        })
        .collect();
    for source in sources {
        lengths.extend(source.functions.iter().map(|function| Length {
            measure: Measure::Function,
            place: format!("{}::{}", source.path, function.name),
            path: source.path.clone(),
            line: function.line,
            lines: function.lines,
        }));
    }
    lengths
}
