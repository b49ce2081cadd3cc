//! What a configuration may say: the flags of the commands are its keys, so that there is one list of settings, with
//! one check and one text for each.

use std::any::TypeId;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::builder::{Resettable, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Args, Command};

use super::keys::{SupervisorKeys, WorkerKeys};

/// The commands whose flags are keys.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(super) broker: Section,
    pub(super) gateway: Section,
    pub(super) supervisor: Section,
    /// A `[[worker]]`'s own keys.
    pub(super) worker: Section,
    /// Those that it has for `zmws worker`.
    pub(super) labour: Section,
}

/// The keys of one section.
#[derive(Clone, Debug)]
pub struct Section {
    name: &'static str,
    command: Command,
}

/// A key: a flag by another spelling.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    section: &'a Section,
    arg: &'a Arg,
}

/// What TOML may give a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueType {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A string.
    String,
    /// A string or a number: the key's own reader decides.
    Any,
}

impl Schema {
    /// Of the commands `zmws broker`, `zmws gateway` and `zmws worker`.
    pub fn new(broker: Command, gateway: Command, worker: Command) -> Self {
        // What the table of a worker says itself, or the supervisor for it.
        const OWN: [&str; 5] = ["service-name", "builtin", "grace", "max-jobs", "config"];
        let own = Section::new("worker", WorkerKeys::augment_args(Command::new("worker")));
        let supervisor = Section::new("supervisor", SupervisorKeys::augment_args(Command::new("supervisor")));
        let hidden = |arg: Arg| {
            if arg.get_long().is_some_and(|long| OWN.contains(&long)) { arg.hide(true) } else { arg }
        };
        Self {
            broker: Section::new("broker", broker),
            gateway: Section::new("gateway", gateway),
            supervisor,
            worker: own,
            labour: Section::new("worker", worker.mut_args(hidden)),
        }
    }

    /// The section `broker`, `gateway` or `supervisor`.
    ///
    /// # Panics
    ///
    /// There is no section of this name.
    pub fn section(&self, name: &str) -> &Section {
        self.tables().into_iter().find(|section| section.name() == name).expect("a section of the file")
    }

    /// The sections that are a table each.
    pub(super) fn tables(&self) -> [&Section; 3] {
        [&self.broker, &self.gateway, &self.supervisor]
    }
}

impl Section {
    /// The keys of `command`'s flags, in the section `name`.
    pub fn new(name: &'static str, command: Command) -> Self {
        // The environment is a layer of its own, and no part of a check.
        let deaf = |arg: Arg| arg.env(Resettable::Reset).global(false);
        let command = command.no_binary_name(true).disable_help_flag(true).disable_version_flag(true);
        Self { name, command: command.mut_args(deaf) }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its keys, in the order of the command's help.
    pub fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let is_key = |arg: &&Arg| {
            let own = ["help", "version", "config"];
            arg.get_long().is_some_and(|long| !own.contains(&long)) && !arg.is_hide_set()
        };
        self.command.get_arguments().filter(is_key).map(|arg| Key { section: self, arg })
    }

    /// A key by its name.
    pub fn key(&self, name: &str) -> Option<Key<'_>> {
        self.keys().find(|key| key.name() == name)
    }

    /// The name of a key that `name` may have been meant for.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.keys().map(|key| key.name()))
    }

    /// Reads arguments as the command does.
    pub(super) fn matches(&self, args: &[String]) -> Result<clap::ArgMatches, clap::Error> {
        self.command.clone().try_get_matches_from(args)
    }
}

/// The candidate that is spelt most alike, if any is alike.
pub(super) fn nearest(name: &str, candidates: impl IntoIterator<Item = String>) -> Option<String> {
    let likeness = |candidate: String| (strsim::jaro_winkler(name, &candidate), candidate);
    let alike = candidates.into_iter().map(likeness).filter(|(likeness, _)| *likeness > 0.8);
    alike.max_by(|(left, _), (right, _)| left.total_cmp(right)).map(|(_, candidate)| candidate)
}

