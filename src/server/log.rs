//! The broker's notes as lines of the log. Warn: an operator may act. Debug: a peer erred.

use tracing::{debug, info, warn};

use crate::broker::LogEvent;

/// One event, one line.
pub(super) fn event(event: &LogEvent) {
    match event {
        LogEvent::WorkerJoined { peer, service } => info!(%peer, %service, "worker is ready"),
        LogEvent::WorkerLeft { peer, identity, job: Some((job, service)) } => {
            let worker = String::from_utf8_lossy(identity);
            warn!(%service, %worker, %job, %peer, "worker left in the middle of a job");
        }
        LogEvent::WorkerLeft { peer, identity: _, job: None } => info!(%peer, "worker left"),
        LogEvent::WorkerExpired { peer, silent_ms } => warn!(%peer, silent_ms, "idle worker silent, dropped"),
        LogEvent::WorkerUnknown { peer } => debug!(%peer, "word of a worker that has not said READY"),
        LogEvent::ServiceRefused { peer, service, cause } => {
            warn!(%peer, %service, "service not taken: {cause}");
        }
        LogEvent::JobRequeued { job, service, peer, attempts, cause } => {
            warn!(%job, %service, %peer, attempts, %cause, "job goes back to the front of its queue");
        }
        LogEvent::JobFailed { job, service, attempts, cause } => {
            warn!(%job, %service, attempts, ?cause, "job given up");
        }
        LogEvent::Refused { peer, service, cause } => debug!(%peer, %service, ?cause, "request refused"),
        LogEvent::LateAnswer { job, peer } => info!(%job, %peer, "late answer taken"),
        LogEvent::AnswerIgnored { peer, job, cause } => {
            debug!(%peer, job = job.map(display), ?cause, "answer ignored");
        }
        LogEvent::Operated(Ok(done)) => info!("operator: {done}"),
        LogEvent::Operated(Err(denied)) => info!("operator, denied: {denied}"),
    }
}
