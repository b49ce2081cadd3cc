//! The fuzz targets, on the stable compiler: libFuzzer with the coverage passes that cargo-fuzz asks for.
//!
//! cargo-fuzz itself is not needed, nor is its address sanitizer: there is no `unsafe` in zmws.
//! Overflow checks and debug assertions are on. What a target finds stays in `fuzz/artifacts`.

mod corpus;

use std::path::PathBuf;

use crate::steps::{Failure, at, cargo, finish, output, root};

/// What cargo-fuzz gives to rustc, without the sanitizers that need a nightly compiler.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// `fuzz [--seconds N] [TARGET …]`.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let (mut seconds, mut chosen) = (60, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => seconds = number(words.next())?,
            flag if flag.starts_with('-') => {
                return Err(Failure::Usage(format!("fuzz does not know {flag:?}")));
            }
            target => chosen.push(target.to_owned()),
        }
    }
    let known = targets()?;
    if let Some(target) = chosen.iter().find(|target| !known.contains(target)) {
        return Err(Failure::Usage(format!("no fuzz target is called {target:?}: {}", known.join(", "))));
    }

    let mut build = cargo();
    // With `--target`, the flags do not reach build scripts and macros.
    let triple = host()?;
    build.args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &triple]);
    finish("fuzz build", build.env("RUSTFLAGS", COVERAGE))?;
    for target in if chosen.is_empty() { known } else { chosen } {
        println!("\n==== fuzz {target}, {seconds} s");
        attack(&target, &triple, seconds)?;
    }
    Ok(())
}

/// The triple of the compiler itself.
fn host() -> Result<String, Failure> {
    let text = output("rustc -vV", std::process::Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.unwrap_or("x86_64-unknown-linux-gnu").to_owned())
}

fn number(word: Option<&String>) -> Result<u32, Failure> {
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| Failure::Usage("--seconds takes a number".to_owned()))
}

fn attack(target: &str, triple: &str, seconds: u32) -> Result<(), Failure> {
    let seeds = corpus::seed(target)?;
    let artifacts = root().join("fuzz/artifacts").join(target);
    std::fs::create_dir_all(&artifacts).map_err(at(&artifacts))?;
    let program = root().join("fuzz/target").join(triple).join("release").join(target);
    let mut command = std::process::Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        // A target that takes this long or this much for one input has found something.
        .args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=65536", "-print_final_stats=1"])
        .arg(seeds)
        .current_dir(root());
    finish(&format!("fuzz {target}"), &mut command)
}

/// Builds the targets as ordinary programs and runs each over its seeds, once.
pub(crate) fn run_corpus() -> Result<(), Failure> {
    finish("fuzz build", cargo().args(["build", "--manifest-path", "fuzz/Cargo.toml"]))?;
    for target in targets()? {
        let seeds = corpus::seed(&target)?;
        let mut command = std::process::Command::new(root().join("fuzz/target/debug").join(&target));
        command.arg("-runs=0").arg("-rss_limit_mb=1024").arg(seeds).current_dir(root());
        finish(&format!("corpus of {target}"), &mut command)?;
    }
    Ok(())
}

/// The targets, by their files.
fn targets() -> Result<Vec<String>, Failure> {
    let folder: PathBuf = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(at(&folder))? {
        let name = entry.map_err(at(&folder))?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".rs")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
