//! `zmws.toml`: what it may say, what it says, and what is to be run for it.
//!
//! Pure: text in, settings and programs out. The keys are the flags of the commands ([`Schema`]); a setting becomes
//! the flag it stands for again, so that `ps` shows what the file says, and a program whose command line is the same
//! is the same program.
//!
//! Layers: a flag is stronger than a variable of the environment (`ZMWS_BROKER_CLIENT_PORT`), which is stronger than
//! the file, which is stronger than the default.

mod error;
mod fleet;
mod keys;
mod layers;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use error::ConfigError;
pub use layers::{Effective, Environment, Source, layered};
pub use schema::{Key, Schema, Section, ValueType};
pub use write::{init, reference};

use error::Text;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// As it was named.
    pub name: String,
    /// `[broker]`, if it is there.
    pub broker: Option<Settings>,
    /// `[gateway]`, if it is there.
    pub gateway: Option<Settings>,
    /// `[supervisor]`.
    pub supervisor: Settings,
    /// Each `[[worker]]`.
    pub workers: Vec<Entry>,
}

/// A `[[worker]]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Where it begins.
    pub line: usize,
    /// Its own keys.
    pub own: Settings,
    /// Those that are flags of `zmws worker`.
    pub labour: Settings,
}

/// The settings of one section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(pub Vec<Setting>);

/// A key and its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// The flag that it is.
    pub flag: String,
    /// The line of the file.
    pub line: usize,
    /// The flag with the value, as on a command line.
    pub args: Vec<String>,
    /// The value as the file has it.
    pub shown: String,
}

impl Settings {
    /// The setting of a key.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.key == key)
    }

    /// All as a command line.
    fn args(&self) -> Vec<String> {
        self.0.iter().flat_map(|setting| setting.args.clone()).collect()
    }
}

/// Reads `text`, which is that of the file `name`.
///
/// # Errors
///
/// All that is wrong with it, in the order of the text.
pub fn load(name: &str, text: &str, schema: &Schema) -> Result<File, Vec<ConfigError>> {
    read::read(Text { file: name, text }, schema)
}
