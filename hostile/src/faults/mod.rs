//! No malice, but misfortune: proxies that cut, delay and split; workers of all dialects that die at random; a broker that
//! is stopped and goes on. What is asked must have one answer, the right one, whatever happens between.
//!
//! A client whose connection was cut knows that it does not know: what it had asked counts as cut off. All others must
//! be answered. A job may be done twice, when a worker was lost with it; it may not be answered twice.

mod peers;
mod proxy;
mod tally;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;

use crate::attack::Setting;
use crate::clock::{now, poll};
use crate::dialect::DIALECTS;
use crate::proc;
use crate::stage::{Program, Stage};
pub(crate) use peers::is_known;
use peers::{Asked, Client};
use proxy::{Manners, Proxy};
use tally::Tally;

/// The service of the workers that are ours.
const SERVICE: &str = "FAULTS";

/// How long all that was asked may take when the faults are over.
const DRAIN: Duration = Duration::from_secs(30);

/// A worker may be lost with a job as often as it likes: a job that is given up would be no fault of the broker.
const SETTING: Setting =
    Setting { broker: &["--max-attempts=1000", "--heartbeat-interval=1"], ..Setting::PLAIN };

/// What all threads look at.
#[derive(Clone, Default)]
struct Weather {
    /// No more faults, and no more questions.
    calm: Arc<AtomicBool>,
    /// All is over.
    over: Arc<AtomicBool>,
}

impl Weather {
    fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// `faults [--seconds N] [--seed N]`.
pub(crate) fn run(words: &[&str], zmws: &Path) -> Result<bool, String> {
    let (mut seconds, mut seed) = (60, 1);
    for pair in words.chunks(2) {
        let [word, number] = pair else { return Err(format!("faults does not know {pair:?}")) };
        let number: u64 = number.parse().map_err(|_| format!("{number} is no number"))?;
        match *word {
            "--seconds" => seconds = number,
            "--seed" => seed = number,
            other => return Err(format!("faults does not know {other:?}")),
        }
    }
    let program = Program { path: zmws.to_owned(), memory_max: None };
    let mut stage = Stage::start(&SETTING, &program).map_err(|error| error.to_string())?;
    let tally = play(&stage, Duration::from_secs(seconds), seed).map_err(|error| error.to_string())?;
    println!("{seconds} s of faults, seed {seed}\n{}", tally.text());
    let ended = stage.ended();
    let panicked = stage.logs().contains("panicked at");
    for what in &ended {
        println!("ended: {what}");
    }
    if panicked {
        println!("a panic in the log");
    }
    let is_good = tally.is_good() && ended.is_empty() && !panicked;
    println!("{}", if is_good { "holds" } else { "does not hold" });
    Ok(is_good)
}

fn play(stage: &Stage, length: Duration, seed: u64) -> std::io::Result<Tally> {
    let (weather, tally) = (Weather::default(), tally::Book::default());
    let mut random = fastrand::Rng::with_seed(seed);
    let proxy =
        |port, manners, random: &mut fastrand::Rng| Proxy::start(port, random.u64(..), manners, &weather);
    let calm_way = proxy(stage.ports.clients, Manners::Delays, &mut random)?;
    let cut_way = proxy(stage.ports.clients, Manners::Cuts, &mut random)?;
    let workers_way = proxy(stage.ports.workers, Manners::Cuts, &mut random)?;

    let mut workers: Vec<JoinHandle<()>> = Vec::new();
    for dialect in DIALECTS.into_iter().chain(DIALECTS) {
        let (seed, weather, tally) = (random.u64(..), weather.clone(), tally.clone());
        let port = workers_way.port;
        workers.push(std::thread::spawn(move || peers::worker(port, dialect, seed, &weather, &tally)));
    }
    workers.push(peers::news(stage.ports.news, &weather, &tally)?);
    let (zmws, mark) = (stage.zmws(), stage.mark().1.to_owned());
    let (port, their_seed, their_weather) = (workers_way.port, random.u64(..), weather.clone());
    workers.push(std::thread::spawn(move || peers::programs(&zmws, &mark, port, their_seed, &their_weather)));

    // A service that no worker ever offered is refused, and rightly.
    for service in [SERVICE, "STR-REV"] {
        let known = poll(DRAIN, || peers::is_known(stage.ports.clients, service).then_some(()));
        known.ok_or_else(|| std::io::Error::other(format!("nobody offers {service}")))?;
    }
    let mut clients = Vec::new();
    for (number, dialect) in DIALECTS.into_iter().chain(DIALECTS).enumerate() {
        for (way, cuts) in [(&calm_way, false), (&cut_way, true)] {
            let asked = match number % 4 {
                0 if number > 3 => Asked::Reversed,
                1 if number > 3 => Asked::Background,
                _ => Asked::Echo,
            };
            let name = format!("{dialect:?}-{number}-{}", if cuts { "cut" } else { "calm" });
            let client = Client { name, port: way.port, dialect, asked, cuts };
            let (weather, tally) = (weather.clone(), tally.clone());
            clients.push(std::thread::spawn(move || client.run(&weather, &tally)));
        }
    }
    misfortune(stage, length, &mut random);
    weather.calm.store(true, Ordering::Relaxed);
    // Clients end when they have their answers or have waited for too long.
    for client in clients {
        let _ = client.join();
    }
    let _ = poll(DRAIN, || tally.has_all_of_background().then_some(()));
    weather.over.store(true, Ordering::Relaxed);
    for worker in workers {
        let _ = worker.join();
    }
    Ok(tally.take())
}

/// The broker is stopped and goes on, now and then, until the time is over.
fn misfortune(stage: &Stage, length: Duration, random: &mut fastrand::Rng) {
    let broker = stage.watched.iter().find(|one| one.name == "broker").map_or(0, |one| one.pid);
    let end = now() + length;
    while now() < end {
        let pause = Duration::from_millis(random.u64(1000..4000));
        std::thread::sleep(pause.min(end.saturating_duration_since(now())));
        proc::signal(broker, Signal::STOP);
        std::thread::sleep(Duration::from_millis(random.u64(50..900)));
        proc::signal(broker, Signal::CONT);
    }
}
