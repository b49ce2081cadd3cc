//! Workers on real sockets, and recorded conversations of upstream's worker played to ours.

mod conversation;
#[cfg(unix)]
mod examples;
mod fake;
#[cfg(unix)]
mod programs;
mod served;
mod traces;
