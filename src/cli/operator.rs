//! What the commands of operators share: where the broker's admin port is, and how an order is given.

use std::net::SocketAddr;

use zmws::console::order::Order;
use zmws::console::{output, shown};
use zmws::supervise::admin::Admin;

use super::Failure;

/// Where the broker's admin port is.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct AdminPort {
    /// The broker's admin port
    #[arg(long, value_name = "IP:PORT", env = "ZMWS_ADMIN", default_value = "127.0.0.1:5581")]
    admin: SocketAddr,
}

impl AdminPort {
    /// It.
    pub(super) fn admin(self) -> Admin {
        Admin::at(self.admin)
    }
}

/// Gives an order, and prints what the broker says to it.
pub(super) async fn give(order: &Order, admin: &Admin) -> Result<(), Failure> {
    let line = order.give(admin).await.map_err(|error| shown::printable(&error.to_string()))?;
    say(&line)
}

/// A line on standard output.
pub(super) fn say(line: &str) -> Result<(), Failure> {
    output::print_text(&(shown::printable(line) + "\n")).map_err(cannot_write)?;
    Ok(())
}

/// Why a command that only prints failed.
pub(super) fn cannot_write(error: std::io::Error) -> Failure {
    format!("cannot write to standard output: {error}")
}
