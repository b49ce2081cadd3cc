//! A supervisor in a directory of its own, and the questions that tests ask it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::super::control::{self, Process, Report, Request, Which};
use super::super::program::{Fleet, Kind, Program, RestartLimit, Rotation};
use super::super::{Load, Logs, Signalled, Supervisor};

/// A program that is a line of shell.
pub(super) fn script(name: &str, line: &str) -> Program {
    Program::new(name, Kind::Worker, ["sh", "-c", line].map(str::to_owned).to_vec())
}

/// What was said, and whether all was done.
pub(super) struct Said {
    pub(super) lines: Vec<String>,
    pub(super) ok: bool,
}

/// A directory that is gone when the last of the test is.
pub(in crate::supervise) struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A directory for a test that has no world.
pub(in crate::supervise) fn scratch(name: &str) -> Place {
    let path = std::env::temp_dir().join(format!("zmws-scratch-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a directory");
    Place(path)
}

impl Place {
    pub(in crate::supervise) fn path(&self) -> &Path {
        &self.0
    }
}

pub(super) struct World {
    pub(super) fleet: Fleet,
    place: Rc<Place>,
    /// What the next reload reads.
    next: Rc<RefCell<Result<Fleet, Vec<String>>>>,
}

/// How long anything may take. Nothing takes a tenth of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

impl World {
    pub(super) fn with(programs: impl IntoIterator<Item = Program>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("zmws-supervise-{}-{number}", std::process::id()));
        let mut fleet = Fleet {
            programs: programs.into_iter().collect(),
            run_dir: dir.join("run"),
            log_dir: dir.join("logs"),
            rotation: Rotation::default(),
            restart_limit: RestartLimit::default(),
            admin: None,
            warnings: Vec::new(),
            config: None,
        };
        std::fs::create_dir_all(&dir).expect("a directory");
        for program in &mut fleet.programs {
            program.dir = Some(dir.clone());
        }
        Self::again(fleet, Rc::new(Place(dir)))
    }

    /// Another supervisor in the same place.
    pub(super) fn again(fleet: Fleet, place: Rc<Place>) -> Self {
        let next = Rc::new(RefCell::new(Err(Vec::new())));
        Self { fleet, place, next }
    }

    pub(super) fn parts(&self) -> (Fleet, Rc<Place>) {
        (self.fleet.clone(), Rc::clone(&self.place))
    }

    /// Runs a test, then stops everything.
    pub(super) fn run(self, test: impl AsyncFnOnce(&Self)) {
        self.run_until(async |world: &Self| {
            test(world).await;
            assert!(world.ask(Request::Stop(Which::default())).await.ok);
        });
    }

    /// Runs a test, then vanishes as a supervisor that was killed.
    pub(super) fn run_and_leave(self, test: impl AsyncFnOnce(&Self)) {
        self.run_until(test);
    }

    fn run_until(self, test: impl AsyncFnOnce(&Self)) {
        *self.next.borrow_mut() = Ok(self.fleet.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            let supervisor = Supervisor::claim(self.fleet.clone(), Logs::Files).expect("a new directory");
            let next = Rc::clone(&self.next);
            let load: Load = Box::new(move || next.borrow().clone());
            let (_signals, inbox) = mpsc::channel::<Signalled>(1);
            let listening = supervisor.listen().expect("a socket");
            let serving = tokio::task::spawn_local(listening.run(load, inbox, None));
            tokio::time::timeout(4 * ANSWER_TIMEOUT, test(&self)).await.expect("in time");
            serving.abort();
        });
    }

    pub(super) async fn ask(&self, request: Request) -> Said {
        self.ask_with(None, request).await
    }

    /// The same, by somebody who means the configuration `config`.
    pub(super) async fn ask_as(&self, config: &str, request: Request) -> Said {
        self.ask_with(Some(Path::new(config)), request).await
    }

    async fn ask_with(&self, config: Option<&Path>, request: Request) -> Said {
        let mut said = Said { lines: Vec::new(), ok: true };
        let hear = |report| match report {
            Report::Line { text } => said.lines.push(text),
            Report::Done { ok } => said.ok = ok,
            Report::Processes { .. } => {}
        };
        let asked =
            tokio::time::timeout(ANSWER_TIMEOUT, control::ask(&self.fleet.run_dir, config, &request, hear))
                .await;
        asked.expect("in time").expect("the supervisor answers");
        said
    }

    async fn processes(&self) -> Vec<Process> {
        let mut all = Vec::new();
        let hear = |report| {
            if let Report::Processes { processes } = report {
                all = processes;
            }
        };
        control::ask(&self.fleet.run_dir, None, &Request::Status, hear)
            .await
            .expect("the supervisor answers");
        all
    }

    pub(super) async fn names(&self) -> Vec<String> {
        self.processes().await.into_iter().map(|process| process.name).collect()
    }

    pub(super) async fn process(&self, name: &str) -> Process {
        let found = self.processes().await.into_iter().find(|process| process.name == name);
        found.expect("a program of that name")
    }

    /// Asks until the program is as wanted.
    pub(super) async fn until(&self, name: &str, wanted: impl Fn(&Process) -> bool) -> Process {
        let reached = async {
            loop {
                let process = self.process(name).await;
                if wanted(&process) {
                    return process;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, reached).await.expect("in time")
    }

    /// The pid file's content; empty if there is none.
    pub(super) fn pid_file(&self, name: &str) -> String {
        std::fs::read_to_string(self.fleet.run_dir.join(format!("{name}.pid"))).unwrap_or_default()
    }

    /// What the next reload reads.
    pub(super) fn configure(&self, programs: impl IntoIterator<Item = Program>) {
        let in_place = |program| Program { dir: Some(self.place.0.clone()), ..program };
        let programs = programs.into_iter().map(in_place).collect();
        *self.next.borrow_mut() = Ok(Fleet { programs, ..self.fleet.clone() });
    }

    /// The next reload fails.
    pub(super) fn spoil(&self, line: &str) {
        *self.next.borrow_mut() = Err(vec![line.to_owned()]);
    }

    pub(super) fn kill(&self, pid: u32) {
        let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
        kill_process(pid, Signal::KILL).expect("it runs");
    }

    /// The number that a program writes into a file where it runs.
    pub(super) async fn number_in(&self, file: &str) -> u32 {
        let path = self.place.0.join(file);
        self.reached(|| std::fs::read_to_string(&path).ok()?.trim().parse().ok()).await
    }

    /// Whether a process runs, and is not only waiting to be buried.
    pub(super) fn is_alive(&self, pid: u32) -> bool {
        let process = procfs::process::Process::new(i32::try_from(pid).expect("a pid"));
        process.and_then(|process| process.stat()).is_ok_and(|stat| stat.state != 'Z')
    }

    pub(super) async fn until_gone(&self, pid: u32) {
        self.reached(|| (!self.is_alive(pid)).then_some(())).await;
    }

    async fn reached<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        let reached = async {
            loop {
                if let Some(seen) = look() {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, reached).await.expect("in time")
    }

    /// Sends bytes, and reads what comes until the end.
    pub(super) async fn send_raw(&self, bytes: &[u8]) -> String {
        let mut stream =
            tokio::net::UnixStream::connect(control::socket(&self.fleet.run_dir)).await.expect("it listens");
        // It may stop reading in the middle, which is its right.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }
}
