//! All that must hold before a change goes in: cheap and likely failures first.

use std::time::Duration;

use crate::steps::{Failure, cargo, finish, show};
use crate::{deny, docs, fuzz, hostile, lean, testing, tidy};

/// How a step ended, for the list at the end.
enum Ended {
    Well(Duration),
    LeftOut(&'static str),
}

/// `ci [--no-test] [--require-peers]`.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let (mut test, mut test_words) = (true, Vec::new());
    for word in words {
        match word.as_str() {
            "--no-test" => test = false,
            "--require-peers" => test_words.push(word.clone()),
            other => return Err(Failure::Usage(format!("ci does not know {other:?}"))),
        }
    }

    let mut steps: Vec<(&'static str, Ended)> = Vec::new();
    step(&mut steps, "tidy", || tidy::run(&[]))?;
    step(&mut steps, "fmt", fmt)?;
    step(&mut steps, "clippy", clippy)?;
    step(&mut steps, "pure half", pure_half)?;
    step(&mut steps, "lean client", lean::run)?;
    step(&mut steps, "rustdoc", rustdoc)?;
    step(&mut steps, "docs", || docs::run(&["--check".to_owned()]))?;
    step(&mut steps, "fuzz corpus", fuzz::run_corpus)?;
    step(&mut steps, "deny", deny::run)?;
    match test {
        true => {
            step(&mut steps, "hostile", hostile::run_short)?;
            step(&mut steps, "test", || testing::run(&test_words))?;
        }
        false => steps.extend(["hostile", "test"].map(|name| (name, Ended::LeftOut("--no-test")))),
    }
    summary(&steps);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a chore may look at the clock")]
fn step(
    steps: &mut Vec<(&'static str, Ended)>,
    name: &'static str,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    println!("\n==== {name}");
    let started = std::time::Instant::now();
    work()?;
    steps.push((name, Ended::Well(started.elapsed())));
    Ok(())
}

fn summary(steps: &[(&'static str, Ended)]) {
    println!("\n==== ci");
    for (name, ended) in steps {
        match ended {
            Ended::Well(time) => println!("{name:<12} ok        {}", show(*time)),
            Ended::LeftOut(why) => println!("{name:<12} LEFT OUT  {why}"),
        }
    }
}

fn fmt() -> Result<(), Failure> {
    finish("fmt", cargo().args(["fmt", "--all", "--check"]))?;
    finish("fmt of fuzz", cargo().args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    let words = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    finish("clippy", cargo().args(words))
}

/// What is pure builds without tokio in reach.
fn pure_half() -> Result<(), Failure> {
    let words = ["check", "--locked", "--package", "zmws", "--lib", "--no-default-features"];
    finish("the pure half", cargo().args(words))
}

fn rustdoc() -> Result<(), Failure> {
    let words = ["doc", "--locked", "--workspace", "--no-deps"];
    finish("rustdoc", cargo().args(words).env("RUSTDOCFLAGS", "-D warnings"))
}
