//! Where a value comes from: flag, environment, file, default.

use super::schema::{Key, Section};
use super::{Setting, Settings};

/// The environment, as a question.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where a value comes from, besides the command line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// A variable of the environment, by its name.
    Variable(String),
    /// A line of the file.
    Line(usize),
    /// Nobody says anything.
    Default,
}

/// A key and what holds for it.
#[derive(Clone, Debug)]
pub struct Effective<'a> {
    /// The key.
    pub key: Key<'a>,
    /// Who says so.
    pub source: Source,
    /// The flag with the value, as on a command line; empty, if the default holds.
    pub args: Vec<String>,
    /// The value, as its source has it; none, if there is no default.
    pub shown: Option<String>,
}

/// What holds for each key of a section.
///
/// # Errors
///
/// A variable of the environment with a value that is none.
pub fn layered<'a>(
    section: &'a Section,
    file: Option<&Settings>,
    environment: Environment<'_>,
) -> Result<Vec<Effective<'a>>, String> {
    section.keys().map(|key| effective(key, file, environment)).collect()
}

fn effective<'a>(
    key: Key<'a>,
    file: Option<&Settings>,
    environment: Environment<'_>,
) -> Result<Effective<'a>, String> {
    let variable = key.variable();
    if let Some(text) = environment(&variable) {
        let args = key.args_of_text(&text).map_err(|what| format!("{variable}: {what}"))?;
        return Ok(Effective { key, source: Source::Variable(variable), args, shown: Some(text) });
    }
    if let Some(Setting { line, args, shown, .. }) = file.and_then(|file| file.get(&key.name())) {
        let source = Source::Line(*line);
        return Ok(Effective { key, source, args: args.clone(), shown: Some(shown.clone()) });
    }
    let shown = key.default();
    Ok(Effective { key, source: Source::Default, args: Vec::new(), shown })
}
