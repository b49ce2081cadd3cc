//! The HTTP gateway: jobs by URL, answers in the bodies that the PHP gateway gave.
//!
//! A client of the broker like any other: it knows nothing of the broker's insides, and works in
//! front of PHP's as well. HTTP itself is hyper's.
//!
//! - `request`: what a request asks for; pure.
//! - `response`: what an answer looks like; pure.
//! - `refusal`: what goes wrong at the gateway, as a status and a few words; pure.
//! - `legacy`: the old paths, `/SERVICE?query`, `/SYNC-SERVICE?query`, `/SERVER-WORKERS`.
//! - `front_page`: what is said at `/`; pure.
//! - `api`: the paths under `/v1/`.
//! - `http`: the port, and what HTTP asks of every request.
//! - `metrics`: what is held and who was refused, for monitoring, at a port of its own.
//! - `connection`: one client's connection; `idle`: when it is between two requests.
//!
//! - `body`, `lists`, `offload`, `address_limit`: bodies within limits; the broker's lists, asked once for all; what is long, beside
//!   the loop; connections an address.
//!
//! Invariants:
//! - every request is answered or its connection closed: each wait has a limit;
//! - what is held because of a client is weighed, and its bytes hold their weight;
//! - nothing that grows with a body or a result is done on the loop;
//! - a client who goes away releases what it holds, by the drop of its request's future;
//! - which answer belongs to which request is `client::session`'s doing, and nowhere touched here.

mod access;
mod address_limit;
mod api;
mod body;
mod config;
mod connection;
mod front_page;
mod http;
mod idle;
mod legacy;
mod lists;
mod log;
mod metrics;
mod offload;
mod payload;
mod refusal;
pub mod request;
mod response;
mod stall;

pub use access::{Origins, TokenError, Tokens};
pub use config::{BodyForm, Config};
pub use http::{bind, serve};
pub use log::{AccessLog, LogForm};
pub use metrics::{Counters, serve_metrics};

#[cfg(test)]
mod tests;
