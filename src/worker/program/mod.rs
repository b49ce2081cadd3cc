//! Any program as a worker: no ZeroMQ in it, standard input and output only.
//!
//! Two modes. [`Mode::Once`] starts the program for each job (`once.rs`), [`Mode::Lines`] keeps it and
//! talks in lines of JSON (`lines.rs`). In both
//! - the program is the leader of a process group of its own, which is killed as a whole when the program has ended, the
//!   job's time is over, its output is too long, or nobody waits for the job any more; with a [`guard`] also when the
//!   worker dies, and with it what has left the group. The job is answered after that, so that it is not done twice at
//!   once;
//! - what it writes to standard error goes to the log, line by line, with the job's id, up to 64 KiB a job;
//! - a parameter that cannot be decoded fails the job before the program sees it;
//! - parameter and result pass as the JSON that they are: no number is read and written anew.

mod bounded;
#[cfg(target_os = "linux")]
pub mod guard;
mod lines;
mod once;

use std::ffi::OsString;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

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
    /// A program that becomes a [`guard`] if its first argument is [`guard::WORD`], as `zmws` does. Default none: then
    /// a program outlives a worker that is killed, and what leaves the program's process group outlives its job.
    pub guard: Option<PathBuf>,
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
            guard: None,
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
                async move { once::run(&program, &job).await }
            }),
            Mode::Lines => {
                let processes = Arc::new(lines::Processes::default());
                builder.handler(move |job| {
                    let (program, processes) = (Arc::clone(&program), Arc::clone(&processes));
                    async move { lines::run(&program, &processes, &job).await }
                })
            }
        }
    }

    /// The limits of a job that begins now.
    fn limits<'a>(&self, job: &'a Job) -> Limits<'a> {
        Limits { job, limit: self.timeout.map(|limit| (limit, Instant::now() + limit)) }
    }

    /// Starts it, with streams of ours and what `set` adds.
    fn start(&self, set: impl FnOnce(&mut Command)) -> Result<Group, String> {
        let [program, arguments @ ..] = &self.command[..] else {
            return Err("there is no program to start".to_owned());
        };
        let cannot = |error: io::Error| format!("cannot start {}: {error}", program.display());
        let leash = self.guard.as_ref().map(|_| Leash::new()).transpose().map_err(cannot)?;
        let mut command = match (&self.guard, &leash) {
            (Some(guard), Some(leash)) => leash.guarded(guard, program),
            _ => Command::new(program),
        };
        for variable in OF_THE_SERVICE_MANAGER {
            command.env_remove(variable);
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        set(&mut command);
        // A guard that is killed kills nobody: it has to see the end of its leash.
        let leader = command.process_group(0).kill_on_drop(leash.is_none()).spawn().map_err(cannot)?;
        let pid = leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Group { leader, pid, leash })
    }
}

/// What the service manager, or our supervisor, says to the worker and not to its programs: they must not speak in its name.
const OF_THE_SERVICE_MANAGER: [&str; 4] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "ZMWS_NOTIFY"];

/// How long a job may go on.
struct Limits<'a> {
    job: &'a Job,
    limit: Option<(Duration, Instant)>,
}

impl Limits<'_> {
    /// Work on the job; why it must end, if it takes too long or nobody waits any more.
    async fn of<T>(&self, work: impl Future<Output = T>) -> Result<T, String> {
        let work = async {
            match self.limit {
                Some((limit, end)) => {
                    timeout_at(end, work).await.map_err(|_| format!("not done within {limit:?}, killed"))
                }
                None => Ok(work.await),
            }
        };
        tokio::select! {
            done = work => done,
            () = self.job.cancellation().cancelled() => Err("nobody waits any more, killed".to_owned()),
        }
    }
}

/// A process that leads its own group, or guards one, and all that it has started.
struct Group {
    leader: Child,
    /// The leader's, and so the group's number.
    pid: Option<Pid>,
    leash: Option<Leash>,
}

/// What a guard holds on to: if it feels nobody at the other end, it kills what it guards.
struct Leash {
    theirs: PipeReader,
    _ours: PipeWriter,
}

impl Leash {
    fn new() -> io::Result<Self> {
        let (theirs, _ours) = io::pipe()?;
        Ok(Self { theirs, _ours })
    }

    #[cfg(target_os = "linux")]
    fn guarded(&self, guard: &PathBuf, program: &OsString) -> Command {
        let mut command = Command::new(guard);
        command.arg0("job-guard").arg(guard::WORD).arg(std::process::id().to_string());
        command.arg(self.theirs.as_raw_fd().to_string()).arg(program);
        command
    }

    #[cfg(not(target_os = "linux"))]
    fn guarded(&self, _guard: &PathBuf, program: &OsString) -> Command {
        Command::new(program)
    }
}

impl Group {
    /// Waits for the leader's end. What it has started ends with it.
    async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.leader.wait().await?;
        if self.leash.is_none() {
            // The number is free if nobody else was in the group; the system goes through all others before it gives
            // it away again.
            self.kill();
        }
        Ok(status)
    }

    /// Kills all of it, and waits until it is gone.
    async fn end(mut self) {
        match self.leash.take() {
            Some(leash) => drop(leash),
            None => self.kill(),
        }
        if timeout(END_MAX, self.leader.wait()).await.is_err() {
            tracing::warn!("a program cannot be killed");
        }
    }

    fn kill(&self) {
        if let Some(pid) = self.pid {
            // The group may be gone already, which is just as well.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// An exit status for people: that of a guard may stand for a signal.
    fn shown(&self, status: ExitStatus) -> String {
        match status.code() {
            Some(code @ 129..) if self.leash.is_some() => format!("signal: {}", code - 128),
            Some(_) | None => status.to_string(),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Not if the leader is reaped: then the group has been seen to. A guard feels it by itself.
        if self.leash.is_none() && self.leader.id().is_some() {
            self.kill();
        }
    }
}

/// How long killed processes may take to be gone: one that waits for a disk takes its time.
const END_MAX: Duration = Duration::from_secs(2);
