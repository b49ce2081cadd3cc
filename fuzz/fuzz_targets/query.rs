//! One query string, and the same bytes as a multipart form.
//!
//! What must hold: no panic, whatever the bytes; never more variables than the limit; nothing deeper
//! than the limit; what comes out is JSON.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zmws::params::array::Array;
use zmws::params::query::{self, Node};
use zmws::params::{json, multipart};

fuzz_target!(|data: &[u8]| {
    let limits = query::Limits { vars_max: 100, nesting_max: 8 };
    let vars = query::parse(data, limits);
    assert!(vars.len() <= limits.vars_max);
    assert!(depth(&vars) <= limits.nesting_max + 1);
    let value = query::to_json(vars);
    // An encoded NUL ends a name, so that none is left for PHP to refuse at the head of a key.
    assert_eq!(json::decode(&json::encode(&value)), Some(value));

    let body = Bytes::copy_from_slice(data);
    let _boundary = multipart::boundary(data);
    if let Ok(vars) = multipart::parse(&body, b"X", multipart::Limits::default()) {
        json::encode(&query::to_json(vars));
    }
});

fn depth(vars: &Array<Node>) -> usize {
    let inner = vars.iter().map(|(_, node)| match node {
        Node::Array(inner) => depth(inner),
        Node::Text(_) | Node::File(_) => 0,
    });
    1 + inner.max().unwrap_or(0)
}
