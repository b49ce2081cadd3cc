//! What the owner of a broker may set.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::broker;
use crate::memory::Memory;
use crate::transport::ListenerOptions;

/// Settings of a [`Server`](super::Server).
#[derive(Clone, Debug)]
pub struct Config {
    /// The address that all ports but that of `admin` are bound at. Default 127.0.0.1; 0.0.0.0 opens them to the network.
    pub address: IpAddr,
    /// Where clients connect. Default 5555; 0 lets the system choose.
    pub client_port: u16,
    /// Where workers connect. Default 5556; 0 lets the system choose.
    pub worker_port: u16,
    /// Where subscribers hear of each job's end. Default 5557; 0 lets the system choose.
    pub news_port: u16,
    /// Where operators and monitoring connect, over HTTP; `None`, the default, for nowhere; port 0 lets
    /// the system choose. The command `zmws broker` has 127.0.0.1:5581. Whoever reaches it can stop the work: nobody is asked for a password there.
    pub admin: Option<SocketAddr>,
    /// Whether the server starts without the port of `admin` if another program has it, with a line in the log. Default
    /// false.
    pub admin_may_lack: bool,
    /// Where operators on this machine connect, too: a socket in the file system, which only the owner of the process
    /// can open. Default none.
    pub admin_socket: Option<PathBuf>,
    /// The directory in which background jobs are kept, so that they outlive the process; it is made if it is not there.
    /// `None`, the default: in memory.
    pub data_dir: Option<PathBuf>,
    /// How long running jobs may go on once the server is told to stop. Default 10 s; then their clients
    /// hear nothing more of them.
    pub grace: Duration,
    /// The broker's own. Its seed and its books are replaced at the start.
    pub broker: broker::Config,
    /// The books of all that is held because of peers. Default: books without a maximum.
    pub memory: Memory,
    /// What holds for each of the three sockets. Their books are replaced by [`Config::memory`].
    pub sockets: ListenerOptions,
}

impl Config {
    /// The addresses of the ports, as they are set.
    pub(super) fn addresses(&self) -> Addresses {
        let at = |port| SocketAddr::new(self.address, port);
        Addresses {
            clients: at(self.client_port),
            workers: at(self.worker_port),
            news: at(self.news_port),
            admin: self.admin,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            client_port: 5555,
            worker_port: 5556,
            news_port: 5557,
            admin: None,
            admin_may_lack: false,
            admin_socket: None,
            data_dir: None,
            grace: Duration::from_secs(10),
            broker: broker::Config::default(),
            memory: Memory::default(),
            sockets: ListenerOptions::default(),
        }
    }
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Addresses {
    /// For clients.
    pub clients: SocketAddr,
    /// For workers.
    pub workers: SocketAddr,
    /// For subscribers to the news.
    pub news: SocketAddr,
    /// For operators and monitoring, unless there is no such port.
    pub admin: Option<SocketAddr>,
}
