//! The site that `start`, `stop`, `restart` and `reload` mean: its configuration, its supervisor, its programs.

use std::path::{Path, PathBuf};

use zmws::supervise::control::{self, AskError, Report, Request, Which};
use zmws::supervise::php_config::{self, OpenError, Own, OwnFlag, PhpConfig};
use zmws::supervise::program::{Fleet, Program};
use zmws::supervise::{ClaimError, Logs, OWN_LOG, Supervisor};

use super::{Failure, check, layers, log, process};

/// Which configuration.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConfigArg {
    /// The configuration: zmws.toml, or PHP's etc/config.php; by default the one that is there, in this order
    #[arg(short = 'c', long = "config", value_name = "FILE", env = "ZMWS_CONFIG")]
    config: Option<PathBuf>,
}

/// Which programs of it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Filter {
    /// The broker, the gateway, and what else PHP's $serverList has
    #[arg(long)]
    servers: bool,

    /// The workers
    #[arg(long)]
    workers: bool,

    /// Programs, or groups of them, by name; without any of these, all
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Which programs of which configuration.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Target {
    #[command(flatten)]
    pub(super) config: ConfigArg,

    #[command(flatten)]
    pub(super) filter: Filter,
}

impl Filter {
    pub(super) fn which(&self) -> Which {
        Which { servers: self.servers, workers: self.workers, names: self.names.clone() }
    }
}

impl ConfigArg {
    /// Where the configuration is.
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        let given = self.config.clone().filter(|path| path.as_os_str() != "none");
        let found =
            || ["zmws.toml", "etc/config.php"].map(PathBuf::from).into_iter().find(|path| path.is_file());
        given.or_else(found).ok_or_else(|| {
            "there is no zmws.toml here, and no etc/config.php; make one with `zmws config init`, or name one with -c"
                .to_owned()
        })
    }

    /// The programs it describes.
    pub(super) fn fleet(&self) -> Result<Fleet, Failure> {
        load(&self.path()?).map_err(|lines| failure(&lines))
    }

    /// The same, for a start.
    pub(super) fn fleet_to_start(&self) -> Result<Fleet, Failure> {
        load_to_start(&self.path()?).map_err(|lines| failure(&lines))
    }

    /// The same for a command that can do without: none, if there is no configuration, or one that is only found here
    /// cannot be read. What an operator wants to see at night must not depend on it.
    pub(super) fn if_there(&self) -> Result<Option<Fleet>, Failure> {
        match self.fleet() {
            Ok(fleet) => Ok(Some(fleet)),
            Err(line) if self.config.as_ref().is_some_and(|path| path.as_os_str() != "none") => Err(line),
            Err(_) => Ok(None),
        }
    }

    /// The same by a path that holds wherever this process goes, for the supervisor to read again.
    pub(super) fn absolute(&self) -> Result<PathBuf, Failure> {
        let path = self.path()?;
        std::path::absolute(&path).map_err(|error| format!("Cannot read {}: {error}", path.display()))
    }
}

/// The programs that the file describes, PHP's or ours.
pub(super) fn load(path: &Path) -> Result<Fleet, Vec<String>> {
    let fleet = described(path)?;
    // By one name, however it was named: a site obeys the orders of its own configuration.
    Ok(Fleet { config: std::fs::canonicalize(path).ok(), ..fleet })
}

/// The same, if all can be found and used that it names. Of PHP's configuration, as of old, what can be started is,
/// and what cannot is said.
pub(super) fn load_to_start(path: &Path) -> Result<Fleet, Vec<String>> {
    if is_php(path) { load(path) } else { load_checked(path) }
}

/// The same, if all can be found and used that it names.
pub(super) fn load_checked(path: &Path) -> Result<Fleet, Vec<String>> {
    let fleet = load(path)?;
    let wrong = check::check(&fleet);
    if wrong.is_empty() { Ok(fleet) } else { Err(wrong) }
}

fn described(path: &Path) -> Result<Fleet, Vec<String>> {
    if is_php(path) {
        let fleet = php_config::fleet(&php(path).map_err(|line| vec![line])?, &own()?);
        let is_own = |program: &Program| program.name == OWN_LOG;
        return match fleet.programs.iter().any(is_own) {
            true => Err(vec![format!(
                "{}: {OWN_LOG:?} is the supervisor's own name; give that entry another",
                path.display()
            )]),
            false => Ok(fleet),
        };
    }
    let zmws = process::this_program().map_err(|line| vec![line])?;
    layers::read(path)?.fleet(&layers::schema(), &zmws, &layers::environment)
}

