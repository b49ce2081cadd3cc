//! Where references lead.

use super::walk::{Event, Walk};
use super::{Reference, ReferenceKind, Value};

/// The numbered values of a value, so that references can be followed.
///
/// Built once, in one walk. Following never loops: no entry is a reference itself. That a value
/// contains itself is for the reader to notice.
pub struct Slots<'a> {
    /// `None` where a handle leads nowhere, or to what comes only later.
    values: Vec<Option<&'a Value>>,
}

impl<'a> Slots<'a> {
    /// Numbers what is in `root`, `root` being 1.
    ///
    /// Behind a [`Value::Custom`] numbers are not known: its payload may hold numbered values.
    pub fn new(root: &'a Value) -> Self {
        let mut slots = Self { values: Vec::new() };
        for event in Walk::new(root) {
            let (Event::Leaf(value) | Event::Open(value, _)) = event else { continue };
            let entry = match value {
                Value::Reference(Reference { kind: ReferenceKind::Alias, .. }) => continue,
                Value::Reference(reference) => slots.get(*reference),
                _ => Some(value),
            };
            slots.values.push(entry);
            if matches!(value, Value::Custom(_)) {
                break;
            }
        }
        slots
    }

    /// The value that a reference means, which is no reference. `None` if there is none, or if it
    /// cannot be known.
    pub fn get(&self, reference: Reference) -> Option<&'a Value> {
        let at = usize::try_from(reference.slot.checked_sub(1)?).ok()?;
        *self.values.get(at)?
    }

    /// The value itself, or the one that it means if it is a reference.
    pub fn follow(&self, value: &'a Value) -> Option<&'a Value> {
        match value {
            Value::Reference(reference) => self.get(*reference),
            _ => Some(value),
        }
    }
}
