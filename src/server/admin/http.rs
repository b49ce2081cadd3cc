//! The HTTP side of the admin port: one connection, its limits, and the way of a question to the loop.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::{AdminQuery, AdminRequest, Reply, route};
use crate::admin::{BROKER_HEADER as BROKER, metrics};

/// How long the head of a request may take, and how long a connection may rest between two.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection lives: whoever does not read its answer keeps nobody out for longer.
const LIFE: Duration = Duration::from_secs(60);
/// How long its last answer may take after that.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the loop may take to say that it turns.
const ALIVE: Duration = Duration::from_secs(1);
/// How long it may take to answer anything else.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a request's head, and how many headers it may have.
const HEAD_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// What each connection needs.
pub(super) struct Listening {
    pub(super) asks: mpsc::Sender<AdminRequest>,
    /// Listens on the loopback, or in the file system.
    pub(super) local: bool,
    /// Names the broker in each answer: `127.0.0.1:5555 (pid 4711)`.
    pub(super) broker: Rc<str>,
}

/// What a connection is at, for who must choose one to close.
pub(super) struct Turn {
    asking: Cell<bool>,
    since: Cell<Instant>,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self { asking: Cell::new(false), since: Cell::new(Instant::now()) }
    }

    /// Whether it waits for an answer.
    pub(super) fn is_asking(&self) -> bool {
        self.asking.get()
    }

    /// Since when it does, or has had its last answer.
    pub(super) fn since(&self) -> Instant {
        self.since.get()
    }

    fn set(&self, asking: bool) {
        self.asking.set(asking);
        self.since.set(Instant::now());
    }
}

/// Serves one connection to its end.
pub(super) async fn connection(
    listening: Rc<Listening>,
    turn: Rc<Turn>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: String,
) {
    let service = service_fn(|request| {
        let (listening, turn, peer) = (Rc::clone(&listening), Rc::clone(&turn), peer.clone());
        async move {
            turn.set(true);
            let response = listening.handle(&peer, &request).await;
            turn.set(false);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = tokio::time::sleep(LIFE) => {
            connection.as_mut().graceful_shutdown();
            timeout(FAREWELL, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "admin: a connection broke off");
    }
}

impl Listening {
    async fn handle(&self, peer: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let has_body = !request.body().is_end_stream();
        let question = match has_body {
            true => Err(Reply::line(413, "no request has a body here")),
            false => route::question(request, self.local),
        };
        let mut reply = self.ask(question.unwrap_or_else(AdminQuery::Refused)).await;
        if reply.media_type == metrics::MEDIA_TYPE && !takes_openmetrics(request.headers()) {
            reply.body = metrics::older(&String::from_utf8_lossy(&reply.body)).into();
            reply.media_type = metrics::OLDER_MEDIA_TYPE;
        }
        debug!(peer, method = %request.method(), uri = %request.uri(), status = reply.status, "admin");
        let mut response = response(reply);
        if let Ok(broker) = HeaderValue::from_str(&self.broker) {
            response.headers_mut().insert(BROKER, broker);
        }
        if has_body {
            // It is not read, so that nothing can be read after it.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Asks the loop.
    async fn ask(&self, question: AdminQuery) -> Reply {
        let patience = if matches!(question, AdminQuery::Alive) { ALIVE } else { PATIENCE };
        let (reply, answer) = oneshot::channel();
        let answered = async {
            self.asks.send(AdminRequest { question, reply }).await.ok()?;
            answer.await.ok()
        };
        let answer = timeout(patience, answered).await.ok().flatten();
        answer.unwrap_or_else(|| Reply::line(503, "the broker does not answer in time"))
    }
}

/// Whether OpenMetrics is what a client wants: it says so, or says nothing of what it wants.
fn takes_openmetrics(headers: &HeaderMap) -> bool {
    let mut accepts = headers.get_all(header::ACCEPT).iter().peekable();
    let names_it = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("openmetrics-text"));
    accepts.peek().is_none() || accepts.any(names_it)
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("we name known codes");
    let headers = response.headers_mut();
    if let Some(allow) = reply.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
