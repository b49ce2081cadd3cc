//! `cargo test`, and at its end what was there to test against and what was left out.
//!
//! A test that lacks a peer appends a line to the file named by `ZMWS_LEFT_OUT` and ends
//! (`tests/it/support/peers.rs`); with `ZMWS_REQUIRE_PEERS=1` it fails instead.

use std::collections::BTreeMap;
use std::path::Path;

use crate::peers::{self, Peer};
use crate::steps::{Failure, at, cargo, finish, root};

/// `test [--require-peers] [-- ARGS for cargo test]`.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let mut require = std::env::var_os(peers::REQUIRE).is_some_and(|value| value == "1");
    let mut words = words.iter();
    for word in words.by_ref() {
        match word.as_str() {
            "--require-peers" => require = true,
            "--" => break,
            other => return Err(Failure::Usage(format!("test does not know {other:?}"))),
        }
    }
    if require && let Some(missing) = Peer::ALL.into_iter().find(|peer| peer.find().is_err()) {
        return Err(Failure::NoPeer(format!("{} ({})", missing.name(), missing.remedy())));
    }

    let left_out = root().join("target/left-out.txt");
    std::fs::create_dir_all(root().join("target")).map_err(at(&left_out))?;
    std::fs::write(&left_out, "").map_err(at(&left_out))?;
    let mut command = cargo();
    command
        .args(["test", "--locked", "--workspace", "--no-fail-fast"])
        .args(words)
        .env(peers::LEFT_OUT, &left_out);
    if require {
        command.env(peers::REQUIRE, "1");
    }
    let tested = finish("cargo test", &mut command);
    let reported = report(&left_out, require);
    tested.and(reported)
}

/// `sim [--seed N | --seeds N]`: the broker with a store that fails, over a fake clock.
pub(crate) fn simulate(words: &[String]) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["test", "--quiet", "--locked", "--package", "zmws", "--lib", "broker::tests::simulation"]);
    command.env("ZMWS_SIM_SEEDS", "1000");
    for pair in words.chunks(2) {
        let variable = match pair {
            [word, _] if word == "--seed" => "ZMWS_SIM_SEED",
            [word, _] if word == "--seeds" => "ZMWS_SIM_SEEDS",
            other => return Err(Failure::Usage(format!("sim does not know {other:?}"))),
        };
        command.env(variable, &pair[1]);
    }
    finish("sim", &mut command)
}

fn report(left_out: &Path, require: bool) -> Result<(), Failure> {
    println!("\n==== peers");
    for peer in Peer::ALL {
        match peer.find() {
            Ok(found) => println!("{:<14} {}", peer.name(), found.version),
            Err(_) => println!("{:<14} not here: {}", peer.name(), peer.remedy()),
        }
    }
    let text = std::fs::read_to_string(left_out).map_err(at(left_out))?;
    let tests = by_peer(&text);
    let count = tests.values().map(Vec::len).sum();
    if count == 0 {
        println!("no test was left out");
    }
    for (peer, names) in tests {
        println!("{} left out for want of {peer}: {}", count_of(names.len()), names.join(", "));
    }
    match require && count > 0 {
        true => Err(Failure::LeftOut(count)),
        false => Ok(()),
    }
}

fn count_of(tests: usize) -> String {
    match tests {
        1 => "1 test".to_owned(),
        more => format!("{more} tests"),
    }
}

/// Lines `peer<TAB>test`, sorted.
fn by_peer(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut tests: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (peer, test) in text.lines().filter_map(|line| line.split_once('\t')) {
        tests.entry(peer).or_default().push(test);
    }
    for names in tests.values_mut() {
        names.sort_unstable();
        names.dedup();
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_out_tests_are_listed_once_by_the_peer_they_lack() {
        let tests = by_peer("php-zmq\tb\npyzmq\tc\nphp-zmq\ta\nphp-zmq\tb\n");
        assert_eq!(tests["php-zmq"], ["a", "b"]);
        assert_eq!(tests["pyzmq"], ["c"]);
    }
}
