//! A PHP value as `json_encode` shows it.

use std::cell::OnceCell;

use thiserror::Error;

use super::walk::expansion_max;
use super::{Array, KeyRef, Slots, Value, Visibility};
use crate::params::json::{self, Style};

/// The deepest nesting that `json_encode` takes, empty arrays included.
const DEPTH_MAX: usize = 512;

/// Why a value has no JSON.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum JsonError {
    /// NAN, INF or -INF.
    #[error("infinity and NAN have no JSON")]
    NotFinite,
    /// A string or key that is not UTF-8.
    #[error("a string is not UTF-8")]
    NotUtf8,
    /// More than 512 arrays and objects within each other.
    #[error("more than {DEPTH_MAX} values within each other")]
    TooDeep,
    /// A value that contains itself.
    #[error("a value contains itself")]
    Recursion,
    /// A reference that leads nowhere known.
    #[error("a reference leads into what only its class can read")]
    Opaque,
    /// More bytes than were allowed, or as much work. A few references can make a small value very large.
    #[error("more than {0} bytes of JSON, which references make of less")]
    TooLong(usize),
}

impl Value {
    /// The bytes of `json_encode` of this value: objects with their public properties, references as what they mean.
    /// It may have as many bytes as a value may grow by its references: eight times what it has serialized, or 1 MiB.
    ///
    /// Two things are not what PHP, which has the classes, may make of them: the case of an enum is its name, as the
    /// value behind it is not serialized; an object that its class serialized (`C:`) is what the class wrote.
    ///
    /// # Errors
    ///
    /// [`JsonError`] where PHP gives `false`, and for references behind a `C:` that lead into it.
    pub fn to_json(&self) -> Result<Vec<u8>, JsonError> {
        self.to_json_with(Style::default(), expansion_max(self))
    }

    /// As [`Value::to_json`], in the style of other PHP versions and with another limit, which holds for the values that
    /// are looked at, too: properties that are not public cost time though nobody sees them.
    ///
    /// # Errors
    ///
    /// As [`Value::to_json`].
    pub fn to_json_with(&self, style: Style, bytes_max: usize) -> Result<Vec<u8>, JsonError> {
        let mut writer = Writer {
            root: self,
            slots: OnceCell::new(),
            style,
            bytes_max,
            out: Vec::new(),
            open: Vec::new(),
            steps: 0,
        };
        writer.run()?;
        Ok(writer.out)
    }
}

struct Writer<'a> {
    root: &'a Value,
    /// Made when the first reference is met.
    slots: OnceCell<Slots<'a>>,
    style: Style,
    bytes_max: usize,
    out: Vec<u8>,
    open: Vec<Level<'a>>,
    /// Values and keys that were looked at.
    steps: usize,
}

/// An array or object that is being written.
struct Level<'a> {
    value: &'a Value,
    elements: &'a Array<Value>,
    at: usize,
    kind: Kind,
    empty: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    List,
    Map,
    Object,
}

impl<'a> Writer<'a> {
    fn run(&mut self) -> Result<(), JsonError> {
        self.value(self.root)?;
        while let Some(level) = self.open.last_mut() {
            self.steps += 1;
            if self.out.len().max(self.steps) > self.bytes_max {
                return Err(JsonError::TooLong(self.bytes_max));
            }
            let Some((key, value)) = level.elements.get_index(level.at) else {
                self.out.push(if level.kind == Kind::List { b']' } else { b'}' });
                self.open.pop();
                continue;
            };
            level.at += 1;
            if level.kind == Kind::Object && Visibility::of(key).0 != Visibility::Public {
                continue;
            }
            if !std::mem::take(&mut level.empty) {
                self.out.push(b',');
            }
            let kind = level.kind;
            self.key(key, kind)?;
            self.value(value)?;
        }
        match self.out.len() > self.bytes_max {
            true => Err(JsonError::TooLong(self.bytes_max)),
            false => Ok(()),
        }
    }

    fn key(&mut self, key: KeyRef<'_>, kind: Kind) -> Result<(), JsonError> {
        if kind == Kind::List {
            return Ok(());
        }
        self.string(&key.to_bytes())?;
        self.out.push(b':');
        Ok(())
    }

    fn value(&mut self, value: &'a Value) -> Result<(), JsonError> {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(value) => self.out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Value::Int(value) => self.out.extend_from_slice(value.to_string().as_bytes()),
            Value::Float(value) if !value.is_finite() => return Err(JsonError::NotFinite),
            Value::Float(value) => json::write_float(*value, self.style, &mut self.out),
            Value::String(text) => return self.string(text),
            Value::Array(array) if array.is_list() => return self.open(value, array, Kind::List),
            Value::Array(array) => return self.open(value, array, Kind::Map),
            Value::Object(object) => return self.open(value, &object.properties, Kind::Object),
            Value::Custom(custom) => return self.string(&custom.payload),
            Value::Enum(case) => return self.string(&case.case),
            Value::Reference(_) => return self.reference(value),
        }
        Ok(())
    }

    fn reference(&mut self, value: &'a Value) -> Result<(), JsonError> {
        let slots = self.slots.get_or_init(|| Slots::new(self.root));
        let meant = slots.follow(value).ok_or(JsonError::Opaque)?;
        self.steps += self.open.len() / 16; // each of them is looked at next
        if self.open.iter().any(|level| std::ptr::eq(level.value, meant)) {
            return Err(JsonError::Recursion);
        }
        self.value(meant)
    }

    fn open(&mut self, value: &'a Value, elements: &'a Array<Value>, kind: Kind) -> Result<(), JsonError> {
        if self.open.len() == DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        self.out.push(if kind == Kind::List { b'[' } else { b'{' });
        self.open.push(Level { value, elements, at: 0, kind, empty: true });
        Ok(())
    }

    fn string(&mut self, text: &[u8]) -> Result<(), JsonError> {
        let text = std::str::from_utf8(text).map_err(|_| JsonError::NotUtf8)?;
        json::write_string(text, &mut self.out);
        Ok(())
    }
}
