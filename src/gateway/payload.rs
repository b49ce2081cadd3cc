//! A response's body: all of it at once, or the parts of a result as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::client::{Answer, Answers};
use crate::gateway::request::Delivery;
use crate::gateway::response;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Known in whole. `None` when it is sent, or empty.
    Whole(Option<Bytes>),
    /// Made of what a worker sends.
    Stream(Stream),
}

impl Payload {
    pub(crate) fn whole(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::Whole((!body.is_empty()).then_some(body))
    }

    /// Bytes in it, if known.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Self::Whole(body) => Some(body.as_ref().map_or(0, Bytes::len)),
            Self::Stream(_) => None,
        }
    }
}

/// The parts of a result, then the result, in the form the client wants. When the client goes, so
/// does this, and with it the request at the broker.
#[derive(Debug)]
pub(crate) struct Stream {
    answers: Answers,
    lines: bool,
    number: u64,
    over: bool,
}

impl Stream {
    pub(crate) fn new(answers: Answers, delivery: Delivery) -> Self {
        Self { answers, lines: delivery == Delivery::Lines, number: 0, over: false }
    }

    fn poll_element(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.over {
            return Poll::Ready(None);
        }
        let Some(answer) = ready!(self.answers.poll_next(cx)) else { return Poll::Ready(None) };
        self.over = !matches!(answer, Ok(Answer::Part(_)));
        self.number += 1;
        let element = response::element(&answer);
        Poll::Ready(Some(match self.lines {
            true => element.as_line(),
            false => element.as_event(self.number),
        }))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match &mut *self {
            Self::Whole(body) => body.take(),
            Self::Stream(stream) => ready!(stream.poll_element(cx)),
        };
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_none(),
            Self::Stream(stream) => stream.over,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.len().map_or_else(SizeHint::default, |len| SizeHint::with_exact(len as u64))
    }
}
