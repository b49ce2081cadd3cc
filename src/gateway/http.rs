//! The port, its connections' number, the end, and what HTTP asks of every request. What a request means
//! is told elsewhere.
//!
//! A task a connection, see `connection`. Of what hyper leaves open, this is done here: the Host that must be
//! there, methods that are none, CORS, and the log.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::client::{Client, WhenFull};
use crate::gateway::access::Origins;
use crate::gateway::address_limit::AddressLimit;
use crate::gateway::api;
use crate::gateway::api::idempotency::Keys;
use crate::gateway::body::BodyReader;
use crate::gateway::config::Config;
use crate::gateway::connection;
use crate::gateway::legacy;
use crate::gateway::lists::Lists;
use crate::gateway::log::{self, Entry};
use crate::gateway::metrics::RefusalKind;
use crate::gateway::offload::Offload;
use crate::gateway::payload::Payload;
use crate::gateway::refusal::Refusal;
use crate::memory::{Account, Purpose};

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) config: Config,
    pub(crate) client: Client,
    pub(crate) bodies: BodyReader,
    pub(crate) keys: Keys,
    pub(crate) lists: Lists,
    pub(crate) offload: Offload,
    /// What answers weigh.
    pub(crate) responses: Account,
    /// What connections weigh.
    pub(crate) connections: Account,
}

/// Binds a port for [`serve`].
pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves HTTP until `shutdown` is done; then takes no more connections, and returns when the
/// requests that run are answered or [`Config::drain`] is over.
///
/// Runs on a tokio runtime of any flavour.
pub async fn serve(listener: TcpListener, config: Config, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(false);
    let drain = config.drain;
    let gateway = Arc::new(Gateway::open(config));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut told = false;
    let addresses = AddressLimit::new(gateway.config.connections_per_address);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                told = false;
                let charge = gateway.connections.charge(connection::IDLE).ok();
                let has_room = connections.len() < gateway.config.connections_max;
                match (addresses.enter(peer.ip()), charge) {
                    (Some(address_slot), Some(charge)) if has_room => {
                        let gateway = Arc::clone(&gateway);
                        let attending = connection::attend(gateway, stream, peer, stopping.clone(), charge);
                        connections.spawn(address_slot.until(attending));
                    }
                    _ => {
                        gateway.config.counters.refused("connections");
                        turn_away(&stream);
                    }
                }
            }
            Err(error) => {
                // Out of descriptors, most likely: connections that end give some back.
                if !std::mem::replace(&mut told, true) {
                    warn!(%error, "cannot accept connections for the time being");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let all_done = async { while connections.join_next().await.is_some() {} };
    if timeout(drain, all_done).await.is_err() {
        info!("requests were cut off at the end");
    }
}

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Says that there are too many, without waiting for anything.
fn turn_away(stream: &TcpStream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let _all_or_nothing = stream.try_write(FULL);
}

impl Gateway {
    pub(crate) fn open(config: Config) -> Self {
        let client = Client::builder()
            .servers(config.servers.clone())
            .dialect(config.dialect)
            .pool_max(config.pool_max)
            .connections(config.broker_connections)
            .param_max(config.param_max)
            .result_max(config.result_max)
            .results(config.memory.account(Purpose::Responses), config.responses_max)
            .job_ids()
            .in_flight_max(config.in_flight_max)
            .when_full(WhenFull::Refuse)
            .connect_wait(config.connect_wait)
            .connect();
        let bodies = BodyReader {
            body_max: config.body_max,
            bodies_max: config.bodies_max,
            timeout: config.body_timeout,
            account: config.memory.account(Purpose::Requests),
        };
        let keys = Keys::new(&config);
        let (responses, connections) =
            (config.memory.account(Purpose::Responses), config.memory.account(Purpose::Connections));
        let (lists, offload) = (Lists::default(), Offload::default());
        Self { config, client, bodies, keys, lists, offload, responses, connections }
    }

    /// Whether a request may call a service.
    pub(crate) fn permit(&self, headers: &HeaderMap, service: &[u8]) -> Result<(), Refusal> {
        self.config.tokens.as_ref().map_or(Ok(()), |tokens| tokens.permit(headers, service))
    }

    /// Answers a request, and writes it down.
    pub(crate) async fn handle(
        self: &Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Response<Payload> {
        let Some(log) = &self.config.access_log else { return self.respond(request).await };
        let (began, at) = (Instant::now(), log::now());
        let (method, target) = (request.method().clone(), request.uri().to_string());
        let version = request.version();
        let response = self.respond(request).await;
        log.write(&Entry {
            at,
            client: peer.ip(),
            method: method.as_str(),
            target: &target,
            version: if version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
            status: response.status().as_u16(),
            bytes: response.body().len(),
            took: began.elapsed(),
        });
        response
    }

    async fn respond(self: &Arc<Self>, request: Request<Incoming>) -> Response<Payload> {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let is_api = self.config.api && api::owns(request.uri().path());
        let mut response = match check_request(&request) {
            Err(refusal) if is_api => api::refuse(&refusal),
            Err(refusal) => finish(legacy::refuse(&refusal), &refusal),
            Ok(()) if request.method() == Method::OPTIONS => preflight(),
            Ok(()) if is_api => api::answer(self, request).await,
            Ok(()) => match legacy::answer(self, request).await {
                Ok(response) => response,
                Err(refusal) => finish(legacy::refuse(&refusal), &refusal),
            },
        };
        if let Some(RefusalKind(kind)) = response.extensions_mut().remove() {
            self.config.counters.refused(kind);
        }
        self.share(origin.as_ref(), response.headers_mut());
        response
    }

    /// Lets scripts of other origins read the answer, as far as they are allowed to.
    fn share(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(allowed) = self.config.origins.allowed(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
        if let Origins::Only(_) = self.config.origins {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// The headers that a refusal has beside its words.
pub(crate) fn finish(mut response: Response<Payload>, refusal: &Refusal) -> Response<Payload> {
    response.extensions_mut().insert(RefusalKind(refusal.kind));
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if refusal.close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if refusal.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
    }
    response
}

/// Methods that the old paths take, all alike, as upstream does; and OPTIONS.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// What HTTP asks of every request, and hyper does not.
fn check_request(request: &Request<Incoming>) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    // RFC 9112 §3.2
    if second.is_some() || (host.is_none() && request.version() == Version::HTTP_11) {
        return Err(Refusal::bad_request("one Host header is expected").closing());
    }
    // RFC 9110 §10.1.1
    if let Some(expect) = request.headers().get(header::EXPECT)
        && !expect.as_bytes().eq_ignore_ascii_case(b"100-continue")
    {
        let message = "the one expectation that can be met is 100-continue";
        return Err(Refusal::new(StatusCode::EXPECTATION_FAILED, "expectation-failed", message).closing());
    }
    // RFC 9110 §9.3.6 and §9.3.8
    if [Method::CONNECT, Method::TRACE].contains(request.method()) {
        let message = format!("{} is not served", request.method());
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message).closing());
    }
    Ok(())
}

/// The answer to OPTIONS: what a page of another origin may send.
fn preflight() -> Response<Payload> {
    const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID";
    const FIELDS: [(HeaderName, &str); 4] = [
        (header::ALLOW, METHODS),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    let mut response = Response::new(Payload::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in FIELDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
