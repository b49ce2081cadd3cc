//! Workers on real sockets, and recorded conversations of upstream's worker played to ours.

mod conversation;
mod fake;
#[cfg(unix)]
mod programs;
mod served;
mod traces;
