//! What may differ, and how: the rules that entries of the known differences name.

use serde::Deserialize;

use crate::differ::{Difference, Scene};

/// A kind of deliberate difference.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Quirk 7: a job without a parameter frame gives the worker an empty one, not the job frame.
    NoParamIsEmpty,
}

impl Rule {
    /// Whether this rule says why `difference` is there.
    pub fn explains(self, _scene: Scene<'_>, _difference: &Difference) -> bool {
        match self {
            Self::NoParamIsEmpty => false,
        }
    }
}
