//! Keeps one program: starts it, starts it again when it dies, replaces it, stops it.
//!
//! Each program has a task of its own, which owns its process and takes one order at a time:
//!
//! ```text
//!             start                    ends by itself                ends too often
//!  Stopped ----------> Running ------------------------> Waiting --------------------> GivenUp
//!     ^  |              |   ^                               |                             |
//!     |  |   stop       |   '------------ pause is over ----'                             |
//!     '--+--------------'<-------------------------- start, stop -------------------------'
//!        |
//!        '-- cannot be started --> Failed, until its pause is over or somebody starts it
//! ```

mod files;
mod graceful;
mod start;
mod stop;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use super::admin::Admin;
use super::backoff::{Backoff, Verdict};
use super::child::{Child, End, Output};
use super::control::{Process, ProcessState};
use super::identity::PidFile;
use super::leftovers::{self, Urgency};
use super::logs;
use super::notify_socket::Unfinished;
use super::process_table::ProcessTable;
use super::program::{Program, Restart, RestartLimit};
use files::Fingerprint;

/// What all programs of a site have in common.
#[derive(Debug)]
pub(super) struct Site {
    /// Absolute: it is a mark of our processes.
    pub(super) run_dir: PathBuf,
    pub(super) log_dir: PathBuf,
    /// Whether what the programs say goes where the supervisor's own goes, instead of to their logs.
    pub(super) inherit_output: bool,
    pub(super) restart_limit: RestartLimit,
    pub(super) admin: Option<Admin>,
    /// Changes when what any program shows does.
    pub(super) changes: watch::Sender<()>,
}

/// What a program's task is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Start it, if it does not run.
    Start,
    /// Stop it, if it runs.
    Stop,
    /// Be this program from now on. If it runs, and is not the same already, a fresh process takes its place.
    Become(Box<Program>),
    /// Let a fresh process take the place of the one that runs, or start it.
    Renew,
}

/// What came of an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It runs now; `stale` is what an old pid file said.
    Started { pid: u32, stale: Option<u32> },
    /// It ran already.
    Runs { pid: u32 },
    /// It could not be started, or ended at once. The line says why.
    Failed(String),
    /// It has ended.
    Stopped { pid: u32, ending: Ending },
    /// It did not run.
    DidNotRun,
    /// A fresh process runs in its place.
    Replaced { pid: u32, ending: Ending },
    /// It is that already.
    Unchanged,
}

/// How a program has ended that was told to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Ending {
    /// It was killed, after so long.
    pub(super) killed: Option<Duration>,
    /// Jobs in the middle of which it ended: `12AB-34CD (MAIL)`.
    pub(super) cut_off: Vec<String>,
    /// What a broker has left undone.
    pub(super) unfinished: Option<Unfinished>,
}

impl Ending {
    /// Whether it ended by itself, and no running job was lost to it.
    pub(super) fn is_clean(&self) -> bool {
        let lost = self.unfinished.as_ref().is_some_and(|unfinished| !unfinished.active.is_empty());
        self.killed.is_none() && self.cut_off.is_empty() && !lost
    }
}

/// What was found of a program at the supervisor's start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Before {
    Nothing,
    /// It lives.
    Alive(u32),
    /// It does not, but something that it has started.
    Orphans,
}

/// How urgent it is that things end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum StopUrgency {
    /// Everything may take its time.
    None,
    /// Wait for no worker's job any more, but give each its grace.
    Stop,
    /// Kill.
    Kill,
}

/// The task of one program.
#[derive(Debug)]
pub(super) struct ProcessTask {
    site: Arc<Site>,
    program: Program,
    pid_file: PidFile,
    running: Option<Running>,
    rest: Rest,
    /// What it has started may be alive without it.
    orphans: bool,
    backoff: Backoff,
    restarts: u64,
    last_end: Option<String>,
    born: Instant,
    /// One process of a group is replaced at a time, so that the others go on working.
    turn: Arc<Semaphore>,
    orders: mpsc::Receiver<(Order, oneshot::Sender<Outcome>)>,
    shown: watch::Sender<Shown>,
    process_tables: watch::Receiver<Arc<ProcessTable>>,
    urgency: watch::Receiver<StopUrgency>,
}

