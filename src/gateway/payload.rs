//! A response's body: all of it at once, or the parts of a result as they come.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::client::{Answer, CallError, ReplyStream};
use crate::gateway::http::Gateway;
use crate::gateway::request::Delivery;
use crate::gateway::{offload, response};

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
pub(crate) struct Stream {
    answers: ReplyStream,
    lines: bool,
    number: u64,
    over: bool,
    gateway: Arc<Gateway>,
    /// The element that is being made of the last answer.
    making: Option<Making>,
}

type Making = Pin<Box<dyn Future<Output = Bytes> + Send>>;

impl Stream {
    pub(crate) fn new(gateway: Arc<Gateway>, answers: ReplyStream, delivery: Delivery) -> Self {
        Self { answers, lines: delivery == Delivery::Lines, number: 0, over: false, gateway, making: None }
    }

    fn poll_element(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(making) = &mut self.making {
                let element = ready!(making.as_mut().poll(cx));
                self.making = None;
                return Poll::Ready(Some(element));
            }
            if self.over {
                return Poll::Ready(None);
            }
            let Some(answer) = ready!(self.answers.poll_next(cx)) else { return Poll::Ready(None) };
            self.over = !matches!(answer, Ok(Answer::Part(_)));
            self.number += 1;
            self.making = Some(Box::pin(self.make(answer)));
        }
    }

    fn make(&self, answer: Result<Answer, CallError>) -> impl Future<Output = Bytes> + Send + use<> {
        let (gateway, lines, number) = (Arc::clone(&self.gateway), self.lines, self.number);
        let bytes = match &answer {
            Ok(Answer::Part(reply) | Answer::Result(reply)) => reply.body.len(),
            Err(_) => 0,
        };
        async move {
            let write = move || {
                let element = response::element(&answer);
                if lines { element.as_line() } else { element.as_event(number) }
            };
            let element = gateway.offload.run(bytes, offload::LONG, write).await.unwrap_or_default();
            gateway.responses.charge_promised(element.len()).around(element)
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("number", &self.number).field("over", &self.over).finish()
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
            Self::Stream(stream) => stream.over && stream.making.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.len().map_or_else(SizeHint::default, |len| SizeHint::with_exact(len as u64))
    }
}
