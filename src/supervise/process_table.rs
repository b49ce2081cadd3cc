//! One look at the machine and the broker: who is whose child, how much memory each holds, and which of the broker's
//! workers is which process.
//!
//! A worker tells nobody its process id, but its connection has a port at this end, too: the kernel says which process
//! has it, the broker says which worker it is. So limits and gentle stops hold for workers that know nothing of
//! them, such as PHP's. A worker of another machine's broker is not found, and is treated as any program.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use procfs::process::{FDTarget, Process, all_processes};

use crate::admin::status::Worker;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct ProcessTable {
    /// Children by parent.
    children: HashMap<u32, Vec<u32>>,
    /// Resident bytes by process.
    memory: HashMap<u32, u64>,
    /// Workers by the address at their end of the connection.
    workers: HashMap<SocketAddr, Worker>,
    /// Addresses at this end, by the number of the socket.
    sockets: HashMap<u64, SocketAddr>,
}

impl ProcessTable {
    /// Looks at the processes, and at the connections of `workers`, if there are any.
    pub(super) fn look(workers: Vec<Worker>) -> Self {
        let mut table = Self::default();
        let page = procfs::page_size();
        for process in all_processes().into_iter().flatten().filter_map(Result::ok) {
            let Ok(stat) = process.stat() else { continue };
            let (Ok(pid), Ok(parent)) = (u32::try_from(stat.pid), u32::try_from(stat.ppid)) else { continue };
            table.children.entry(parent).or_default().push(pid);
            table.memory.insert(pid, stat.rss.saturating_mul(page));
        }
        if !workers.is_empty() {
            table.workers =
                workers.into_iter().filter_map(|worker| Some((end_of(&worker)?, worker))).collect();
            table.sockets = sockets(&table.workers);
        }
        table
    }

    /// Resident bytes of a process and of all that it has started.
    pub(super) fn memory(&self, pid: u32) -> u64 {
        self.tree(pid).iter().filter_map(|pid| self.memory.get(pid)).sum()
    }

    /// The broker's workers that a process and what it has started are.
    pub(super) fn workers(&self, pid: u32) -> Vec<&Worker> {
        if self.sockets.is_empty() {
            return Vec::new();
        }
        let of_process = |pid: u32| {
            let pid = i32::try_from(pid).ok()?;
            let descriptors = Process::new(pid).ok()?.fd().ok()?;
            Some(descriptors.filter_map(Result::ok).filter_map(|fd| match fd.target {
                FDTarget::Socket(number) => self.sockets.get(&number),
                _ => None,
            }))
        };
        // Two processes may share a connection.
        let ends: HashSet<_> = self.tree(pid).into_iter().filter_map(of_process).flatten().collect();
        ends.into_iter().filter_map(|end| self.workers.get(end)).collect()
    }

    /// A process and what it has started, and what these have started.
    fn tree(&self, pid: u32) -> Vec<u32> {
        let (mut tree, mut seen) = (vec![pid], 0);
        while let Some(&parent) = tree.get(seen) {
            seen += 1;
            // Read at different moments, the table could have a circle.
            let children = self.children.get(&parent).into_iter().flatten();
            let new: Vec<u32> = children.filter(|child| !tree.contains(child)).copied().collect();
            tree.extend(new);
        }
        tree
    }
}

fn end_of(worker: &Worker) -> Option<SocketAddr> {
    worker.address.parse().ok().map(canonical)
}

/// The sockets of this machine that are a worker's end of its connection.
fn sockets(workers: &HashMap<SocketAddr, Worker>) -> HashMap<u64, SocketAddr> {
    let all =
        procfs::net::tcp().unwrap_or_default().into_iter().chain(procfs::net::tcp6().unwrap_or_default());
    all.map(|entry| (entry.inode, canonical(entry.local_address)))
        .filter(|(_, local)| workers.contains_key(local))
        .collect()
}

/// The same address for IPv4 and for IPv4 within IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_process_is_known_by_its_end_of_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let address = stream.local_addr().expect("connected").to_string();
        let other =
            TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").to_string();
        let worker = |address| Worker { address, ..Worker::default() };
        let table =
            ProcessTable::look(vec![worker(address.clone()), worker(other), worker("nonsense".to_owned())]);
        let found: Vec<_> = table.workers(std::process::id()).iter().map(|worker| &worker.address).collect();
        assert_eq!(found, [&address]);
        assert!(table.workers(u32::MAX).is_empty());
    }

    #[test]
    fn memory_is_that_of_all_a_process_has_started() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let table = ProcessTable::look(Vec::new());
        let (own, both) = (table.memory[&std::process::id()], table.memory(std::process::id()));
        child.kill().expect("it runs");
        child.wait().expect("it was killed");
        assert!(table.memory[&child.id()] > 0);
        assert!(both >= own + table.memory[&child.id()], "{both} of {own}");
    }
}
