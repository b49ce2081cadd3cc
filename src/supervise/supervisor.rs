//! The supervisor: a task for each program, one that carries out what is asked, one that listens.
//!
//! Changes are made one after the other, in the order they are asked for; questions are answered at once. Nothing is
//! shared but what the programs' tasks show of themselves.

pub(super) mod lines;
mod orders;
mod periodic;
mod reap;
mod rotation;
mod socket;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, spawn_local};
use tracing::warn;

use super::admin::Admin;
use super::control::{self, Report, Request};
use super::files;
use super::identity::{self, PidFile};
use super::process::{self, Before, Links, Order, Outcome, ProcessTask, Site, StopUrgency};
use super::process_table::ProcessTable;
use super::program::{Fleet, Kind, Limits, Program};

/// Reads the configuration, now and at each reload. The lines of a failure are shown to whoever asked.
pub type Load = Box<dyn Fn() -> Result<Fleet, Vec<String>>>;

/// What the supervisor is at, for whoever started it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// It has not done yet what it was started for.
    Starting,
    /// What it was started for could not be done in full; it goes on trying.
    Failing,
    /// What should run runs; it does what it is asked.
    Running,
    /// It reads the configuration anew.
    Reloading,
    /// It stops all programs, then itself.
    Stopping,
}

impl Phase {
    /// What comes after a request that was carried out, or not in full.
    fn after(self, ok: bool) -> Self {
        match self {
            Self::Starting if !ok => Self::Failing,
            Self::Failing => Self::Failing,
            Self::Starting | Self::Running | Self::Reloading | Self::Stopping => Self::Running,
        }
    }
}

/// Where the programs' output goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Logs {
    /// To a file each, begun anew when it is large.
    Files,
    /// To where the supervisor's own goes: a container's or a service manager's.
    Inherited,
}

/// Why there is no supervisor.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another one has the run directory.
    #[error("another zmws supervises {run_dir}", run_dir = run_dir.display())]
    Taken {
        /// The directory.
        run_dir: PathBuf,
    },
    /// A directory or a file in it cannot be used.
    #[error("cannot use {path}: {source}", path = path.display())]
    Place {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// The supervisor of one run directory.
#[derive(Debug)]
pub struct Supervisor {
    fleet: Fleet,
    site: Arc<Site>,
    supervised: Vec<Supervised>,
    turns: HashMap<String, Arc<Semaphore>>,
    process_tables: watch::Sender<Arc<ProcessTable>>,
    urgency: watch::Sender<StopUrgency>,
    phase: watch::Sender<Phase>,
    /// What the listener answers questions with: follows `supervised`.
    shown: watch::Sender<Vec<watch::Receiver<process::Shown>>>,
    wants: watch::Sender<Wants>,
    /// Held for as long as we live; the system lets it go when we are killed.
    _lock: File,
}

/// A program and the task that keeps it.
#[derive(Debug)]
struct Supervised {
    name: String,
    group: String,
    kind: Kind,
    orders: mpsc::Sender<(Order, oneshot::Sender<Outcome>)>,
    shown: watch::Receiver<process::Shown>,
    task: JoinHandle<()>,
}

type Shown = watch::Receiver<Vec<watch::Receiver<process::Shown>>>;

/// What must be looked at, second by second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wants {
    /// No program has limits.
    Nothing,
    /// Times and memory.
    Processes,
    /// And the jobs that workers have done.
    Jobs,
}

impl Wants {
    fn of(programs: &[Program]) -> Self {
        let any = |is_limited: fn(&Program) -> bool| programs.iter().any(is_limited);
        match () {
            () if any(|program| program.limits.max_jobs.is_some() && !program.counts_jobs()) => Self::Jobs,
            () if any(|program| program.limits != Limits::default()) => Self::Processes,
            () => Self::Nothing,
        }
    }
}

/// A request that changes something, and where its reports go.
pub type Task = (Request, mpsc::UnboundedSender<Report>);

