//! Flags, environment, file, default: what holds for a command that is started by hand.
//!
//! What environment and file say is written as flags in front of those of the command line, of which clap lets the
//! last win. So there is one reader for all layers, and a value is judged alike wherever it comes from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, CommandFactory};
use zmws::supervise::config::{self, File, Key, Schema, Section, Settings, Source};

use super::{Cli, Failure, broker, call, gateway, up, worker};

/// Which file.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConfigFile {
    /// Configuration whose section holds where no flag and no ZMWS_ variable does, or none [default: zmws.toml, if it is there]
    #[arg(short = 'c', long = "config", value_name = "FILE", env = "ZMWS_CONFIG")]
    config: Option<PathBuf>,
}

/// The site whose broker a client or a worker means.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SiteFile {
    /// Configuration of the site whose broker is meant, where no flag and no variable says so; or none [default: zmws.toml, if it is there]
    #[arg(short = 'c', long = "config", value_name = "FILE", env = "ZMWS_CONFIG")]
    config: Option<PathBuf>,
}

/// The flags of `zmws worker`, for their variables.
pub(super) fn worker() -> Section {
    Section::new("worker", worker::Args::augment_args(clap::Command::new("worker")))
}

/// The flags of `zmws call`, for those of them that have variables.
pub(super) fn call() -> Section {
    Section::new("call", call::Args::augment_args(clap::Command::new("call")))
}

/// Whether a flag of `zmws call` has a variable: what is the same for all calls.
pub(super) fn is_set_for_call(key: &Key<'_>) -> bool {
    ["host", "port", "dialect", "timeout", "log_level"].contains(&key.name().as_str())
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
    const LAYERED: [&str; 5] = ["broker", "gateway", "up", "worker", "call"];
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
            let mut all = added(given, &worker(), None, |_| true)?;
            all.extend(of_site(given, &all, &schema, &OF_WORKER)?);
            all
        }
        "call" => {
            let mut all = added(given, &call(), None, is_set_for_call)?;
            all.extend(of_site(given, &all, &schema, &OF_CALL)?);
            all
        }
        _ => return Ok(args),
    };
    let at = 2.min(args.len());
    let mut all = args;
    all.splice(at..at, added.into_iter().map(OsString::from));
    Ok(all)
}

/// A peer's flags, and what the site's file says of the same thing.
struct Peer {
    host: &'static str,
    port: &'static str,
    /// The broker's port.
    brokers: &'static str,
    /// Flags that the broker has, too.
    common: &'static [&'static str],
    /// Whether a gateway says where the broker is, if the file has none.
    is_client: bool,
}

const OF_CALL: Peer =
    Peer { host: "host", port: "port", brokers: "client_port", common: &[], is_client: true };
const OF_WORKER: Peer = Peer {
    host: "backend-servers",
    port: "backend-port",
    brokers: "worker_port",
    common: &["heartbeat_interval", "heartbeat_maxtries"],
    is_client: false,
};

/// Where the site's broker is, for a peer that was not told.
fn of_site(given: &ArgMatches, set: &[String], schema: &Schema, peer: &Peer) -> Result<Vec<String>, Failure> {
    let is_given = |flag: &str| {
        let id = flag.replace('-', "_");
        matches!(given.value_source(&id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
            || set.iter().any(|arg| arg.starts_with(&format!("--{flag}=")))
    };
    // Whoever names a host or a port does not mean this site.
    if is_given(peer.host) || is_given(peer.port) {
        return Ok(Vec::new());
    }
    let file = file_of(given)?.unwrap_or_default();
    let broker = said(schema.section("broker"), file.broker.as_ref())?;
    let gateway = match file.broker.is_none() && peer.is_client {
        true => said(schema.section("gateway"), file.gateway.as_ref())?,
        false => Vec::new(),
    };
    let of = |all: &[(String, String)], name: &str| {
        all.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    };
    let host = of(&broker, "address").filter(|address| is_reachable(address));
    let host = host.or_else(|| of(&gateway, "broker")).map(|host| (peer.host.to_owned(), host));
    let port = of(&broker, peer.brokers).or_else(|| of(&gateway, peer.brokers));
    let port = port.map(|port| (peer.port.to_owned(), port));
    let common = peer.common.iter().map(|key| (key.replace('_', "-"), of(&broker, key)));
    let common = common.filter(|(flag, _)| !is_given(flag)).filter_map(|(flag, value)| Some((flag, value?)));
    let all = host.into_iter().chain(port).chain(common);
    Ok(all.map(|(flag, value)| format!("--{flag}={value}")).collect())
}

/// Whether an address to listen at is one to connect to, and not that of the default.
fn is_reachable(address: &str) -> bool {
    address.parse::<std::net::IpAddr>().is_ok_and(|address| !address.is_unspecified())
}

/// What environment and file say of keys with a value, by the keys' names.
fn said(section: &Section, settings: Option<&Settings>) -> Result<Vec<(String, String)>, Failure> {
    let layered = config::layered(section, settings, &environment)?;
    let value = |args: &[String]| Some(args.first()?.split_once('=')?.1.to_owned());
    Ok(layered.iter().filter_map(|one| Some((one.key.name(), value(&one.args)?))).collect())
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
