//! Keeps one program: starts it, starts it again when it dies, replaces it, stops it.
//!
//! Each program has a task of its own, which owns its process and takes one order at a time:
//!
//! ```text
//!             start                    ends by itself                ends too often
//!  Stopped ----------> Running ------------------------> Waiting --------------------> GivenUp
//!     ^                 |   ^                               |                             |
//!     |      stop       |   '------------ pause is over ----'                             |
//!     '-----------------'<-------------------------- start, stop -------------------------'
//! ```

mod files;
mod gentle;

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
use super::logs;
use super::program::{Patience, Program, Restart};
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
    /// It has ended; `killed` after so long, if it had to be. `given_up` is what a broker says in its end of jobs that
    /// nobody will do.
    Stopped { pid: u32, killed: Option<Duration>, given_up: Option<String> },
    /// It did not run.
    DidNotRun,
    /// A fresh process runs in its place; `given_up` as above.
    Replaced { pid: u32, given_up: Option<String> },
    /// It is that already.
    Unchanged,
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

impl Keeper {
    /// A program that does not run, or is the living process `survivor`.
    pub(super) fn new(site: Arc<Site>, program: Program, survivor: Option<u32>, links: Links) -> Self {
        let pid_file = PidFile::of(&site.run_dir, &program.name);
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
                end = end_of(&mut self.running) => self.ended(end),
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
        let stale = self.pid_file.read();
        let pid = match self.start() {
            Ok(pid) => pid,
            Err(line) => return Outcome::Failed(line),
        };
        self.show(None);
        tokio::select! {
            end = end_of(&mut self.running) => {
                let line = self.died_at_once(end);
                self.ended(end);
                Outcome::Failed(line)
            }
            () = tokio::time::sleep(SETTLED) => Outcome::Started { pid, stale },
        }
    }

    /// Starts the process.
    fn start(&mut self) -> Result<u32, String> {
        if let Some(missing) = self.program.files.iter().find(|file| !self.program.path(file).is_file()) {
            return Err(format!("Cannot read {}", missing.display()));
        }
        let files = Fingerprint::of(&self.program);
        let output = self.output();
        let log_start = match &output {
            Output::File(path) => logs::length(path),
            Output::Inherited => 0,
        };
        let child = Child::start(&self.program, &self.site.run_dir, &output);
        let child = child.map_err(|error| self.cannot_start(&error))?;
        let pid = child.pid();
        self.running = Some(Running { log_start, ..Running::new(child, files) });
        if let Err(error) = self.pid_file.write(pid) {
            warn!(name = self.program.name, %error, "cannot write its pid file");
        }
        info!(name = self.program.name, pid, "started");
        Ok(pid)
    }

    fn start_again(&mut self) {
        self.rest = Rest::Stopped;
        self.restarts += 1;
        if let Err(line) = self.start() {
            error!(name = self.program.name, "{line}");
            self.last_end = Some(line);
            let verdict = self.backoff_verdict(Duration::ZERO);
            self.rest_after(verdict);
        }
    }

    fn cannot_start(&self, error: &std::io::Error) -> String {
        let command = self.program.command.first().map_or("", String::as_str);
        match error.kind() {
            std::io::ErrorKind::NotFound if error.raw_os_error().is_some() => {
                format!("{}: there is no program {command}", self.program.name)
            }
            _ => format!("{}: cannot start {command}: {error}", self.program.name),
        }
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
    fn ended(&mut self, end: End) {
        let Some(running) = self.running.take() else { return };
        let ran = running.since.elapsed();
        // What it has started would be in the way of the next one, or do its work twice.
        running.child.signal_group(Signal::TERM);
        self.pid_file.remove();
        self.last_end = Some(end.to_string());
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

    /// Stops it: its grace to end by itself, then the end.
    async fn stop(&mut self) -> Outcome {
        self.show(Some(ProcessState::Stopping));
        let Some(mut running) = self.running.take() else { return Outcome::DidNotRun };
        let pid = running.child.pid();
        let asked = Instant::now();
        running.child.signal(Signal::TERM);
        let patience = async {
            tokio::select! {
                () = tokio::time::sleep(self.program.grace) => {}
                _ = self.hurry.wait_for(|&hurry| hurry == Hurry::Kill) => {}
            }
        };
        let (end, killed) = tokio::select! {
            end = running.child.ended() => (end, None),
            () = patience => {
                running.child.kill();
                (running.child.ended().await, Some(asked.elapsed()))
            }
        };
        running.child.signal_group(Signal::TERM);
        self.pid_file.remove();
        self.last_end = Some(end.to_string());
        info!(name = self.program.name, pid, ?killed, "stopped: {end}");
        Outcome::Stopped { pid, killed, given_up: self.given_up() }
    }

    fn given_up(&self) -> Option<String> {
        let Output::File(log) = self.output() else { return None };
        logs::last_line(&log).filter(|line| line.starts_with("Given up:"))
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
        self.show(Some(ProcessState::Stopping));
        self.let_jobs_end().await;
        let stopped = self.stop().await;
        let given_up = if let Outcome::Stopped { given_up, .. } = stopped { given_up } else { None };
        self.program = program;
        match self.start_settled().await {
            Outcome::Started { pid, .. } => Outcome::Replaced { pid, given_up },
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

/// The end of the pause between two starts.
async fn pause(rest: Rest) {
    match rest {
        Rest::Waiting { until } => sleep_until(until).await,
        Rest::Stopped | Rest::GivenUp => std::future::pending().await,
    }
}
