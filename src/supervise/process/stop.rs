//! Stopping a program: its jobs end, then it does, then what it has left behind; what does not is killed, and said.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::super::child::End;
use super::super::control::ProcessState;
use super::super::leftovers::{self, Urgency};
use super::super::notify_socket::NotifySocket;
use super::graceful::Jobs;
use super::{Ending, Outcome, ProcessTask, Running, StopUrgency};

/// How long a worker has to end that was given its grace for its job, and did not end it.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl ProcessTask {
    /// Stops it: its jobs have its grace to end, and then it ends, one way or the other. Nothing that it has started
    /// is left when this returns.
    pub(super) async fn stop(&mut self) -> Outcome {
        self.show(Some(ProcessState::Stopping));
        let began = Instant::now();
        let jobs = if self.running.is_some() { self.let_jobs_end().await } else { Jobs::Unknown };
        let Some(mut running) = self.running.take() else {
            self.end_orphans().await;
            return Outcome::DidNotRun;
        };
        let pid = running.child.pid();
        let notices = self.listen();
        let patience = match jobs {
            Jobs::Remain(_) => LAST_WORDS,
            Jobs::Ended | Jobs::Unknown => self.program.grace + self.program.margin,
        };
        let (end, is_killed) = self.end_process(&mut running, patience).await;
        let killed = is_killed.then(|| began.elapsed());
        let cut_off = match jobs {
            // One that ended well by itself has ended its job before.
            Jobs::Remain(jobs) if is_killed || !end.is_good() => jobs,
            Jobs::Remain(_) | Jobs::Ended | Jobs::Unknown => Vec::new(),
        };
        let unfinished =
            notices.and_then(NotifySocket::unfinished).filter(|unfinished| !unfinished.is_empty());
        self.pid_file.remove();
        self.last_end = Some(end.to_string());
        match killed {
            Some(after) => {
                info!(name = self.program.name, pid, after_s = after.as_secs(), "killed: {end}");
            }
            None => info!(name = self.program.name, pid, "stopped: {end}"),
        }
        Outcome::Stopped { pid, ending: Ending { killed, cut_off, unfinished } }
    }

    /// Tells it to end, and kills it when its patience is over. How it ended, and whether it was killed.
    async fn end_process(&mut self, running: &mut Running, patience: Duration) -> (End, bool) {
        let (run_dir, name) = (self.site.run_dir.clone(), self.program.name.clone());
        running.child.signal(Signal::TERM);
        let mut urgency = self.urgency.clone();
        let patience = async {
            tokio::select! {
                () = sleep(patience) => {}
                _ = urgency.wait_for(|&urgency| urgency == StopUrgency::Kill) => {}
            }
        };
        let ended = tokio::select! {
            end = running.child.ended() => Some(end),
            () = patience => None,
        };
        match ended {
            Some(end) => {
                leftovers::end(&run_dir, &name, None, Urgency::Ask).await;
                (end, false)
            }
            None => {
                running.child.kill(&run_dir, &name).await;
                let end = running.child.ended().await;
                leftovers::end(&run_dir, &name, None, Urgency::Kill).await;
                (end, true)
            }
        }
    }

    /// Ends what an earlier process of the program has left behind.
    pub(super) async fn end_orphans(&mut self) {
        if std::mem::take(&mut self.orphans) {
            leftovers::end(&self.site.run_dir, &self.program.name, None, Urgency::Kill).await;
        }
    }
}
