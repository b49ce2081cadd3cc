//! `etc/config.php`: what PHP's start script takes from it, and what ours does.
//!
//! A file of `fixtures/php-config` that ours refuses says so itself, in its last line:
//! `// refused at line 7; PHP takes it`, or `…; so does PHP`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zmws::supervise::php_config::{self, Entry, OpenError, PhpConfig};

use super::{ask_php, hex, seed, unhex};

/// What the last line of a file says of it.
#[derive(Debug, Eq, PartialEq)]
struct Refusal {
    line: usize,
    by_php: bool,
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/php-config");
    let entries = std::fs::read_dir(folder).expect("the folder is part of the repository");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort();
    files
}

fn refusal(file: &Path) -> Option<Refusal> {
    let text = std::fs::read(file).expect("it was listed");
    let text = String::from_utf8_lossy(&text);
    let (line, by_whom) = text.lines().next_back()?.strip_prefix("// refused at line ")?.split_once("; ")?;
    let by_php = match by_whom {
        "PHP takes it" => false,
        "so does PHP" => true,
        other => panic!("{}: {other:?}", file.display()),
    };
    Some(Refusal { line: line.parse().expect("a line's number"), by_php })
}

/// PHP's answers, as JSON; an error is a string.
fn php_s(files: &[PathBuf]) -> Option<Vec<Value>> {
    let paths = files.iter().map(|file| hex(file.to_str().expect("UTF-8").as_bytes())).collect();
    let answers = ask_php("config.php", &[], paths)?;
    let answer = |answer: String| match answer.strip_prefix('!') {
        Some(error) => Value::String(String::from_utf8_lossy(&unhex(error)).into_owned()),
        None => serde_json::from_slice(&unhex(&answer)).expect("the script writes JSON"),
    };
    Some(answers.into_iter().map(answer).collect())
}

/// Ours in the form of the script's.
fn as_php_says(config: &PhpConfig) -> Value {
    let entry = |Entry { name, file, flags, line: _ }: &Entry| json!([name, file, flags]);
    json!({
        "servers": config.servers.iter().map(entry).collect::<Vec<_>>(),
        "workers": config.workers.iter().map(entry).collect::<Vec<_>>(),
        "HEARTBEAT_INTERVAL": config.heartbeat_interval,
        "HEARTBEAT_MAXTRIES": config.heartbeat_maxtries,
    })
}

#[test]
fn files_that_owners_write_are_read_as_php_reads_them_or_refused_at_the_line_they_say() {
    let files = files();
    assert!(files.len() >= 30, "{} files", files.len());
    let answers = php_s(&files);
    for (index, file) in files.iter().enumerate() {
        let name = file.file_name().expect("a file").to_string_lossy();
        let php = answers.as_ref().map(|answers| &answers[index]);
        let refusal = refusal(file);
        match php_config::open(file) {
            Ok(config) => {
                assert_eq!(refusal, None, "{name}");
                if let Some(php) = php {
                    assert_eq!(&as_php_says(&config), php, "{name}");
                }
            }
            Err(OpenError::Read(error)) => {
                let refusal = refusal.unwrap_or_else(|| panic!("{error}"));
                assert_eq!(error.line, refusal.line, "{error}");
                if let Some(php) = php {
                    assert_eq!(php.is_string(), refusal.by_php, "{name}: PHP says {php}");
                }
            }
            Err(error @ OpenError::Away { .. }) => panic!("{error}"),
        }
    }
}

#[test]
fn files_made_at_random_are_read_as_php_reads_them() {
    let mut random = fastrand::Rng::with_seed(seed());
    let folder = std::env::temp_dir().join(format!("zmws-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the files");
    let write = |number: usize| {
        let file = folder.join(format!("{number}.php"));
        std::fs::write(&file, Writer::new(&mut random).config()).expect("it can be written");
        file
    };
    let files: Vec<PathBuf> = (0..400).map(write).collect();
    let answers = php_s(&files);
    let mut taken = 0;
    for (file, php) in files.iter().zip(answers.iter().flatten()) {
        let text = std::fs::read_to_string(file).expect("it was written");
        match php_config::open(file) {
            Ok(config) => {
                taken += 1;
                assert_eq!(&as_php_says(&config), php, "{text}");
            }
            // Pieces of a string may make a variable that is none.
            Err(error) => assert!(php.is_string(), "{error}; PHP: {php}\n{text}"),
        }
    }
    let none = answers.is_none();
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    assert!(none || taken > files.len() * 9 / 10, "{taken} files");
}

/// Writes a file within the grammar that we read.
struct Writer<'a> {
    random: &'a mut fastrand::Rng,
    /// Variables, and whether they are numbers.
    variables: Vec<(String, Kind)>,
    constants: Vec<(String, Kind)>,
}

/// What an expression yields.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Number,
    Text,
}

impl<'a> Writer<'a> {
    fn new(random: &'a mut fastrand::Rng) -> Self {
        Self { random, variables: Vec::new(), constants: Vec::new() }
    }

    fn config(&mut self) -> String {
        let mut text = "<?php".to_owned() + self.blank();
        for number in 0..self.random.usize(0..8) {
            let kind = if self.random.bool() { Kind::Number } else { Kind::Text };
            let value = self.expression(kind, 3);
            if self.random.bool() {
                text += &format!("define('C{number}',{}{value});{}", self.blank(), self.blank());
                self.constants.push((format!("C{number}"), kind));
            } else {
                text += &format!("$v{number}{}= {value};{}", self.blank(), self.blank());
                self.variables.push((format!("$v{number}"), kind));
            }
        }
        for (list, kind) in [("serverList", "s"), ("workerList", "w")] {
            text += &format!("${list} = array();");
            for number in 0..self.random.usize(0..4) {
                text += &self.entry(list, &format!("{kind}{number}"));
            }
        }
        if self.random.bool() {
            text += &format!("define('HEARTBEAT_INTERVAL', {});", self.expression(Kind::Number, 2));
        }
        text + self.pick(&["", "?>\n", "?>", "// end", "return;"])
    }

