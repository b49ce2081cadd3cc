//! `unserialize`: a parser that keeps its own stack.

use bytes::Bytes;
use thiserror::Error;

use super::walk::assemble;
use super::{Array, Custom, EnumCase, Key, Reference, ReferenceKind, Value};

/// What a serialized value may cost its reader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Arrays and objects within each other. Default 4 096, as `unserialize_max_depth`.
    pub depth_max: usize,
    /// Values in all. Default 1 048 576; each costs up to 200 bytes of memory.
    pub elements_max: usize,
    /// Bytes of one string. Default 64 MiB.
    pub string_bytes_max: usize,
    /// Bytes of the whole text. Default 64 MiB.
    pub total_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 4_096,
            elements_max: 1 << 20,
            string_bytes_max: 64 << 20,
            total_bytes_max: 64 << 20,
        }
    }
}

/// Why a text is not taken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum DecodeError {
    /// PHP refuses it, too.
    #[error("not serialized PHP, at byte {at}")]
    Malformed {
        /// Where it stops making sense.
        at: usize,
    },
    /// Deeper than [`Limits::depth_max`].
    #[error("more than {0} values within each other")]
    TooDeep(usize),
    /// More values than [`Limits::elements_max`].
    #[error("more than {0} values")]
    TooManyElements(usize),
    /// A string longer than [`Limits::string_bytes_max`].
    #[error("a string of more than {0} bytes")]
    StringTooLong(usize),
    /// A text longer than [`Limits::total_bytes_max`].
    #[error("more than {0} bytes")]
    TooLong(usize),
    /// A key that comes twice in one array, in a text with references. PHP never writes such a text
    /// but reads it, and keeps values alive that are no longer in the result.
    #[error("a reference in a text where a key comes twice")]
    ReferenceAndDuplicate,
}

/// The value that `unserialize` finds at the beginning of a text; what follows it is ignored, as PHP
/// does. Strings share the memory of the text.
///
/// # Errors
///
/// [`DecodeError::Malformed`] where PHP says `Error at offset`; the other kinds for limits of ours,
/// the [default](Limits) ones.
pub fn decode(text: impl Into<Bytes>) -> Result<Value, DecodeError> {
    decode_with(text, Limits::default())
}

/// As [`decode`], with other limits.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_with(text: impl Into<Bytes>, limits: Limits) -> Result<Value, DecodeError> {
    let text = text.into();
    if text.len() > limits.total_bytes_max {
        return Err(DecodeError::TooLong(limits.total_bytes_max));
    }
    Parser {
        text,
        at: 0,
        limits,
        open: Vec::new(),
        slots: Vec::new(),
        count: 0,
        oddities: Oddities::default(),
    }
    .value()
}

struct Parser {
    text: Bytes,
    at: usize,
    limits: Limits,
    open: Vec<Frame>,
    /// Which of the numbered values are objects.
    slots: Vec<bool>,
    count: usize,
    oddities: Oddities,
}

/// What makes references hard to follow.
#[derive(Default)]
struct Oddities {
    /// There was a reference.
    reference: bool,
    /// A key came twice.
    duplicate: bool,
    /// There was a payload that may hold numbered values, so that numbers above this one may be
    /// other values than we count.
    payload: Option<usize>,
}

/// An array or object whose end has not been seen.
struct Frame {
    /// `None` for an array.
    class: Option<Bytes>,
    elements: Array<Value>,
    /// Elements that are still to come.
    left: usize,
    /// The key of the element that comes next.
    key: Key,
}

impl Parser {
    fn value(&mut self) -> Result<Value, DecodeError> {
        loop {
            let Some(mut done) = self.begin()? else { continue };
            loop {
                let Some(frame) = self.open.last_mut() else { return Ok(done) };
                let duplicate = frame.put(done);
                let (last, object) = (frame.left == 0, frame.class.is_some());
                if duplicate {
                    self.note(|oddities| oddities.duplicate = true)?;
                }
                if !last {
                    let key = self.key(object)?;
                    self.open.last_mut().expect("a frame has just been filled").key = key;
                    break;
                }
                self.expect(b"}")?;
                let frame = self.open.pop().expect("a frame has just been filled");
                done = assemble(frame.class, frame.elements);
            }
        }
    }