impl Supervisor {
    /// Makes this process the supervisor of the fleet's run directory. Programs that an earlier one has left
    /// alive are taken over. Needs a `LocalSet`.
    ///
    /// # Errors
    ///
    /// Another supervisor is there, or a directory cannot be used.
    pub fn claim(fleet: Fleet, logs: Logs) -> Result<Self, ClaimError> {
        make_dir(&fleet.run_dir)?;
        make_dir(&fleet.log_dir)?;
        let place = |source| ClaimError::Place { path: fleet.run_dir.clone(), source };
        let run_dir = std::fs::canonicalize(&fleet.run_dir).map_err(place)?;
        let lock = lock(&run_dir)?;
        let site = Arc::new(Site {
            run_dir,
            log_dir: fleet.log_dir.clone(),
            inherit_output: logs == Logs::Inherited,
            restart_limit: fleet.restart_limit,
            changes: watch::Sender::new(()),
            admin: fleet.admin.clone().map(Admin::at),
        });
        let mut supervisor = Self {
            fleet: Fleet { programs: Vec::new(), ..fleet.clone() },
            site,
            supervised: Vec::new(),
            turns: HashMap::new(),
            process_tables: watch::Sender::new(Arc::new(ProcessTable::default())),
            urgency: watch::Sender::new(StopUrgency::None),
            phase: watch::Sender::new(Phase::Starting),
            shown: watch::Sender::new(Vec::new()),
            wants: watch::Sender::new(Wants::Nothing),
            _lock: lock,
        };
        supervisor.take_over(fleet.programs);
        Ok(supervisor)
    }

    /// What it is at.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// A task for each program, with its process if it is alive; and for each process that is alive and no longer
    /// configured, so that it can be stopped.
    fn take_over(&mut self, programs: Vec<Program>) {
        let survivors = identity::survivors(&self.site.run_dir);
        let marked = identity::marked(&self.site.run_dir);
        for program in programs {
            let written = PidFile::of(&self.site.run_dir, &program.name).read();
            let own = identity::own_process(&survivors, &program.name, &program.command, written);
            let pid = own.map(|survivor| survivor.pid);
            let now = own.map(|survivor| Program { command: survivor.command.clone(), ..program.clone() });
            let before = match pid {
                Some(pid) => Before::Alive(pid),
                None if marked.contains(&program.name) => Before::Orphans,
                None => Before::Nothing,
            };
            // One that was started by another command is what it is until a reload makes it what it should be.
            self.keep(now.unwrap_or_else(|| program.clone()), before);
            self.fleet.programs.push(program);
        }
        self.wants.send_replace(Wants::of(&self.fleet.programs));
        let is_left = |survivor: &&identity::Survivor| {
            let pid_file = PidFile::of(&self.site.run_dir, &survivor.name);
            pid_file.read() == Some(survivor.pid)
                && !self.supervised.iter().any(|own| own.name == survivor.name)
        };
        let left: Vec<_> = survivors.iter().filter(is_left).cloned().collect();
        for survivor in left {
            warn!(name = survivor.name, pid = survivor.pid, "alive, but no longer in the configuration");
            self.keep(Program::left_over(&survivor.name, survivor.command), Before::Alive(survivor.pid));
        }
    }

    /// A task for one program.
    fn keep(&mut self, program: Program, before: Before) {
        let (orders, inbox) = mpsc::channel(8);
        let (show, shown) = watch::channel(process::Shown::default());
        let turn = self.turns.entry(program.group.clone()).or_insert_with(|| Arc::new(Semaphore::new(1)));
        let mut process_tables = self.process_tables.subscribe();
        process_tables.mark_unchanged();
        let links = Links {
            turn: Arc::clone(turn),
            orders: inbox,
            shown: show,
            process_tables,
            urgency: self.urgency.subscribe(),
        };
        let (name, group, kind) = (program.name.clone(), program.group.clone(), program.kind);
        let process_task = ProcessTask::new(Arc::clone(&self.site), program, before, links);
        let task = spawn_local(process_task.run());
        self.supervised.push(Supervised { name, group, kind, orders, shown, task });
        self.show();
    }

    fn show(&self) {
        self.shown.send_replace(self.supervised.iter().map(|own| own.shown.clone()).collect());
    }

    /// Makes the socket that it is asked by: from now on `start` and the others find it.
    ///
    /// # Errors
    ///
    /// The socket cannot be made.
    pub fn listen(self) -> Result<Listening, ClaimError> {
        let listener = socket::listen(&self.site.run_dir)?;
        Ok(Listening { supervisor: self, listener })
    }

