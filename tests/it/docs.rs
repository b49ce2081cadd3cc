//! The book in `docs/`: its links lead somewhere, its commands exist, its programs run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::PATIENCE;
use crate::support::broker::zmws;
use crate::support::http;
use crate::support::peers::Peer;
use crate::support::program::Program;
use crate::support::up::{Up, without_id};

/// The chapters, in the order of their names.
fn chapters() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src");
    let entries = std::fs::read_dir(folder).expect("the book is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a chapter is text");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// What stands between ```` ```KIND ```` and ```` ``` ````, line by line.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<Vec<&'a str>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(found) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.extend((found == kind).then_some(block));
    }
    blocks
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    let mut code = false;
    let outside = |line: &&str| {
        let fence = line.starts_with("```");
        code ^= fence;
        !fence && !code
    };
    text.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

/// What a Markdown renderer makes of a heading: `## What it is` is found at `#what-it-is`.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
        line.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect::<String>()
    };
    headings.map(|line| anchor(line).replace(' ', "-")).collect()
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

#[test]
fn every_link_of_the_book_leads_somewhere() {
    let mut seen = 0;
    for (path, text) in chapters() {
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            let found = std::fs::read_to_string(&target);
            let found = found.unwrap_or_else(|_| panic!("{}: nothing is at {link}", path.display()));
            let is_there = anchor.is_empty() || anchors(&found).contains(anchor);
            assert!(is_there, "{}: {link} has no such heading", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 20, "links are found: {seen}");
}

#[test]
fn every_chapter_is_in_the_summary() {
    let chapters = chapters();
    let is_summary = |path: &Path| path.ends_with("SUMMARY.md");
    let (_, summary) = chapters.iter().find(|(path, _)| is_summary(path)).expect("a summary");
    let listed = links(summary);
    for (path, _) in chapters.iter().filter(|(path, _)| !is_summary(path)) {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        assert!(listed.contains(&name), "SUMMARY.md does not list {name}");
    }
}

/// Words of a line as a shell makes them; what belongs to another program or to the shell is left out.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            '|' | '>' | '#' if !quoted => break,
            _ => words.last_mut().expect("there is one").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    words.truncate(end);
    words
}

