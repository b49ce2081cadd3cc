//! One HTTP request, as the gateway reads it behind hyper: its target in the first line, its Content-Type in
//! the second, and its body.
//!
//! What must hold: no panic; a name that is accepted is the same bytes when it comes back with every byte of it
//! escaped; a query that has parameters leaves the body unread; parameters are a JSON object, and not much
//! larger than what they were made of.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zmws::gateway::request::{self, Params, Target};
use zmws::message::{Mode, View};
use zmws::params::json;

fuzz_target!(|data: &[u8]| {
    let (line, rest) = cut(data);
    let (kind, body) = cut(rest);
    let (line, kind) = (String::from_utf8_lossy(line), String::from_utf8_lossy(kind));
    let (path, query) = match line.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&line[..], None),
    };
    target(path, query);
    params(query, &kind, &Bytes::copy_from_slice(body));
    request::delivery(&kind);
});

/// Up to the first line end, and behind it.
fn cut(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}

fn target(path: &str, query: Option<&str>) {
    let decoded = request::percent_decode(path.as_bytes());
    assert!(decoded.len() <= path.len());
    assert_eq!(request::percent_decode(escaped(&decoded).as_bytes()), decoded);

    let target = request::target(path, query);
    let again = match &target {
        Target::Nothing | Target::Favicon | Target::Nameless => return,
        Target::Job(service, mode) => {
            let sync = if *mode == Mode::Wait { "SYNC-" } else { "" };
            format!("/JOB:%20{sync}{}", escaped(service.as_bytes()))
        }
        Target::List(View::Jobs) => "/SERVER-JOBS".to_owned(),
        Target::List(View::Active) => "/SERVER-ACTIVE".to_owned(),
        Target::List(View::History) => "/SERVER-HIST".to_owned(),
        Target::List(View::Workers) => "/SERVER-WORKERS".to_owned(),
    };
    assert_eq!(request::target(&again, None), target);
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

fn params(query: Option<&str>, kind: &str, body: &Bytes) {
    let alone = Params::read(query, None, &Bytes::new(), MAX).expect("a query is never refused");
    let Ok(params) = Params::read(query, Some(kind), body, MAX) else {
        assert!(alone.frame().is_none(), "the body was read though the query has parameters");
        return;
    };
    let size = query.unwrap_or_default().len() + body.len();
    if let Some(frame) = alone.frame() {
        assert_eq!(params.frame(), Some(frame));
    }
    if let Some(frame) = params.frame() {
        let text = frame.strip_prefix(b"PARAM-JSON: ").expect("it is tagged");
        assert!(text.len() <= (GROWTH * size).max(REFERENCES), "{} bytes of {size}", text.len());
        let object = json::decode(text).expect("it is JSON");
        assert!(object.as_object().is_some_and(|object| !object.is_empty()));
    }
    if let Some(name) = params.jsonp()
        && request::is_callback(name)
    {
        // No end of a word, of a string or of a script is in it.
        assert!(!name.contains(|c: char| c.is_whitespace() || "()'\"<>;/\\".contains(c)));
    }
    let _asked = params.timeout();
}

/// What the references of a little serialized PHP may become, and some of it twice where names are counted.
const REFERENCES: usize = 2 << 20;

/// What a frame may have.
const MAX: usize = 64 << 20;

/// How many bytes of JSON one byte may become: a control character is six, an index has to be counted.
const GROWTH: usize = 16;