    async fn serve(
        mut self,
        listener: UnixListener,
        load: Load,
        mut signals: mpsc::Receiver<Signalled>,
        first: Option<Task>,
    ) {
        let (tasks, mut inbox) = mpsc::channel::<Task>(64);
        match first {
            // The channel has room, and we hold its other end.
            Some(first) => drop(tasks.try_send(first)),
            None => drop(self.phase.send_replace(Phase::Running)),
        }
        let listening =
            socket::listen_to(listener, self.fleet.config.clone(), tasks.clone(), self.shown.subscribe());
        let obeying = obey_signals(&mut signals, tasks, self.urgency.clone());
        let watching = periodic::watch_over(
            self.process_tables.clone(),
            self.site.admin.clone(),
            self.wants.subscribe(),
        );
        let rotating =
            rotation::rotate_logs(self.shown.subscribe(), Arc::clone(&self.site), self.fleet.rotation);
        let reaping = reap::reap(self.shown.subscribe());
        let mending = periodic::until_all_run(
            self.phase.clone(),
            self.shown.subscribe(),
            self.site.changes.subscribe(),
        );
        let socket = control::socket(&self.site.run_dir);
        tokio::select! {
            () = self.carry_out_all(&mut inbox, &load) => {}
            () = listening => {}
            () = obeying => {}
            () = watching => {}
            () = rotating => {}
            () = reaping => {}
            () = mending => {}
        }
        let _ = std::fs::remove_file(socket);
    }

    /// Does one thing without listening to anybody, and lets go of the programs as they are then. Says whether it
    /// was done.
    pub async fn once(mut self, request: Request, reports: &mpsc::UnboundedSender<Report>) -> bool {
        let no_load: Load = Box::new(|| Err(vec!["there is no supervisor to reload".to_owned()]));
        let ok = self.carry_out(&request, &no_load, reports).await;
        for own in self.supervised {
            drop(own.orders);
            // A panic of it is in the log already.
            let _ = own.task.await;
        }
        ok
    }
}

/// A supervisor that can be asked.
#[derive(Debug)]
pub struct Listening {
    supervisor: Supervisor,
    listener: UnixListener,
}

impl Listening {
    /// Serves until it is told to stop: by a request, or by a signal, of which the second kills. `first` is what
    /// it does before it is asked anything.
    pub async fn run(self, load: Load, signals: mpsc::Receiver<Signalled>, first: Option<Task>) {
        self.supervisor.serve(self.listener, load, signals, first).await;
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signalled {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// Makes requests of signals. Never ends.
async fn obey_signals(
    signals: &mut mpsc::Receiver<Signalled>,
    tasks: mpsc::Sender<Task>,
    urgency: watch::Sender<StopUrgency>,
) {
    while let Some(signal) = signals.recv().await {
        let (silent, _) = mpsc::unbounded_channel();
        let request = match signal {
            Signalled::Reload => Request::Reload { force: false },
            Signalled::Stop => {
                urgency.send_modify(|urgency| {
                    *urgency =
                        if *urgency == StopUrgency::None { StopUrgency::Stop } else { StopUrgency::Kill };
                });
                Request::Stop(control::Which::default())
            }
        };
        if tasks.send((request, silent)).await.is_err() {
            break;
        }
    }
    std::future::pending::<()>().await;
}

/// Names the supervisor's own log.
pub const OWN_LOG: &str = "zmws";

fn make_dir(path: &Path) -> Result<(), ClaimError> {
    files::dir(path).map_err(|source| ClaimError::Place { path: path.to_owned(), source })
}

/// One that ends answers nobody any more, and has the run directory for some milliseconds yet.
const LOCK_LOOKS: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Takes the run directory, or says that it is taken.
fn lock(run_dir: &Path) -> Result<File, ClaimError> {
    let path = run_dir.join("zmws.lock");
    let file = files::lock(&path).map_err(|source| ClaimError::Place { path: path.clone(), source })?;
    for _ in 0..LOCK_LOOKS {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
            Err(error) => return Err(ClaimError::Place { path, source: error.into() }),
        }
    }
    Err(ClaimError::Taken { run_dir: run_dir.to_owned() })
}
