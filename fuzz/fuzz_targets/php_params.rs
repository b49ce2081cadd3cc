//! One serialized PHP value, and around it one parameter frame.
//!
//! What must hold: no panic, whatever the bytes; a value that was read is written so that it reads
//! back as itself, and writes as the same bytes again; what is JSON is JSON to serde_json, too;
//! following references ends.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zmws::params::json::{self, Style};
use zmws::params::php::{self, Limits};
use zmws::params::{Options, Param};

/// Small enough for a run to be quick, large enough for every path.
const LIMITS: Limits =
    Limits { depth_max: 4_096, elements_max: 10_000, string_bytes_max: 4_096, total_bytes_max: 65_536 };

fuzz_target!(|data: &[u8]| {
    let text = Bytes::copy_from_slice(data);
    if let Ok(value) = php::decode_with(text.clone(), LIMITS) {
        let written = php::encode(&value);
        let limits = Limits { total_bytes_max: usize::MAX, ..LIMITS };
        let again = php::decode_with(written.clone(), limits).expect("what we write, we read");
        assert_eq!(php::encode(&again), written);
        assert_eq!(php::encode(&value.clone()), written);
        if let Ok(json) = value.to_json_with(Style::default(), 100_000) {
            serde_json::from_slice::<serde::de::IgnoredAny>(&json).expect("JSON");
        }
        let _fits: Result<serde_json::Value, _> = php::from_value(&value);
    }
    if let Some(value) = json::decode(&text) {
        // `json_encode` writes 1.0 as 1 unless it is told otherwise.
        let exact = Style { zero_fraction: true, ..Style::default() };
        let written = json::encode_with(&value, exact).expect("text keys and finite numbers");
        assert_eq!(json::decode(&written), Some(value));
    }
    let param = Param::decode(&text, Options { php: LIMITS, ..Options::default() });
    let _json = param.to_json();
});
