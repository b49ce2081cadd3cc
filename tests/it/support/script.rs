//! The peers in PHP and Python (`tests/peers/`): each prints one JSON object a line.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use zmws::message::Dialect;

use super::PATIENCE;
use super::frames::Message;
use super::peers::{Found, Peer};
use super::program::Program;

/// A running script.
pub(crate) struct Script {
    /// The process.
    pub(crate) program: Program,
}

impl Script {
    /// Starts `tests/peers/php/NAME.php` or `tests/peers/python/NAME.py`.
    pub(crate) fn start(peer: Peer, found: &Found, name: &str, port: u16, flags: &[String]) -> Self {
        let (folder, ending) = match peer {
            Peer::Php => ("php", "php"),
            Peer::Python => ("python", "py"),
            Peer::Requests | Peer::Curl | Peer::Ab | Peer::Wrk | Peer::Chromium => {
                panic!("{} speaks no ZeroMQ", peer.name())
            }
        };
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/peers/{folder}/{name}.{ending}"));
        let mut command = Command::new(&found.program);
        // Python would leave its byte code beside the sources.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(path).arg(format!("--port={port}")).args(flags);
        Self { program: Program::start(&format!("{name}.{ending} {}", flags.join(" ")), &mut command) }
    }

    /// Waits for the next line whose `event` is this.
    pub(crate) fn wait_for(&self, event: &str) -> Value {
        self.wait_for_within(event, PATIENCE)
    }

    /// The same, with a deadline of its own.
    pub(crate) fn wait_for_within(&self, event: &str, patience: Duration) -> Value {
        self.program.wait_for(event, patience, |line| {
            let value: Value = serde_json::from_str(line).ok()?;
            (value["event"] == event).then_some(value)
        })
    }

    /// All lines until it ends, which it must do well.
    pub(crate) fn finish(self) -> Vec<Value> {
        self.finish_within(PATIENCE)
    }

    /// The same, with the longest wait for a line.
    pub(crate) fn finish_within(mut self, patience: Duration) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(line) = self.program.line(patience) {
            events.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        let status = self.program.end(PATIENCE);
        assert!(status.success(), "{status}:\n{}", self.program.log());
        events
    }

    /// Lines that are there already.
    pub(crate) fn so_far(&self) -> Vec<Value> {
        let lines = std::iter::from_fn(|| self.program.line_if_any());
        lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }
}

/// `frames` of an event: text whose characters are bytes (Python), or UTF-8 (PHP).
pub(crate) fn frames(event: &Value) -> Message {
    let frames = event["frames"].as_array().unwrap_or_else(|| panic!("no frames: {event}"));
    let bytes = |frame: &Value| {
        let text = frame.as_str().expect("a frame is a text");
        text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
    };
    frames.iter().map(bytes).collect()
}

/// The dialect as the scripts' flag names it.
pub(crate) fn flag(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Zmws1 => "zmws1",
        Dialect::Zmws2 => "zmws2",
        Dialect::Mdp01 => "mdp01",
        Dialect::Mdp02 => "mdp02",
    }
}