/// What a program that does not run is at.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Stopped,
    Waiting {
        until: Instant,
    },
    GivenUp,
    /// Tried again, if a time may mend what is wrong.
    Failed {
        again: Option<Instant>,
    },
}

/// A process, and what is remembered of its start.
#[derive(Debug)]
struct Running {
    child: Child,
    since: Instant,
    files: Fingerprint,
    jobs: graceful::JobCount,
    /// When the broker is told next how many jobs it may have.
    limit_at: Instant,
    /// Where in its log it begins.
    log_start: u64,
}

/// What a program shows of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    process: Process,
    since: Option<Instant>,
}

impl Shown {
    /// As it is at this moment.
    pub(super) fn now(&self) -> Process {
        let up_s = self.since.map(|since| since.elapsed().as_secs_f64());
        Process { up_s, ..self.process.clone() }
    }

    pub(super) fn name(&self) -> &str {
        &self.process.name
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.process.pid
    }

    pub(super) fn state(&self) -> ProcessState {
        self.process.state
    }
}

/// What a task needs of the outside.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) turn: Arc<Semaphore>,
    pub(super) orders: mpsc::Receiver<(Order, oneshot::Sender<Outcome>)>,
    pub(super) shown: watch::Sender<Shown>,
    pub(super) process_tables: watch::Receiver<Arc<ProcessTable>>,
    pub(super) urgency: watch::Receiver<StopUrgency>,
}

impl ProcessTask {
    /// A program of which `before` was found.
    pub(super) fn new(site: Arc<Site>, program: Program, before: Before, links: Links) -> Self {
        let pid_file = PidFile::of(&site.run_dir, &program.name);
        let survivor = if let Before::Alive(pid) = before { Some(pid) } else { None };
        let adopted = survivor.and_then(|pid| Child::adopt(pid).ok());
        if let Some(child) = &adopted {
            info!(name = program.name, pid = child.pid(), "found alive");
            // Its supervisor may have died before it could write it down.
            let _ = pid_file.write(child.pid());
        }
        let running =
            adopted.map(|child| Running::new(child, Fingerprint::at_adoption(&program, &site.run_dir)));
        Self {
            backoff: Backoff::new(site.restart_limit),
            site,
            program,
            pid_file,
            running,
            rest: Rest::Stopped,
            orphans: before == Before::Orphans,
            restarts: 0,
            last_end: None,
            born: Instant::now(),
            turn: links.turn,
            orders: links.orders,
            shown: links.shown,
            process_tables: links.process_tables,
            urgency: links.urgency,
        }
    }