impl Key<'_> {
    /// Its name in the file: the flag's, with `_` for `-`.
    pub fn name(&self) -> String {
        self.flag().replace('-', "_")
    }

    /// The flag's name, without dashes.
    pub fn flag(&self) -> &str {
        self.arg.get_long().unwrap_or_default()
    }

    /// What clap calls the flag.
    pub fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    /// The variable of the environment that sets it, too.
    pub fn variable(&self) -> String {
        format!("ZMWS_{}_{}", self.section.name, self.name()).to_uppercase()
    }

    /// What it is for.
    pub fn help(&self) -> String {
        self.arg.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// What its value is called.
    pub fn value_name(&self) -> Option<&str> {
        self.arg.get_value_names()?.first().map(|name| name.as_str())
    }

    /// What holds if nothing is said.
    pub fn default(&self) -> Option<String> {
        let values: Vec<_> =
            self.arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// What TOML may give it.
    pub fn value_type(&self) -> ValueType {
        if matches!(self.arg.get_action(), ArgAction::SetTrue) {
            return ValueType::Bool;
        }
        let parser = self.arg.get_value_parser();
        let is = |id: TypeId| parser.type_id() == id;
        if is_whole(parser) {
            ValueType::Integer
        } else if is(TypeId::of::<f64>()) {
            ValueType::Number
        } else if TEXTS.iter().any(|text| is(text())) || self.has_words() {
            ValueType::String
        } else {
            ValueType::Any
        }
    }

    /// Whether it takes an array.
    pub fn is_list(&self) -> bool {
        self.delimiter().is_some() || self.repeats()
    }

    /// Whether it takes a table: names and values.
    pub fn is_table(&self) -> bool {
        self.repeats() && self.value_name().is_some_and(|name| name.contains('='))
    }

    /// The words it takes, if it takes no others.
    pub fn words(&self) -> Vec<String> {
        self.arg.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect()
    }

    fn has_words(&self) -> bool {
        !self.arg.get_possible_values().is_empty()
    }

    fn delimiter(&self) -> Option<char> {
        self.arg.get_value_delimiter()
    }

    fn repeats(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::Append) && self.delimiter().is_none()
    }

    /// Values as the arguments that set the flag to them.
    pub fn args(&self, values: &[String]) -> Vec<String> {
        let flag = self.flag();
        match (self.value_type(), self.delimiter()) {
            (ValueType::Bool, _) if values == ["true"] => vec![format!("--{flag}")],
            (ValueType::Bool, _) => Vec::new(),
            (_, Some(delimiter)) => vec![format!("--{flag}={}", values.join(&delimiter.to_string()))],
            (_, None) => values.iter().map(|value| format!("--{flag}={value}")).collect(),
        }
    }

    /// A text of the environment as the arguments that set the flag to it. Several values of a flag that repeats
    /// have commas between them.
    pub fn args_of_text(&self, text: &str) -> Result<Vec<String>, String> {
        let values: Vec<String> = match () {
            () if self.value_type() == ValueType::Bool => match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => vec!["true".to_owned()],
                "" | "0" | "false" | "no" | "off" => Vec::new(),
                _ => {
                    return Err(format!(
                        "invalid value '{text}' for {}: true or false is expected",
                        self.name()
                    ));
                }
            },
            () if self.repeats() => text.split(',').map(str::to_owned).collect(),
            () => vec![text.to_owned()],
        };
        let args = self.args(&values);
        self.check(&args)?;
        Ok(args)
    }

    /// Lets the flag's own reader judge the arguments.
    ///
    /// # Errors
    ///
    /// Its verdict, with the key's name in place of the flag's.
    pub(super) fn check(&self, args: &[String]) -> Result<(), String> {
        let Err(error) = self.section.matches(args) else { return Ok(()) };
        match error.kind() {
            // They concern other flags than this one.
            ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict => Ok(()),
            _ => Err(self.in_our_words(&error.to_string())),
        }
    }

    fn in_our_words(&self, said: &str) -> String {
        let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let words = said.lines().find(|line| line.trim_start().starts_with("[possible values"));
        let flag = format!("'--{}", self.flag());
        let first = match (first.find(&flag), first.rfind("': ").or_else(|| first.rfind('\''))) {
            (Some(start), Some(end)) if end > start => {
                format!("{}{}{}", &first[..start], self.name(), &first[end + 1..])
            }
            _ => first.to_owned(),
        };
        words.map_or(first.clone(), |words| format!("{first} {}", words.trim()))
    }
}

/// Types whose values are strings in TOML.
const TEXTS: [fn() -> TypeId; 4] =
    [TypeId::of::<String>, TypeId::of::<PathBuf>, TypeId::of::<IpAddr>, TypeId::of::<SocketAddr>];

fn is_whole(parser: &ValueParser) -> bool {
    let whole = [
        TypeId::of::<u8>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
        TypeId::of::<i64>(),
    ];
    whole.iter().any(|&id| parser.type_id() == id)
}
