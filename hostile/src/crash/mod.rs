//! A broker that is killed at random points, again and again, over one directory of data: what it has acknowledged is done.
//!
//! Clients of all dialects ask, four workers of four dialects do, a fifth alone does a service whose order is looked at.
//! All of them come back when the broker does; a worker that has a job when it dies answers for it to the next one.

mod history;
mod peers;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{now, poll};
use crate::dialect::DIALECTS;
use crate::stage::free_ports;
use crate::{proc, zmtp};
use history::Book;
use peers::Peers;

/// Done by four workers.
const SHARED: &str = "CRASH";
/// Done by one.
const ORDERED: &str = "ORDER";

/// How long all that was acknowledged may take when the broker is left alone.
const DRAIN: Duration = Duration::from_secs(60);
/// How long a start may take.
const START: Duration = Duration::from_secs(20);

/// What all threads look at.
#[derive(Clone, Default)]
struct Weather {
    /// No more questions.
    calm: Arc<AtomicBool>,
    /// All is over.
    over: Arc<AtomicBool>,
}

/// `crash [--rounds N] [--seed N]`.
pub(crate) fn run(words: &[&str], zmws: &Path) -> Result<bool, String> {
    let (mut rounds, mut seed) = (20, 1);
    for pair in words.chunks(2) {
        let [word, number] = pair else { return Err(format!("crash does not know {pair:?}")) };
        let number: u64 = number.parse().map_err(|_| format!("{number} is no number"))?;
        match *word {
            "--rounds" => rounds = number,
            "--seed" => seed = number,
            other => return Err(format!("crash does not know {other:?}")),
        }
    }
    let began = now();
    let mut broker = Broker::new(zmws).map_err(|error| error.to_string())?;
    let book = play(&mut broker, rounds, seed).map_err(|error| error.to_string())?;
    println!("{rounds} rounds, seed {seed}, {:.0} s\n{}", began.elapsed().as_secs_f64(), book.text());
    let wrong = book.wrong(&broker.log());
    for what in &wrong {
        println!("wrong: {what}");
    }
    println!("{}", if wrong.is_empty() { "holds" } else { "does not hold" });
    broker.is_wanted = !wrong.is_empty();
    Ok(wrong.is_empty())
}

fn play(broker: &mut Broker, rounds: u64, seed: u64) -> io::Result<Book> {
    let (weather, book) = (Weather::default(), Book::default());
    let mut random = fastrand::Rng::with_seed(seed);
    let peers = Peers { ports: broker.ports, weather: weather.clone(), book: book.clone() };
    let mut workers: Vec<JoinHandle<()>> = Vec::new();
    for (dialect, service) in DIALECTS.map(|one| (one, SHARED)).into_iter().chain([(DIALECTS[1], ORDERED)]) {
        let (peers, seed) = (peers.clone(), random.u64(..));
        workers.push(std::thread::spawn(move || peers.work(dialect, service, seed)));
    }
    let mut clients = Vec::new();
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        let (peers, seed) = (peers.clone(), random.u64(..));
        clients.push(std::thread::spawn(move || peers.ask(number, dialect, seed)));
    }
    for _ in 0..rounds {
        broker.start()?;
        // Now and then in the middle of the start, mostly under load.
        std::thread::sleep(Duration::from_millis(random.u64(10..600)));
        broker.kill();
    }
    broker.start()?;
    weather.calm.store(true, Ordering::Relaxed);
    for client in clients {
        let _ = client.join();
    }
    let _ = poll(DRAIN, || book.is_all_done().then_some(()));
    weather.over.store(true, Ordering::Relaxed);
    for worker in workers {
        let _ = worker.join();
    }
    broker.kill();
    Ok(book)
}

/// The broker of a directory. What is left of it is gone when it is dropped, unless somebody wants to look at it.
struct Broker {
    zmws: PathBuf,
    dir: PathBuf,
    /// Of clients and of workers.
    ports: [u16; 2],
    flags: Vec<String>,
    child: Option<Child>,
    is_wanted: bool,
}

impl Broker {
    fn new(zmws: &Path) -> io::Result<Self> {
        let dir = std::env::temp_dir().join(format!("zmws-crash-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        let [clients, workers, news, admin] = free_ports()?;
        let flags = vec![
            format!("--client-port={clients}"),
            format!("--worker-port={workers}"),
            format!("--news-port={news}"),
            format!("--admin-port={admin}"),
            "--max-attempts=1000".to_owned(),
            "--heartbeat-interval=1".to_owned(),
            "--log-level=I".to_owned(),
            "--data-dir=data".to_owned(),
        ];
        let (zmws, ports) = (zmws.to_owned(), [clients, workers]);
        File::create(dir.join("log"))?;
        Ok(Self { zmws, dir, ports, flags, child: None, is_wanted: false })
    }

    /// Starts it, and waits neither for its ports nor for anything else.
    fn start(&mut self) -> io::Result<()> {
        let log = OpenOptions::new().append(true).open(self.dir.join("log"))?;
        let mut command = Command::new(&self.zmws);
        command.arg("broker").args(&self.flags).current_dir(&self.dir).stdin(Stdio::null());
        self.child = Some(command.stdout(log.try_clone()?).stderr(log).spawn()?);
        Ok(())
    }

    /// SIGKILL, and waits until the system has done it.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            proc::kill(child.id());
            let _ = child.wait();
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        match self.is_wanted {
            true => println!("log and data: {}", self.dir.display()),
            false => drop(fs::remove_dir_all(&self.dir)),
        }
    }
}

/// A connection to a broker that may not be there yet; `None` when all is over.
fn connected(port: u16, weather: &Weather) -> Option<zmtp::Peer> {
    let peer = poll(START, || match weather.over.load(Ordering::Relaxed) {
        true => Some(None),
        false => zmtp::Peer::dealer(port).ok().map(Some),
    });
    peer.flatten()
}
