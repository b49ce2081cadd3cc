//! Who looks at the processes while they are under attack.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::stage::Watched;
use crate::{metrics, proc};

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The most memory of a single process, in bytes, and whose.
    pub(crate) peak: u64,
    pub(crate) whose: String,
    /// The most that the broker had above what it had at the beginning.
    pub(crate) broker_above: u64,
    /// The most that the accounts had, if they are shown.
    pub(crate) accounts: Option<u64>,
    /// What the broker had above its beginning, and the most that the accounts had had until then, when these were
    /// furthest apart.
    pub(crate) unaccounted: (u64, u64),
}

/// Looks until it is finished.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

/// A process that holds more than this is a danger to the machine: its attack is ended.
const DANGER: u64 = 5 << 30;

impl Watch {
    /// Begins to look, for as long as the attack goes on. What the accounts say is asked four times a second.
    pub(crate) fn start(watched: &[Watched], admin: u16, attacker: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let looks = {
            let (stop, seen, watched) = (Arc::clone(&stop), Arc::clone(&seen), watched.to_vec());
            std::thread::spawn(move || look(&stop, &seen, &watched, attacker))
        };
        let asks = {
            let (stop, seen, broker) = (Arc::clone(&stop), Arc::clone(&seen), broker(watched));
            std::thread::spawn(move || ask(&stop, &seen, admin, broker))
        };
        Self { stop, seen, threads: vec![looks, asks] }
    }

    /// Ends it.
    pub(crate) fn finish(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.seen.lock().expect("nobody panics with it").clone()
    }
}

fn look(stop: &AtomicBool, seen: &Mutex<Seen>, watched: &[Watched], attacker: u32) {
    let broker = broker(watched);
    let at_first = proc::resident(broker);
    while !stop.load(Ordering::Relaxed) {
        for one in watched {
            let resident = proc::resident(one.pid);
            let mut seen = seen.lock().expect("nobody panics with it");
            if resident > seen.peak {
                seen.peak = resident;
                seen.whose.clone_from(&one.name);
            }
            if one.pid == broker {
                seen.broker_above = seen.broker_above.max(resident.saturating_sub(at_first));
            }
            if resident > DANGER {
                proc::kill(attacker);
            }
        }
        std::thread::sleep(Duration::from_millis(15));
    }
    // What came and went between two looks.
    let mut seen = seen.lock().expect("nobody panics with it");
    for one in watched {
        let peak = proc::resident_peak(one.pid);
        if peak > seen.peak {
            seen.peak = peak;
            seen.whose.clone_from(&one.name);
        }
    }
}

fn broker(watched: &[Watched]) -> u32 {
    watched.iter().find(|one| one.name == "broker").map_or(0, |one| one.pid)
}

/// An allocator keeps what was given back: what the accounts had once explains what the process has now.
fn ask(stop: &AtomicBool, seen: &Mutex<Seen>, admin: u16, broker: u32) {
    let at_first = proc::resident(broker);
    while !stop.load(Ordering::Relaxed) {
        let before = proc::resident(broker);
        let accounts = metrics::read(admin, Duration::from_secs(1)).and_then(|metrics| metrics.accounts);
        let above = before.min(proc::resident(broker)).saturating_sub(at_first);
        let mut seen = seen.lock().expect("nobody panics with it");
        seen.accounts = seen.accounts.max(accounts);
        let most = seen.accounts.unwrap_or(0);
        if above.saturating_sub(most) > seen.unaccounted.0.saturating_sub(seen.unaccounted.1) {
            seen.unaccounted = (above, most);
        }
        drop(seen);
        std::thread::sleep(Duration::from_millis(250));
    }
}
