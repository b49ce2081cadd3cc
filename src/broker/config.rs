//! What a broker's owner may set.

use std::collections::HashMap;

use crate::job::ServiceName;
use crate::memory::Memory;

/// What the broker may be told to do otherwise.
#[derive(Clone, Debug)]
pub struct Config {
    /// Time between two heartbeats to an idle worker, in milliseconds. Default 5 000. A PHP worker
    /// looks for another broker after three of its own intervals without one.
    pub heartbeat_ms: u64,
    /// Heartbeats an idle worker may miss before it is dropped. Default 3; lower loses live workers
    /// to a slow network, higher lets jobs be given to dead ones.
    pub missed_max: u32,
    /// Workers a job may take down before it is failed. Default 5; 0 counts as 1.
    pub attempts_max: u32,
    /// How long a job may run, in milliseconds, before it is taken from its worker; by service.
    pub job_timeout_ms: HashMap<ServiceName, u64>,
    /// The same for the services not named. Default none: a job may run for ever.
    pub job_timeout_default_ms: Option<u64>,
    /// How long a Majordomo request waits for a worker of an unknown service, in milliseconds.
    /// Default 60 000.
    pub hold_ms: u64,
    /// Ended jobs that are remembered. Default 100.
    pub history_max: usize,
    /// Bytes of those, of which the parameters are the most. Default 64 MiB; the oldest is forgotten first.
    pub history_bytes_max: usize,
    /// Jobs that are kept whole after they have lost `attempts_max` workers, to be looked at and tried again.
    /// Default 1 000; the oldest is forgotten first.
    pub dead_max: usize,
    /// Bytes of the parameters of those. Default 64 MiB.
    pub dead_bytes_max: usize,
    /// Jobs queued in one service. Default 1 000 000.
    pub queued_per_service_max: usize,
    /// Jobs queued in all services together. Default 4 000 000.
    pub queued_max: usize,
    /// Bytes of parameters and return envelopes of jobs queued and active. Default 1 GiB.
    pub bytes_max: usize,
    /// Services that are remembered because a worker offered them; and as many again for which requests are
    /// held. Default 65 536.
    pub services_max: usize,
    /// Where job ids begin: from the clock or the system's randomness at the edge.
    pub seed: u64,
    /// The books that all that is held is weighed in. Default: books of its own, without a maximum. Where they are full,
    /// jobs and offers of services are refused.
    pub memory: Memory,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_ms: 5_000,
            missed_max: 3,
            attempts_max: 5,
            job_timeout_ms: HashMap::new(),
            job_timeout_default_ms: None,
            hold_ms: 60_000,
            history_max: 100,
            history_bytes_max: 64 << 20,
            dead_max: 1_000,
            dead_bytes_max: 64 << 20,
            queued_per_service_max: 1_000_000,
            queued_max: 4_000_000,
            bytes_max: 1 << 30,
            services_max: 65_536,
            seed: 0,
            memory: Memory::default(),
        }
    }
}
