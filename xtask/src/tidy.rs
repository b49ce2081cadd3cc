//! What no compiler checks: who imports whom, how long things are, what they are called.
//!
//! Each check is a function from sources to [`Finding`]s, so that its tests can show that it finds.

mod citations;
mod exceptions;
mod imports;
mod lengths;
mod names;
mod scan;
mod words;

use std::path::Path;
use std::process::Command;

use crate::steps::{Failure, at, output, root};

/// Something to mend.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    /// The file, from the root, with `/`.
    pub(crate) path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

/// A file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

/// `tidy`.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::Usage(format!("tidy does not know {word:?}")));
    }
    let files = files()?;
    let findings = check(&files);
    for Finding { path, line, what } in &findings {
        eprintln!("{path}:{line}: {what}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files", files.len());
            Ok(())
        }
        count => Err(Failure::Untidy(count)),
    }
}

fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = scan::sources(files, &mut findings);
    findings.extend(imports::check(&sources));
    findings.extend(names::check(files));
    findings.extend(words::check(files, &sources));
    findings.extend(citations::check(files));
    let exceptions = files.iter().find(|file| file.path == exceptions::FILE);
    let exceptions = exceptions.map_or("", |file| file.text.as_str());
    findings.extend(exceptions::judge(lengths::measure(files, &sources), exceptions));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

/// The text files that git knows, or would add.
fn files() -> Result<Vec<File>, Failure> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let mut files = Vec::new();
    for path in output("git ls-files", &mut git)?.split_terminator('\0') {
        let full = root().join(Path::new(path));
        // A file that was removed and not yet committed is still listed.
        if full.is_file() && !path.starts_with("fixtures/") {
            let bytes = std::fs::read(&full).map_err(at(&full))?;
            files.extend(String::from_utf8(bytes).ok().map(|text| File { path: path.to_owned(), text }));
        }
    }
    Ok(files)
}
