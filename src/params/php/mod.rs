//! PHP's `serialize` and `unserialize`, without PHP.
//!
//! [`decode`] reads what `unserialize` reads and refuses what it refuses, [`encode`] writes the bytes
//! that `serialize` writes. No class is ever instantiated: an object is its class's name and its
//! properties. Strings are bytes, which may or may not be UTF-8.
//!
//! What PHP's verdict means where classes matter: that of
//! `unserialize($text, ['allowed_classes' => false])`, which takes any class and any property. Two
//! things it cannot judge without the class are taken on trust: the case of an enum (`E:`), and
//! references behind a payload that only its class can read (`C:`), since the payload may hold
//! numbered values.
//!
//! Invariants: nothing recurses as deep as the input does, neither reading, nor writing, comparing,
//! cloning or dropping; nothing is allocated by a length that the input declares.
//!
//! # Slots
//!
//! PHP numbers values from 1 in the order in which they begin, keys and aliases (`R:`) left out, and
//! a reference names the value that it repeats by this number. A [`Value`] keeps the number;
//! [`Slots`] finds the value.

mod de;
mod decode;
mod encode;
mod json;
mod ser;
mod slots;
mod walk;

use std::fmt;

use bytes::Bytes;

pub use self::de::{FromError, from_value};
pub use self::decode::{DecodeError, Limits, decode, decode_with};
pub use self::encode::{encode, encode_with};
pub use self::json::JsonError;
pub use self::ser::{ToError, to_value};
pub use self::slots::Slots;
pub use super::array::{Array, Key, KeyRef};
pub use super::float::Precision;

use self::walk::{Event, Walk};
use super::array::Nest;

/// A PHP value.
pub enum Value {
    /// `N;`
    Null,
    /// `b:1;`
    Bool(bool),
    /// `i:5;`
    Int(i64),
    /// `d:0.5;`, also NAN, INF and -INF.
    Float(f64),
    /// `s:3:"abc";`: any bytes.
    String(Bytes),
    /// `a:1:{i:0;N;}`
    Array(Array<Self>),
    /// `O:8:"stdClass":0:{}`
    Object(Box<Object>),
    /// `C:3:"Foo":2:{xy}`: an object that its class serialized in a form of its own.
    Custom(Box<Custom>),
    /// `E:9:"Suit:Club";`
    Enum(Box<EnumCase>),
    /// `R:2;` or `r:2;`: a value that stands elsewhere.
    Reference(Reference),
}

/// An object: its class's name, and its properties in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The class, namespaces and all, as it was declared.
    pub class: Bytes,
    /// The properties under the names that PHP mangles ([`Visibility::of`]). A name that looks like
    /// an integer stays [`Key::Bytes`]; [`Key::Int`] is met where a class serializes itself as a list
    /// (`__serialize`).
    pub properties: Array<Value>,
}

impl Object {
    /// The properties in order: how visible, under which name, which value.
    pub fn properties(&self) -> impl Iterator<Item = (Visibility, Bytes, &Value)> {
        self.properties.iter().map(|(key, value)| {
            let (visibility, name) = Visibility::of(key);
            (visibility, name, value)
        })
    }

    /// The property of this name, whatever its visibility; of several, the first.
    pub fn get(&self, name: &[u8]) -> Option<&Value> {
        self.properties().find(|(_, found, _)| found == name).map(|(_, _, value)| value)
    }
}

/// An object in a form that only its class can read (`Serializable`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Custom {
    /// The class.
    pub class: Bytes,
    /// What the class wrote.
    pub payload: Bytes,
}

/// A case of an enum, backed or not: the backing value is not serialized.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnumCase {
    /// The enum.
    pub class: Bytes,
    /// The case.
    pub case: Bytes,
}

/// A value that stands elsewhere, by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reference {
    /// Same variable or same object.
    pub kind: ReferenceKind,
    /// The number of the value, the first being 1.
    pub slot: u64,
}

/// What two places share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReferenceKind {
    /// `R:`, the variable (`&`): to set one is to set the other. Has no number of its own.
    Alias,
    /// `r:`, the object. Has a number of its own.
    Handle,
}

/// Who sees a property.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Visibility {
    /// Everybody: `name`. Only these are in `json_encode`.
    Public,
    /// The class and its heirs: `\0*\0name`.
    Protected,
    /// The class of this name: `\0Class\0name`.
    Private(Bytes),
}

impl Visibility {
    /// Takes a mangled property name apart.
    ///
    /// A name that begins with NUL but is not mangled as PHP does it counts as private to the class
    /// without a name: PHP shows it to nobody.
    pub fn of(key: KeyRef<'_>) -> (Self, Bytes) {
        let name = key.to_bytes();
        let Some(rest) = name.strip_prefix(b"\0") else { return (Self::Public, name) };
        match rest.iter().position(|&byte| byte == 0) {
            Some(end) if &rest[..end] == b"*" => (Self::Protected, name.slice(end + 2..)),
            Some(end) => (Self::Private(name.slice(1..=end)), name.slice(end + 2..)),
            None => (Self::Private(Bytes::new()), name.slice(1..)),
        }
    }

    /// The key under which PHP keeps a property of this visibility and name.
    pub fn mangle(&self, name: &[u8]) -> Key {
        let mangled = match self {
            Self::Public => name.to_vec(),
            Self::Protected => [b"\0*\0", name].concat(),
            Self::Private(class) => [b"\0", class.as_ref(), b"\0", name].concat(),
        };
        Key::Bytes(mangled.into())
    }
}

impl Value {
    /// What is in an array or an object.
    pub fn elements(&self) -> Option<&Array<Self>> {
        match self {
            Self::Array(array) => Some(array),
            Self::Object(object) => Some(&object.properties),
            _ => None,
        }
    }

    /// Whether two values are the same, what is in them aside.
    fn same_shell(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a.len() == b.len(),
            (Self::Object(a), Self::Object(b)) => {
                a.class == b.class && a.properties.len() == b.properties.len()
            }
            (Self::Custom(a), Self::Custom(b)) => a == b,
            (Self::Enum(a), Self::Enum(b)) => a == b,
            (Self::Reference(a), Self::Reference(b)) => a == b,
            _ => false,
        }
    }
}

impl Nest for Value {
    fn nested(&mut self) -> Option<&mut Array<Self>> {
        match self {
            Self::Array(array) => Some(array),
            Self::Object(object) => Some(&mut object.properties),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        let same = |(ours, theirs): (Event<'_>, Event<'_>)| match (ours, theirs) {
            (Event::Key(a), Event::Key(b)) => a == b,
            (Event::Leaf(a), Event::Leaf(b)) => a.same_shell(b),
            (Event::Open(a, _), Event::Open(b, _)) => a.same_shell(b),
            (Event::Close, Event::Close) => true,
            _ => false,
        };
        Walk::new(self).zip(Walk::new(other)).all(same)
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        walk::rebuild(self)
    }
}

impl fmt::Debug for Value {
    /// The serialized form, bytes that are not printable escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        encode(self).iter().try_for_each(|&byte| match byte {
            b' '..=b'~' => write!(f, "{}", char::from(byte)),
            _ => write!(f, "\\x{byte:02x}"),
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Int(integer)
    }
}

impl From<Array<Self>> for Value {
    fn from(array: Array<Self>) -> Self {
        Self::Array(array)
    }
}

#[cfg(test)]
mod tests;
