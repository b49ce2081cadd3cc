//! Flags, environment, file, default: what holds for a command that is started by hand.
//!
//! What environment and file say is written as flags in front of those of the command line, of which clap lets the
//! last win. So there is one reader for all layers, and a value is judged alike wherever it comes from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, CommandFactory};
use zmws::supervise::config::{self, File, Key, Schema, Section, Settings, Source};

use super::{Cli, Failure, broker, gateway, up, worker};

/// Which file.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConfigFile {
    /// Configuration whose section holds where no flag and no ZMWS_ variable does, or none [default: zmws.toml, if it is there]
    #[arg(short = 'c', long = "config", value_name = "FILE", env = "ZMWS_CONFIG")]
    config: Option<PathBuf>,
}

/// The commands whose flags are keys.
pub(super) fn schema() -> Schema {
    let (broker, gateway) = commands();
    Schema::new(broker, gateway, worker::Args::augment_args(clap::Command::new("worker")))
}

/// The commands that take the places of PHP's broker and gateway.
pub(super) fn commands() -> (clap::Command, clap::Command) {
    let command = clap::Command::new;
    (broker::Args::augment_args(command("broker")), gateway::Args::augment_args(command("gateway")))
}

/// A variable of the environment, if it is text.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The file that is read if none is named.
pub(super) const DEFAULT_FILE: &str = "zmws.toml";

/// Reads a `zmws.toml`.
pub(super) fn read(path: &Path) -> Result<File, Vec<String>> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| vec![format!("Cannot read {}: {error}", path.display())])?;
    let file = config::load(&path.display().to_string(), &text, &schema());
    file.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// A command line with what environment and file add to it.
///
/// # Errors
///
/// A variable or a line of the file that is wrong.
pub(super) fn layered(args: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    const LAYERED: [&str; 4] = ["broker", "gateway", "up", "worker"];
    if !args.get(1).is_some_and(|word| LAYERED.iter().any(|name| word == name)) {
        return Ok(args);
    }
    // What is missing may be in the environment; what cannot be read is complained about by whoever reads it next.
    let command = Cli::command().ignore_errors(true);
    let Ok(matches) = command.try_get_matches_from(&args) else { return Ok(args) };
    let Some((name, given)) = matches.subcommand() else { return Ok(args) };
    let schema = schema();
    let added = match name {
        "broker" => {
            let file = file_of(given)?;
            added(given, schema.section("broker"), file.and_then(|file| file.broker).as_ref(), |_| true)?
        }
        "gateway" => {
            let file = file_of(given)?;
            added(given, schema.section("gateway"), file.and_then(|file| file.gateway).as_ref(), |_| true)?
        }
        "up" => of_up(given, &schema)?,
        "worker" => {
            let section = Section::new("worker", worker::Args::augment_args(clap::Command::new("worker")));
            added(given, &section, None, |_| true)?
        }
        _ => return Ok(args),
    };
    let at = 2.min(args.len());
    let mut all = args;
    all.splice(at..at, added.into_iter().map(OsString::from));
    Ok(all)
}

/// `zmws up` has keys of both sections.
fn of_up(given: &ArgMatches, schema: &Schema) -> Result<Vec<String>, Failure> {
    let file = file_of(given)?.unwrap_or_default();
    let up = Section::new("up", up::Args::augment_args(clap::Command::new("up")));
    let (broker, gateway) = (schema.section("broker"), schema.section("gateway"));
    let has = |key: &Key<'_>| up.key(&key.name()).is_some();
    let of_gateway = |key: &Key<'_>| has(key) && broker.key(&key.name()).is_none();
    let mut all = added(given, broker, file.broker.as_ref(), has)?;
    all.extend(added(given, gateway, file.gateway.as_ref(), of_gateway)?);
    Ok(all)
}

/// What environment and file say of the keys that the command line does not have.
fn added(
    given: &ArgMatches,
    section: &Section,
    settings: Option<&Settings>,
    applies: impl Fn(&Key<'_>) -> bool,
) -> Result<Vec<String>, Failure> {
    let layered = config::layered(section, settings, &environment)?;
    let adds = layered.into_iter().filter(|one| applies(&one.key)).filter(|one| {
        match (given.value_source(one.key.id()), &one.source) {
            (Some(ValueSource::CommandLine), _) => false,
            // PHP's names of the environment are weaker than ours, and stronger than the file.
            (Some(ValueSource::EnvVariable), Source::Line(_)) => false,
            _ => true,
        }
    });
    Ok(adds.flat_map(|one| one.args).collect())
}

/// The file that holds for a command; none, if there is none or none is wanted.
fn file_of(given: &ArgMatches) -> Result<Option<File>, Failure> {
    let named = given.get_one::<PathBuf>("config");
    let path = match named {
        Some(path) if path.as_os_str() == "none" => return Ok(None),
        Some(path) => path.clone(),
        None => PathBuf::from(DEFAULT_FILE),
    };
    if named.is_none() && !path.is_file() {
        return Ok(None);
    }
    read(&path).map(Some).map_err(|lines| super::site::failure(&lines))
}
