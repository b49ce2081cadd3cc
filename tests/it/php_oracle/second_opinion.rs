//! What serde_php makes of a value, and what it would have to make of ours.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zmws::params::php::{KeyRef, Value};

/// What serde_php tells apart: strings are sequences of integers to it.
#[derive(Debug, PartialEq)]
pub(super) enum Any {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Sequence(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Any, E> {
        Ok(Any::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
        Ok(Any::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
        Ok(Any::Int(i64::try_from(value).expect("a byte of a string")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
        Ok(Any::Float(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Any, A::Error> {
        let mut sequence = Vec::new();
        while let Some(element) = elements.next_element()? {
            sequence.push(element);
        }
        Ok(Any::Sequence(sequence))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut elements: A) -> Result<Any, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = elements.next_entry()? {
            map.push(entry);
        }
        Ok(Any::Map(map))
    }
}

/// `None` for what serde_php takes for something else: arrays that begin with an integer key
/// without being lists, and keys that are integers among strings.
pub(super) fn as_serde_php_sees(value: &Value) -> Option<Any> {
    let bytes = |text: &[u8]| Any::Sequence(text.iter().map(|&byte| Any::Int(byte.into())).collect());
    Some(match value {
        Value::Null => Any::Null,
        Value::Bool(value) => Any::Bool(*value),
        Value::Int(value) => Any::Int(*value),
        Value::Float(value) => Any::Float(*value),
        Value::String(text) => bytes(text),
        Value::Array(array) if array.is_list() => {
            Any::Sequence(array.iter().map(|(_, value)| as_serde_php_sees(value)).collect::<Option<_>>()?)
        }
        Value::Array(array) => {
            let entry = |(key, value): (KeyRef<'_>, &Value)| match key {
                KeyRef::Int(_) => None,
                KeyRef::Bytes(text) => Some((bytes(text), as_serde_php_sees(value)?)),
            };
            Any::Map(array.iter().map(entry).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
