//! PHP's `etc/config.php`, read by PHP: files as owners write them, and what is said where one cannot be taken.

use std::path::{Path, PathBuf};

use crate::support::peers::Peer;
use zmws::supervise::php_config::{self, PhpConfig};

fn php() -> Option<String> {
    let found = Peer::Php.or_leave_out()?;
    Some(found.program.into_string().expect("the name of a program"))
}

/// The programs, a line each, then the constants and the warnings.
fn shown(config: &PhpConfig) -> String {
    let mut lines = Vec::new();
    for (list, entries) in [("server", &config.servers), ("worker", &config.workers)] {
        for entry in entries {
            let flags: String =
                entry.flags.iter().map(|(flag, value)| format!(" --{flag}={value}")).collect();
            lines.push(format!("{list} {}: {}{flags}", entry.name, entry.file));
        }
    }
    let beats = [("interval", &config.heartbeat_interval), ("maxtries", &config.heartbeat_maxtries)];
    lines.extend(beats.iter().filter_map(|(name, beat)| beat.as_ref().map(|beat| format!("{name} {beat}"))));
    lines.extend(config.warnings.iter().cloned());
    lines.join("\n")
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/php-config").join(name)
}

/// What is read of a file, or why it is not; without the folder that only this machine has.
fn read(php: &str, file: &Path) -> String {
    let text = match php_config::open(php, file) {
        Ok(config) => shown(&config),
        Err(error) => error.to_string(),
    };
    let folder = file.parent().expect("it is in one").canonicalize().expect("it exists");
    // The root is part of every path.
    let above = folder
        .ancestors()
        .zip(["<here>", "<up>", "<up two>"])
        .filter(|(folder, _)| folder.parent().is_some());
    above.fold(text, |text, (folder, name)| text.replace(&folder.display().to_string(), name))
}

/// What is read of a file with this text.
fn read_text(php: &str, name: &str, text: &str) -> String {
    let folder = std::env::temp_dir().join(format!("zmws-php-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder of the test's own");
    let file = folder.join(name);
    std::fs::write(&file, text).expect("its file");
    let read = read(php, &file);
    std::fs::remove_file(&file).expect("it was written");
    read
}

#[test]
fn files_as_owners_write_them_say_what_php_takes_from_them() {
    let Some(php) = php() else { return };
    let mut names: Vec<_> = std::fs::read_dir(fixture(""))
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("its name is text"))
        .collect();
    names.sort();
    let all: Vec<String> =
        names.iter().map(|name| format!("-- {name}\n{}\n", read(&php, &fixture(name)))).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn php_says_itself_what_is_wrong_with_a_file() {
    let Some(php) = php() else { return };
    let cases = [
        "$a = 1\n$b = 2;",
        "$workerList = [['name' => UNDEFINED_NAME]];",
        "\nthrow new Exception('not on a Sunday');",
        "exit('maintenance');",
        "require 'nowhere.php';",
        "$a = str_repeat('x', 1 << 30);",
    ];
    let all: Vec<String> =
        cases.iter().map(|text| read_text(&php, "wrong.php", &format!("<?php\n{text}\n"))).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn entries_that_describe_no_program_are_refused() {
    let Some(php) = php() else { return };
    let cases = [
        "$workerList = 'x';",
        "$workerList = ['x'];",
        "$workerList = [['file' => 'f']];",
        "$workerList = [['name' => 'n', 'file' => null]];",
        "$workerList = [['name' => 'n', 'file' => 'f', 'flags' => 'x']];",
        "$workerList = [['name' => 'n', 'file' => 'f', 'flags' => ['x' => []]]];",
        "$workerList = [['name' => \"\\xff\", 'file' => 'f']];",
        "$workerList = [['name' => '../n', 'file' => 'f']];",
        "$workerList = [['name' => 'n', 'file' => 'f'],\n['name' => 'n', 'file' => 'g']];",
    ];
    let all: Vec<String> =
        cases.iter().map(|text| read_text(&php, "entries.php", &format!("<?php\n{text}\n"))).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    <here>/entries.php: $workerList is not an array
    <here>/entries.php: $workerList[0] is not an array
    <here>/entries.php: $workerList[0] has no 'name'
    <here>/entries.php: $workerList[0] has no 'file'
    <here>/entries.php: 'flags' of "n" is not an array
    <here>/entries.php: the flag "x" of "n" is not text in UTF-8
    <here>/entries.php: 'name' of $workerList[0] is not text in UTF-8
    <here>/entries.php: the name "../n" cannot name a pid file: it has a slash or a control character
    <here>/entries.php: the name "n" stands twice: both would have one pid file
    "#);
}

#[test]
fn what_has_no_effect_is_said() {
    let Some(php) = php() else { return };
    let text = "<?php echo 'hello'; echo $undefined; $serverFlag = true; $serverList = $workerList = [];\n\
                define('HEARTBEAT_INTERVAL', [1]); fwrite(STDOUT, \"zmws-config: {}\\n\");";
    insta::assert_snapshot!(read_text(&php, "effects.php", text), @r"
    <here>/effects.php:1: PHP says: Undefined variable $undefined
    <here>/effects.php: what it prints is left out
    <here>/effects.php: $serverFlag is left out: zmws takes --servers from its command line
    <here>/effects.php: HEARTBEAT_INTERVAL is left out: it is not text
    ");
}

#[test]
fn without_php_the_remedy_is_said() {
    let error = php_config::open("no-such-php", &fixture("paths.php")).expect_err("there is no such program");
    assert!(
        error.to_string().ends_with(
            "paths.php: there is no program \"no-such-php\" to read it with: install PHP (on Debian, apt-get \
             install php-cli), or write a zmws.toml (zmws config init)"
        ),
        "{error}"
    );
}
