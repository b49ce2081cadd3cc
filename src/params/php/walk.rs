//! A value in the order in which it is written, without recursion.

use bytes::Bytes;

use super::{Array, Key, KeyRef, Object, Value};

/// A step of the way through a value.
#[derive(Clone, Copy)]
pub(super) enum Event<'a> {
    /// The key of the value that comes next.
    Key(KeyRef<'a>),
    /// A value with nothing in it that could be walked through.
    Leaf(&'a Value),
    /// An array or object, and what is in it. Its end is a [`Event::Close`].
    Open(&'a Value, &'a Array<Value>),
    /// The end of the last array or object that has not ended.
    Close,
}

/// The steps through a value.
pub(super) struct Walk<'a> {
    next: Option<&'a Value>,
    open: Vec<(&'a Array<Value>, usize)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self { next: Some(value), open: Vec::new() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(value) = self.next.take() {
            return Some(match value.elements() {
                Some(elements) => {
                    self.open.push((elements, 0));
                    Event::Open(value, elements)
                }
                None => Event::Leaf(value),
            });
        }
        let (elements, at) = self.open.last_mut()?;
        let Some((key, value)) = elements.get_index(*at) else {
            self.open.pop();
            return Some(Event::Close);
        };
        *at += 1;
        self.next = Some(value);
        Some(Event::Key(key))
    }
}

/// What references may make of a value: eight times its serialized form, or 1 MiB.
pub(super) fn expansion_max(value: &Value) -> usize {
    let weight = |event| match event {
        Event::Key(KeyRef::Int(_)) => 4,
        Event::Key(KeyRef::Bytes(text)) => 6 + text.len(),
        Event::Leaf(Value::String(text)) => 6 + text.len(),
        Event::Leaf(Value::Custom(custom)) => 8 + custom.class.len() + custom.payload.len(),
        Event::Leaf(Value::Enum(case)) => 8 + case.class.len() + case.case.len(),
        Event::Leaf(_) => 4,
        Event::Open(..) => 6,
        Event::Close => 1,
    };
    let serialized: usize = Walk::new(value).map(weight).sum();
    serialized.saturating_mul(EXPANSION).max(EXPANSION_FREE)
}

/// How many bytes one byte may become, and how many there may be in any case.
const EXPANSION: usize = 8;
const EXPANSION_FREE: usize = 1 << 20;

/// A copy of a value.
pub(super) fn rebuild(value: &Value) -> Value {
    let mut open: Vec<(Option<Bytes>, Array<Value>)> = Vec::new();
    let mut keys = Vec::new();
    for event in Walk::new(value) {
        let mut done = match event {
            Event::Key(key) => {
                keys.push(key.to_owned());
                continue;
            }
            Event::Open(shell, elements) => {
                let first = elements.get_index(0).map_or(KeyRef::Int(0), |(key, _)| key);
                open.push((class_of(shell), Array::beginning_with(first, elements.len())));
                continue;
            }
            Event::Leaf(leaf) => copy_leaf(leaf),
            Event::Close => {
                let (class, elements) = open.pop().expect("what closes was opened");
                assemble(class, elements)
            }
        };
        let Some((_, elements)) = open.last_mut() else { return done };
        elements.insert(keys.pop().expect("an element has a key"), std::mem::replace(&mut done, Value::Null));
    }
    unreachable!("a walk ends with the end of what it began with")
}

/// An array, or an object if there is a class.
pub(super) fn assemble(class: Option<Bytes>, elements: Array<Value>) -> Value {
    match class {
        None => Value::Array(elements),
        Some(class) => Value::Object(Box::new(Object { class, properties: elements })),
    }
}

fn class_of(value: &Value) -> Option<Bytes> {
    match value {
        Value::Object(object) => Some(object.class.clone()),
        _ => None,
    }
}

fn copy_leaf(leaf: &Value) -> Value {
    match leaf {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(value) => Value::Int(*value),
        Value::Float(value) => Value::Float(*value),
        Value::String(value) => Value::String(value.clone()),
        Value::Custom(custom) => Value::Custom(custom.clone()),
        Value::Enum(case) => Value::Enum(case.clone()),
        Value::Reference(reference) => Value::Reference(*reference),
        Value::Array(_) | Value::Object(_) => unreachable!("arrays and objects are opened, not leaves"),
    }
}

impl KeyRef<'_> {
    fn to_owned(self) -> Key {
        match self {
            KeyRef::Int(integer) => Key::Int(integer),
            KeyRef::Bytes(text) => Key::Bytes(text.clone()),
        }
    }
}
