//! The broker's notes as lines of the log. Warn: an operator may act. Debug: a peer erred.

use tracing::{debug, info, warn};

use crate::broker::Note;

/// One note, one line.
pub(super) fn note(note: &Note) {
    match note {
        Note::WorkerJoined { peer, service } => info!(%peer, %service, "worker is ready"),
        Note::WorkerLeft { peer, identity, job: Some((job, service)) } => {
            let worker = String::from_utf8_lossy(identity);
            warn!(%service, %worker, %job, %peer, "worker left in the middle of a job");
        }
        Note::WorkerLeft { peer, identity: _, job: None } => info!(%peer, "worker left"),
        Note::WorkerExpired { peer, silent_ms } => warn!(%peer, silent_ms, "idle worker silent, dropped"),
        Note::WorkerUnknown { peer } => debug!(%peer, "word of a worker that has not said READY"),
        Note::ServiceRefused { peer, service, cause } => warn!(%peer, %service, "service not taken: {cause}"),
        Note::JobRequeued { job, service, peer, attempts, cause } => {
            warn!(%job, %service, %peer, attempts, %cause, "job goes back to the front of its queue");
        }
        Note::JobFailed { job, service, attempts, cause } => {
            warn!(%job, %service, attempts, ?cause, "job given up");
        }
        Note::Refused { peer, service, cause } => debug!(%peer, %service, ?cause, "request refused"),
        Note::LateAnswer { job, peer } => info!(%job, %peer, "late answer taken"),
        Note::AnswerIgnored { peer, job, cause } => {
            debug!(%peer, job = job.map(display), ?cause, "answer ignored");
        }
        Note::Operated(Ok(done)) => info!("operator: {done}"),
        Note::Operated(Err(denied)) => info!("operator, denied: {denied}"),
    }
}
