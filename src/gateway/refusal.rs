//! What goes wrong at the gateway, as a status and a few words. Pure.

use hyper::StatusCode;

use crate::client::CallError;
use crate::job::JobId;

/// A request that is not served, and what its client is told.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// One word for programs.
    pub(crate) kind: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
    /// Seconds after which to come again.
    pub(crate) retry_after: Option<u32>,
    /// Whether the connection cannot go on, as the request's rest is unread.
    pub(crate) close: bool,
    /// The job that it is about, if there is one and it is known.
    pub(crate) job: Option<JobId>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), retry_after: None, close: false, job: None }
    }

    /// The client did something that HTTP does not allow, or that cannot be read.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        let mut refusal = Self::new(status(&error), kind(&error), error.to_string());
        match error {
            CallError::Unavailable
            | CallError::Busy
            | CallError::Closed
            | CallError::Interrupted
            | CallError::NoRoom(_) => refusal = refusal.retry_after(1),
            CallError::Refused { body, .. } if !body.is_empty() => refusal = refusal.retry_after(1),
            CallError::Failed { job, .. } | CallError::Timeout { job } => refusal.job = job,
            CallError::Refused { .. }
            | CallError::TooLarge { .. }
            | CallError::ResultTooLarge { .. }
            | CallError::Lost
            | CallError::Overrun
            | CallError::Unsupported
            | CallError::Garbled => {}
        }
        refusal
    }
}

fn status(error: &CallError) -> StatusCode {
    match error {
        CallError::Refused { body, .. } if body.is_empty() => StatusCode::NOT_FOUND,
        CallError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        CallError::Refused { .. }
        | CallError::Unavailable
        | CallError::Closed
        | CallError::Interrupted
        | CallError::NoRoom(_) => StatusCode::SERVICE_UNAVAILABLE,
        CallError::Busy => StatusCode::TOO_MANY_REQUESTS,
        CallError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        CallError::Unsupported => StatusCode::NOT_IMPLEMENTED,
        CallError::Failed { .. }
        | CallError::ResultTooLarge { .. }
        | CallError::Lost
        | CallError::Overrun
        | CallError::Garbled => StatusCode::BAD_GATEWAY,
    }
}

/// An error's one word for programs.
pub(crate) fn kind(error: &CallError) -> &'static str {
    match error {
        CallError::Failed { .. } => "failed",
        CallError::Refused { body, .. } if body.is_empty() => "unknown-service",
        CallError::Refused { .. } => "not-taken",
        CallError::Unavailable => "broker-unavailable",
        CallError::Lost => "outcome-unknown",
        CallError::Timeout { .. } => "timeout",
        CallError::TooLarge { .. } => "parameter-too-large",
        CallError::Interrupted => "interrupted",
        CallError::ResultTooLarge { .. } => "result-too-large",
        CallError::NoRoom(_) => "no-room",
        CallError::Busy => "too-many-requests",
        CallError::Overrun => "overrun",
        CallError::Unsupported => "unsupported",
        CallError::Garbled => "bad-answer",
        CallError::Closed => "shutting-down",
    }
}
