//! Starting a program: what may be in the way of it, and when it serves.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::super::backoff::Verdict;
use super::super::child::{Child, End, Output};
use super::super::logs;
use super::super::notify_socket::NotifySocket;
use super::super::program::Kind;
use super::{Fingerprint, Outcome, ProcessTask, Rest, Running, end_of};

/// A program that has lived so long has started. Port in use, syntax error, missing file: all come sooner.
const SETTLED: Duration = Duration::from_millis(400);
/// How long one that says itself when it serves may take to.
const READY: Duration = Duration::from_secs(20);
/// How long a worker's start waits for its word that it is connected.
const CONNECTED: Duration = Duration::from_secs(3);

/// Why a process could not be started.
struct StartError {
    line: String,
    /// Whether another try may do better.
    may_pass: bool,
}

impl ProcessTask {
    /// Starts it, if it does not run, and waits until it serves.
    pub(super) async fn start_settled(&mut self) -> Outcome {
        if let Some(running) = &self.running {
            return Outcome::Runs { pid: running.child.pid() };
        }
        self.backoff.forget();
        self.rest = Rest::Stopped;
        self.end_orphans().await;
        let stale = self.pid_file.read();
        let notices = self.listen();
        let pid = match self.start() {
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
            serves = settled(notices.as_ref(), self.program.kind) => match serves {
                true => Outcome::Started { pid, stale },
                false => Outcome::Failed(format!(
                    "{} ({pid}) does not serve after {} s; see its log",
                    self.program.name,
                    READY.as_secs()
                )),
            },
        }
    }

    /// Listens to what the program tells, if it does.
    pub(super) fn listen(&self) -> Option<NotifySocket> {
        let (run_dir, name) = (&self.site.run_dir, &self.program.name);
        self.program.notifies.then(|| NotifySocket::listen(run_dir, name).ok()).flatten()
    }

    /// Starts the process.
    fn start(&mut self) -> Result<u32, StartError> {
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
        let child = Child::start(&self.program, &self.site.run_dir, &output);
        let child = child.map_err(|error| self.start_error(&error))?;
        let pid = child.pid();
        self.running = Some(Running { log_start, ..Running::new(child, files) });
        if let Err(error) = self.pid_file.write(pid) {
            warn!(name = self.program.name, %error, "cannot write its pid file");
        }
        Ok(pid)
    }

    /// Starts it when a pause is over.
    pub(super) fn start_again(&mut self) {
        self.restarts += 1;
        self.start_unasked();
    }

    /// Starts it where nobody waits for what comes of it.
    pub(super) fn start_unasked(&mut self) {
        self.rest = Rest::Stopped;
        match self.start() {
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
}

/// Whether a program serves that has just been started: it says so, or has lived for long enough.
async fn settled(notices: Option<&NotifySocket>, kind: Kind) -> bool {
    match notices {
        Some(notices) if kind == Kind::Worker => {
            // It has found its broker. One whose broker is away waits for it, and is a worker all the same.
            let _ = tokio::time::timeout(CONNECTED, notices.ready()).await;
            true
        }
        Some(notices) => tokio::time::timeout(READY, notices.ready()).await.is_ok(),
        None => {
            tokio::time::sleep(SETTLED).await;
            true
        }
    }
}
