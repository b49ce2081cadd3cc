//! What the supervisor looks at again and again: the limits of its programs, and whether all run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::super::admin::Admin;
use super::super::control::ProcessState;
use super::super::process_table::ProcessTable;
use super::{Phase, Shown, Wants};

/// How often limits are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at what has limits, as long as anything has. Never ends.
pub(super) async fn watch_over(
    process_tables: watch::Sender<Arc<ProcessTable>>,
    admin: Option<Admin>,
    mut wants: watch::Receiver<Wants>,
) {
    loop {
        let wanted = wants.wait_for(|&wants| wants != Wants::Nothing).await.map(|wants| *wants);
        let Ok(wanted) = wanted else { return std::future::pending().await };
        let workers = match admin.as_ref().filter(|_| wanted == Wants::Jobs) {
            // A broker that is away has no workers; it is away for the whole site, which others say loudly.
            Some(admin) => admin.get("/workers").await.unwrap_or_default(),
            None => Vec::new(),
        };
        process_tables.send_replace(Arc::new(ProcessTable::look(workers)));
        tokio::time::sleep(LOOK).await;
    }
}

/// Says that all runs when it does, if the start had failed. Never ends.
pub(super) async fn until_all_run(
    phase: watch::Sender<Phase>,
    shown: Shown,
    mut changes: watch::Receiver<()>,
) {
    let lacks = |state| matches!(state, ProcessState::Failed | ProcessState::Waiting | ProcessState::GivenUp);
    let mut phases = phase.subscribe();
    loop {
        let all_run = !shown.borrow().iter().any(|one| lacks(one.borrow().state()));
        if all_run && *phase.borrow() == Phase::Failing {
            phase.send_replace(Phase::Running);
        }
        tokio::select! {
            Ok(()) = changes.changed() => {}
            Ok(()) = phases.changed() => {}
            else => return std::future::pending().await,
        }
    }
}
