//! Attacks on the release build: a program of its own, whose exit status is ours.

use crate::steps::{Failure, cargo, finish};

/// `hostile ARGS`: see `cargo xtask hostile --help`.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let needs_program = !words.iter().any(|word| ["--list", "--help", "-h"].contains(&word.as_str()));
    // What is measured is what people run; the attackers, too, take less of the processors so.
    if needs_program && std::env::var_os("ZMWS_BIN").is_none() {
        let build = ["build", "--quiet", "--release", "--locked", "--package", "zmws", "--bin", "zmws"];
        finish("the build", cargo().args(build))?;
    }
    let program =
        ["run", "--quiet", "--release", "--locked", "--package", "zmws-hostile", "--bin", "hostile", "--"];
    finish("hostile", cargo().args(program).args(words))
}

/// The short form, for continuous integration: of misfortune alone, since attacks are judged by latency, and want a
/// machine of their own.
pub(crate) fn run_short() -> Result<(), Failure> {
    run(&["faults", "--seconds", "8"].map(str::to_owned))?;
    run(&["crash", "--rounds", "20"].map(str::to_owned))
}
