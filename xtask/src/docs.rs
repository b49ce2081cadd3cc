//! `docs/`: what the program says of itself is written there by this chore, and by nobody else.
//!
//! Manual pages, completions and the reference of commands are whole files. In chapters that people write, what
//! stands between `<!-- output of: zmws … -->` and `<!-- end of output -->` is what the command prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Failure, at, cargo, finish, output, root};

/// What `zmws generate` writes, where it goes, and whether the whole folder is its.
const PARTS: [(&str, &str, Folder); 3] = [
    ("man", "docs/man", Folder::Generated),
    ("completions", "docs/completions", Folder::Generated),
    ("cli", "docs/src", Folder::Mixed),
];

/// Chapters with pieces of output in them.
const CHAPTERS: &str = "docs/src";

const BEGIN: &str = "<!-- output of: ";
const BEGIN_END: &str = " -->\n";
const END: &str = "<!-- end of output -->";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Folder {
    /// A file that is not written is one that must go.
    Generated,
    /// Others write there, too.
    Mixed,
}

/// `docs [--check]`.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let check = match words {
        [] => false,
        [word] if word == "--check" => true,
        _ => return Err(Failure::Usage("docs knows --check and nothing else".to_owned())),
    };
    let program = build()?;
    let mut wanted = BTreeMap::new();
    let mut surplus = Vec::new();
    for (what, folder, kind) in PARTS {
        let files = generated(&program, what)?;
        if kind == Folder::Generated {
            let is_surplus =
                |path: &PathBuf| path.file_name().is_none_or(|name| !files.contains_key(Path::new(name)));
            surplus.extend(files_of(&root().join(folder))?.into_iter().filter(is_surplus));
        }
        wanted.extend(files.into_iter().map(|(name, text)| (root().join(folder).join(name), text)));
    }
    wanted.extend(chapters(&program)?);
    let stale: Vec<_> =
        wanted.iter().filter(|(path, text)| std::fs::read(path).ok().as_ref() != Some(*text)).collect();
    if check {
        let stale =
            stale.iter().map(|(path, _)| *path).chain(&surplus).inspect(|path| say("stale", path)).count();
        return if stale == 0 { Ok(()) } else { Err(Failure::Stale(stale)) };
    }
    for path in &surplus {
        say("removed", path);
        std::fs::remove_file(path).map_err(at(path))?;
    }
    for (path, text) in stale {
        say("written", path);
        std::fs::create_dir_all(path.parent().unwrap_or(root())).map_err(at(path))?;
        std::fs::write(path, text).map_err(at(path))?;
    }
    Ok(())
}

fn say(what: &str, path: &Path) {
    println!("{what}  {}", path.strip_prefix(root()).unwrap_or(path).display());
}

/// The program as it is now.
fn build() -> Result<PathBuf, Failure> {
    finish(
        "the build",
        cargo().args(["build", "--quiet", "--locked", "--package", "zmws", "--bin", "zmws"]),
    )?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(root().join(target).join("debug/zmws"))
}

/// The files that `zmws generate WHAT` writes, by name.
fn generated(program: &Path, what: &str) -> Result<BTreeMap<PathBuf, Vec<u8>>, Failure> {
    let out = root().join("target/docs").join(what);
    if out.exists() {
        std::fs::remove_dir_all(&out).map_err(at(&out))?;
    }
    finish("zmws generate", Command::new(program).args(["generate", what, "--out"]).arg(&out))?;
    let mut files = BTreeMap::new();
    for path in files_of(&out)? {
        let text = std::fs::read(&path).map_err(at(&path))?;
        files.extend(path.file_name().map(|name| (PathBuf::from(name), text)));
    }
    Ok(files)
}

/// The chapters that hold output, as they should be.
fn chapters(program: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, Failure> {
    let mut chapters = BTreeMap::new();
    for path in files_of(&root().join(CHAPTERS))? {
        let text = std::fs::read_to_string(&path).map_err(at(&path))?;
        if text.contains(BEGIN) {
            let filled =
                fill(&text, |words| output(&words.join(" "), Command::new(program).args(&words[1..])))?;
            chapters.insert(path, filled.into_bytes());
        }
    }
    Ok(chapters)
}

/// The text with each piece of output anew.
fn fill(text: &str, run: impl Fn(&[&str]) -> Result<String, Failure>) -> Result<String, Failure> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let pieces = after.split_once(BEGIN_END).and_then(|(line, old)| Some((line, old.split_once(END)?.1)));
        let Some((line, after)) = pieces else {
            return Err(Failure::Usage(format!("{BEGIN}… without {END}")));
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let new = run(&words)?;
        filled += &format!("{before}{BEGIN}{line}{BEGIN_END}\n{}\n\n{END}", new.trim());
        rest = after;
    }
    Ok(filled + rest)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(files) };
    for entry in entries {
        let path = entry.map_err(at(folder))?.path();
        files.extend(path.is_file().then_some(path));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_in_a_chapter_is_replaced_and_the_rest_stays() {
        let text = "a\n<!-- output of: zmws b c -->\nold\n<!-- end of output -->\nd\n";
        let filled = fill(text, |words| Ok(format!("{words:?}\n"))).expect("the chapter is whole");
        assert_eq!(
            filled,
            "a\n<!-- output of: zmws b c -->\n\n[\"zmws\", \"b\", \"c\"]\n\n<!-- end of output -->\nd\n"
        );
        assert_eq!(fill(&filled, |words| Ok(format!("{words:?}\n"))).expect("still whole"), filled);
    }

    #[test]
    fn output_without_an_end_is_refused() {
        assert!(fill("<!-- output of: zmws b -->\n", |_| Ok(String::new())).is_err());
    }
}
