//! From a PHP value to any type that serde can deserialize.

use std::cell::{Cell, OnceCell};
use std::fmt;

use bytes::Bytes;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use thiserror::Error;

use super::walk::expansion_max;
use super::{Array, KeyRef, Slots, Value, Visibility};

/// The deepest nesting that is deserialized; `T` recurses, so this is less than what is decoded.
const DEPTH_MAX: usize = 128;

/// Bytes that a value counts for, beside its text, where a reference repeats it.
const REPEATED: usize = 8;

/// Why a value does not fit a type.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct FromError(String);

impl de::Error for FromError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Makes a `T` of a PHP value.
///
/// Lists become sequences, other arrays and objects maps and structs (an object's properties by
/// their bare names, whatever their visibility); the empty array is either. Strings that are not
/// UTF-8 are bytes. The case of an enum is a unit variant. References are followed.
///
/// # Errors
///
/// A [`FromError`] where `T` finds something else than it needs, beyond 128 values within each
/// other (so also where a value contains itself), and for references that lead nowhere known.
pub fn from_value<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, FromError> {
    let context =
        Context { root: value, slots: OnceCell::new(), repeats_max: OnceCell::new(), repeats: Cell::new(0) };
    T::deserialize(Reader { value, context: &context, depth: 0, repeated: false })
}

struct Context<'de> {
    root: &'de Value,
    slots: OnceCell<Slots<'de>>,
    /// What references may repeat in all, in bytes. A few of them can make a small value very large.
    repeats_max: OnceCell<usize>,
    repeats: Cell<usize>,
}

