//! Lines to a stream or a file, by a thread of their own.
//!
//! Who has a line to write never waits for whoever reads it: the line is queued, in bounded room, and a thread writes.
//! A line for which there is no room, or which cannot be written (no space left, a reader that is gone), is dropped and
//! counted, and nothing else happens; when writing works again, a line says how many are missing.

mod target;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub use target::Rotation;
use target::Target;

/// Lines this process has dropped, whichever log they were meant for.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines this process has dropped because they could not be written, in all its logs together.
pub fn dropped_total() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Writes lines to one place. Clones write to the same; when the last is dropped, what is queued is still written.
#[derive(Clone, Debug)]
pub struct LogWriter(Arc<Handle>);

/// The line that says how many are missing.
type Notice = dyn Fn(u64) -> String + Send;

#[derive(Debug)]
struct Handle(Arc<Shared>);

/// What callers and the thread share. The lock is never held while something is written.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to do.
    wake: Condvar,
    /// All that was queued has been dealt with.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<String>,
    /// Bytes in the queue.
    bytes: usize,
    /// Dropped lines that no line has told of.
    dropped: u64,
    /// The thread has taken a line, and is not done with it.
    writing: bool,
    reopen: bool,
    closed: bool,
}

impl LogWriter {
    /// Writes to a stream: standard error, say, as a descriptor of its own. `notice` makes the line, line end and all,
    /// that says how many are missing.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn stream(out: File, notice: impl Fn(u64) -> String + Send + 'static) -> io::Result<Self> {
        Self::start(Target::stream(out), Box::new(notice))
    }

    /// Appends to a file, which is made if it is not there, and begun anew by `rotation`. `notice` as above.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or no thread can be started.
    pub fn file(
        path: impl Into<PathBuf>,
        rotation: Rotation,
        notice: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(Target::file(path.into(), rotation)?, Box::new(notice))
    }

    fn start(mut target: Target, notice: Box<Notice>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let writer = move || while theirs.step(&mut target, &notice) {};
        thread::Builder::new().name("log".to_owned()).spawn(writer)?;
        Ok(Self(Arc::new(Handle(shared))))
    }

    /// Queues a line, with its line end. Never waits, never fails: a line for which there is no room is counted.
    pub fn write(&self, line: String) {
        let shared = &self.0.0;
        let mut state = shared.lock();
        if state.queue.len() >= LINES_MAX || state.bytes + line.len() > BYTES_MAX {
            state.drop_one();
        } else {
            state.bytes += line.len();
            state.queue.push_back(line);
        }
        shared.wake.notify_one();
    }

    /// Waits until all that is queued has been written or dropped, at most for `patience`; says whether it has.
    pub fn flush(&self, patience: Duration) -> bool {
        let shared = &self.0.0;
        let state = shared.lock();
        let busy = |state: &mut State| state.writing || !state.queue.is_empty();
        let waited = shared.idle.wait_timeout_while(state, patience, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Opens the file anew at its path: whoever keeps the logs has moved it away. Nothing for a stream.
    pub fn reopen(&self) {
        self.0.0.lock().reopen = true;
        self.0.0.wake.notify_one();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_one();
    }
}

/// What the thread has to do next.
enum Task {
    Reopen,
    Write(String),
    /// Nothing is left to be written but that lines are missing.
    Tell,
    End,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One turn of the thread; says whether there will be another.
    fn step(&self, target: &mut Target, notice: &Notice) -> bool {
        match self.next() {
            Task::Reopen => target.reopen(),
            Task::Write(line) => {
                if target.has_failed() {
                    self.tell(target, notice);
                }
                if target.has_failed() || target.write(&line).is_err() {
                    self.lock().drop_one();
                }
            }
            Task::Tell => self.tell(target, notice),
            Task::End => return false,
        }
        self.done();
        true
    }

    fn next(&self) -> Task {
        let mut state = self.lock();
        // What could not be written a moment ago is tried again after a pause, or with the next line.
        let mut paused = false;
        loop {
            if std::mem::take(&mut state.reopen) {
                return Task::Reopen;
            }
            if let Some(line) = state.queue.pop_front() {
                state.bytes -= line.len();
                state.writing = true;
                return Task::Write(line);
            }
            match (state.dropped, state.closed) {
                (_, true) => return Task::End,
                (1.., false) if paused => return Task::Tell,
                (1.., false) => {
                    let waited = self.wake.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner);
                    (state, paused) = (waited.0, waited.1.timed_out());
                }
                (0, false) => state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Writes that lines are missing, if some are.
    fn tell(&self, target: &mut Target, notice: &Notice) {
        let dropped = self.lock().dropped;
        if dropped > 0 && target.write(&notice(dropped)).is_ok() {
            self.lock().dropped -= dropped;
        }
    }

    fn done(&self) {
        let mut state = self.lock();
        state.writing = false;
        if state.queue.is_empty() {
            self.idle.notify_all();
        }
    }
}

impl State {
    fn drop_one(&mut self) {
        self.dropped += 1;
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lines that may wait to be written.
const LINES_MAX: usize = 8_192;
/// Bytes that may wait to be written.
const BYTES_MAX: usize = 4 << 20;
/// How long the queue is empty before it is told that lines are missing, and how often that is tried.
const PAUSE: Duration = Duration::from_millis(500);
