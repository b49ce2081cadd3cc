//! The dialects by name.

use clap::ValueEnum;
use zmws::message::Dialect;

/// A dialect, as a flag's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum DialectName {
    /// zmws 0.9 to 1.0; workers of 2.0.0-rc, too
    Zmws1,
    /// zmws 2.x
    Zmws2,
    /// Majordomo 0.1, RFC 7
    Mdp01,
    /// Majordomo 0.2, RFC 18
    Mdp02,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Zmws1 => Self::Zmws1,
            DialectName::Zmws2 => Self::Zmws2,
            DialectName::Mdp01 => Self::Mdp01,
            DialectName::Mdp02 => Self::Mdp02,
        }
    }
}
