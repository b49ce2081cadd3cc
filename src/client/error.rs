//! What can become of a call, other than its result.

use bytes::Bytes;

use crate::job::{Body, JobId, ServiceName};
use crate::memory::MemoryFull;
use crate::params::tag::{self, BareParam};

/// Why a call has no result.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The worker said no, or no worker could be found that survived the job.
    #[error("{} of {service} failed{}", named(job), said(body))]
    Failed {
        /// The job. `None` where the dialect does not say.
        job: Option<JobId>,
        /// Whose work it was.
        service: ServiceName,
        /// What the worker said beside no; mostly empty.
        body: Body,
    },
    /// The broker did not take the job: no worker ever offered the service, or a limit was hit.
    #[error("the broker did not take the job for {:?}{}", String::from_utf8_lossy(.service), said(body))]
    Refused {
        /// The service, as the broker named it.
        service: Bytes,
        /// Why. Empty if no worker ever offered the service, and from a broker that does not say.
        body: Body,
    },
    /// No broker could be reached. The request was not sent: to send it again is safe.
    #[error("no broker could be reached")]
    Unavailable,
    /// The parameter is larger than what the broker takes. The request was not sent.
    #[error("the parameter has {size} bytes as it is sent to the broker, which takes {max}")]
    TooLarge {
        /// Bytes of the frame.
        size: usize,
        /// What a frame may have.
        max: usize,
    },
    /// The connection was lost while the request was being sent: the broker cannot have it in whole.
    #[error("the connection to the broker was lost while the request was being sent, so it was not taken")]
    Interrupted,
    /// The result is larger than what is taken ([`Builder::result_max`](super::Builder::result_max)). The job is done.
    #[error("the result has {size} bytes, {max} are taken")]
    ResultTooLarge {
        /// Bytes of the result.
        size: u64,
        /// What a result may have.
        max: usize,
    },
    /// The results that wait to be taken leave no room for this one. The job is done.
    #[error("there is no room for the result: {0}")]
    NoRoom(#[from] MemoryFull),
    /// The connection was lost after the request was sent. The job may have been done, or may yet be.
    #[error("the connection to the broker was lost; what became of the request is unknown")]
    Lost,
    /// No answer came in time. The job may have been done, or may yet be.
    #[error("no answer came in time{}", .job.map(|job| format!("; the job is {job}")).unwrap_or_default())]
    Timeout {
        /// The job, if the broker has told its id: ours does.
        job: Option<JobId>,
    },
    /// As many requests are in flight as are allowed. The request was not sent.
    #[error("too many requests are in flight")]
    Busy,
    /// Parts of the result came faster than they were taken.
    #[error("parts of the result came faster than they were taken")]
    Overrun,
    /// The dialect of the broker has no word for the request (Majordomo: background jobs, lists).
    #[error("the broker's dialect has no word for this request")]
    Unsupported,
    /// The broker answered with something that is no answer to the request.
    #[error("the broker's answer does not answer the request")]
    Garbled,
    /// The client's runtime is shutting down.
    #[error("the client is closed")]
    Closed,
}

/// The job by its id, if that is known.
fn named(job: &Option<JobId>) -> String {
    job.map_or_else(|| "the job".to_owned(), |id| format!("job {id}"))
}

/// What the worker said beside no, without its tag, if it said anything.
fn said(body: &Body) -> String {
    let (_, text) = tag::split(body.first(), BareParam::AsUpstream);
    match text.is_empty() {
        true => String::new(),
        false => format!(": {}", String::from_utf8_lossy(&text)),
    }
}

impl CallError {
    /// Whether the request certainly never reached a broker, so that to send it again cannot do a
    /// job twice.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Unavailable
            | Self::Busy
            | Self::Unsupported
            | Self::TooLarge { .. }
            | Self::Interrupted => true,
            Self::Failed { .. }
            | Self::Refused { .. }
            | Self::Lost
            | Self::Timeout { .. }
            | Self::Overrun
            | Self::Garbled
            | Self::ResultTooLarge { .. }
            | Self::NoRoom(_)
            | Self::Closed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_failed_is_named_with_its_reason() {
        let failed = |job, body| {
            let service = ServiceName::new("MAIL").expect("it is a name");
            CallError::Failed { job, service, body }.to_string()
        };
        let reason = Body::One(Bytes::from_static(b"PARAM-JSON: \"no room\""));
        let job = Some(JobId::from_bits(0x00C0_FFEE));
        assert_eq!(failed(job, reason), "job 00C0-FFEE of MAIL failed: \"no room\"");
        assert_eq!(failed(None, Body::EMPTY), "the job of MAIL failed");
    }

    #[test]
    fn a_job_that_was_not_taken_says_why() {
        let refused = |body| CallError::Refused { service: Bytes::from_static(b"MAIL"), body }.to_string();
        assert_eq!(refused(Body::EMPTY), "the broker did not take the job for \"MAIL\"");
        let full = refused(Body::text("the queues are full"));
        assert_eq!(full, "the broker did not take the job for \"MAIL\": \"the queues are full\"");
    }
}
