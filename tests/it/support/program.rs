//! A child process: its lines as they come, its end, its memory.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{now, poll};

/// A running program. Killed when dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    /// Behind a lock so that a program may be shared by threads, one of which reads.
    lines: Mutex<Receiver<String>>,
    log: Arc<Mutex<String>>,
    followers: Vec<JoinHandle<()>>,
}

impl Program {
    /// Starts it, with nothing on standard input.
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        Self::start_with(name, command, Stdio::piped())
    }

    /// The same, with a standard error of the test's own choice.
    pub(crate) fn start_with(name: &str, command: &mut Command, stderr: Stdio) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("it is piped");
        let mut followers = vec![follow(stdout, Arc::clone(&log), Some(sender))];
        followers.extend(child.stderr.take().map(|stderr| follow(stderr, Arc::clone(&log), None)));
        Self { name: name.to_owned(), child, lines: Mutex::new(lines), log, followers }
    }

    /// The next line of standard output; `None` when it has ended.
    pub(crate) fn line(&self, patience: Duration) -> Option<String> {
        match self.lines.lock().expect("no reader panics").recv_timeout(patience) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("{} said nothing for {patience:?}; before:\n{}", self.name, self.log())
            }
        }
    }

    /// The next line of standard output that is there already.
    pub(crate) fn line_if_any(&self) -> Option<String> {
        self.lines.lock().expect("no reader panics").try_recv().ok()
    }

    /// Reads lines until one makes a value.
    pub(crate) fn wait_for<T>(&self, what: &str, patience: Duration, find: impl Fn(&str) -> Option<T>) -> T {
        let end = now() + patience;
        loop {
            let left = end.saturating_duration_since(now());
            let Some(line) = self.line(left) else {
                panic!("{} ended before {what}:\n{}", self.name, self.log())
            };
            if let Some(found) = find(&line) {
                return found;
            }
        }
    }

    /// All that it has printed, standard error too.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no reader panics").clone()
    }

    /// All that it printed, once it has ended.
    pub(crate) fn log_to_its_end(&mut self) -> String {
        for follower in self.followers.drain(..) {
            follower.join().expect("no reader panics");
        }
        self.log()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal)
            .unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    /// SIGKILL, and waits until the system has done it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is our own child");
        self.child.wait().expect("it is our own child");
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(&mut self, patience: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        poll(&what, patience, || self.child.try_wait().expect("it is our own child"))
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is our own child").is_none()
    }

    /// Its id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether it waits for something at this moment, instead of computing.
    pub(crate) fn sleeps(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('S'))
    }

    /// A figure of `/proc/PID/status` in KiB: `VmRSS`, `VmHWM`.
    pub(crate) fn memory_kib(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs, and this is Linux");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let figure = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        figure.unwrap_or_else(|| panic!("no {field} in {status}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("---- {} printed:\n{}----", self.name, self.log());
        }
    }
}

/// Takes a stream to the log, line by line, and to the channel.
fn follow(
    stream: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    lines: Option<mpsc::Sender<String>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        while stream.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes).into_owned();
            log.lock().expect("no reader panics").push_str(&line);
            if let Some(lines) = &lines {
                // Nobody may be listening any more; the log still wants it.
                let _ = lines.send(line.trim_end().to_owned());
            }
            bytes.clear();
        }
    })
}
