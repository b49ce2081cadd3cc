//! Asks PHP what a configuration says.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::fault::Fault;

/// What PHP runs. The file that it includes is its first argument, the mark its second.
const SCRIPT: &str = include_str!("read.php");

/// Stands in front of the JSON, so that what the file itself prints is told from it.
const MARK: &str = "zmws-config: ";

/// What PHP is told whatever its `php.ini` says: to include nothing else, to say nothing of its own, and to end.
const SETTINGS: [&str; 8] = [
    "auto_prepend_file=",
    "auto_append_file=",
    "display_errors=0",
    "log_errors=0",
    // All but what a later PHP will refuse.
    "error_reporting=24575",
    "memory_limit=128M",
    "max_execution_time=10",
    "output_buffering=0",
];

/// How long PHP may take. A configuration takes some 30 ms.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The most that PHP may print, in bytes.
const OUTPUT_MAX: u64 = 4 << 20;

/// A value as text, or `false` where PHP cannot write it as text in UTF-8.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Is(String),
    IsNot(#[expect(dead_code, reason = "says what is read, and is always false")] bool),
}

/// An array, or `false` for what is none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum List<T> {
    Is(Vec<T>),
    IsNot(#[expect(dead_code, reason = "says what is read, and is always false")] bool),
}

/// An element of `$serverList` or `$workerList`. What is not there, or null, is `None`.
#[derive(Debug, Deserialize)]
pub(super) struct Element {
    pub(super) name: Option<Text>,
    pub(super) file: Option<Text>,
    pub(super) flags: List<(String, Text)>,
}

/// File, line (0 for none) and message.
pub(super) type Notice = (String, usize, String);

/// What the script prints.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// What ended the file before its end.
    pub(super) error: Option<Notice>,
    /// What PHP warns of.
    pub(super) notices: Vec<Notice>,
    /// Whether the file printed something.
    pub(super) printed: bool,
    /// The elements with their keys; an element that is no array is `None`.
    pub(super) servers: Option<List<(String, Option<Element>)>>,
    pub(super) workers: Option<List<(String, Option<Element>)>>,
    #[serde(rename = "HEARTBEAT_INTERVAL")]
    pub(super) heartbeat_interval: Option<Text>,
    #[serde(rename = "HEARTBEAT_MAXTRIES")]
    pub(super) heartbeat_maxtries: Option<Text>,
    /// Whether the variables of PHP's start script are set that its flags set.
    #[serde(rename = "serverFlag")]
    pub(super) server_flag: bool,
    #[serde(rename = "workerFlag")]
    pub(super) worker_flag: bool,
}

/// Lets `php` include `file`, in the current directory as PHP's start script does.
pub(super) fn ask(php: &str, file: &Path) -> Result<Answer, Fault> {
    let child = Command::new(php)
        .args(SETTINGS.iter().flat_map(|setting| ["-d", setting]))
        .args(["-r", SCRIPT, "--"])
        .arg(file)
        .arg(MARK)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::NoPhp(php.to_owned()),
        _ => Fault::CannotRun { php: php.to_owned(), error: error.kind() },
    })?;
    let output = all_of(&mut child);
    // It has ended, or is to: what it started may still hold its output.
    let _ = child.kill();
    let _ = child.wait();
    let line = output?;
    let json = line.rsplit(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(MARK.as_bytes()));
    serde_json::from_slice(json.unwrap_or_default()).map_err(|_| Fault::NoAnswer)
}

/// What a process prints until it closes its output, in time and within bounds.
fn all_of(child: &mut Child) -> Result<Vec<u8>, Fault> {
    let stdout = child.stdout.take().expect("piped");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = Vec::new();
        let read = stdout.take(OUTPUT_MAX).read_to_end(&mut output);
        // Nobody listens any more once it is late.
        let _ = sender.send(read.map(|_| output));
    });
    match receiver.recv_timeout(TIME_MAX) {
        Ok(read) => read.map_err(|_| Fault::NoAnswer),
        Err(_) => Err(Fault::TooSlow(TIME_MAX.as_secs())),
    }
}