/// PHP's configuration at `path`, as a new `zmws.toml`.
pub(super) fn imported(path: &Path) -> Result<String, Failure> {
    Ok(php_config::import(&php(path)?, &own().map_err(|lines| failure(&lines))?))
}

fn php(path: &Path) -> Result<PhpConfig, Failure> {
    php_config::open("php", path).map_err(|error| match error {
        // The words of PHP's scripts.
        OpenError::Away { file, .. } => format!("Cannot read {file}"),
        OpenError::Read(error) => error.to_string(),
    })
}

/// What takes the place of PHP's broker and gateway.
fn own() -> Result<Own, Vec<String>> {
    let program = process::this_program().map_err(|line| vec![line])?;
    let (broker, gateway) = layers::commands();
    let is_set =
        |name: &&str| layers::environment(name).is_some_and(|value| !matches!(value.as_str(), "" | "0"));
    let inherited = ["HEARTBEAT_INTERVAL", "HEARTBEAT_MAXTRIES"].into_iter().filter(is_set);
    Ok(Own {
        program: program.display().to_string(),
        broker: OwnFlag::all_of(&broker),
        gateway: OwnFlag::all_of(&gateway),
        inherited: inherited.map(str::to_owned).collect(),
    })
}

/// Whether a configuration is PHP's, by its name.
pub(super) fn is_php(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "php" || extension == "inc")
}

/// A flag of the broker that the configuration starts.
pub(super) fn broker_flag<'a>(fleet: &'a Fleet, flag: &str) -> Option<&'a str> {
    let broker =
        fleet.programs.iter().find(|program| program.command.get(1).is_some_and(|word| word == "broker"))?;
    let value = |word: &'a String| word.strip_prefix("--")?.strip_prefix(flag)?.strip_prefix('=');
    broker.command.iter().find_map(value)
}

/// Lines of a failed configuration as the one that a command fails with.
pub(super) fn failure(lines: &[String]) -> Failure {
    lines.join("\nzmws: ")
}

/// Asks the supervisor, and prints what it says.
pub(super) fn ask(fleet: &Fleet, request: &Request) -> Result<(), Failure> {
    let asked = process::on_one_thread(async { Ok(said(fleet, request).await) })?;
    match asked {
        Ok(ok) => all_done(ok),
        Err(AskError::Away { .. }) => {
            Err("nothing is supervised here; start it with `zmws start`".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Asks the supervisor, or does it ourselves if there is none, and prints what is said.
pub(super) fn tell(fleet: Fleet, request: Request) -> Result<(), Failure> {
    process::on_one_thread(async {
        match said(&fleet, &request).await {
            Ok(ok) => all_done(ok),
            Err(AskError::Away { .. }) => all_done(without_supervisor(fleet, request).await?),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// Asks the supervisor, and prints what it says. Says whether all was done as asked.
pub(super) async fn said(fleet: &Fleet, request: &Request) -> Result<bool, AskError> {
    let mut ok = true;
    control::ask(&fleet.run_dir, fleet.config.as_deref(), request, |report| ok &= heard(report)).await?;
    Ok(ok)
}

/// The lines above have said what was not.
pub(super) fn all_done(ok: bool) -> Result<(), Failure> {
    if ok { Ok(()) } else { Err("not all was done as asked; see above".to_owned()) }
}

/// What can be done when no supervisor is there: stop what an earlier one has left.
async fn without_supervisor(fleet: Fleet, request: Request) -> Result<bool, Failure> {
    let supervisor = Supervisor::claim(fleet, Logs::Files).map_err(|error| cannot_claim(&error))?;
    let (reports, mut come) = tokio::sync::mpsc::unbounded_channel();
    let done = supervisor.once(request, &reports);
    let mut done = std::pin::pin!(done);
    let ok = loop {
        tokio::select! {
            biased;
            Some(report) = come.recv() => {
                heard(report);
            }
            ok = &mut done => break ok,
        }
    };
    while let Ok(report) = come.try_recv() {
        heard(report);
    }
    Ok(ok)
}

/// Why there can be no supervisor, and what to do.
pub(super) fn cannot_claim(error: &ClaimError) -> Failure {
    match error {
        ClaimError::Taken { .. } => {
            format!("{error}, and does not answer: it is starting or stopping; try again")
        }
        ClaimError::Place { .. } => format!("{error}; see run_dir and log_dir of the configuration"),
    }
}

/// Prints a line of the supervisor's. Says whether all is well so far.
pub(super) fn heard(report: Report) -> bool {
    match report {
        Report::Line { text } => {
            log::announce(&format!("{text}\n"), &text, &[]);
            true
        }
        Report::Processes { .. } => true,
        Report::Done { ok } => ok,
    }
}
