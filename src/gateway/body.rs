//! A request's body, read within limits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};

use crate::gateway::refusal::Refusal;

/// Limits on what is read, and what all requests hold together.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) body_max: usize,
    pub(crate) bodies_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) held: AtomicUsize,
}

/// Bytes that count as held, until dropped.
struct Held<'a> {
    intake: &'a Intake,
    bytes: usize,
}

impl Intake {
    /// Reads a body to its end. A body that announces more than is taken is refused before the
    /// client is told to go on (`100 Continue` comes with the first read).
    pub(crate) async fn read(&self, mut body: Incoming) -> Result<Bytes, Refusal> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        if body.size_hint().lower() > self.body_max as u64 {
            return Err(self.too_large());
        }
        let reading = tokio::time::timeout(self.timeout, self.collect(&mut body));
        reading.await.unwrap_or_else(|_| Err(late()))
    }

    async fn collect(&self, body: &mut Incoming) -> Result<Bytes, Refusal> {
        let mut held = Held { intake: self, bytes: 0 };
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| malformed(&error))?;
            let Ok(data) = frame.into_data() else { continue }; // trailers say nothing to us
            held.add(data.len())?;
            if first.is_empty() && rest.is_empty() {
                first = data;
                continue;
            }
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    fn too_large(&self) -> Refusal {
        let message = format!("a body may have {} bytes", self.body_max);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message).closing()
    }
}

impl Held<'_> {
    fn add(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes += bytes;
        let all = self.intake.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.bytes > self.intake.body_max {
            return Err(self.intake.too_large());
        }
        if all > self.intake.bodies_max {
            let message = "too many large bodies at a time";
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "bodies-too-large", message);
            return Err(refusal.retry_after(1).closing());
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.intake.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn late() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", "the body did not come in time").closing()
}

fn malformed(error: &hyper::Error) -> Refusal {
    Refusal::bad_request(format!("the body cannot be read: {error}")).closing()
}
