//! ZeroMQ sockets on tokio: the only place that owns sockets of ZMTP.

mod dealer;

pub use dealer::{Dealer, DealerEvent, DealerOptions, DealerSender, SendError};
