//! What is to be kept running: the outcome of a configuration, whichever form it has.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    pub patience: Patience,
    /// Where the broker's admin port is, if there is one to ask.
    pub admin: Option<SocketAddr>,
    /// What the owner should know of this configuration, a line each.
    pub warnings: Vec<String>,
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
pub struct Patience {
    /// After so many ends. Default 10.
    pub ends: u32,
    /// Within so long. Default 60 s.
    pub within: Duration,
}

impl Default for Patience {
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
    /// How long it may take to end when it is told to (SIGTERM), before it is killed. Default 10 s.
    pub grace: Duration,
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
            limits: Limits::default(),
            files: Vec::new(),
        }
    }

    /// A broker or gateway of ours; `flag` says what its command line has for a flag. What it does itself within its
    /// grace must have ended before it is killed.
    pub(super) fn of_ours<'a>(
        name: &str,
        command: Vec<String>,
        flag: impl Fn(&str) -> Option<&'a str>,
    ) -> Self {
        let own = flag("grace").and_then(|grace| duration::parse(grace).ok()).unwrap_or(GRACE);
        Self { grace: own + Duration::from_secs(5), ..Self::new(name, Kind::Server, command) }
    }

    /// A process that is alive though the configuration does not name it any more: nothing is known of it but how
    /// it was started.
    pub(super) fn left_over(name: &str, command: Vec<String>) -> Self {
        Self { restart: Restart::Never, ..Self::new(name, Kind::Worker, command) }
    }

    /// Where a file of it is: its paths begin where it runs.
    pub(super) fn path(&self, file: &Path) -> PathBuf {
        self.dir.as_deref().unwrap_or_else(|| Path::new("")).join(file)
    }
}

/// Where the admin port of a broker of ours is; `flag` says what its command line has for a flag, nothing but that it
/// is there if it takes no value.
pub(super) fn admin_port<'a>(flag: impl Fn(&str) -> Option<&'a str>) -> Option<SocketAddr> {
    if flag("no-admin").is_some() {
        return None;
    }
    let address: IpAddr = flag("admin-address").unwrap_or("127.0.0.1").parse().ok()?;
    let address = if address.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address };
    let port = flag("admin-port").unwrap_or("5581").parse().ok()?;
    Some(SocketAddr::new(address, port))
}

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
