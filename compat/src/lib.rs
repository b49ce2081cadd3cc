//! Record, replay and compare zmws traffic.

pub mod cli;
pub mod differ;
pub mod gateway;
pub mod glance;
pub mod glance_worker;
pub mod known;
pub mod ledger;
pub mod live;
pub mod memory;
pub mod mutate;
mod original;
pub mod programs;
pub mod record;
pub mod replay;
pub mod report;
pub mod rules;
pub mod script;
mod settle;
mod standin;
pub mod stream;
pub mod suite;
pub mod target;
pub mod trace;
pub mod worker_replay;
