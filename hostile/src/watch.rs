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
    /// The books of those who show them.
    pub(crate) books: Vec<Books>,
}

/// What a process says that it holds, and what it holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// Whose.
    pub(crate) name: String,
    /// The most that it had above what it had at the beginning.
    pub(crate) above: u64,
    /// The most that the accounts had, if they are shown.
    pub(crate) accounts: Option<u64>,
    /// What it had above its beginning, and the most that the accounts had had until then, when these were furthest apart.
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
    /// Begins to look, for as long as the attack goes on. What the accounts say is asked four times a second, at the ports
    /// of `shown_at`.
    pub(crate) fn start(watched: &[Watched], shown_at: &[(&str, u16)], attacker: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let named = |name: &str| watched.iter().find(|one| one.name == name).map(|one| one.pid);
        let shown = shown_at.iter().filter_map(|&(name, port)| Some((name.to_owned(), named(name)?, port)));
        let shown: Vec<(String, u32, u16)> = shown.collect();
        let books = shown.iter().map(|(name, ..)| Books { name: name.clone(), ..Books::default() }).collect();
        let seen = Arc::new(Mutex::new(Seen { books, ..Seen::default() }));
        let mut threads = Vec::new();
        {
            let (stop, seen, watched) = (Arc::clone(&stop), Arc::clone(&seen), watched.to_vec());
            threads.push(std::thread::spawn(move || look(&stop, &seen, &watched, attacker)));
        }
        for (which, (_, pid, port)) in shown.into_iter().enumerate() {
            let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
            threads.push(std::thread::spawn(move || ask(&stop, &seen, which, port, pid)));
        }
        Self { stop, seen, threads }
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
    let at_first: Vec<u64> = watched.iter().map(|one| proc::resident(one.pid)).collect();
    while !stop.load(Ordering::Relaxed) {
        for (one, at_first) in watched.iter().zip(&at_first) {
            let resident = proc::resident(one.pid);
            let mut seen = seen.lock().expect("nobody panics with it");
            if resident > seen.peak {
                seen.peak = resident;
                seen.whose.clone_from(&one.name);
            }
            if let Some(books) = seen.books.iter_mut().find(|books| books.name == one.name) {
                books.above = books.above.max(resident.saturating_sub(*at_first));
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

/// An allocator keeps what was given back: what the accounts had once explains what the process has now.
fn ask(stop: &AtomicBool, seen: &Mutex<Seen>, which: usize, port: u16, pid: u32) {
    let at_first = proc::resident(pid);
    while !stop.load(Ordering::Relaxed) {
        let before = proc::resident(pid);
        let accounts = metrics::read(port, Duration::from_secs(1)).and_then(|metrics| metrics.accounts);
        let above = before.min(proc::resident(pid)).saturating_sub(at_first);
        let mut seen = seen.lock().expect("nobody panics with it");
        let books = &mut seen.books[which];
        books.accounts = books.accounts.max(accounts);
        let most = books.accounts.unwrap_or(0);
        if above.saturating_sub(most) > books.unaccounted.0.saturating_sub(books.unaccounted.1) {
            books.unaccounted = (above, most);
        }
        drop(seen);
        std::thread::sleep(Duration::from_millis(250));
    }
}
