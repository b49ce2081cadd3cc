//! ZeroMQ sockets on tokio: the only place that owns sockets of ZMTP.
//!
//! - [`Router`] and [`Publisher`] accept; they live on one thread (a `LocalSet`) and never wait for a peer.
//! - [`Dealer`] and [`Subscriber`] connect, and connect again; they are `Send` and run on any runtime.
//!
//! Nothing here knows what a job is. All bytes go through [`crate::zmtp::Engine`].
//!
//! Invariants:
//! - what a peer announces never allocates; what it sends is bounded for itself and for all peers together;
//! - a peer that does not read costs its own connection, never anybody's time;
//! - for each peer its `Came`, its messages and its `Left` are handed out in that order, and none is dropped.

mod connection;
mod dealer;
mod hub;
mod janitor;
mod publisher;
mod router;
mod subscriber;
mod subscriptions;

pub use connection::LeftReason;
pub use dealer::{Dealer, DealerEvent, DealerOptions, DealerSender, SendError};
pub use hub::{Counters, ListenerOptions};
pub use publisher::Publisher;
pub use router::{Router, RouterEvent, RouterSendError};
pub use subscriber::Subscriber;
pub use subscriptions::Interest;

#[cfg(test)]
mod tests;
