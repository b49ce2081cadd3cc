//! What is to be kept running: the outcome of a configuration, whichever form it has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::admin::{Place, socket};
use crate::duration;

/// All programs of a site, in the order they are started: broker, gateway, workers.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// The programs, no two of one name.
    pub programs: Vec<Program>,
    /// Where `<name>.pid` and the supervisor's socket are. Default `run`.
    pub run_dir: PathBuf,
    /// Where `<name>.txt` are. Default `logs`.
    pub log_dir: PathBuf,
    /// When a log begins anew.
    pub rotation: Rotation,
    /// When a program that ends again and again is given up.
    pub restart_limit: RestartLimit,
    /// Where its broker is asked, if there is one to ask: by a socket of its own, if the broker is the site's.
    pub admin: Option<Place>,
    /// What the owner should know of this configuration, a line each.
    pub warnings: Vec<String>,
    /// The file that it was read from. A site has one.
    pub config: Option<PathBuf>,
}

/// When a log begins anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// Bytes from which on it does. Default 10 MiB; 0 never.
    pub bytes: u64,
    /// Old ones that are kept, as `<name>.txt.1`, the youngest, and so on. Default 5.
    pub keep: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { bytes: 10 << 20, keep: 5 }
    }
}

/// When a program that ends again and again is given up: left alone until somebody starts it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RestartLimit {
    /// After so many ends. Default 10.
    pub ends: u32,
    /// Within so long. Default 60 s.
    pub within: Duration,
}

impl Default for RestartLimit {
    fn default() -> Self {
        Self { ends: 10, within: Duration::from_secs(60) }
    }
}

/// One process to keep running. Two that are equal need no restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Names its pid file and its log: `mail-2`.
    pub name: String,
    /// What it belongs to: all processes of one `[[worker]]` have its name, `mail`.
    pub group: String,
    /// Which of `--servers` and `--workers` means it.
    pub kind: Kind,
    /// The program and its arguments. The first is searched in PATH if it has no slash.
    pub command: Vec<String>,
    /// Environment variables beside those of the supervisor.
    pub env: BTreeMap<String, String>,
    /// Where it runs; by default where the supervisor was started.
    pub dir: Option<PathBuf>,
    /// As whom it runs; by default as the supervisor.
    pub user: Option<String>,
    /// When it is started again.
    pub restart: Restart,
    /// How long it may take to end its jobs when it is told to (SIGTERM). Default 10 s.
    pub grace: Duration,
    /// How much later it is killed: a program of ours ends by then what it has started, and itself. Default none.
    pub margin: Duration,
    /// Whether it tells its supervisor how it is ([`NOTIFY_MARK`](super::NOTIFY_MARK)), which then waits for its word.
    /// Default no.
    pub notifies: bool,
    /// When a worker is replaced by a fresh one, without losing a job.
    pub limits: Limits,
    /// Files whose change makes a reload restart the program: its script.
    pub files: Vec<PathBuf>,
}

impl Program {
    /// A program that is always started again, by itself in its group, and has nothing but its command.
    pub fn new(name: &str, kind: Kind, command: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            group: name.to_owned(),
            kind,
            command,
            env: BTreeMap::new(),
            dir: None,
            user: None,
            restart: Restart::Always,
            grace: GRACE,
            margin: Duration::ZERO,
            notifies: false,
            limits: Limits::default(),
            files: Vec::new(),
        }
    }

    /// A broker or gateway of ours; `flag` says what its command line has for a flag.
    pub(super) fn of_ours<'a>(
        name: &str,
        command: Vec<String>,
        flag: impl Fn(&str) -> Option<&'a str>,
    ) -> Self {
        let own = flag("grace").and_then(|grace| duration::parse(grace).ok()).unwrap_or(GRACE);
        Self { grace: own, margin: MARGIN, notifies: true, ..Self::new(name, Kind::Server, command) }
    }

    /// A process that is alive though the configuration does not name it any more: nothing is known of it but how
    /// it was started.
    pub(super) fn left_over(name: &str, command: Vec<String>) -> Self {
        Self { restart: Restart::Never, ..Self::new(name, Kind::Worker, command) }
    }

    /// Whether it ends by itself when it has done as many jobs as it may: a worker of ours.
    pub(super) fn counts_jobs(&self) -> bool {
        self.limits.max_jobs.is_some() && self.command.iter().any(|word| word.starts_with("--max-jobs="))
    }

    /// Whether it is a broker of ours.
    pub(super) fn is_broker(&self) -> bool {
        self.notifies && self.command.get(1).is_some_and(|word| word == "broker")
    }

    /// Where a file of it is: its paths begin where it runs.
    pub(super) fn path(&self, file: &Path) -> PathBuf {
        self.dir.as_deref().unwrap_or_else(|| Path::new("")).join(file)
    }
}

/// Where the site's own broker is asked, and its flag for that if the configuration does not have it: no other broker
/// can be meant.
pub(super) fn own_socket<'a>(
    run_dir: &Path,
    flag: impl Fn(&str) -> Option<&'a str>,
) -> (Place, Option<(String, String)>) {
    if let Some(path) = flag(SOCKET_FLAG) {
        return (Place::Socket(PathBuf::from(path)), None);
    }
    let path = socket(run_dir);
    let value = path.display().to_string();
    (Place::Socket(path), Some((SOCKET_FLAG.to_owned(), value)))
}

/// A site's broker keeps its jobs in `data`, unless the configuration says where, or that it does not.
pub(super) fn own_data(has: impl Fn(&str) -> bool) -> Option<String> {
    (!has("data-dir") && !has("memory")).then(|| "--data-dir=data".to_owned())
}

const SOCKET_FLAG: &str = "admin-socket";

/// Which of `--servers` and `--workers` means a program.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Broker, gateway, and what else PHP's `$serverList` has.
    Server,
    /// A worker.
    #[default]
    Worker,
}

/// The grace of a program that has none of its own.
pub const GRACE: Duration = Duration::from_secs(10);

/// How much longer than its grace a program of ours may take.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// When a program that has ended is started again.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Restart {
    /// Always.
    #[default]
    Always,
    /// If its exit status is not 0.
    OnFailure,
    /// Never.
    Never,
}

/// When a worker is replaced. Each is unlimited by default.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// After so many jobs.
    pub max_jobs: Option<u64>,
    /// After so long.
    pub max_lifetime: Option<Duration>,
    /// When the process and what it has started hold so many bytes of memory.
    pub max_memory: Option<u64>,
}