    /// Serves until nobody is left to give orders, and leaves the process as it is.
    pub(super) async fn run(mut self) {
        loop {
            self.show(None);
            let limit_at = self.limit_at();
            tokio::select! {
                order = self.orders.recv() => {
                    let Some((order, reply)) = order else { return };
                    let outcome = self.obey(order).await;
                    // Who asked may have gone away; the order is carried out all the same.
                    let _ = reply.send(outcome);
                }
                end = end_of(&mut self.running) => self.ended(end).await,
                () = pause(self.rest) => self.start_again(),
                () = at(limit_at) => self.limit_jobs().await,
                Ok(()) = self.process_tables.changed() => self.look().await,
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Outcome {
        match order {
            Order::Start => self.start_settled().await,
            Order::Stop => {
                self.backoff.forget();
                self.rest = Rest::Stopped;
                self.stop().await
            }
            Order::Become(program) if *program == self.program && !self.files_changed() => Outcome::Unchanged,
            Order::Become(program) => self.replace(*program).await,
            Order::Renew if self.running.is_none() => self.start_settled().await,
            Order::Renew => self.replace(self.program.clone()).await,
        }
    }

    fn output(&self) -> Output {
        match self.site.inherit_output {
            true => Output::Inherited,
            false => Output::File(logs::path(&self.site.log_dir, &self.program.name)),
        }
    }

    // --- ending

    /// It ended by itself.
    async fn ended(&mut self, end: End) {
        let Some(running) = self.running.take() else { return };
        let ran = running.since.elapsed();
        // What it has started would be in the way of the next one, or do its work twice.
        running.child.signal_group(Signal::KILL);
        leftovers::end(&self.site.run_dir, &self.program.name, None, Urgency::Kill).await;
        self.pid_file.remove();
        self.last_end = Some(end.to_string());
        if self.has_done_its_jobs(end) {
            info!(name = self.program.name, pid = running.child.pid(), "its jobs are done: replaced");
            return self.start_unasked();
        }
        warn!(name = self.program.name, pid = running.child.pid(), ran_s = ran.as_secs(), "ended: {end}");
        let again = match self.program.restart {
            Restart::Always => true,
            Restart::OnFailure => !end.is_good(),
            Restart::Never => false,
        };
        if again {
            let verdict = self.backoff_verdict(ran);
            self.rest_after(verdict);
        }
    }

    /// Whether it ended as one of ours does after as many jobs as it may do.
    fn has_done_its_jobs(&self, end: End) -> bool {
        self.program.counts_jobs() && end.is_good()
    }

    fn backoff_verdict(&mut self, ran: Duration) -> Verdict {
        self.backoff.ended(self.born.elapsed(), ran)
    }

    fn rest_after(&mut self, verdict: Verdict) {
        self.rest = match verdict {
            Verdict::After(pause) => Rest::Waiting { until: Instant::now() + pause },
            Verdict::GiveUp => {
                let RestartLimit { ends, within } = self.site.restart_limit;
                error!(
                    name = self.program.name,
                    "given up: it ended {ends} times within {} s; see its log, then start it",
                    within.as_secs()
                );
                Rest::GivenUp
            }
        };
    }

    // --- replacing

    /// Lets a fresh process take the place of the one that runs, without losing or repeating a job if that can be.
    async fn replace(&mut self, program: Program) -> Outcome {
        if self.running.is_none() {
            self.program = program;
            let waits = !matches!(self.rest, Rest::Stopped);
            return if waits { self.start_settled().await } else { Outcome::DidNotRun };
        }
        let turn = Arc::clone(&self.turn);
        // The semaphore is never closed.
        let _turn = turn.acquire().await;
        let stopped = self.stop().await;
        let ending = if let Outcome::Stopped { ending, .. } = stopped { ending } else { Ending::default() };
        self.program = program;
        match self.start_settled().await {
            Outcome::Started { pid, .. } => Outcome::Replaced { pid, ending },
            other => other,
        }
    }

    // --- what others see

    fn show(&self, at: Option<ProcessState>) {
        let now = match (&self.running, self.rest) {
            (Some(_), _) => ProcessState::Running,
            (None, Rest::Stopped) => ProcessState::Stopped,
            (None, Rest::Waiting { .. }) => ProcessState::Waiting,
            (None, Rest::GivenUp) => ProcessState::GivenUp,
            (None, Rest::Failed { .. }) => ProcessState::Failed,
        };
        let process = Process {
            name: self.program.name.clone(),
            group: self.program.group.clone(),
            kind: self.program.kind,
            state: at.unwrap_or(now),
            pid: self.running.as_ref().map(|running| running.child.pid()),
            up_s: None,
            restarts: self.restarts,
            memory: None,
            last_end: self.last_end.clone(),
        };
        let since = self.running.as_ref().map(|running| running.since);
        self.shown.send_replace(Shown { process, since });
        self.site.changes.send_replace(());
    }
}

impl Running {
    fn new(child: Child, files: Fingerprint) -> Self {
        let now = Instant::now();
        Self { child, since: now, files, jobs: graceful::JobCount::default(), limit_at: now, log_start: 0 }
    }
}

/// The end of the process that runs; never, if none does.
async fn end_of(running: &mut Option<Running>) -> End {
    match running {
        Some(running) => running.child.ended().await,
        None => std::future::pending().await,
    }
}

/// The end of the pause between two starts.
async fn pause(rest: Rest) {
    match rest {
        Rest::Waiting { until } => at(Some(until)).await,
        Rest::Failed { again } => at(again).await,
        Rest::Stopped | Rest::GivenUp => at(None).await,
    }
}

/// That moment, or never.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