#[test]
fn every_command_of_the_book_is_one_that_the_program_knows() {
    let (mut commands, mut unknown) = (0, Vec::new());
    for (path, text) in chapters() {
        let blocks = blocks(&text, "console");
        let lines = blocks.iter().flatten().filter_map(|line| line.strip_prefix("$ zmws "));
        // Its words are another program's, and tested with the README.
        for line in lines.filter(|line| !line.starts_with("trace ")) {
            // An unknown word or flag is an error before --help is looked at.
            let output = Command::new(zmws()).args(words(line)).arg("--help").output();
            let output = output.expect("the program starts");
            commands += 1;
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("").to_owned();
                unknown.push(format!("{}: zmws {line}: {why}", path.display()));
            }
        }
    }
    assert!(commands >= 30, "commands are found: {commands}");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_flag_that_the_book_names_exists() {
    let known = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/cli.md"));
    let known = known.expect("the reference of commands");
    // Flags of programs that are not zmws.
    let foreign =
        ["--path", "--json", "--listen", "--to", "--upstream", "--mask", "--max-bytes", "--max-files"];
    let foreign = [
        &foreign[..],
        &["--verbose", "--file", "--html", "--broker", "--backend-port", "--unix-socket"],
        // Of the chore that makes the page of attacks.
        &["--quick", "--only", "--list", "--write", "--seconds", "--seed"],
    ]
    .concat();
    let mut unknown = Vec::new();
    // One chapter is about PHP's programs.
    for (path, text) in chapters().into_iter().filter(|(path, _)| !path.ends_with("original.md")) {
        let flags = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
        for flag in flags.filter(|word| word.starts_with("--") && word.trim_matches('-').len() > 1) {
            if !foreign.contains(&flag)
                && !known.contains(&format!("{flag} "))
                && !known.contains(&format!("{flag}`"))
            {
                unknown.push(format!("{}: {flag}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn what_curl_is_shown_to_answer_is_answered() {
    let up = Up::start(&[]);
    let mut shown = 0;
    for (_, text) in chapters() {
        for block in blocks(&text, "console") {
            let [command, expected @ ..] = block.as_slice() else { continue };
            if expected.is_empty() || !command.starts_with("$ curl ") {
                continue;
            }
            let Some(body) = curl(&command[2..], up.http) else { continue };
            let without_ids = |lines: &[&str]| lines.iter().map(|line| without_ids(line)).collect::<Vec<_>>();
            assert_eq!(without_ids(&body.lines().collect::<Vec<_>>()), without_ids(expected), "{command}");
            shown += 1;
        }
    }
    assert!(shown >= 2, "the book shows what curl answers");
}

/// What a command answers. The plain ones need no curl; without it, the others are left out.
fn curl(command: &str, port: u16) -> Option<String> {
    let plain = command.strip_prefix("curl 'http://127.0.0.1:5580").and_then(|rest| rest.strip_suffix('\''));
    if let Some(path) = plain.filter(|path| !path.contains('\'')) {
        return Some(http::get(port, path).body);
    }
    let command = command.replace(":5580", &format!(":{port}")).replacen("curl", "curl --silent", 1);
    let output = Command::new("sh").args(["-c", &command]).output().expect("a shell is there");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A line with its ids taken away, those in JSON too.
fn without_ids(line: &str) -> String {
    line.split('"').map(without_id).collect::<Vec<_>>().join("\"")
}

/// The example of a client over ZeroMQ: a result, none, and a refusal.
#[test]
fn the_client_in_python_takes_all_answers() {
    let Some(python) = Peer::Python.or_leave_out() else { return };
    let up = Up::start(&[]);
    let chapters = chapters();
    let blocks = chapters.iter().flat_map(|(_, text)| blocks(text, "python"));
    let mut clients = blocks.map(|block| block.join("\n")).filter(|program| program.contains("zmq.REQ"));
    let program = clients.next().expect("the book has one").replace(":5555", &format!(":{}", up.clients));
    let run = |service: &str| {
        let program = program.replace("SYNC-STR-REV", &format!("SYNC-{service}"));
        let output = Command::new(&python.program).args(["-c", &program]).output().expect("it starts");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (output.status.code(), said(&output.stdout), said(&output.stderr))
    };
    assert_eq!(run("STR-REV"), (Some(0), "olleH".to_owned(), String::new()));
    assert_eq!(run("SLEEP"), (Some(0), "None".to_owned(), String::new()));
    assert_eq!(run("NOBODY"), (Some(1), String::new(), "FAIL: NOBODY".to_owned()));
}

#[test]
fn examples_of_configuration_and_of_others_files_have_their_form() {
    let (mut toml, mut json) = (0, 0);
    for (path, text) in chapters() {
        for block in blocks(&text, "toml") {
            let text = block.join("\n");
            let parsed = text.parse::<toml_edit::DocumentMut>();
            parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            is_fine(&text);
            toml += 1;
        }
        for block in blocks(&text, "json") {
            let parsed = serde_json::from_str::<serde_json::Value>(&block.join("\n"));
            parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            json += 1;
        }
    }
    assert!(toml >= 1, "{toml} examples of TOML, {json} of JSON");
}

/// The program's own judgement of a configuration.
fn is_fine(text: &str) {
    let folder = std::env::temp_dir().join(format!("zmws-book-{}", std::process::id()));
    // What the examples name must be there.
    for file in ["etc/tokens", "workers/mail_worker.php"] {
        let file = folder.join(file);
        std::fs::create_dir_all(file.parent().expect("it is in a folder"))
            .expect("a folder of the test's own");
        std::fs::write(file, "# none\n").expect("its file");
    }
    std::fs::copy(zmws(), folder.join("search-worker")).expect("any program will do");
    std::fs::write(folder.join("zmws.toml"), text).expect("its file");
    let output = Command::new(zmws()).args(["config", "check"]).current_dir(&folder).output();
    let _ = std::fs::remove_dir_all(&folder);
    let output = output.expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_metric_that_the_book_names_is_one_of_the_broker_s() {
    let mut command = Command::new(zmws());
    let ports = ["--client-port=0", "--worker-port=0", "--news-port=0", "--admin-port=0", "--log-form=json"];
    let data_dir = std::env::temp_dir().join(format!("zmws-docs-metrics-{}", std::process::id()));
    let broker = command.arg("broker").args(ports).arg("--data-dir").arg(&data_dir);
    let broker = Program::start("zmws broker", broker);
    let admin = broker.wait_for("the admin port", PATIENCE, |line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["admin"].as_str()?.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
    });
    let shown = http::get(admin, "/metrics").body;
    let chapters = chapters();
    let (_, text) = chapters.iter().find(|(path, _)| path.ends_with("operating.md")).expect("it is there");
    let is_name = |word: &&str| word.starts_with("zmws_") || word.starts_with("process_");
    let mut seen = 0;
    for name in text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).filter(is_name)
    {
        let family = name.strip_suffix("_total").unwrap_or(name);
        assert!(shown.contains(&format!("# TYPE {family} ")), "{name} is not in\n{shown}");
        seen += 1;
    }
    drop(broker);
    let _ = std::fs::remove_dir_all(&data_dir);
    assert!(seen >= 20, "metrics are found: {seen}");
}

/// A claim names its test: a name that nothing has any more says that the claim is not shown any more.
#[test]
fn every_test_that_the_guarantees_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(&path).expect("a source is text");
            }
        }
    }
    let text = std::fs::read_to_string(root.join("docs/src/guarantees.md")).expect("the chapter");
    let is_name = |word: &&str| {
        word.matches('_').count() >= 3
            && !word.starts_with("zmws_")
            && !word.contains(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
    };
    let names: BTreeSet<&str> = text.split('`').filter(is_name).collect();
    // A function, or a transcript, whose name stands on a line of its own.
    let is_there = |name: &&&str| {
        sources.contains(&format!("fn {name}(")) || sources.contains(&format!("    {name},\n"))
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "no test is called {missing:?}");
    assert!(names.len() >= 60, "{} tests are named", names.len());
}

/// `mdbook` is no part of the tests' needs; where it is, it must take the book as it is.
#[test]
fn mdbook_builds_the_book_if_it_is_here() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let out = std::env::temp_dir().join(format!("zmws-book-{}", std::process::id()));
    let mut command = Command::new("mdbook");
    command.arg("build").arg(&book).arg("--dest-dir").arg(&out).stdin(Stdio::null());
    let Ok(output) = command.output() else {
        println!("left out: mdbook is not here");
        return;
    };
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !said.contains("WARN"), "{said}");
    let index = std::fs::read_to_string(out.join("index.html")).expect("a page");
    let _ = std::fs::remove_dir_all(&out);
    assert!(index.contains("work server"));
}
