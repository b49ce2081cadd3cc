//! What the gateway shows of itself to monitoring: what it holds, account by account, and whom it refused.
//!
//! At a port of its own: what HTTP clients reach is theirs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::memory::Memory;

/// What is counted. Cloning gives the same counters.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<BTreeMap<&'static str, u64>>>);

/// The kind of a refusal, with the response that tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusalKind(pub(crate) &'static str);

impl Counters {
    /// Counts a refusal by its one word.
    pub(crate) fn refused(&self, kind: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    /// In the form of `OpenMetrics` 1.0.
    pub(crate) fn text(&self, memory: &Memory) -> String {
        let mut text = String::new();
        family(&mut text, "zmws_gateway_memory_bytes", "gauge", "Memory held because of HTTP clients.");
        for (purpose, held) in memory.accounts() {
            let _ = writeln!(text, "zmws_gateway_memory_bytes{{account=\"{}\"}} {held}", purpose.name());
        }
        if memory.max() < usize::MAX {
            let help = "The most that may be held in all.";
            family(&mut text, "zmws_gateway_memory_max_bytes", "gauge", help);
            let _ = writeln!(text, "zmws_gateway_memory_max_bytes {}", memory.max());
        }
        let help = "Times that nothing more could be held.";
        family(&mut text, "zmws_gateway_memory_refused", "counter", help);
        let _ = writeln!(text, "zmws_gateway_memory_refused_total {}", memory.refused());
        family(&mut text, "zmws_gateway_requests_refused", "counter", "Requests not served, by kind.");
        for (kind, count) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(text, "zmws_gateway_requests_refused_total{{kind=\"{kind}\"}} {count}");
        }
        text.push_str("# EOF\n");
        text
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# TYPE {name} {kind}\n# HELP {name} {help}");
}

/// Serves `/metrics` and `/healthz` for as long as it is polled. A few connections at a time, one request each.
pub async fn serve_metrics(listener: TcpListener, counters: Counters, memory: Memory) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (counters, memory) = (counters.clone(), memory.clone());
        tokio::spawn(async move {
            let _late = timeout(PATIENCE, answer(stream, &counters, &memory)).await;
            drop(permit);
        });
    }
}

const CONNECTIONS_MAX: usize = 16;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long one may take, from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(5);

async fn answer(stream: TcpStream, counters: &Counters, memory: &Memory) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let response = respond(request.method(), request.uri().path(), counters, memory);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).keep_alive(false);
    let _broken = http.serve_connection(TokioIo::new(stream), service).await;
}

fn respond(method: &Method, path: &str, counters: &Counters, memory: &Memory) -> Response<Full<Bytes>> {
    let (status, body) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, counters.text(memory)),
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "ok\n".to_owned()),
        (_, "/metrics" | "/healthz") => (StatusCode::METHOD_NOT_ALLOWED, "GET is served here\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "there are /metrics and /healthz\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = match (status, path) {
        (StatusCode::OK, "/metrics") => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests;
