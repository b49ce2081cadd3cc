//! Workers on real sockets, and recorded conversations of upstream's worker played to ours.

mod conversation;
#[cfg(unix)]
mod examples;
mod fake;
#[path = "../support/peers.rs"]
mod peers;
#[cfg(unix)]
mod programs;
mod served;
mod traces;
