//! Real programs against our broker: each is started behind a recorder, and what passes is replayed.
//!
//! The recording is of a broker of our own kind, so that no difference is known: the replay must be the same to
//! the byte. Whether the programs got what they asked for is read off the recording.

mod peers;
mod session;

pub use peers::{LeftOut, Peers};

use session::NoSession;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::classify::{Reply, RequestKind};
use crate::known_differences::KnownDifferences;
use crate::suite::{Case, Replayed, Verdict, replay_file};

/// A worker and its clients.
#[derive(Debug)]
pub struct Programs {
    /// Whose they are, for tables: `php-zmq`, `original 1.0.0`.
    pub name: String,
    /// What the worker offers.
    pub service: String,
    /// The worker, given the ports for clients and for workers.
    pub worker: Vec<String>,
    /// The clients, one after another.
    pub clients: Vec<Vec<String>>,
}

/// In the words of a program, the port for clients.
pub const CLIENT_PORT: &str = "{clients}";
/// In the words of a program, the port for workers.
pub const WORKER_PORT: &str = "{workers}";

impl Programs {
    /// Plays them against our broker, and replays what passed. The recording goes to `dir`.
    pub fn play(&self, dir: &Path, known: &KnownDifferences) -> Result<Case, LeftOut> {
        let file = dir.join(format!("{}.jsonl", self.name.replace(' ', "-")));
        match session::record(self, &file) {
            Ok(()) => Ok(judged(replay_file(&file, known))),
            Err(NoSession::WorkerEnded(why)) => Err(LeftOut { what: self.name.clone(), why }),
            Err(NoSession::Io(error)) => Ok(broken(file, error.to_string())),
        }
    }
}

fn broken(path: PathBuf, what: String) -> Case {
    Case { path, header: None, verdict: Verdict::Broken(what), replayed: None }
}

/// The case, unless a client did not get what it asked for.
fn judged(mut case: Case) -> Case {
    if let Some(replayed) = &case.replayed {
        let (asked, answered) = answered(replayed);
        let deserted = replayed.script.recorded.workers.values().any(|worker| worker.left.is_some());
        if asked == 0 || (answered < asked && !deserted) {
            case.verdict = Verdict::Broken(format!("{answered} of {asked} requests were answered"));
        }
    }
    case
}

/// How many jobs were asked for whose client waits, and how many of them ended.
pub fn answered(replayed: &Replayed) -> (usize, usize) {
    let requests = replayed.script.recorded.requests.iter();
    let waits: Vec<_> = requests.filter(|request| request.message.kind == RequestKind::Wait).collect();
    let ended = |reply: &Reply| {
        matches!(reply, Reply::Ended { .. } | Reply::Refused { .. } | Reply::Majordomo { .. })
    };
    let has_end =
        waits.iter().filter(|request| request.replies.iter().any(|reply| ended(&Reply::read(&reply.frames))));
    (waits.len(), has_end.count())
}

/// The words of a program as a command, the ports put in.
fn command(words: &[String], clients: u16, workers: u16) -> io::Result<Command> {
    let put = |word: &String| {
        word.replace(CLIENT_PORT, &clients.to_string()).replace(WORKER_PORT, &workers.to_string())
    };
    let mut words = words.iter().map(put);
    let program = words.next().ok_or_else(|| io::Error::other("no program"))?;
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}