    /// Reads a value; `None` if it is an array or object with something in it, which is then open.
    fn begin(&mut self) -> Result<Option<Value>, DecodeError> {
        let start = self.at;
        let letter = self.take().ok_or(DecodeError::Malformed { at: start })?;
        self.number_slot(letter)?;
        if letter != b'N' {
            self.expect(b":")?;
        }
        let value = match letter {
            b'N' => Value::Null,
            b'b' => Value::Bool(self.boolean()?),
            b'i' => Value::Int(self.integer()?),
            b'd' => Value::Float(self.float()?),
            b's' => Value::String(self.string()?),
            b'S' => Value::String(self.escaped_string()?),
            b'a' => return self.array(),
            b'O' => return self.object(),
            b'C' => return self.custom().map(Some),
            b'E' => self.enum_case()?,
            b'R' => self.reference(ReferenceKind::Alias)?,
            b'r' => self.reference(ReferenceKind::Handle)?,
            _ => return Err(DecodeError::Malformed { at: start }),
        };
        self.expect(b";")?;
        Ok(Some(value))
    }

    fn number_slot(&mut self, letter: u8) -> Result<(), DecodeError> {
        self.count += 1;
        if self.count > self.limits.elements_max {
            return Err(DecodeError::TooManyElements(self.limits.elements_max));
        }
        if letter != b'R' {
            self.slots.push(matches!(letter, b'O' | b'C' | b'E' | b'r'));
        }
        Ok(())
    }

    /// Reads the key of an element, or of a property if it is an object's.
    fn key(&mut self, object: bool) -> Result<Key, DecodeError> {
        let start = self.at;
        let letter = self.take();
        self.expect(b":")?;
        let key = match letter {
            Some(b'i') => Key::Int(self.integer()?),
            Some(letter @ (b's' | b'S')) => {
                let text = if letter == b's' { self.string()? } else { self.escaped_string()? };
                if object { Key::Bytes(text) } else { Key::from_bytes(text) }
            }
            _ => return Err(DecodeError::Malformed { at: start }),
        };
        self.expect(b";")?;
        Ok(key)
    }

