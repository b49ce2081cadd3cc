//! How few crates a program takes that only wants to be a client: its owner has to trust and to build each of them.

use std::collections::BTreeSet;

use crate::steps::{self, Failure, cargo};

/// With `zmws` itself. Less is better; more needs a reason that its users would accept.
const CRATES_MAX: usize = 30;
/// What a client has no use for, however few crates there are.
const FOREIGN: [&str; 6] =
    ["clap", "hyper", "ratatui", "toml_edit", "prometheus-client", "tracing-subscriber"];

/// Counts what `default-features = false, features = ["client"]` builds.
pub(crate) fn run() -> Result<(), Failure> {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--package", "zmws", "--no-default-features", "--features", "client"]);
    tree.args(["--edges", "normal", "--prefix", "none"]);
    judge(&steps::output("cargo tree", &mut tree)?).map_err(Failure::Heavy)
}

/// Each line begins with a crate's name and version; a crate that is there already comes again.
fn judge(tree: &str) -> Result<(), String> {
    let line = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let crates: BTreeSet<String> = tree.lines().filter(|text| !text.is_empty()).map(line).collect();
    let is_there = |name: &&str| crates.iter().any(|one| one.split(' ').next() == Some(name));
    if let Some(foreign) = FOREIGN.iter().find(|name| is_there(name)) {
        return Err(format!("a client builds {foreign}, for which it has no use"));
    }
    if crates.len() > CRATES_MAX {
        return Err(format!("a client builds {} crates; {CRATES_MAX} are the most it may", crates.len()));
    }
    println!("a client builds {} crates", crates.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crate_counts_once() {
        let names = (0..CRATES_MAX).map(|at| format!("crate-{at} v1.0.0\ncrate-{at} v1.0.0 (*)\n"));
        let tree: String = names.collect();
        assert_eq!(judge(&tree), Ok(()));
        assert!(judge(&(tree + "crate-0 v2.0.0\n")).is_err());
        assert!(judge("zmws v0.1.0 (/here)\nclap v4.6.0\n").is_err_and(|why| why.contains("clap")));
    }
}
