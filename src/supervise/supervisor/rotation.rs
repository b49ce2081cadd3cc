//! Begins the programs' logs anew when they have grown large: soon after somebody has written, the sooner the faster they
//! grow, so that a program which writes as fast as it can fills no disk.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::super::child::watched;
use super::super::logs;
use super::super::process::Site;
use super::super::program::Rotation;
use super::{OWN_LOG, Shown};

/// How soon a log is measured that grows as fast as the disk allows, and how soon one in which a line is written now and
/// then: the pause is halved or doubled by what came in it.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// How often logs are measured where the system does not say when they are written.
const UNWATCHED: Duration = Duration::from_secs(1);
/// A log that is full again so soon is cut and not kept: old lines are worth more than those of a flood.
const FLOOD: Duration = Duration::from_secs(1);

/// Never ends.
pub(super) async fn rotate_logs(shown: Shown, site: Arc<Site>, rotation: Rotation) {
    if rotation.bytes == 0 || site.inherit_output {
        std::future::pending::<()>().await;
    }
    let writes = Writes::watch(&site.log_dir);
    if let Err(error) = &writes {
        warn!(%error, "the system does not say when logs are written: they are measured each second");
    }
    let mut logs = Logs { shown, site, rotation, kept_at: HashMap::new() };
    let (mut pause, mut before) = (PAUSE_FIRST, 0);
    loop {
        let quiet = match &writes {
            Ok(writes) => writes.next().await,
            Err(_) => {
                sleep(UNWATCHED).await;
                false
            }
        };
        if quiet {
            pause = PAUSE_FIRST;
        }
        let largest = logs.measure();
        let is_fast = largest.saturating_sub(before) > rotation.bytes / 8;
        pause = if is_fast { pause / 2 } else { pause * 2 }.clamp(PAUSE_MIN, PAUSE_MAX);
        before = largest.min(rotation.bytes);
        sleep(pause).await;
    }
}

struct Logs {
    shown: Shown,
    site: Arc<Site>,
    rotation: Rotation,
    /// When each was kept last.
    kept_at: HashMap<String, Instant>,
}

impl Logs {
    /// Begins anew what is large; bytes of the largest that there was.
    fn measure(&mut self) -> u64 {
        let mut names: Vec<String> =
            self.shown.borrow().iter().map(|one| one.borrow().name().to_owned()).collect();
        names.push(OWN_LOG.to_owned());
        names.into_iter().map(|name| self.look_at(name)).max().unwrap_or_default()
    }

    fn look_at(&mut self, name: String) -> u64 {
        let log = logs::path(&self.site.log_dir, &name);
        let length = logs::length(&log);
        if length < self.rotation.bytes {
            return length;
        }
        let is_flood = self.kept_at.get(&name).is_some_and(|at| at.elapsed() < FLOOD);
        let keep = if is_flood { 0 } else { self.rotation.keep };
        if let Err(error) = logs::rotate(&log, Rotation { keep, ..self.rotation }) {
            warn!(name, %error, "cannot begin its log anew");
        } else if !is_flood {
            self.kept_at.insert(name, Instant::now());
        }
        length
    }
}

/// Says when a file of a directory was written.
struct Writes(AsyncFd<OwnedFd>);

impl Writes {
    fn watch(directory: &Path) -> io::Result<Self> {
        let watcher = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&watcher, directory, inotify::WatchFlags::MODIFY)?;
        Ok(Self(watched(watcher)?))
    }

    /// Waits for a write since the last call. Whether it had to wait: all was quiet.
    async fn next(&self) -> bool {
        if self.take() {
            return false;
        }
        loop {
            let Ok(mut ready) = self.0.readable().await else { return std::future::pending().await };
            if self.take() {
                return true;
            }
            ready.clear_ready();
        }
    }

    /// Whether something was written since the last call.
    fn take(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4_096];
        let mut any = false;
        while rustix::io::read(self.0.get_ref(), &mut buffer).is_ok_and(|(events, _)| !events.is_empty()) {
            any = true;
        }
        any
    }
}
