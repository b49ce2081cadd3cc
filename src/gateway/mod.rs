//! The HTTP door: jobs by URL, answers in the bodies that the PHP gateway gave.
//!
//! A client of the broker like any other: it knows nothing of the broker's insides, and works in
//! front of PHP's as well. HTTP itself is hyper's.
//!
//! - `request`: what a request asks for; pure.
//! - `response`: what an answer looks like; pure.
//! - `refusal`: what goes wrong at the door, as a status and a few words; pure.
//! - `classic`: the old paths, `/SERVICE?query`, `/SYNC-SERVICE?query`, `/SERVER-WORKERS`.
//! - `api`: the paths under `/v1/`.
//! - `http`: the port, and what HTTP asks of every request.
//! - `connection`: one client's connection; `idle`: when it is between two requests.
//!
//! Invariants:
//! - every request is answered or its connection closed: each wait has a limit;
//! - a client who goes away releases what it holds, by the drop of its request's future;
//! - which answer belongs to which request is `client::session`'s doing, and nowhere touched here.

mod access;
mod api;
mod body;
mod classic;
mod config;
mod connection;
mod http;
mod idle;
mod log;
mod payload;
mod refusal;
pub mod request;
mod response;
mod stall;

pub use access::{Origins, TokenError, Tokens};
pub use config::{BodyForm, Config};
pub use http::{bind, serve};
pub use log::{AccessLog, LogForm};

#[cfg(test)]
mod tests;
