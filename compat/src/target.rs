//! What a trace is replayed against.

use bytes::Bytes;

use crate::trace::{ConnIndex, Port};

/// A broker (or several, by name) that connections can be made to. Times are microseconds since the replay
/// began.
pub trait Target {
    /// A peer connects. No other has its identity then.
    fn open(&mut self, at: u64, conn: ConnIndex, opening: &Opening<'_>);

    fn close(&mut self, at: u64, conn: ConnIndex);

    fn say(&mut self, at: u64, conn: ConnIndex, frames: Vec<Bytes>);

    /// A broker dies and begins anew.
    fn restart(&mut self, at: u64, broker: &str);

    /// The next message of a broker, if one comes before or at `until`.
    fn next(&mut self, until: u64) -> Option<Output>;

    /// How far what it does may come late or in another order, in microseconds: nothing in memory, something
    /// over a network.
    fn slack(&self) -> u64;

    /// The Unix time, in microseconds, at which the replay began.
    fn epoch(&self) -> u64;
}

#[derive(Clone, Debug)]
pub struct Opening<'a> {
    pub port: Port,
    /// Of which broker: empty but in recordings of several.
    pub broker: &'a str,
    /// The peer's own identity; empty for none.
    pub identity: Bytes,
    /// It wants to know the ids of the jobs that it waits for: it has said so in its handshake.
    pub wants_ids: bool,
}

/// The READY property by which a client wants to know ids (`server::exchange`).
pub const WANTS_IDS: &str = "X-Zmws-Ids";

#[derive(Clone, Debug)]
pub struct Output {
    pub at: u64,
    pub conn: ConnIndex,
    /// At least one frame.
    pub frames: Vec<Bytes>,
}
