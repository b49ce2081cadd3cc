//! From any type that serde can serialize to a PHP value.

use std::fmt;

use bytes::Bytes;
use serde::ser::{
    self, Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use thiserror::Error;

use super::{Array, Key, Value};

/// Why a value has no PHP form.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct ToError(String);

impl ser::Error for ToError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Makes a PHP value of a `T`: what `json_decode($json, true)` would make of its JSON, with bytes as
/// strings.
///
/// Structs and maps become arrays; variants as in JSON: a string, or an array of one element.
/// Integers beyond 64 bits become floats, as in PHP.
///
/// # Errors
///
/// A [`ToError`] for map keys that are neither text, bytes, nor integers of 64 bits, and for errors
/// of `T` itself.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, ToError> {
    value.serialize(Writer)
}

struct Writer;

/// An array that grows, perhaps within the name of a variant.
struct Elements {
    array: Array<Value>,
    key: Option<Key>,
    variant: Option<&'static str>,
}

impl Elements {
    fn new(variant: Option<&'static str>) -> Self {
        Self { array: Array::new(), key: None, variant }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToError> {
        let value = to_value(value)?;
        self.array.push(value).map_err(|_| ToError::custom("too many elements"))
    }

    fn set<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), ToError> {
        self.array.insert(Key::from_bytes(Bytes::from_static(key.as_bytes())), to_value(value)?);
        Ok(())
    }

    fn finish(self) -> Value {
        match self.variant {
            None => Value::Array(self.array),
            Some(variant) => tagged(variant, Value::Array(self.array)),
        }
    }
}

fn tagged(variant: &'static str, value: Value) -> Value {
    Value::Array([(Key::from_bytes(Bytes::from_static(variant.as_bytes())), value)].into_iter().collect())
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = ToError;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Elements;
    type SerializeStruct = Elements;
    type SerializeStructVariant = Elements;

    fn serialize_bool(self, value: bool) -> Result<Value, ToError> {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<Value, ToError> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Result<Value, ToError> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Result<Value, ToError> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Result<Value, ToError> {
        Ok(Value::Int(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "PHP has no such integer and takes the float")]
    fn serialize_i128(self, value: i128) -> Result<Value, ToError> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn serialize_u8(self, value: u8) -> Result<Value, ToError> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Result<Value, ToError> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Result<Value, ToError> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Result<Value, ToError> {
        self.serialize_u128(value.into())
    }

    #[expect(clippy::cast_precision_loss, reason = "PHP has no such integer and takes the float")]
    fn serialize_u128(self, value: u128) -> Result<Value, ToError> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn serialize_f32(self, value: f32) -> Result<Value, ToError> {
        // The double with the digits that a reader would see: 0.1, not 0.10000000149011612.
        Ok(Value::Float(value.to_string().parse().unwrap_or_else(|_| f64::from(value))))
    }

    fn serialize_f64(self, value: f64) -> Result<Value, ToError> {
        Ok(Value::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<Value, ToError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Value, ToError> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Value, ToError> {
        Ok(Value::String(Bytes::copy_from_slice(value)))
    }

    fn serialize_none(self) -> Result<Value, ToError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ToError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ToError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ToError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ToError> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value, ToError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ToError> {
        Ok(tagged(variant, to_value(value)?))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Elements, ToError> {
        Ok(Elements::new(None))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Elements, ToError> {
        Ok(Elements::new(None))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Elements, ToError> {
        Ok(Elements::new(None))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Elements, ToError> {
        Ok(Elements::new(Some(variant)))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Elements, ToError> {
        Ok(Elements::new(None))
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Elements, ToError> {
        Ok(Elements::new(None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Elements, ToError> {
        Ok(Elements::new(Some(variant)))
    }
}

impl SerializeSeq for Elements {
    type Ok = Value;
    type Error = ToError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToError> {
        self.push(value)
    }

    fn end(self) -> Result<Value, ToError> {
        Ok(self.finish())
    }
}

impl SerializeTuple for Elements {
    type Ok = Value;
    type Error = ToError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToError> {
        self.push(value)
    }

    fn end(self) -> Result<Value, ToError> {
        Ok(self.finish())
    }
}

impl SerializeTupleStruct for Elements {
    type Ok = Value;
    type Error = ToError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToError> {
        self.push(value)
    }

    fn end(self) -> Result<Value, ToError> {
        Ok(self.finish())
    }
}

impl SerializeTupleVariant for Elements {
    type Ok = Value;
    type Error = ToError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToError> {
        self.push(value)
    }

    fn end(self) -> Result<Value, ToError> {
        Ok(self.finish())
    }
}

impl SerializeMap for Elements {
    type Ok = Value;
    type Error = ToError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ToError> {
        self.key = Some(match to_value(key)? {
            Value::Int(integer) => Key::Int(integer),
            Value::String(text) => Key::from_bytes(text),
            other => return Err(ToError::custom(format_args!("{other:?} is no key of an array"))),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToError> {
        let key = self.key.take().ok_or_else(|| ToError::custom("a value came before its key"))?;
        self.array.insert(key, to_value(value)?);
        Ok(())
    }

    fn end(self) -> Result<Value, ToError> {
        Ok(self.finish())
    }
}

impl SerializeStruct for Elements {
    type Ok = Value;
    type Error = ToError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), ToError> {
        self.set(key, value)
    }

    fn end(self) -> Result<Value, ToError> {
        Ok(self.finish())
    }
}

impl SerializeStructVariant for Elements {
    type Ok = Value;
    type Error = ToError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), ToError> {
        self.set(key, value)
    }

    fn end(self) -> Result<Value, ToError> {
        Ok(self.finish())
    }
}
