//! Record, replay and compare zmws traffic.

#![allow(
    missing_docs,
    reason = "the inside of two programs and their tests: what a name says is not said again"
)]

pub mod classify;
pub mod cli;
pub mod conversation;
pub mod differ;
pub mod gateway;
pub mod in_memory;
pub mod known_differences;
pub mod mutate;
mod original;
pub mod over_tcp;
pub mod programs;
pub mod record;
mod reorder;
pub mod replay;
pub mod report;
pub mod rules;
pub mod script;
pub mod stream;
mod stub_worker;
pub mod suite;
pub mod target;
pub mod trace;
pub mod worker_replay;
