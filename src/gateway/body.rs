//! A request's body, read within limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};

use crate::gateway::refusal::Refusal;
use crate::memory::{Account, Charge};

/// Limits on what is read, and what all requests hold together.
#[derive(Debug)]
pub(crate) struct BodyReader {
    pub(crate) body_max: usize,
    pub(crate) bodies_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) account: Account,
}

/// A body, and what is held of memory for it and what is made of it.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) bytes: Bytes,
    pub(crate) charge: Charge,
}

impl BodyReader {
    /// Reads a body to its end. A body that announces more than is taken is refused before the
    /// client is told to go on (`100 Continue` comes with the first read).
    pub(crate) async fn read(&self, mut body: Incoming) -> Result<Taken, Refusal> {
        if body.is_end_stream() {
            return Ok(Taken { bytes: Bytes::new(), charge: self.account.empty() });
        }
        if body.size_hint().lower() > self.body_max as u64 {
            return Err(self.too_large());
        }
        let reading = tokio::time::timeout(self.timeout, self.collect(&mut body));
        reading.await.unwrap_or_else(|_| Err(late()))
    }

    async fn collect(&self, body: &mut Incoming) -> Result<Taken, Refusal> {
        let mut charge = self.account.empty();
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| malformed(&error))?;
            let Ok(data) = frame.into_data() else { continue }; // trailers say nothing to us
            let length = first.len().max(rest.len()) + data.len();
            if length > self.body_max {
                return Err(self.too_large());
            }
            self.hold(&mut charge, length.max(rest.capacity())).map_err(Refusal::closing)?;
            if first.is_empty() && rest.is_empty() {
                first = data;
                continue;
            }
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
        let bytes = if rest.is_empty() { first } else { rest.freeze() };
        Ok(Taken { bytes, charge })
    }

    /// Holds so many bytes for a request, if all requests together may.
    pub(crate) fn hold(&self, charge: &mut Charge, bytes: usize) -> Result<(), Refusal> {
        let more = bytes.saturating_sub(charge.bytes());
        let has_room = self.account.held().saturating_add(more) <= self.bodies_max;
        if has_room && charge.resize(bytes).is_ok() {
            return Ok(());
        }
        let message = "the requests that are held leave no room for this one";
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "bodies-too-large", message).retry_after(1))
    }

    fn too_large(&self) -> Refusal {
        let message = format!("a body may have {} bytes", self.body_max);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message).closing()
    }
}

fn late() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", "the body did not come in time").closing()
}

fn malformed(error: &hyper::Error) -> Refusal {
    Refusal::bad_request(format!("the body cannot be read: {error}")).closing()
}
