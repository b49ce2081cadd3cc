//! The HTTP gateway on real sockets, with a broker and workers in this process.

mod access;
mod api;
mod crosstalk;
mod fate;
mod foreign;
mod http;
mod http_rules;
mod keep_alive;
mod legacy;
mod limits;
mod streams;
mod world;
