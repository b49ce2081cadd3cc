//! The replies to a job as they come.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};

use crate::client::request::InFlight;
use crate::client::{CallError, Reply, finished};
use crate::job::JobId;
use crate::message::ClientReply;

/// A reply to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A part of the result (`CONT`); more will come.
    Part(Reply),
    /// The result. The last.
    Result(Reply),
}

/// The replies to a job, in order. Dropping it gives the job up.
#[derive(Debug)]
pub struct ReplyStream {
    parts: mpsc::Receiver<Result<ClientReply, CallError>>,
    /// `None` when the last reply is out.
    in_flight: Option<InFlight>,
    limit: Duration,
    patience: Pin<Box<Sleep>>,
    /// The job, once it is known.
    job: Option<JobId>,
}

impl ReplyStream {
    pub(super) fn new(
        parts: mpsc::Receiver<Result<ClientReply, CallError>>,
        in_flight: InFlight,
        limit: Duration,
    ) -> Self {
        Self { parts, in_flight: Some(in_flight), limit, patience: Box::pin(sleep(limit)), job: None }
    }

    /// The next reply. `None` after the last, which is the result or an error. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Answer, CallError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`ReplyStream::next`], for those who write futures by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Answer, CallError>>> {
        loop {
            if self.in_flight.is_none() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(reply) = self.parts.poll_recv(cx) {
                match self.take(reply.unwrap_or(Err(CallError::Closed))) {
                    Some(answer) => return Poll::Ready(Some(answer)),
                    None => continue,
                }
            }
            ready!(self.patience.as_mut().poll(cx));
            self.in_flight = None;
            return Poll::Ready(Some(Err(CallError::Timeout { job: self.job })));
        }
    }

    fn take(&mut self, reply: Result<ClientReply, CallError>) -> Option<Result<Answer, CallError>> {
        match reply {
            Ok(ClientReply::Accepted { job, .. }) => {
                self.job = Some(job);
                return None;
            }
            Ok(ClientReply::Partial { job, service, body }) => {
                self.job = self.job.or(job);
                self.patience.as_mut().reset(Instant::now() + self.limit);
                return Some(Ok(Answer::Part(Reply { job, service, body })));
            }
            _ => {}
        }
        if let Some(mut in_flight) = self.in_flight.take() {
            in_flight.settle();
        }
        Some(reply.and_then(finished).map(Answer::Result))
    }
}
