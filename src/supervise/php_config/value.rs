//! Values of PHP as far as a configuration has them, with PHP's rules for keys and for text.

use std::collections::HashMap;

use crate::params::float::{self, Precision};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// PHP's strings are bytes.
    Text(Vec<u8>),
    Array(Array),
}

/// A key of an array.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Key {
    Int(i64),
    /// Not the decimal form of an integer: that is [`Key::Int`].
    Text(Vec<u8>),
}

/// An array: keys in the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    /// Where it begins in the file.
    pub(super) line: usize,
    elements: Vec<(Key, Value)>,
    places: HashMap<Key, usize>,
    /// The key that an element without one gets: the smallest integer stands for 0, until there is a
    /// key, which may be less. `None` after the largest.
    next: Option<i64>,
}

impl Value {
    /// As PHP writes it into a string; `None` for an array, which PHP warns of.
    pub(super) fn to_text(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Null | Self::Bool(false) => Vec::new(),
            Self::Bool(true) => b"1".to_vec(),
            Self::Int(number) => number.to_string().into_bytes(),
            Self::Float(number) => float_text(*number),
            Self::Text(text) => text.clone(),
            Self::Array(_) => return None,
        })
    }

    /// The key that it is cast to; `None` if PHP refuses it, or if it is a float out of an integer's range.
    pub(super) fn to_key(&self) -> Option<Key> {
        // The bounds are powers of two, so that they are floats themselves.
        const BOUND: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Self::Null => Some(Key::Text(Vec::new())),
            Self::Bool(truth) => Some(Key::Int(i64::from(*truth))),
            Self::Int(number) => Some(Key::Int(*number)),
            Self::Float(number) if (-BOUND..BOUND).contains(number) => Some(Key::Int(number.trunc() as i64)),
            Self::Text(text) => Some(Key::of_text(text)),
            Self::Float(_) | Self::Array(_) => None,
        }
    }

    /// How much memory it takes, in units of a value or a byte of text.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) => 1,
            Self::Text(text) => 1 + text.len(),
            Self::Array(array) => {
                let of_key = |key: &Key| if let Key::Text(text) = key { text.len() } else { 0 };
                array.iter().map(|(key, value)| 4 + of_key(key) + value.weight()).sum::<usize>() + 1
            }
        }
    }

    /// How many arrays are within each other.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Array(array) => 1 + array.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => 0,
        }
    }
}

/// As `(string)` writes a float with `precision = 14`, PHP's default.
fn float_text(number: f64) -> Vec<u8> {
    if number.is_nan() {
        return b"NAN".to_vec();
    }
    if number.is_infinite() {
        return if number > 0.0 { b"INF".to_vec() } else { b"-INF".to_vec() };
    }
    let mut text = Vec::new();
    float::write(number, Precision::Digits(14), b'E', &mut text);
    text
}

impl Key {
    /// A string as a key: `8` and `-8` are integers, `08`, `+8` and `-0` are not.
    pub(super) fn of_text(text: &[u8]) -> Self {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
        match number {
            Some(number) if number.to_string().as_bytes() == text => Self::Int(number),
            _ => Self::Text(text.to_vec()),
        }
    }

    /// As PHP writes it into a string.
    pub(super) fn to_text(&self) -> Vec<u8> {
        match self {
            Self::Int(number) => number.to_string().into_bytes(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Array {
    /// One that is about to get elements.
    pub(super) fn new(line: usize) -> Self {
        Self { line, elements: Vec::new(), places: HashMap::new(), next: Some(i64::MIN) }
    }

    /// `[]`, which PHP 8.2 lets begin at 0 whatever comes into it later, unlike all other arrays.
    pub(super) fn empty(line: usize) -> Self {
        Self { next: Some(0), ..Self::new(line) }
    }

    /// Whether it has no element.
    pub(super) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The elements in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Key, Value)> {
        self.elements.iter()
    }

    /// The element of a key.
    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.places.get(key).map(|place| &self.elements[*place].1)
    }

    /// The element of a string key.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.get(&Key::of_text(name.as_bytes()))
    }

    /// The element of a key, which is null if there was none.
    pub(super) fn entry(&mut self, key: Key) -> &mut Value {
        let place = *self.places.entry(key.clone()).or_insert(self.elements.len());
        if place == self.elements.len() {
            if let (Key::Int(number), Some(next)) = (&key, self.next) {
                self.next = if *number >= next { number.checked_add(1) } else { Some(next) };
            }
            self.elements.push((key, Value::Null));
        }
        &mut self.elements[place].1
    }

    /// A new element behind the others; `None` if the largest key is taken.
    pub(super) fn append(&mut self) -> Option<&mut Value> {
        let next = self.next?;
        Some(self.entry(Key::Int(if next == i64::MIN { 0 } else { next })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_of_an_integer_is_an_integer_key() {
        for text in ["8", "-8", "0", "9223372036854775807"] {
            assert!(matches!(Key::of_text(text.as_bytes()), Key::Int(_)), "{text}");
        }
        for text in ["08", "-0", "+8", " 8", "8.0", "9223372036854775808", ""] {
            assert!(matches!(Key::of_text(text.as_bytes()), Key::Text(_)), "{text}");
        }
    }

    fn keys_after(mut array: Array, first: i64) -> Vec<Key> {
        array.entry(Key::Int(first));
        array.append().expect("there is room");
        array.iter().map(|(key, _)| key.clone()).collect()
    }

    #[test]
    fn an_element_without_a_key_comes_behind_the_largest_integer() {
        assert_eq!(keys_after(Array::new(1), 7), [7, 8].map(Key::Int));
        assert_eq!(keys_after(Array::new(1), -5), [-5, -4].map(Key::Int));
        assert_eq!(keys_after(Array::empty(1), -5), [-5, 0].map(Key::Int));
        let mut array = Array::new(1);
        array.entry(Key::Int(i64::MAX));
        assert_eq!(array.append(), None);
    }

    #[test]
    fn floats_become_text_with_fourteen_digits() {
        let shown = |number| String::from_utf8(Value::Float(number).to_text().expect("no array"));
        assert_eq!(shown(0.1 + 0.2).as_deref(), Ok("0.3"));
        assert_eq!(shown(1e25).as_deref(), Ok("1.0E+25"));
        assert_eq!(shown(-0.0).as_deref(), Ok("-0"));
        assert_eq!(shown(f64::INFINITY).as_deref(), Ok("INF"));
    }
}
