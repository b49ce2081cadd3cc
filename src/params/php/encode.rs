//! `serialize`.

use std::io::Write;

use super::walk::{Event, Walk};
use super::{Array, KeyRef, Precision, ReferenceKind, Value};
use crate::params::float;

/// The bytes of `serialize($value)`, floats with as few digits as read back the same (PHP 7.1 and
/// later).
pub fn encode(value: &Value) -> Vec<u8> {
    encode_with(value, Precision::Shortest)
}

/// As [`encode`], floats with `precision` digits: `Digits(17)` is PHP before 7.1.
pub fn encode_with(value: &Value, precision: Precision) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    for event in Walk::new(value) {
        match event {
            Event::Key(KeyRef::Int(integer)) => integer_text(b'i', integer, &mut out),
            Event::Key(KeyRef::Bytes(text)) => {
                named(b's', text, &mut out);
                out.push(b';');
            }
            Event::Leaf(leaf) => write_leaf(leaf, precision, &mut out),
            Event::Open(shell, elements) => write_head(shell, elements, &mut out),
            Event::Close => out.push(b'}'),
        }
    }
    out
}

fn write_leaf(leaf: &Value, precision: Precision, out: &mut Vec<u8>) {
    match leaf {
        Value::Null => out.extend_from_slice(b"N;"),
        Value::Bool(value) => integer_text(b'b', i64::from(*value), out),
        Value::Int(value) => integer_text(b'i', *value, out),
        Value::Float(value) => write_float(*value, precision, out),
        Value::String(text) => {
            named(b's', text, out);
            out.push(b';');
        }
        Value::Custom(custom) => {
            named(b'C', &custom.class, out);
            formatted(format_args!(":{}:{{", custom.payload.len()), out);
            out.extend_from_slice(&custom.payload);
            out.push(b'}');
        }
        Value::Enum(case) => {
            named(b'E', &[&case.class[..], b":", &case.case].concat(), out);
            out.push(b';');
        }
        Value::Reference(reference) => {
            let letter = match reference.kind {
                ReferenceKind::Alias => 'R',
                ReferenceKind::Handle => 'r',
            };
            formatted(format_args!("{letter}:{};", reference.slot), out);
        }
        Value::Array(_) | Value::Object(_) => unreachable!("arrays and objects are opened, not leaves"),
    }
}

fn write_head(shell: &Value, elements: &Array<Value>, out: &mut Vec<u8>) {
    match shell {
        Value::Object(object) => named(b'O', &object.class, out),
        _ => out.push(b'a'),
    }
    formatted(format_args!(":{}:{{", elements.len()), out);
}

fn write_float(value: f64, precision: Precision, out: &mut Vec<u8>) {
    out.extend_from_slice(b"d:");
    if value.is_finite() {
        float::write(value, precision, b'E', out);
    } else if value.is_nan() {
        out.extend_from_slice(b"NAN");
    } else {
        out.extend_from_slice(if value > 0.0 { b"INF" } else { b"-INF" });
    }
    out.push(b';');
}

/// `s:3:"abc"`
fn named(letter: u8, text: &[u8], out: &mut Vec<u8>) {
    formatted(format_args!("{}:{}:\"", char::from(letter), text.len()), out);
    out.extend_from_slice(text);
    out.push(b'"');
}

/// `i:5;`
fn integer_text(letter: u8, integer: i64, out: &mut Vec<u8>) {
    formatted(format_args!("{}:{integer};", char::from(letter)), out);
}

fn formatted(text: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    out.write_fmt(text).expect("a vector takes every byte");
}