    fn array(&mut self) -> Result<Option<Value>, DecodeError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.malformed());
        }
        let count = self.loose_integer();
        self.expect(b":{")?;
        if count == 0 {
            self.expect(b"}")?;
            return Ok(Some(Value::Array(Array::new())));
        }
        self.enter(None, count)
    }

    fn object(&mut self) -> Result<Option<Value>, DecodeError> {
        let class = self.class()?;
        let count = self.loose_integer();
        self.expect(b":{")?;
        self.enter(Some(class), count)
    }

    /// Opens an array or object of `count` elements.
    fn enter(&mut self, class: Option<Bytes>, count: i64) -> Result<Option<Value>, DecodeError> {
        let left = usize::try_from(count).ok().filter(|&count| count <= self.left());
        let left = left.ok_or_else(|| self.malformed())?;
        if self.open.len() >= self.limits.depth_max {
            return Err(DecodeError::TooDeep(self.limits.depth_max));
        }
        if left == 0 {
            self.expect(b"}")?;
            return Ok(Some(assemble(class, Array::new())));
        }
        let key = self.key(class.is_some())?;
        // The count is the sender's word; beyond a little the memory must be earned by elements.
        let elements = Array::beginning_with(key.as_ref(), left.min(16));
        self.open.push(Frame { class, elements, left, key });
        Ok(None)
    }

    /// `C:3:"Foo":2:{xy}`, from the first number on.
    fn custom(&mut self) -> Result<Value, DecodeError> {
        let class = self.class()?;
        let length = self.loose_integer();
        self.expect(b":{")?;
        let length = usize::try_from(length).map_err(|_| self.malformed())?;
        let payload = self.slice(length)?;
        self.expect(b"}")?;
        self.oddities.payload.get_or_insert(self.slots.len());
        Ok(Value::Custom(Box::new(Custom { class, payload })))
    }

    /// `3:"Foo":`
    fn class(&mut self) -> Result<Bytes, DecodeError> {
        let start = self.at;
        let class = self.quoted()?;
        self.expect(b":")?;
        is_class_name(&class).then_some(class).ok_or(DecodeError::Malformed { at: start })
    }

    fn enum_case(&mut self) -> Result<Value, DecodeError> {
        let start = self.at;
        let name = self.quoted()?;
        let colon = name.iter().position(|&byte| byte == b':');
        let (class, case) = match colon {
            Some(colon) => (name.slice(..colon), name.slice(colon + 1..)),
            None => return Err(DecodeError::Malformed { at: start }),
        };
        if !is_class_name(&class) || !is_label(&case) {
            return Err(DecodeError::Malformed { at: start });
        }
        Ok(Value::Enum(Box::new(EnumCase { class, case })))
    }

    fn reference(&mut self, kind: ReferenceKind) -> Result<Value, DecodeError> {
        let start = self.at;
        let slot = self.unsigned()?;
        // A handle is numbered itself, but nothing can be a handle of itself.
        let known = match kind {
            ReferenceKind::Alias => self.slots.len(),
            ReferenceKind::Handle => self.slots.len() - 1,
        };
        let at = usize::try_from(slot.wrapping_sub(1)).unwrap_or(usize::MAX);
        let valid = match (self.slots[..known].get(at), kind) {
            (Some(_), ReferenceKind::Alias) => true,
            (Some(object), ReferenceKind::Handle) => *object,
            (None, _) => false,
        };
        let beyond_payload = slot > 0 && self.oddities.payload.is_some_and(|known| at >= known);
        if !valid && !beyond_payload {
            return Err(DecodeError::Malformed { at: start });
        }
        self.note(|oddities| oddities.reference = true)?;
        Ok(Value::Reference(Reference { kind, slot }))
    }

    fn note(&mut self, set: impl FnOnce(&mut Oddities)) -> Result<(), DecodeError> {
        set(&mut self.oddities);
        match self.oddities {
            Oddities { reference: true, duplicate: true, .. } => Err(DecodeError::ReferenceAndDuplicate),
            Oddities { .. } => Ok(()),
        }
    }

    fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.take() {
            Some(digit @ (b'0' | b'1')) => Ok(digit == b'1'),
            _ => Err(self.malformed()),
        }
    }

    /// A sign, perhaps, and at least one digit.
    fn integer(&mut self) -> Result<i64, DecodeError> {
        let start = self.at;
        let integer = self.loose_integer();
        match self.text[..self.at].last() {
            Some(byte) if self.at > start && byte.is_ascii_digit() => Ok(integer),
            _ => Err(self.malformed()),
        }
    }

    /// A sign and digits, any of them missing; beyond 64 bits the nearest that there is.
    fn loose_integer(&mut self) -> i64 {
        let negative = self.peek() == Some(b'-');
        if negative || self.peek() == Some(b'+') {
            self.at += 1;
        }
        let mut value = 0i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let digit = i64::from(digit - b'0');
            value = value.saturating_mul(10).saturating_add(if negative { -digit } else { digit });
            self.at += 1;
        }
        value
    }

    /// At least one digit; beyond 64 bits it starts anew at 0, as in PHP.
    fn unsigned(&mut self) -> Result<u64, DecodeError> {
        let start = self.at;
        let mut value = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == start { Err(self.malformed()) } else { Ok(value) }
    }

    fn float(&mut self) -> Result<f64, DecodeError> {
        let rest = &self.text[self.at..];
        let names = [(&b"NAN;"[..], f64::NAN), (b"INF;", f64::INFINITY), (b"-INF;", f64::NEG_INFINITY)];
        if let Some((name, value)) = names.into_iter().find(|(name, _)| rest.starts_with(name)) {
            self.at += name.len() - 1;
            return Ok(value);
        }
        let length =
            rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let end = self.at + length.count();
        let number = std::str::from_utf8(&self.text[self.at..end]).ok().and_then(|text| text.parse().ok());
        let number = number.ok_or_else(|| self.malformed())?;
        self.at = end;
        Ok(number)
    }

    /// `3:"abc"`, within the limit for strings.
    fn string(&mut self) -> Result<Bytes, DecodeError> {
        let text = self.quoted()?;
        self.check_length(text.len())?;
        Ok(text)
    }

    /// `3:"abc"`
    fn quoted(&mut self) -> Result<Bytes, DecodeError> {
        let length = self.unsigned()?;
        self.expect(b":\"")?;
        let length = usize::try_from(length).map_err(|_| self.malformed())?;
        let text = self.slice(length)?;
        self.expect(b"\"")?;
        Ok(text)
    }

    /// `3:"a\62c"`: a backslash begins two hexadecimal digits, which count as one byte.
    fn escaped_string(&mut self) -> Result<Bytes, DecodeError> {
        let length = self.unsigned()?;
        self.expect(b":\"")?;
        let length = usize::try_from(length).ok().filter(|&length| length <= self.left());
        let length = length.ok_or_else(|| self.malformed())?;
        self.check_length(length)?;
        let mut text = Vec::with_capacity(length);
        for _ in 0..length {
            let byte = match self.take() {
                Some(b'\\') => self.hex_digit()? << 4 | self.hex_digit()?,
                Some(byte) => byte,
                None => return Err(self.malformed()),
            };
            text.push(byte);
        }
        self.expect(b"\"")?;
        Ok(text.into())
    }

    fn hex_digit(&mut self) -> Result<u8, DecodeError> {
        let digit = self.take().and_then(|byte| char::from(byte).to_digit(16));
        digit.and_then(|digit| u8::try_from(digit).ok()).ok_or_else(|| self.malformed())
    }

    fn check_length(&self, length: usize) -> Result<(), DecodeError> {
        let roof = self.limits.string_bytes_max;
        if length > roof { Err(DecodeError::StringTooLong(roof)) } else { Ok(()) }
    }

    fn slice(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.left() {
            return Err(self.malformed());
        }
        let slice = self.text.slice(self.at..self.at + length);
        self.at += length;
        Ok(slice)
    }

    #[inline]
    fn expect<const N: usize>(&mut self, bytes: &[u8; N]) -> Result<(), DecodeError> {
        if self.text[self.at..].first_chunk() != Some(bytes) {
            return Err(self.malformed());
        }
        self.at += N;
        Ok(())
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn left(&self) -> usize {
        self.text.len() - self.at
    }

    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { at: self.at }
    }
}

impl Frame {
    /// Sets the value of the key that was read. Whether the key was there before.
    fn put(&mut self, value: Value) -> bool {
        self.left -= 1;
        let key = std::mem::replace(&mut self.key, Key::Int(0));
        let key = if self.class.is_some() { self.property(key) } else { key };
        self.elements.insert(key, value).is_some()
    }

    /// The key under which an object keeps a property: 5 and `"5"` are the same, whichever came
    /// first.
    fn property(&self, key: Key) -> Key {
        let twin = match &key {
            Key::Int(integer) => Key::Bytes(integer.to_string().into()),
            Key::Bytes(text) => Key::from_bytes(text.clone()),
        };
        if twin != key && self.elements.get(&twin).is_some() { twin } else { key }
    }
}

/// Whether PHP takes a name for that of a class, known or not.
fn is_class_name(name: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | 0x80..);
    !name.is_empty() && name[0] != b'\\' && name.iter().all(inner)
}

/// Whether a name can be that of a constant.
fn is_label(name: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | 0x80..);
    name.first().is_some_and(|first| !first.is_ascii_digit()) && name.iter().all(inner)
}
