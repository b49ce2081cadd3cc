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
mod gentle;
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
use super::program::{Patience, Program, Restart};
use super::ready::Ready;
use super::sight::Sight;
use files::Fingerprint;

/// What all programs of a site have in common.
#[derive(Debug)]
pub(super) struct Site {
    /// Absolute: it is a mark of our processes.
    pub(super) run_dir: PathBuf,
    pub(super) log_dir: PathBuf,
    /// Whether what the programs say goes where the supervisor's own goes, instead of to their logs.
    pub(super) inherit_output: bool,
    pub(super) patience: Patience,
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
    /// What a broker says of jobs that nobody will do.
    pub(super) given_up: Option<String>,
}

impl Ending {
    /// Whether it ended by itself, and no job was cut off.
    pub(super) fn is_clean(&self) -> bool {
        self.killed.is_none() && self.cut_off.is_empty()
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
pub(super) enum Hurry {
    /// Everything may take its time.
    None,
    /// Wait for no worker's job any more, but give each its grace.
    Stop,
    /// Kill.
    Kill,
}

/// The task of one program.
#[derive(Debug)]
pub(super) struct Keeper {
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
    sights: watch::Receiver<Arc<Sight>>,
    hurry: watch::Receiver<Hurry>,
}

/// What a program that does not run is at.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Stopped,
    Waiting { until: Instant },
    GivenUp,
    /// Tried again, if a time may mend what is wrong.
    Failed { again: Option<Instant> },
}

/// Why a process could not be started.
struct StartError {
    line: String,
    /// Whether another try may do better.
    may_pass: bool,
}

/// A process, and what is remembered of its start.
#[derive(Debug)]
struct Running {
    child: Child,
    since: Instant,
    files: Fingerprint,
    jobs: gentle::JobCount,
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
    pub(super) sights: watch::Receiver<Arc<Sight>>,
    pub(super) hurry: watch::Receiver<Hurry>,
}

/// A program that has lived so long has started. Port in use, syntax error, missing file: all come sooner.
const SETTLED: Duration = Duration::from_millis(400);
/// How long one that says itself when it serves may take to.
const READY: Duration = Duration::from_secs(20);

impl Keeper {
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
            backoff: Backoff::new(site.patience),
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
            sights: links.sights,
            hurry: links.hurry,
        }
    }

    /// Serves until nobody is left to give orders, and leaves the process as it is.
    pub(super) async fn run(mut self) {
        loop {
            self.show(None);
            tokio::select! {
                order = self.orders.recv() => {
                    let Some((order, reply)) = order else { return };
                    let outcome = self.obey(order).await;
                    // Who asked may have gone away; the order is carried out all the same.
                    let _ = reply.send(outcome);
                }
                end = end_of(&mut self.running) => self.ended(end).await,
                () = pause(self.rest) => self.start_again(),
                Ok(()) = self.sights.changed() => self.look().await,
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

    // --- starting

    async fn start_settled(&mut self) -> Outcome {
        if let Some(running) = &self.running {
            return Outcome::Runs { pid: running.child.pid() };
        }
        self.backoff.forget();
        self.rest = Rest::Stopped;
        if std::mem::take(&mut self.orphans) {
            leftovers::end(&self.site.run_dir, &self.program.name, None, Urgency::Kill).await;
        }
        let stale = self.pid_file.read();
        let ready = self.program.says_ready.then(|| Ready::listen(&self.site.run_dir, &self.program.name));
        let ready = ready.and_then(Result::ok);
        let pid = match self.start(ready.as_ref()) {
            Ok(pid) => pid,
            Err(error) => return Outcome::Failed(self.could_not_start(error)),
        };
        self.show(None);
        tokio::select! {
            end = end_of(&mut self.running) => {
                let line = self.died_at_once(end);
                self.ended(end).await;
                Outcome::Failed(line)
            }
            serves = settled(ready.as_ref()) => match serves {
                true => Outcome::Started { pid, stale },
                false => Outcome::Failed(format!(
                    "{} ({pid}) does not serve after {} s; see its log",
                    self.program.name,
                    READY.as_secs()
                )),
            },
        }
    }

    /// Starts the process.
    fn start(&mut self, ready: Option<&Ready>) -> Result<u32, StartError> {
        if let Some(missing) = self.program.files.iter().find(|file| !self.program.path(file).is_file()) {
            let line = format!("{}: Cannot read {}", self.program.name, missing.display());
            return Err(StartError { line, may_pass: true });
        }
        let files = Fingerprint::of(&self.program);
        let output = self.output();
        let log_start = match &output {
            Output::File(path) => logs::length(path),
            Output::Inherited => 0,
        };
        let child = Child::start(&self.program, &self.site.run_dir, &output, ready.map(Ready::path));
        let child = child.map_err(|error| self.start_error(&error))?;
        let pid = child.pid();
        self.running = Some(Running { log_start, ..Running::new(child, files) });
        if let Err(error) = self.pid_file.write(pid) {
            warn!(name = self.program.name, %error, "cannot write its pid file");
        }
        Ok(pid)
    }

    fn start_again(&mut self) {
        self.rest = Rest::Stopped;
        self.restarts += 1;
        match self.start(None) {
            Ok(pid) => info!(name = self.program.name, pid, "started again"),
            Err(error) => {
                let line = self.could_not_start(error);
                error!(name = self.program.name, "{line}");
            }
        }
    }

    /// Remembers that it could not be started, and when to try again; why.
    fn could_not_start(&mut self, error: StartError) -> String {
        self.last_end = Some(error.line.clone());
        self.rest = Rest::Failed { again: None };
        if error.may_pass
            && let Verdict::After(pause) = self.backoff_verdict(Duration::ZERO)
        {
            self.rest = Rest::Failed { again: Some(Instant::now() + pause) };
        }
        error.line
    }

    fn start_error(&self, error: &std::io::Error) -> StartError {
        let name = &self.program.name;
        let command = self.program.command.first().map_or("", String::as_str);
        let missing_dir = self.program.dir.as_ref().filter(|dir| !dir.is_dir());
        let line = match (missing_dir, error.kind()) {
            (Some(dir), _) => format!("{name}: dir: there is no directory {}", dir.display()),
            (None, std::io::ErrorKind::NotFound) if error.raw_os_error().is_some() => {
                format!("{name}: there is no program {command}")
            }
            (None, _) => format!("{name}: cannot start {command}: {error}"),
        };
        // A right that we do not have, and a user that is not there, do not come by waiting.
        let may_pass = error.raw_os_error().is_some() && error.kind() != std::io::ErrorKind::PermissionDenied;
        StartError { line, may_pass }
    }

    fn died_at_once(&self, end: End) -> String {
        let start = self.running.as_ref().map_or(0, |running| running.log_start);
        let said = match self.output() {
            Output::File(path) => logs::last_words(&path, start).map(|line| format!(": {line}")),
            Output::Inherited => None,
        };
        format!("{} ended at once ({end}){}", self.program.name, said.unwrap_or_default())
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
            self.rest = Rest::Waiting { until: Instant::now() };
            return;
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
                let Patience { ends, within } = self.site.patience;
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
        Self { child, since: Instant::now(), files, jobs: gentle::JobCount::default(), log_start: 0 }
    }
}

/// The end of the process that runs; never, if none does.
async fn end_of(running: &mut Option<Running>) -> End {
    match running {
        Some(running) => running.child.ended().await,
        None => std::future::pending().await,
    }
}

/// Whether a program serves that has just been started: it says so, or has lived for long enough.
async fn settled(ready: Option<&Ready>) -> bool {
    match ready {
        Some(ready) => tokio::time::timeout(READY, ready.said()).await.is_ok(),
        None => {
            tokio::time::sleep(SETTLED).await;
            true
        }
    }
}

/// The end of the pause between two starts.
async fn pause(rest: Rest) {
    match rest {
        Rest::Waiting { until } | Rest::Failed { again: Some(until) } => sleep_until(until).await,
        Rest::Stopped | Rest::GivenUp | Rest::Failed { again: None } => std::future::pending().await,
    }
}
