//! The gateway's settings.

use std::time::Duration;

use crate::gateway::access::{Origins, Tokens};
use crate::gateway::log::AccessLog;
use crate::gateway::metrics::Counters;
use crate::memory::Memory;
use crate::message::Dialect;

/// The form of the bodies of the old paths (original.md §6).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BodyForm {
    /// 1.0.0's: `JOB: <id> <service>`; a result is the value, a line end, `COMPLETE: <service> [<id>]`.
    #[default]
    V1,
    /// 2.x's: as 1.0.0's, but an acknowledgement or a refusal stands there twice.
    V2,
}

/// How a gateway behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The brokers' client ports, `host:port` each, in the order they are tried. Default `127.0.0.1:5555`.
    pub servers: Vec<String>,
    /// What is spoken to a foreign broker; our own is known. Default [`Dialect::Zmws1`], PHP's 1.0.0.
    pub dialect: Dialect,
    /// Connections to a foreign broker, each for one request at a time. Default 64.
    pub pool_max: usize,
    /// Connections to a broker of ours, over which requests are spread, so that one that is lost is not all. Default 4.
    pub broker_connections: usize,
    /// The form of the old paths' bodies. Default [`BodyForm::V1`].
    pub body_form: BodyForm,
    /// Whether the paths under `/v1/` are served. Default yes.
    pub api: bool,

    /// How long a result may take; then the answer is 504. Default 60 s. In a stream, the longest wait
    /// for the next part.
    pub result_timeout: Duration,
    /// How long an acknowledgement or a list may take; then 504. Default 5 s.
    pub acknowledge_timeout: Duration,
    /// The longest limit that a request may ask for by `?_timeout=<seconds>`. Default none: it may not
    /// ask, and a request that does is refused.
    pub asked_timeout_max: Option<Duration>,
    /// How long a request waits for a broker to come back; then the answer is 503. Default 1 s.
    pub connect_wait: Duration,
    /// Requests in flight to the broker; above that 429. Default 10 000.
    pub in_flight_max: usize,

    /// Bytes in a parameter as it is sent to the broker, whatever it was made of; above that 413. Default 64 MiB, the
    /// default of our broker's frames.
    pub param_max: usize,
    /// Bytes in a result; above that 502. Default 64 MiB.
    pub result_max: usize,
    /// Bytes in all answers that HTTP clients have not taken; a result that finds no room is answered 503. Default 256 MiB.
    pub responses_max: usize,

    /// Connections of HTTP clients; above that 503. Default 20 000.
    pub connections_max: usize,
    /// Connections from one address; above that 503. Default 15 000, so that one client cannot take them all.
    pub connections_per_address: usize,
    /// How long a client may take to send a request's head, and how long it may stay silent between two
    /// requests. Default 60 s. A head begun and not finished is answered 408.
    pub head_timeout: Duration,
    /// How long a client may take to send a request's body; then 408. Default 60 s.
    pub body_timeout: Duration,
    /// How long a client may let an answer lie without reading a byte of it. Default 30 s.
    pub write_timeout: Duration,
    /// Bytes in a request's head; above that 431. Default 64 KiB; 8 KiB at least.
    pub head_max: usize,
    /// Bytes in a request's body; above that 413. Default 8 MiB, PHP's `post_max_size`.
    pub body_max: usize,
    /// Bytes in all requests that are held at a time, bodies and what is made of them; above that 503. Default 256 MiB.
    pub bodies_max: usize,
    /// How long requests may go on once the gateway is told to stop. Default 30 s.
    pub drain: Duration,

    /// Who may call from another origin. Default [`Origins::Any`], upstream's `*`.
    pub origins: Origins,
    /// Who may call at all, and what. Default none: everybody may.
    pub tokens: Option<Tokens>,
    /// Where requests are written down. Default none.
    pub access_log: Option<AccessLog>,

    /// How long the answer to an `Idempotency-Key` is kept. Default 24 h.
    pub idempotency_ttl: Duration,
    /// Answers to an `Idempotency-Key` that are kept; the oldest goes first. Default 10 000.
    pub idempotency_max: usize,
    /// Bytes of these answers and their keys; the oldest goes first. Default 64 MiB.
    pub idempotency_bytes_max: usize,

    /// Where refusals are counted. Default: counters of its own.
    pub counters: Counters,
    /// The account of what is held because of HTTP clients. Default: one without a maximum.
    pub memory: Memory,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: vec!["127.0.0.1:5555".to_owned()],
            dialect: Dialect::Zmws1,
            pool_max: 64,
            broker_connections: 4,
            body_form: BodyForm::V1,
            api: true,
            result_timeout: Duration::from_secs(60),
            acknowledge_timeout: Duration::from_secs(5),
            asked_timeout_max: None,
            connect_wait: Duration::from_secs(1),
            in_flight_max: 10_000,
            param_max: 64 << 20,
            result_max: 64 << 20,
            responses_max: 256 << 20,
            connections_max: 20_000,
            connections_per_address: 15_000,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            head_max: 64 << 10,
            body_max: 8 << 20,
            bodies_max: 256 << 20,
            drain: Duration::from_secs(30),
            origins: Origins::Any,
            tokens: None,
            access_log: None,
            idempotency_ttl: Duration::from_secs(24 * 60 * 60),
            idempotency_max: 10_000,
            idempotency_bytes_max: 64 << 20,
            counters: Counters::default(),
            memory: Memory::default(),
        }
    }
}
