//! What an event says: its message, and its fields, each no longer than it may be.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

use super::text::Bounded;

/// What an event says, or a span.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) message: String,
    pub(super) fields: Map<String, Value>,
}

impl Facts {
    pub(super) fn text(&self, field: &str) -> Option<String> {
        match self.fields.get(field)? {
            Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        // The three words that every line has are not to be had a second time.
        let name = match field.name() {
            taken @ ("time" | "level") => format!("{taken}_"),
            name => name.to_owned(),
        };
        self.fields.insert(name, value);
    }
}

impl Visit for Facts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded::new(max_of(field.name()));
        let _infallible = write!(text, "{value:?}");
        match field.name() {
            "message" => self.message = text.finish(),
            _ => self.put(field, text.finish().into()),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, u64::try_from(value).map_or_else(|_| value.to_string().into(), Value::from));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

/// Bytes of a field that are shown. Most are names, which a peer may have made as long as a frame.
fn max_of(field: &str) -> usize {
    match field {
        "message" => MESSAGE_MAX,
        "error" | "reason" => SENTENCE_MAX,
        _ => NAME_MAX,
    }
}

/// A name: a service, an identity, an address.
const NAME_MAX: usize = 128;
/// A sentence of ours or of the system's, in which a name may be.
const SENTENCE_MAX: usize = 512;
/// A message; a line that a worker's program wrote is one.
const MESSAGE_MAX: usize = 4 << 10;
