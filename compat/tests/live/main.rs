//! Real sockets, real time, real programs.

mod killed;
mod programs;
mod record;
mod sockets;
