//! What the README shows is what happens: its commands are run.

use std::process::Command;

use crate::support::broker::zmws;
use crate::support::http;
use crate::support::trace::zmws_trace;
use crate::support::up::{Up, without_id};

const README: &str = include_str!("../../README.md");

/// Lines of the README's code blocks, which are indented by four blanks.
fn code() -> impl Iterator<Item = &'static str> {
    README.lines().filter_map(|line| line.strip_prefix("    ")).map(str::trim_end)
}

/// `zmws …` without its comment and without what belongs to another program.
fn words(line: &str) -> Vec<&str> {
    let line = line.split(" #").next().unwrap_or(line).trim();
    let line = line.split(" -- ").next().unwrap_or(line);
    line.split_whitespace().filter(|word| !word.contains('\'')).collect()
}

#[test]
fn every_command_of_the_readme_is_one_that_its_program_knows() {
    let is_ours = |line: &&str| line.starts_with("zmws ") || line.starts_with("zmws-trace ");
    let commands: Vec<_> = code().filter(is_ours).map(words).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    for words in commands {
        let program = if words[0] == "zmws" { zmws() } else { zmws_trace().into() };
        // An unknown word or flag is an error before --help is looked at.
        let output = Command::new(program).args(&words[1..]).arg("--help").output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_flag_that_the_readme_names_exists() {
    let mut help = String::new();
    for command in
        ["broker", "gateway", "worker", "call", "up", "start", "status", "drain", "pause", "config"]
    {
        let output = Command::new(zmws()).args([command, "--help"]).output();
        help += &String::from_utf8_lossy(&output.expect("the program starts").stdout);
    }
    for command in ["record", "show", "run"] {
        let output = Command::new(zmws_trace()).args([command, "--help"]).output();
        help += &String::from_utf8_lossy(&output.expect("the program starts").stdout);
    }
    let flags = README.split(|letter: char| !(letter.is_alphanumeric() || "-_".contains(letter)));
    // Flags of cargo, and one of PHP's workers, are not ours.
    let foreign = ["--release", "--path", "--backend-port"];
    for flag in flags.filter(|word| word.starts_with("--") && word.len() > 4 && !foreign.contains(word)) {
        assert!(help.contains(flag), "the README speaks of {flag}, which no command has");
    }
}

#[test]
fn what_curl_is_shown_to_answer_is_answered() {
    let lines: Vec<_> = README.lines().collect();
    let up = Up::start(&[]);
    let mut shown = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some(url) = line.strip_prefix("    $ curl 'http://127.0.0.1:5580") else { continue };
        let path = url.trim_end_matches('\'');
        let block = lines[at + 1..].iter().map_while(|line| line.strip_prefix("    "));
        let expected: Vec<_> = block.take_while(|line| !line.starts_with('$')).collect();
        let body = http::get(up.http, path).body;
        let got: Vec<_> = body.lines().collect();
        assert_eq!(got.len(), expected.len(), "{path}: {body}");
        for (got, expected) in got.iter().zip(expected) {
            assert_eq!(without_id(got), without_id(expected), "{path}");
        }
        shown += 1;
    }
    assert!(shown >= 2, "the README shows what curl answers");
}
