//! What the commands of operators share: where the broker's admin port is, and how an order is given.

use std::net::{Ipv4Addr, SocketAddr};

use zmws::console::operation::Operation;
use zmws::console::{output, text};
use zmws::supervise::admin::{Admin, Place};
use zmws::supervise::program::Fleet;

use super::Failure;
use super::site::ConfigArg;

/// Where the broker's admin port is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AdminPort {
    /// The broker's admin port, or the path of its socket [default: that of the site in this folder, or 127.0.0.1:5581]
    #[arg(long, value_name = "IP:PORT|PATH", env = "ZMWS_ADMIN")]
    admin: Option<Place>,

    #[command(flatten)]
    config: ConfigArg,
}

impl AdminPort {
    /// It.
    ///
    /// # Errors
    ///
    /// A configuration that was named and cannot be read.
    pub(super) fn admin(&self) -> Result<Admin, Failure> {
        let fleet = if self.is_given() { None } else { self.fleet()? };
        Ok(self.admin_of(fleet.as_ref()))
    }

    /// Whether it is known without any configuration.
    pub(super) fn is_given(&self) -> bool {
        self.admin.is_some()
    }

    /// The same, if the configuration that is here is known.
    pub(super) fn admin_of(&self, fleet: Option<&Fleet>) -> Admin {
        let configured = || fleet.and_then(|fleet| fleet.admin.clone());
        let default = Place::Port(SocketAddr::from((Ipv4Addr::LOCALHOST, 5581)));
        Admin::at(self.admin.clone().or_else(configured).unwrap_or(default))
    }

    /// The configuration that is here, if there is one.
    pub(super) fn fleet(&self) -> Result<Option<Fleet>, Failure> {
        self.config.if_there()
    }
}

/// Services that an order is about. The flag is for names that begin with a dash, and was there first.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Services {
    /// Services, as STR-REV
    #[arg(value_name = "SERVICE")]
    names: Vec<String>,

    /// The same as a flag
    #[arg(long = "service", value_name = "SERVICE")]
    flagged: Vec<String>,
}

impl Services {
    /// Their names.
    pub(super) fn all(&self) -> Vec<String> {
        self.names.iter().chain(&self.flagged).cloned().collect()
    }
}

/// Gives orders, and prints what the broker says to each. One that is refused keeps none of the others back.
pub(super) async fn give_all(
    orders: impl IntoIterator<Item = Operation>,
    admin: &Admin,
) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for order in orders {
        refused.extend(give(&order, admin).await.err());
    }
    if refused.is_empty() { Ok(()) } else { Err(refused.join("\nzmws: ")) }
}

/// Gives an order, and prints what the broker says to it.
pub(super) async fn give(order: &Operation, admin: &Admin) -> Result<(), Failure> {
    let line = order.give(admin).await.map_err(|error| text::printable(&error.to_string()))?;
    say(&line)
}

/// A line on standard output.
pub(super) fn say(line: &str) -> Result<(), Failure> {
    output::print_text(&(text::printable(line) + "\n")).map_err(cannot_write)?;
    Ok(())
}

/// Why a command that only prints failed.
pub(super) fn cannot_write(error: std::io::Error) -> Failure {
    format!("cannot write to standard output: {error}")
}
