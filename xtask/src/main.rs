//! The project's chores, as one program: `cargo xtask CHORE`.
//!
//! It knows nothing of zmws itself; it runs cargo and reads sources. Each chore is one file, which
//! offers `run`.

mod ci;
mod deny;
mod docs;
mod fuzz;
mod hostile;
mod lean;
mod steps;
mod testing;
mod tidy;

#[path = "../../tests/it/support/peers.rs"]
mod peers;

use std::process::ExitCode;

use steps::{Failure, cargo};

const USAGE: &str = "\
usage: cargo xtask CHORE

  ci      [--no-test] [--require-peers]    all that must hold before a change goes in
  test    [--require-peers] [-- ARGS]      the tests, and what was left out for want of what
  tidy                                     imports, lengths, names, words
  docs    [--check]                        what the program says of itself, into docs/
  lean                                     how few crates a client takes
  deny                                     licences, sources and bans of dependencies
  fuzz    [--seconds N] [TARGET …]         each fuzz target for N seconds (60), or those named
  hostile [--quick] [--only NAME] [--list] [--write]
                                           attacks, while somebody honest is being served
  hostile faults [--seconds N] [--seed N]  no malice but misfortune, for N seconds (60)
  crash   [--rounds N] [--seed N]          a broker that is killed N times (20) over one directory of data
  sim     [--seed N | --seeds N]           the broker with a store that fails, N seeds (1,000), or one of them
  compat  ARGS                             record, replay and compare: see `cargo xtask compat --help`

ARGS go to `cargo test` or to the program that does the chore.";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let chore = words.next().unwrap_or_default();
    match run(&chore, words.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(what)) => {
            eprintln!("{what}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &str, words: Vec<String>) -> Result<(), Failure> {
    match chore {
        "ci" => ci::run(&words),
        "test" => testing::run(&words),
        "tidy" => tidy::run(&words),
        "deny" => deny::run(),
        "lean" => lean::run(),
        "docs" => docs::run(&words),
        "fuzz" => fuzz::run(&words),
        "hostile" => hostile::run(&words),
        "sim" => testing::simulate(&words),
        "crash" => hostile::run(&[vec!["crash".to_owned()], words].concat()),
        "compat" => compat(&words),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        "" => Err(Failure::Usage("which chore?".to_owned())),
        other => Err(Failure::Usage(format!("no chore is called {other:?}"))),
    }
}

/// The compat suite is a program of its own, and an example so that `cargo install` leaves it here; its exit status is
/// ours.
fn compat(words: &[String]) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "zmws-compat", "--example", "compat", "--"]).args(words);
    steps::finish("compat", &mut command)
}
