//! The HTTP gateway on real sockets, with a broker and workers in this process.

mod access;
mod api;
mod classic;
mod crosstalk;
mod fate;
mod foreign;
mod http;
mod keep_alive;
mod limits;
mod manners;
mod streams;
mod world;
