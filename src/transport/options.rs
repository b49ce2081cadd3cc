//! How a listening socket behaves, and what it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::left::LeftReason;
use crate::memory::Memory;
use crate::zmtp::Limits;

/// How a listening socket behaves.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// What a peer may send in a frame and in a message.
    pub limits: Limits,
    /// How long greeting and READY may take. Default 10 s; shorter loses peers behind bad lines, longer
    /// lets those who never finish hold connections.
    pub handshake: Duration,
    /// PING after this long without a byte from a 3.1 peer; closed after as long again without one.
    /// Default 5 s; zero for never.
    pub ping: Duration,
    /// How long a message may take from its first byte to its last, beside [`ListenerOptions::message_rate_min`].
    /// Default 30 s.
    pub message_time: Duration,
    /// Bytes a second that a message must come at after that. Default 64 KiB: at this rate 60 MB take a quarter of an hour.
    /// Higher loses peers behind slow lines, lower lets those who never finish hold memory.
    pub message_rate_min: usize,
    /// Connections at a time. Default 16 384; the next one is closed at once.
    pub connections_max: usize,
    /// Connections that several sockets share. Default: none are shared.
    pub connections: ConnectionLimit,
    /// Bytes that may wait for a peer, large messages (above a quarter of this) and what it has taken in the last seconds
    /// not counted. Default 16 MiB; then it is disconnected.
    pub unread_max: usize,
    /// How long a peer with more than [`ListenerOptions::unread_max`] waiting may take nothing of it. Default 10 s.
    pub unread_time: Duration,
    /// Bytes of unfinished messages of all peers together. Default 512 MiB; then who holds most and moves least is
    /// disconnected.
    pub unfinished_max: usize,
    /// Topics that a subscriber may have. Default 1 024; a further one is not taken.
    pub topics_max: usize,
    /// Bytes in all topics of a subscriber. Default 64 KiB; a further one is not taken.
    pub topic_bytes_max: usize,
    /// The books that all is weighed in. Default: books of its own, without a maximum.
    pub memory: Memory,
    /// Whether a new connection takes over an identity that is in use. Default no: the first one stays,
    /// unless it turns out to be dead (original.md quirks 16 and 34).
    pub handover: bool,
    /// How long a connection may wait for an identity that is in use until its messages are handed out to be refused.
    /// Default 30 s.
    pub identity_time: Duration,
    /// Where the automatic identities begin.
    pub seed: u32,
    /// READY properties beyond those of RFC 23.
    pub properties: Vec<(&'static str, Bytes)>,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            handshake: Duration::from_secs(10),
            ping: Duration::from_secs(5),
            message_time: Duration::from_secs(30),
            message_rate_min: 64 << 10,
            connections_max: 16_384,
            connections: ConnectionLimit::default(),
            unread_max: 16 << 20,
            unread_time: Duration::from_secs(10),
            unfinished_max: 512 << 20,
            topics_max: 1_024,
            topic_bytes_max: 64 << 10,
            memory: Memory::default(),
            handover: false,
            identity_time: Duration::from_secs(30),
            seed: 1,
            properties: Vec::new(),
        }
    }
}

/// Connections that several sockets may have together: descriptors are the process's, not a port's. Cloning gives the same.
#[derive(Clone, Debug)]
pub struct ConnectionLimit {
    used: Arc<AtomicUsize>,
    max: usize,
}

impl ConnectionLimit {
    /// So many in all.
    pub fn new(max: usize) -> Self {
        Self { used: Arc::default(), max }
    }

    /// Room for one, until the slot is dropped; `None` if there is none.
    pub(super) fn take(&self) -> Option<ConnectionSlot> {
        let more = |used: usize| (used < self.max).then(|| used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(ConnectionSlot(Arc::clone(&self.used)))
    }
}

impl Default for ConnectionLimit {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

/// One connection's place in a [`ConnectionLimit`].
#[derive(Debug)]
pub(super) struct ConnectionSlot(Arc<AtomicUsize>);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a listening socket counted since it was bound.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections closed at once because there were too many, or no descriptor was left.
    pub refused: u64,
    /// Handshakes done.
    pub ready: u64,
    /// Connections that ended by [`LeftReason::Handshake`].
    pub handshake_timeouts: u64,
    /// Connections that ended by [`LeftReason::Protocol`].
    pub protocol_errors: u64,
    /// Connections that ended by [`LeftReason::Slow`].
    pub slow: u64,
    /// Connections that ended by [`LeftReason::InputFull`].
    pub input_full: u64,
    /// Connections that ended by [`LeftReason::MemoryFull`].
    pub memory_full: u64,
    /// Connections that ended by [`LeftReason::Stalled`].
    pub stalled: u64,
    /// Connections that ended by [`LeftReason::Misbehaved`].
    pub misbehaved: u64,
    /// Connections that ended by [`LeftReason::Vanished`].
    pub vanished: u64,
    /// Connections that found their identity in use.
    pub identity_clashes: u64,
    /// Messages of those that were handed out to be refused.
    pub held_back: u64,
}

impl Counters {
    pub(super) fn left(&mut self, reason: &LeftReason) {
        match reason {
            LeftReason::Handshake => self.handshake_timeouts += 1,
            LeftReason::Protocol(_) => self.protocol_errors += 1,
            LeftReason::Slow { .. } => self.slow += 1,
            LeftReason::InputFull { .. } => self.input_full += 1,
            LeftReason::MemoryFull { .. } => self.memory_full += 1,
            LeftReason::Stalled { .. } => self.stalled += 1,
            LeftReason::Misbehaved => self.misbehaved += 1,
            LeftReason::Vanished => self.vanished += 1,
            LeftReason::Closed | LeftReason::Lost(_) | LeftReason::Replaced | LeftReason::Shutdown => {}
        }
    }
}
