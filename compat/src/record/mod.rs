//! The recorder: a transparent TCP proxy that writes down what passes.
//!
//! Bytes are passed on before they are looked at, and never altered. What cannot be read is said in the trace
//! and passes on all the same. A recording that cannot keep up slows the traffic rather than lose a part
//! of it.

mod mask;
mod proxy;
mod recorder;
mod trace_writer;

pub use mask::Mask;
pub use proxy::{Route, record};
pub use recorder::Recorder;
pub use trace_writer::{RecordOptions, TraceWriter};

use bytes::Bytes;

use crate::trace::{ConnIndex, Side};

/// What the proxy saw, in the order in which it saw it.
#[derive(Debug)]
pub struct Seen {
    /// Microseconds since the recording began.
    pub at: u64,
    /// On which connection, counted by the proxy.
    pub conn: ConnIndex,
    pub what: Observed,
}

#[derive(Debug)]
pub enum Observed {
    /// A peer came, at this route.
    Open(usize),
    /// Nobody listened where it wanted to go.
    Refused(usize),
    Bytes(Side, Bytes),
    /// One side ended.
    Close(Side),
}
