//! zmws: a work server. Clients send named jobs, workers do them.

pub mod duration;
pub mod job;
pub mod memory;
pub mod message;

pub mod admin;
pub mod broker;
pub mod params;
pub mod wire;
pub mod zmtp;

#[cfg(feature = "transport")]
pub mod log_writer;
#[cfg(feature = "transport")]
pub mod transport;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "server")]
pub mod server;
pub mod store;
#[cfg(feature = "worker")]
pub mod worker;

#[cfg(feature = "console")]
pub mod console;
#[cfg(feature = "supervise")]
pub mod supervise;
