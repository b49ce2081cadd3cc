//! What the commands of operators share: where the broker's admin port is, and how an order is given.

use std::net::{Ipv4Addr, SocketAddr};

use zmws::console::order::Order;
use zmws::console::{output, shown};
use zmws::supervise::admin::Admin;

use super::Failure;
use super::site::Configured;

/// Where the broker's admin port is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AdminPort {
    /// The broker's admin port [default: that of the configuration that is here, or 127.0.0.1:5581]
    #[arg(long, value_name = "IP:PORT", env = "ZMWS_ADMIN")]
    admin: Option<SocketAddr>,

    #[command(flatten)]
    configured: Configured,
}

impl AdminPort {
    /// It.
    ///
    /// # Errors
    ///
    /// A configuration that was named and cannot be read.
    pub(super) fn admin(&self) -> Result<Admin, Failure> {
        if let Some(admin) = self.admin {
            return Ok(Admin::at(admin));
        }
        let configured = self.configured.if_there()?.and_then(|fleet| fleet.admin);
        Ok(Admin::at(configured.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 5581)))))
    }

    /// The configuration that says where it is, and the rest of the site.
    pub(super) fn configured(&self) -> &Configured {
        &self.configured
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
