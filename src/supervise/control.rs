//! What is said over the supervisor's socket, `run/zmws.sock`: a line of JSON each way, then lines of progress.

use serde::{Deserialize, Serialize};

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
    Restart(Which),
    /// Read the configuration anew, and restart what it has changed.
    Reload,
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
}
