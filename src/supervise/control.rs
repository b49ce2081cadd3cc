//! What is said over the supervisor's socket, `run/zmws.sock`: a line of JSON each way, then lines of progress.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::files;
use super::program::Kind;

/// What somebody wants of the supervisor: the first line of a connection.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Request {
    /// What the programs do: answered by one [`Report::Processes`].
    Status,
    /// Start those that do not run.
    Start(Which),
    /// Stop those that run; without any name, the supervisor, too.
    Stop(Which),
    /// Stop, then start.
    Restart {
        /// Which.
        #[serde(flatten)]
        which: Which,
        /// Even if jobs are lost by it.
        #[serde(default)]
        force: bool,
    },
    /// Read the configuration anew, and restart what it has changed.
    Reload {
        /// Even if jobs are lost by it.
        #[serde(default)]
        force: bool,
    },
}

/// A request as it is sent: with the configuration that is meant, so that a site does not obey another's orders.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Question {
    #[serde(flatten)]
    pub(super) request: Request,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<PathBuf>,
}

/// Which programs are meant.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Which {
    /// `--servers`.
    pub servers: bool,
    /// `--workers`.
    pub workers: bool,
    /// Names of programs or groups.
    pub names: Vec<String>,
}

impl Which {
    /// Whether all programs are meant: nothing is said of any.
    pub fn is_all(&self) -> bool {
        !self.servers && !self.workers && self.names.is_empty()
    }

    /// Whether a program is meant.
    pub fn means(&self, name: &str, group: &str, kind: Kind) -> bool {
        let by_kind = match kind {
            Kind::Server => self.servers,
            Kind::Worker => self.workers,
        };
        self.is_all() || by_kind || self.names.iter().any(|meant| meant == name || meant == group)
    }
}

/// What the supervisor says, a line each; the last is [`Report::Processes`] or [`Report::Done`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "say")]
pub enum Report {
    /// A line for the person that asked: `mail-1 started (4711)`.
    Line {
        /// It.
        text: String,
    },
    /// What the programs do.
    Processes {
        /// In the configuration's order.
        processes: Vec<Process>,
    },
    /// All is done.
    Done {
        /// Whether it was done as asked.
        ok: bool,
    },
}

/// One program.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// The group it belongs to.
    pub group: String,
    /// Which of `--servers` and `--workers` means it.
    #[serde(default)]
    pub kind: Kind,
    /// What it is at.
    pub state: ProcessState,
    /// Its process id, if it runs.
    pub pid: Option<u32>,
    /// How long it has been running, in seconds.
    pub up_s: Option<f64>,
    /// Times it was started again since the supervisor started.
    pub restarts: u64,
    /// Resident bytes of it and of what it has started.
    pub memory: Option<u64>,
    /// How it ended last: `exit status 1`, `signal 9 (SIGKILL)`.
    pub last_end: Option<String>,
}

/// What a program is at.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// Not running, and not meant to.
    #[default]
    Stopped,
    /// Running.
    Running,
    /// Told to end.
    Stopping,
    /// Ended too soon; started again after a pause.
    Waiting,
    /// Ended too often; left alone until somebody starts it.
    GivenUp,
    /// Could not be started.
    Failed,
}

/// Asks the supervisor of `run_dir`, and hands on each report as it comes. With a `config`, one that supervises
/// another refuses.
///
/// # Errors
///
/// No supervisor is there, or it broke off.
pub async fn ask(
    run_dir: &Path,
    config: Option<&Path>,
    request: &Request,
    mut heard: impl FnMut(Report),
) -> Result<(), AskError> {
    let socket = socket(run_dir);
    let away = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            AskError::Away { socket: socket.clone(), source }
        }
        _ => AskError::Denied { socket: socket.clone(), source },
    };
    files::check_socket(&socket).map_err(away)?;
    let mut stream = UnixStream::connect(&socket).await.map_err(away)?;
    let broken = |source| AskError::Broken { socket: socket.clone(), source };
    let question = Question { request: request.clone(), config: config.map(Path::to_owned) };
    let mut line = serde_json::to_vec(&question).expect("texts and truths are JSON");
    line.push(b'\n');
    stream.write_all(&line).await.map_err(broken)?;
    let mut lines = BufReader::new(stream.take(ANSWER_MAX)).lines();
    while let Some(line) = lines.next_line().await.map_err(broken)? {
        let report: Report = serde_json::from_str(&line).map_err(|error| broken(error.into()))?;
        let last = matches!(report, Report::Processes { .. } | Report::Done { .. });
        heard(report);
        if last {
            return Ok(());
        }
    }
    Err(broken(io::ErrorKind::UnexpectedEof.into()))
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It is another user's.
    #[error("the supervisor at {socket} may not be asked: {source}", socket = socket.display())]
    Denied {
        /// Where.
        socket: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// No supervisor listens.
    #[error("no supervisor answers at {socket}: {source}", socket = socket.display())]
    Away {
        /// Where.
        socket: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It broke off.
    #[error("the supervisor at {socket} broke off: {source}", socket = socket.display())]
    Broken {
        /// Where.
        socket: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// The supervisor's socket.
pub(crate) fn socket(run_dir: &Path) -> PathBuf {
    run_dir.join("zmws.sock")
}

/// The supervisor's end of a connection: reads the request, writes what is reported.
///
/// # Errors
///
/// The other side has gone, or says nothing of sense within the time it has for it.
pub(super) async fn read_request(stream: &mut UnixStream) -> io::Result<Question> {
    let mut line = Vec::new();
    let read = BufReader::new(&mut *stream).take(REQUEST_MAX).read_until(b'\n', &mut line).await;
    read?;
    serde_json::from_slice(&line).map_err(io::Error::from)
}

/// Writes one report.
///
/// # Errors
///
/// The other side has gone.
pub(super) async fn write_report(stream: &mut UnixStream, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report).expect("texts and finite numbers are JSON");
    line.push(b'\n');
    stream.write_all(&line).await
}

/// Bytes of the longest answer, all reports together.
const ANSWER_MAX: u64 = 16 << 20;
/// Bytes of the longest request: a line with the names of all programs of a large site.
const REQUEST_MAX: u64 = 1 << 20;
