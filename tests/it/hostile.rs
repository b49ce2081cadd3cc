//! Peers that mean ill or know no better, against the real broker, while somebody else is being served.
//!
//! Each test has a broker, a worker and a bystander. After the attack the bystander has noticed
//! nothing, the broker's memory never went above what is bounded, and its log has no panic.

mod answers;
mod bounds;
mod broker;
mod bytes;
mod floods;
mod lists;
mod messages;
mod names;

use crate::support::broker::Broker;
use crate::support::bystander::Bystander;
use crate::support::raw::RawWorker;
use zmws::message::Dialect;

const SERVICE: &str = "REVERSE";

/// What a broker may take that holds nothing for anybody, in MiB.
const ROOM: u64 = 64;

/// A broker with a worker and a bystander.
struct Scene {
    // In the order in which they must go.
    bystander: Option<Bystander>,
    worker: Option<RawWorker>,
    broker: Broker,
}

impl Scene {
    fn set(flags: &[&str]) -> Self {
        let broker = Broker::start(flags);
        let worker = RawWorker::start(broker.workers, Dialect::Zmws1, SERVICE);
        broker.wait_for_workers(SERVICE, 1);
        let bystander = Bystander::start(broker.clients, SERVICE);
        Self { bystander: Some(bystander), worker: Some(worker), broker }
    }

    /// The same with nobody else, for attacks on what all share.
    fn set_alone(flags: &[&str]) -> Self {
        Self { bystander: None, worker: None, broker: Broker::start(flags) }
    }

    /// All is well, and the broker never took more than [`ROOM`] and these MiB.
    fn must_be_unharmed(mut self, attack: &str, bounded_mib: u64) {
        let served = self.bystander.take().map(Bystander::finish);
        let peak = self.broker.program.memory_kib("VmHWM") >> 10;
        let after = self.broker.program.memory_kib("VmRSS") >> 10;
        println!("{attack}: {served:?}, memory {peak} MiB at most, {after} MiB after");
        assert!(peak < ROOM + bounded_mib, "{peak} MiB, {ROOM} + {bounded_mib} are allowed");
        if let Some(worker) = self.worker.take() {
            self.broker.serves(SERVICE, crate::support::PATIENCE);
            drop(worker);
        }
    }
}

/// Thousands of connections are more than a process may have by default.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a process may raise its limit to its own maximum");
}