impl Context<'_> {
    fn repeat(&self, value: &Value) -> Result<(), FromError> {
        let text = if let Value::String(text) = value { text.len() } else { 0 };
        let (repeats, max) = (
            self.repeats.get().saturating_add(REPEATED + text),
            *self.repeats_max.get_or_init(|| expansion_max(self.root)),
        );
        self.repeats.set(repeats);
        if repeats > max {
            return Err(FromError::custom(format_args!("references repeat more than {max} bytes")));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Reader<'c, 'de> {
    value: &'de Value,
    context: &'c Context<'de>,
    depth: usize,
    /// Whether a reference led here.
    repeated: bool,
}

impl<'c, 'de> Reader<'c, 'de> {
    /// The reader of what the value means.
    fn followed(mut self) -> Result<Self, FromError> {
        if self.depth > DEPTH_MAX {
            return Err(FromError::custom(format_args!("more than {DEPTH_MAX} values within each other")));
        }
        if let Value::Reference(_) = self.value {
            let slots = self.context.slots.get_or_init(|| Slots::new(self.context.root));
            self.value =
                slots.follow(self.value).ok_or_else(|| FromError::custom("a reference leads nowhere"))?;
            self.repeated = true;
        }
        if self.repeated {
            self.context.repeat(self.value)?;
        }
        Ok(self)
    }

    fn elements(self, elements: &'de Array<Value>) -> Elements<'c, 'de> {
        Elements { elements, at: 0, reader: Self { depth: self.depth + 1, ..self }, object: false }
    }

    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        let reader = self.followed()?;
        match reader.value {
            Value::Array(array) => visitor.visit_map(reader.elements(array)),
            _ => reader.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_, 'de> {
    type Error = FromError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        let reader = self.followed()?;
        match reader.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::String(text) => match std::str::from_utf8(text) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(text),
            },
            Value::Array(array) if array.is_list() => visitor.visit_seq(reader.elements(array)),
            Value::Array(array) => visitor.visit_map(reader.elements(array)),
            Value::Object(object) => {
                visitor.visit_map(Elements { object: true, ..reader.elements(&object.properties) })
            }
            Value::Custom(custom) => visitor.visit_borrowed_bytes(&custom.payload),
            Value::Enum(case) => visitor.visit_string(String::from_utf8_lossy(&case.case).into_owned()),
            Value::Reference(_) => Err(FromError::custom("a reference leads to a reference")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        let reader = self.followed()?;
        match reader.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(reader),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FromError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        let reader = self.followed()?;
        match reader.value {
            Value::String(text) => visitor.visit_borrowed_bytes(text),
            _ => reader.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromError> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromError> {
        let reader = self.followed()?;
        let (variant, content) = match reader.value {
            Value::String(text) => (text.clone(), None),
            Value::Enum(case) => (case.case.clone(), None),
            Value::Array(array) if array.len() == 1 => {
                let (key, value) = array.get_index(0).expect("there is one");
                let inner = Reader { value, depth: reader.depth + 1, ..reader };
                (key.to_bytes(), Some(inner))
            }
            _ => return Err(FromError::custom("a variant is a string, or an array of one element")),
        };
        visitor.visit_enum(Variant { variant, content })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}

/// The elements of an array or the properties of an object.
struct Elements<'c, 'de> {
    elements: &'de Array<Value>,
    at: usize,
    reader: Reader<'c, 'de>,
    object: bool,
}

impl<'c, 'de> Elements<'c, 'de> {
    fn next_value(&mut self) -> Option<Reader<'c, 'de>> {
        let (_, value) = self.elements.get_index(self.at)?;
        self.at += 1;
        Some(Reader { value, ..self.reader })
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = FromError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, FromError> {
        self.next_value().map(|reader| seed.deserialize(reader)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len() - self.at)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = FromError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, FromError> {
        let Some((key, _)) = self.elements.get_index(self.at) else { return Ok(None) };
        let name = if self.object { Visibility::of(key).1 } else { Bytes::new() };
        let key = if self.object { KeyRef::Bytes(&name) } else { key };
        seed.deserialize(KeyReader { key }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, FromError> {
        seed.deserialize(self.next_value().expect("a value follows its key"))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len() - self.at)
    }
}

/// A key: a string for who wants a string, an integer for who wants an integer.
struct KeyReader<'k> {
    key: KeyRef<'k>,
}

impl KeyReader<'_> {
    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        match self.key {
            KeyRef::Int(integer) => visitor.visit_string(integer.to_string()),
            KeyRef::Bytes(text) => match std::str::from_utf8(text) {
                Ok(text) => visitor.visit_str(text),
                Err(_) => visitor.visit_bytes(text),
            },
        }
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        match self.key {
            KeyRef::Int(integer) => visitor.visit_i64(integer),
            KeyRef::Bytes(_) => self.text(visitor),
        }
    }
}

macro_rules! integer_keys {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
            self.integer(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for KeyReader<'_> {
    type Error = FromError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromError> {
        self.text(visitor)
    }

    integer_keys! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromError> {
        let text = self.key.to_bytes();
        let text =
            std::str::from_utf8(&text).map_err(|_| FromError::custom("a variant's name is not UTF-8"))?;
        StrDeserializer::new(text).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FromError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

struct Variant<'c, 'de> {
    variant: Bytes,
    content: Option<Reader<'c, 'de>>,
}

impl<'c, 'de> EnumAccess<'de> for Variant<'c, 'de> {
    type Error = FromError;
    type Variant = Content<'c, 'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content<'c, 'de>), FromError> {
        let variant = seed.deserialize(KeyReader { key: KeyRef::Bytes(&self.variant) })?;
        Ok((variant, Content(self.content)))
    }
}

/// What stands behind a variant's name.
struct Content<'c, 'de>(Option<Reader<'c, 'de>>);

impl<'c, 'de> Content<'c, 'de> {
    fn some(self) -> Result<Reader<'c, 'de>, FromError> {
        self.0.ok_or_else(|| FromError::custom("a variant lacks its content"))
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de> {
    type Error = FromError;

    fn unit_variant(self) -> Result<(), FromError> {
        self.0.map_or(Ok(()), Deserialize::deserialize)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, FromError> {
        seed.deserialize(self.some()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, FromError> {
        self.some()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromError> {
        self.some()?.map(visitor)
    }
}
