//! Any program as a worker: no ZeroMQ in it, standard input and output only.
//!
//! Two modes. [`Mode::Once`] starts the program for each job (`once.rs`), [`Mode::Lines`] keeps it and
//! talks in lines of JSON (`lines.rs`). In both
//! - the program is the leader of a process group of its own, which is killed as a whole when the job's
//!   time is over, its output is too long, or nobody waits for the job any more;
//! - what it writes to standard error goes to the log, line by line, with the job's id;
//! - a parameter that cannot be decoded fails the job before the program sees it.
//!
//! Invariant: a group is signalled only while its leader is not reaped, so the number is still its own.

mod bounded;
mod lines;
mod once;

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Answer, Builder, Job, NoService, Worker};

/// A program that does a service's jobs.
#[derive(Clone, Debug)]
pub struct Program {
    /// What to start, and its arguments. No shell is in between.
    pub command: Vec<OsString>,
    /// How to talk to it.
    pub mode: Mode,
    /// The longest time a job may take; then its process group is killed and the job fails. Default
    /// none: a job that hangs keeps its place for ever.
    pub timeout: Option<Duration>,
    /// The longest output of a job in bytes, in [`Mode::Lines`] of a line; more fails the job. Default
    /// 16 MiB.
    pub output_max: usize,
    /// What becomes of a job whose program dies in the middle of it, in [`Mode::Lines`]. Default: it
    /// fails.
    pub if_dies: IfDies,
}

/// How to talk to a [`Program`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// One process a job. The parameter as JSON on standard input; `ZMWS_JOB_ID`, `ZMWS_SERVICE` and,
    /// for each member of a parameter that is an object, `ZMWS_PARAM_<name>` in the environment.
    /// Exit status 0: standard output is the result, as JSON if it parses, else as text without its
    /// last line end, no result if it is empty. Any other status: the job fails.
    #[default]
    Once,
    /// One process for many jobs, one at a time; a job more at once, a process more. In, a line a job:
    /// `{"job":"00C0-FFEE","service":"RESIZE","param":…}`. Out, any number of `{"partial":…}`, then
    /// `{"result":…}` (`null` for none) or `{"error":"text"}`. Anything else fails the job and costs
    /// the program its life, since whose answer comes next would be uncertain. It is started with the
    /// first job, and again with the next job after its death.
    Lines,
}

/// What becomes of a job whose program dies.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IfDies {
    /// It fails: its client hears of it at once.
    #[default]
    Fail,
    /// It is given back, for another worker: see [`Answer::GiveBack`].
    GiveBack,
}

impl Program {
    /// A program with the defaults.
    pub fn new<S: Into<OsString>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            mode: Mode::Once,
            timeout: None,
            output_max: 16 << 20,
            if_dies: IfDies::Fail,
        }
    }

    /// A worker whose jobs this program does.
    ///
    /// # Errors
    ///
    /// [`NoService`] if the builder's service has no name.
    pub fn worker(self, builder: Builder) -> Result<Worker, NoService> {
        let program = Arc::new(self);
        match program.mode {
            Mode::Once => builder.handler(move |job| {
                let program = Arc::clone(&program);
                async move { program.within_limits(&job, once::run(&program, &job)).await }
            }),
            Mode::Lines => {
                let processes = Arc::new(lines::Processes::default());
                builder.handler(move |job| {
                    let (program, processes) = (Arc::clone(&program), Arc::clone(&processes));
                    async move { program.within_limits(&job, lines::run(&program, &processes, &job)).await }
                })
            }
        }
    }

    /// Ends a job that takes too long or that nobody waits for, by dropping what it holds: its process
    /// group goes with it.
    async fn within_limits(&self, job: &Job, work: impl Future<Output = Answer>) -> Answer {
        let work = async {
            match self.timeout {
                Some(limit) => timeout(limit, work)
                    .await
                    .unwrap_or_else(|_| Answer::Failed(format!("not done within {limit:?}, killed"))),
                None => work.await,
            }
        };
        tokio::select! {
            answer = work => answer,
            () = job.cancellation().cancelled() => Answer::Failed("nobody waits any more, killed".to_owned()),
        }
    }

    fn command(&self) -> Result<Command, String> {
        let [program, arguments @ ..] = &self.command[..] else {
            return Err("there is no program to start".to_owned());
        };
        let mut command = Command::new(program);
        for variable in OF_THE_SERVICE_MANAGER {
            command.env_remove(variable);
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    fn start(&self, command: &mut Command) -> Result<Group, String> {
        Group::start(command).map_err(|error| format!("cannot start {}: {error}", self.command[0].display()))
    }
}

/// What a service manager says to the worker and not to its programs: they must not speak in its name.
const OF_THE_SERVICE_MANAGER: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// A process that leads its own group, and takes the group with it when it is dropped unreaped.
struct Group {
    leader: Child,
}

impl Group {
    fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self { leader: command.process_group(0).kill_on_drop(true).spawn()? })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // No id: the leader is reaped, and what it left behind on purpose may go on.
        let pid = self.leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // The group may be gone already, which is just as well.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
