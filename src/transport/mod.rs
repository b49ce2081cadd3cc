//! ZeroMQ sockets on tokio: the only place that owns sockets of ZMTP.
//!
//! - [`Router`] and [`Publisher`] accept; they live on one thread (a `LocalSet`) and never wait for a peer.
//! - [`Dealer`] and [`Subscriber`] connect, and connect again; they are `Send` and run on any runtime.
//!
//! Nothing here knows what a job is. All bytes go through [`crate::zmtp::Engine`].
//!
//! Invariants:
//! - what a peer announces never allocates; what it sends is weighed, and bounded for itself and for all peers together;
//! - a frame is a slice of a read buffer of 128 KiB at most, or, above [`SLICE_MAX`](crate::zmtp::SLICE_MAX), a buffer of
//!   its own of just its length; what waits for long is never a slice;
//! - peers are served in rounds: who sends much waits for itself;
//! - a peer that does not read costs its own connection, never anybody's time;
//! - for each peer its `Came`, its messages and its `Left` are handed out in that order, and none is dropped; messages of
//!   a peer whose identity is in use may be handed out before its `Came`, to be refused.

mod connection;
mod dealer;
mod hub;
mod identity;
mod inbox;
mod left;
mod listen;
mod liveness;
mod options;
mod pressure;
mod publisher;
mod reader;
mod router;
mod sender;
mod signal;
mod subscriber;
mod subscriptions;

pub use dealer::{Dealer, DealerEvent, DealerOptions};
pub use left::LeftReason;
pub use options::{ConnectionLimit, Counters, ListenerOptions};
pub use publisher::Publisher;
pub use router::{Router, RouterEvent, RouterSendError};
pub use sender::{DealerSender, SendError};
pub use subscriber::Subscriber;
pub use subscriptions::Interest;

#[cfg(test)]
mod tests;
