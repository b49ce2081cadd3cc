//! Buries other people's dead, as the first process of a container must: processes whose parents have died become
//! its children, and stay in the table until it asks how they ended.

use procfs::process::all_processes;
use rustix::process::{Pid, WaitOptions, getpid, waitpid};
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use super::Shown;

/// Asks for the end of each dead child that is none of our programs, whenever a child has died. Never ends.
pub(super) async fn reap(shown: Shown) {
    if getpid() != Pid::INIT {
        std::future::pending::<()>().await;
    }
    let mut deaths = match signal(SignalKind::child()) {
        Ok(deaths) => deaths,
        Err(error) => {
            warn!(%error, "cannot learn of children's deaths");
            return std::future::pending().await;
        }
    };
    while deaths.recv().await.is_some() {
        let own: Vec<u32> = shown.borrow().iter().filter_map(|one| one.borrow().pid()).collect();
        for dead in dead_children(&own) {
            // Another look may have been quicker.
            let _ = waitpid(Some(dead), WaitOptions::NOHANG);
        }
    }
}

/// Dead children of this process, but for `own`, whose ends their tasks ask for.
fn dead_children(own: &[u32]) -> Vec<Pid> {
    let us = getpid().as_raw_nonzero().get();
    let stats = all_processes().into_iter().flatten().filter_map(|process| process.ok()?.stat().ok());
    let dead = stats.filter(|stat| stat.ppid == us && stat.state == 'Z');
    let strangers = dead.filter(|stat| u32::try_from(stat.pid).is_ok_and(|pid| !own.contains(&pid)));
    strangers.filter_map(|stat| Pid::from_raw(stat.pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_are_found_but_not_our_own() {
        let spawn = || std::process::Command::new("true").spawn().expect("true");
        let (mut stranger, mut own) = (spawn(), spawn());
        let raw = |child: &std::process::Child| i32::try_from(child.id()).expect("a pid");
        let until_dead = |child: &std::process::Child| {
            let process = procfs::process::Process::new(raw(child)).expect("it is not waited for");
            while process.stat().expect("it is not waited for").state != 'Z' {
                std::thread::yield_now();
            }
        };
        until_dead(&stranger);
        until_dead(&own);
        let dead: Vec<i32> =
            dead_children(&[own.id()]).iter().map(|pid| pid.as_raw_nonzero().get()).collect();
        assert!(dead.contains(&raw(&stranger)), "{dead:?}");
        assert!(!dead.contains(&raw(&own)), "{dead:?}");
        stranger.wait().expect("ours to wait for");
        own.wait().expect("ours to wait for");
    }
}