    /// An entry, appended or under a key of its own, at once or in parts.
    fn entry(&mut self, list: &str, name: &str) -> String {
        let (open, close) = self.pick(&[("array(", ")"), ("[", "]")]);
        let elements: Vec<String> = (0..self.random.usize(0..8)).map(|_| self.element()).collect();
        let comma = if elements.is_empty() { "" } else { self.pick(&["", ","]) };
        let flags = format!("{open}{}{comma}{close}", elements.join(&format!(",{}", self.blank())));
        let place = format!("${list}['{name}']");
        match self.random.u8(0..3) {
            0 => format!(
                "${list}[] = ['name' => '{name}', 'file' => 'f.php', 'flags' => {flags}];{}",
                self.blank()
            ),
            1 => format!(
                "{place}['name'] = '{name}';{place}['file'] = \"f\" . '.php';{place}['flags'] = {flags};"
            ),
            _ => {
                let value = self.expression(Kind::Text, 2);
                format!(
                    "{place} = array('file' => 'f.php', 'name' => 'x', 'flags' => {flags}, 'name' => '{name}');\
                     {place}['flags'][] = {value};"
                )
            }
        }
    }

    fn element(&mut self) -> String {
        let kind = if self.random.bool() { Kind::Number } else { Kind::Text };
        let value = self.expression(kind, 3);
        let key = self.pick(&[
            "'a'",
            "'b'",
            "'log-level'",
            "0",
            "1",
            "'1'",
            "-3",
            "'-3'",
            "'01'",
            "1.9",
            "true",
            "false",
            "null",
            "''",
            "7 - 5",
            "'x' . 1",
            "0x10",
            "'16'",
            "\"a\"",
            "PHP_EOL",
        ]);
        let arrow = format!("{}=>{}", self.blank(), self.blank());
        if self.random.u8(0..4) == 0 { value } else { format!("{key}{arrow}{value}") }
    }

    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.random.u8(0..3) == 0 {
            return self.leaf(kind);
        }
        let (left, right) = (self.expression(kind, depth - 1), self.expression(kind, depth - 1));
        let blank = self.blank();
        match (kind, self.random.u8(0..4)) {
            (_, 0) => format!("({left})"),
            (Kind::Number, 1) => format!("{} {left}", self.pick(&["-", "+"])),
            (Kind::Number, _) => format!("{left} {} {right}", self.pick(&["+", "-", "*"])),
            (Kind::Text, 1) => {
                let number = self.expression(Kind::Number, depth - 1);
                format!("{left} .{blank} {number}")
            }
            (Kind::Text, 2) => format!("dirname({left}, {})", self.random.u8(1..4)),
            (Kind::Text, _) => format!("{left} . {right}"),
        }
    }

    fn leaf(&mut self, kind: Kind) -> String {
        let all = self.variables.iter().chain(&self.constants);
        let named: Vec<String> =
            all.filter(|(_, other)| *other == kind).map(|(name, _)| name.clone()).collect();
        if let Some(name) = self.random.choice(&named).filter(|_| self.random.bool()) {
            return match kind == Kind::Text && name.starts_with('$') && self.random.bool() {
                true => format!("\"{}{{{name}}}|{name}\"", self.quoted()),
                false => name.clone(),
            };
        }
        match kind {
            Kind::Number => self.number(),
            Kind::Text => match self.random.u8(0..3) {
                0 => format!("\"{}\"", self.quoted()),
                1 => format!(
                    "'{}'",
                    self.pick(&["", "x", "a\\'b", "\\\\", "\\n", "$v0", "5", "/a/b//c/", "ü", "a//"])
                ),
                _ => self
                    .pick(&[
                        "true . ''",
                        "NULL . ''",
                        "False . ''",
                        "PHP_EOL",
                        "'/'",
                        "\"\"",
                        "__LINE__ . ''",
                    ])
                    .to_owned(),
            },
        }
    }

    fn number(&mut self) -> String {
        match self.random.u8(0..5) {
            0 => self.random.u16(..).to_string(),
            1 => format!("0x{:X}", self.random.u64(..)),
            2 => format!("{:e}", self.random.f64() * 1e10_f64.powi(self.random.i32(-3..4))),
            3 => format!("0{:o}", self.random.u32(..)),
            _ => self
                .pick(&[
                    "0",
                    "1",
                    "5_555",
                    ".5",
                    "5.",
                    "0b11",
                    "PHP_INT_MAX",
                    "9223372036854775807",
                    "1e3",
                    "0.1",
                    "0o17",
                ])
                .to_owned(),
        }
    }

    /// What stands between double quotes.
    fn quoted(&mut self) -> String {
        let pieces = [
            "a",
            "\\n",
            "\\t",
            "\\\\",
            "\\\"",
            "\\$",
            "\\x41",
            "\\101",
            "\\7",
            "\\u{20ac}",
            "\\q",
            "$ ",
            "{",
            "}",
            "'",
            "\n",
            "ö",
            "\\{",
            " ",
        ];
        let mut text = String::new();
        for _ in 0..self.random.usize(0..6) {
            text += self.random.choice(&pieces).expect("there are pieces");
        }
        text
    }

    fn blank(&mut self) -> &'static str {
        self.pick(&[" ", "\n", "\t", "\r\n", " /* x */ ", " // x\n", " # x\n"])
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        *self.random.choice(choices).expect("there are choices")
    }
}
