//! What HTTP clients may make the gateway hold, and for how long.

use std::time::Duration;

use zmws::duration;
use zmws::gateway::Config;

use crate::cli::process;

/// The gateway's bounds.
#[derive(Debug, clap::Args)]
pub(super) struct GatewayLimits {
    /// Requests in flight before the answer is 429
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 10_000)]
    pub(super) in_flight_max: usize,

    /// Connections to the broker, over which requests are spread
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 4)]
    broker_connections: usize,

    /// Seconds an acknowledgement or a list may take before the answer is 504
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "5")]
    acknowledge_timeout: Duration,

    /// Seconds a request waits for a broker that is away before the answer is 503
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1")]
    connect_wait: Duration,

    /// Megabytes of the largest request body
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 8)]
    body_max_mb: usize,

    /// Megabytes of all requests that are held at a time, and of what is made of them, before the answer is 503
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 256)]
    bodies_max_mb: usize,

    /// Megabytes of the largest parameter as it is sent to the broker, before the answer is 413
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 64)]
    param_max_mb: usize,

    /// Megabytes of the largest result, before the answer is 502
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 64)]
    result_max_mb: usize,

    /// Megabytes of all answers that clients have not taken, before the answer is 503
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 256)]
    responses_max_mb: usize,

    /// Kilobytes of the largest request head, 8 at least, before the answer is 431
    #[arg(long, value_name = "KB", value_parser = process::one_or_more, default_value_t = 64)]
    head_max_kb: usize,

    /// Seconds for a request's head, and between two requests
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60")]
    head_timeout: Duration,

    /// Seconds for a request's body before the answer is 408
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60")]
    body_timeout: Duration,

    /// Seconds that a client may let an answer lie before its connection is closed
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30")]
    write_timeout: Duration,

    /// Connections of HTTP clients
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 20_000)]
    http_connections_max: usize,

    /// Connections of HTTP clients from one address
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 15_000)]
    http_connections_per_address: usize,

    /// Answers to an Idempotency-Key that are kept
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 10_000)]
    idempotency_max: usize,

    /// Megabytes of these answers
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 64)]
    idempotency_max_mb: usize,
}

impl GatewayLimits {
    /// The settings that they are.
    pub(super) fn apply(&self, config: Config) -> Config {
        Config {
            in_flight_max: self.in_flight_max,
            broker_connections: self.broker_connections,
            acknowledge_timeout: self.acknowledge_timeout,
            connect_wait: self.connect_wait,
            body_max: self.body_max_mb << 20,
            bodies_max: self.bodies_max_mb << 20,
            param_max: self.param_max_mb << 20,
            result_max: self.result_max_mb << 20,
            responses_max: self.responses_max_mb << 20,
            head_max: self.head_max_kb << 10,
            head_timeout: self.head_timeout,
            body_timeout: self.body_timeout,
            write_timeout: self.write_timeout,
            connections_max: self.http_connections_max,
            connections_per_address: self.http_connections_per_address,
            idempotency_max: self.idempotency_max,
            idempotency_bytes_max: self.idempotency_max_mb << 20,
            ..config
        }
    }
}
