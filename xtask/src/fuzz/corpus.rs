//! Seeds for the fuzz targets, made from the recorded traffic in `fixtures/`, and from the files in it.
//!
//! A trace has one JSON object a line: `hex` is a piece of a byte stream, `frames` a message whose
//! bytes stand as U+0000 … U+00FF (`fixtures/README.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::steps::{Failure, at, root};

/// Writes the seeds of `target` to `fuzz/corpus/TARGET` and says where that is. Inputs that are
/// there already, found by a run before, stay.
pub(crate) fn seed(target: &str) -> Result<PathBuf, Failure> {
    let folder = root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let seeds = match target {
        "config" => files("config", "toml")?,
        _ => recorded(target)?,
    };
    for (number, seed) in seeds.iter().enumerate() {
        let path = folder.join(format!("recorded-{number:04}"));
        std::fs::write(&path, seed).map_err(at(&path))?;
    }
    Ok(folder)
}

/// Files that owners write, as they are.
fn files(folder: &str, end: &str) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let paths = ending(&root().join("fixtures").join(folder), end)?;
    paths.iter().map(|path| std::fs::read(path).map_err(at(path))).collect()
}

/// What of the recorded traffic a target takes.
fn recorded(target: &str) -> Result<BTreeSet<Vec<u8>>, Failure> {
    let mut seeds = BTreeSet::new();
    for path in ending(&root().join("fixtures"), "jsonl")? {
        let text = std::fs::read_to_string(&path).map_err(at(&path))?;
        let events: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        seeds.extend(match target {
            "zmtp_stream" => streams(&events),
            "request" => events.iter().filter_map(request).collect(),
            "php_params" | "query" => events.iter().flat_map(frames).collect(),
            _ => events.iter().map(message).filter(|seed| !seed.is_empty()).collect(),
        });
    }
    Ok(seeds)
}

/// The files in a folder and those in it that have this ending.
fn ending(folder: &Path, end: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        match path.is_dir() {
            true => found.extend(ending(&path, end)?),
            false if path.extension().is_some_and(|found| found == end) => found.push(path),
            false => {}
        }
    }
    found.sort();
    Ok(found)
}

/// What one end of one connection sent, as one piece.
fn streams(events: &[Value]) -> Vec<Vec<u8>> {
    let mut streams: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for event in events {
        if let Some(hex) = event["hex"].as_str() {
            let end = format!("{} {} {} {}", event["peer"], event["conn"], event["port"], event["to"]);
            streams.entry(end).or_default().extend(unhex(hex));
        }
    }
    streams.into_values().collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0)
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

/// The target, the Content-Type and the body of what was sent over HTTP in one piece.
fn request(event: &Value) -> Option<Vec<u8>> {
    let text = event["http"].as_str().filter(|_| event["to"] == "broker")?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let target = head.split(' ').nth(1)?;
    let kind = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type").then(|| value.trim())
    });
    Some(latin1(&format!("{target}\n{}\n{body}", kind.unwrap_or_default())))
}

/// The frames of a message, each behind one byte with its length. Frames longer than that are cut.
fn message(event: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames(event) {
        let length = u8::try_from(frame.len()).unwrap_or(u8::MAX);
        bytes.push(length);
        bytes.extend(&frame[..usize::from(length)]);
    }
    bytes
}

fn frames(event: &Value) -> Vec<Vec<u8>> {
    let frames = event["frames"].as_array().into_iter().flatten();
    frames.map(|frame| latin1(frame.as_str().unwrap_or_default())).collect()
}

/// The bytes that stand as U+0000 … U+00FF.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_what_one_end_sent_in_the_order_it_was_sent() {
        let event = |to: &str, hex: &str| serde_json::json!({"peer": "w", "conn": 1, "to": to, "hex": hex});
        let events = [event("broker", "ff00"), event("peer", "01"), event("broker", "7f")];
        assert_eq!(streams(&events), [vec![0xff, 0x00, 0x7f], vec![0x01]]);
    }

    #[test]
    fn a_request_is_its_target_its_type_and_its_body() {
        let http = "POST /X?a=1 HTTP/1.1\r\nHost: x\r\ncontent-type: t/u\r\n\r\n\u{e9}";
        let event = serde_json::json!({"to": "broker", "http": http});
        assert_eq!(request(&event), Some(b"/X?a=1\nt/u\n\xe9".to_vec()));
        assert_eq!(request(&serde_json::json!({"to": "peer", "http": http})), None);
    }

    #[test]
    fn a_message_is_its_frames_each_behind_its_length() {
        let event = serde_json::json!({"frames": ["", "\u{e9}A"]});
        assert_eq!(message(&event), [0, 2, 0xe9, b'A']);
    }
}
