//! What a program has started, and its end: processes in groups of their own, and those whose parents are dead.
//!
//! They are known by the marks that they have inherited in their environment, and, while the program lives, as its
//! descendants. A job's program that lived on would do its job while the next worker does it, too; so none does, and
//! nothing is started in its place before it is gone.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use procfs::process::{Process, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::child::watched;
use super::identity;

/// How they are ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Urgency {
    /// They are asked first.
    Ask,
    /// At once: their program may be started anew by anybody.
    Kill,
}

/// How long they have once they are asked.
const GRACE: Duration = Duration::from_millis(500);
/// How long the system may take to end what was killed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Ends all that the program `name` of `run_dir` has started, but not the program itself, `root`, if it lives; returns
/// when it is gone.
pub(super) async fn end(run_dir: &Path, name: &str, root: Option<u32>, urgency: Urgency) {
    if urgency == Urgency::Ask {
        let asked = signal(run_dir, name, root, Signal::TERM);
        let _ = timeout(GRACE, all_gone(asked)).await;
    }
    let patience = Instant::now() + ANSWER_TIMEOUT;
    loop {
        // What is killed may have started others meanwhile.
        let killed = signal(run_dir, name, root, Signal::KILL);
        if killed.is_empty() {
            return;
        }
        let count = killed.len();
        let _ = tokio::time::timeout_at(patience, all_gone(killed)).await;
        if Instant::now() >= patience {
            return warn!(name, count, "some of what it has started does not end though it was killed");
        }
    }
}

/// Signals what it has started. A handle for each.
fn signal(run_dir: &Path, name: &str, root: Option<u32>, signal: Signal) -> Vec<AsyncFd<OwnedFd>> {
    let send = |found: Found| {
        let pid = Pid::from_raw(i32::try_from(found.pid).ok()?)?;
        let handle = pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
        // If the number has been given to another, the handle is that one's.
        let same = Process::new(pid.as_raw_nonzero().get()).and_then(|process| process.stat()).ok()?;
        if same.starttime != found.started {
            return None;
        }
        pidfd_send_signal(&handle, signal).ok()?;
        watched(handle).ok()
    };
    started_by(run_dir, name, root).into_iter().filter_map(send).collect()
}

async fn all_gone(handles: Vec<AsyncFd<OwnedFd>>) {
    for handle in handles {
        // Readable when its process has ended. An error could only be one of the poll itself.
        let _ = handle.ready(Interest::READABLE).await;
    }
}

/// A process, told from a later one of its number by when it was started.
#[derive(Clone, Copy, Debug)]
struct Found {
    pid: u32,
    parent: u32,
    started: u64,
    marked: bool,
}

fn started_by(run_dir: &Path, name: &str, root: Option<u32>) -> Vec<Found> {
    let found = |process: Process| {
        let stat = process.stat().ok().filter(|stat| !matches!(stat.state, 'Z' | 'X'))?;
        Some(Found {
            pid: u32::try_from(stat.pid).ok()?,
            parent: u32::try_from(stat.ppid).ok()?,
            started: stat.starttime,
            marked: identity::name_in(&process, run_dir).is_some_and(|marked| marked == name),
        })
    };
    let all: HashMap<u32, Found> = all_processes()
        .into_iter()
        .flatten()
        .filter_map(|process| found(process.ok()?))
        .map(|found| (found.pid, found))
        .collect();
    let spared = ancestors(&all);
    let descends = |one: &Found| root.is_some_and(|root| has_ancestor(&all, one, root));
    let meant =
        |one: &&Found| Some(one.pid) != root && !spared.contains(&one.pid) && (one.marked || descends(one));
    all.values().filter(meant).copied().collect()
}

/// We, and who has started us: a program of the site may have.
fn ancestors(all: &HashMap<u32, Found>) -> Vec<u32> {
    let mut line = vec![getpid().as_raw_nonzero().get().unsigned_abs()];
    while let Some(parent) = line.last().and_then(|pid| all.get(pid)).map(|found| found.parent)
        && parent != 0
        && !line.contains(&parent)
    {
        line.push(parent);
    }
    line
}

fn has_ancestor(all: &HashMap<u32, Found>, one: &Found, root: u32) -> bool {
    // Read at different moments, the table could have a circle.
    let mut at = *one;
    for _ in 0..all.len() {
        if at.parent == root {
            return true;
        }
        match all.get(&at.parent) {
            Some(parent) => at = *parent,
            None => return false,
        }
    }
    false
}
