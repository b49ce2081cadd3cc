//! The replies to a job as they come.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};

use crate::client::request::Ticket;
use crate::client::{CallError, Reply, finished};
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
pub struct Answers {
    parts: mpsc::Receiver<Result<ClientReply, CallError>>,
    /// `None` when the last reply is out.
    ticket: Option<Ticket>,
    limit: Duration,
    patience: Pin<Box<Sleep>>,
}

impl Answers {
    pub(super) fn new(
        parts: mpsc::Receiver<Result<ClientReply, CallError>>,
        ticket: Ticket,
        limit: Duration,
    ) -> Self {
        Self { parts, ticket: Some(ticket), limit, patience: Box::pin(sleep(limit)) }
    }

    /// The next reply. `None` after the last, which is the result or an error. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Answer, CallError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Answers::next`], for those who write futures by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Answer, CallError>>> {
        if self.ticket.is_none() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(reply) = self.parts.poll_recv(cx) {
            return Poll::Ready(Some(self.take(reply.unwrap_or(Err(CallError::Closed)))));
        }
        ready!(self.patience.as_mut().poll(cx));
        self.ticket = None;
        Poll::Ready(Some(Err(CallError::Timeout)))
    }

    fn take(&mut self, reply: Result<ClientReply, CallError>) -> Result<Answer, CallError> {
        if let Ok(ClientReply::Partial { job, service, body }) = reply {
            self.patience.as_mut().reset(Instant::now() + self.limit);
            return Ok(Answer::Part(Reply { job, service, body }));
        }
        if let Some(mut ticket) = self.ticket.take() {
            ticket.settle();
        }
        finished(reply?).map(Answer::Result)
    }
}
