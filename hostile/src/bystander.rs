//! The honest ones: at every port somebody who has nothing to do with the attack, and how they are served.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::now;
use crate::dialect::{self, Dialect, Said};
use crate::http::{self, Asker};
use crate::zmtp::Peer;

/// Their service.
pub(crate) const SERVICE: &str = "HONEST";

/// How long one answer may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who is served at which port.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Who {
    /// A client and a worker over ZeroMQ.
    Pair,
    /// A client over HTTP, whose jobs the same worker does.
    Http,
    /// A subscriber of the news of these jobs.
    News,
    /// An operator who asks whether the broker is well.
    Admin,
}

impl Who {
    pub(crate) const ALL: [Self; 4] = [Self::Pair, Self::Http, Self::News, Self::Admin];

    /// As the table names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Http => "HTTP",
            Self::News => "news",
            Self::Admin => "admin",
        }
    }

    /// The pause between two questions.
    fn pause(self) -> Duration {
        Duration::from_millis(match self {
            Self::Pair | Self::News => 5,
            Self::Http => 10,
            Self::Admin => 20,
        })
    }
}

/// One question.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    took: Duration,
    /// Whether it was answered, and rightly.
    right: bool,
}

/// How somebody was served during a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Served {
    /// Questions whose answer was awaited.
    pub(crate) asked: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Answers that were wrong or never came.
    pub(crate) wrong: usize,
}

#[derive(Clone, Default)]
struct Book(Arc<Mutex<Vec<Sample>>>);

impl Book {
    fn note(&self, at: Instant, right: bool) {
        let sample = Sample { at, took: at.elapsed(), right };
        self.0.lock().expect("nobody panics with it").push(sample);
    }

    /// What was asked between two moments. One who waits asks nothing meanwhile, so that a long wait would count as
    /// one of many: it counts as often as he would have asked.
    fn served(&self, who: Who, from: Instant, to: Instant) -> Served {
        let samples = self.0.lock().expect("nobody panics with it");
        let within: Vec<_> = samples.iter().filter(|sample| sample.at >= from && sample.at < to).collect();
        let mut times = Vec::new();
        for sample in &within {
            let mut took = sample.took;
            times.push(took);
            while took > 2 * who.pause() && times.len() < 1 << 20 {
                took -= who.pause();
                times.push(took);
            }
        }
        times.sort_unstable();
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
        Served {
            asked: within.len(),
            p50: at(50).copied().unwrap_or_default(),
            p99: at(99).copied().unwrap_or_default(),
            wrong: within.iter().filter(|sample| !sample.right).count(),
        }
    }
}

/// All of them, at work until this is dropped.
pub(crate) struct Bystanders {
    stop: Arc<AtomicBool>,
    books: HashMap<Who, Book>,
    threads: Vec<JoinHandle<()>>,
}

/// When the worker got which job.
type Begun = Arc<Mutex<HashMap<String, Instant>>>;

/// The ports at which they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) clients: u16,
    pub(crate) workers: u16,
    pub(crate) news: u16,
    pub(crate) http: u16,
    pub(crate) admin: u16,
}

impl Bystanders {
    /// Begins, once each of them was served for the first time.
    pub(crate) fn start(ports: Ports) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let books: HashMap<Who, Book> = Who::ALL.map(|who| (who, Book::default())).into();
        let begun = Begun::default();
        let mut threads = vec![worker(ports.workers, Arc::clone(&stop), Arc::clone(&begun))?];
        threads.push(subscriber(ports.news, Arc::clone(&stop), books[&Who::News].clone(), begun)?);
        let mut all = Self { stop, books, threads };
        let first = crate::clock::poll(PATIENCE, || PairClient::connect(ports.clients).ok()?.ask().ok());
        first.ok_or(io::ErrorKind::TimedOut)?;
        all.asker(Who::Pair, move || PairClient::connect(ports.clients), PairClient::ask);
        all.asker(Who::Http, move || HttpClient::connect(ports.http), HttpClient::ask);
        all.asker(Who::Admin, move || Ok(ports.admin), |port| healthz(*port));
        Ok(all)
    }

    /// A thread that asks, pauses, asks; and connects anew when an answer was wrong or late.
    fn asker<C>(
        &mut self,
        who: Who,
        connect: impl Fn() -> io::Result<C> + Send + 'static,
        ask: impl Fn(&mut C) -> io::Result<()> + Send + 'static,
    ) {
        let (stop, book) = (Arc::clone(&self.stop), self.books[&who].clone());
        self.threads.push(std::thread::spawn(move || {
            let mut client = None;
            while !stop.load(Ordering::Relaxed) {
                let at = now();
                let right = connected(&mut client, &connect).and_then(&ask);
                book.note(at, right.is_ok());
                if right.is_err() {
                    client = None;
                }
                std::thread::sleep(who.pause());
            }
        }));
    }

    /// How they were served between two moments. What is asked now counts if it is answered soon.
    pub(crate) fn served(&self, from: Instant, to: Instant) -> Vec<(Who, Served)> {
        Who::ALL.map(|who| (who, self.books[&who].served(who, from, to))).into()
    }

    /// Each has its answer to what it asked before this moment, or has given up.
    pub(crate) fn catch_up(&self) {
        let asked_before = now();
        let has_answer = |who: &Who| {
            let samples = self.books[who].0.lock().expect("nobody panics with it");
            samples.last().is_some_and(|sample| sample.at >= asked_before)
        };
        let askers = [Who::Pair, Who::Http, Who::Admin];
        let _ = crate::clock::poll(2 * PATIENCE, || askers.iter().all(has_answer).then_some(()));
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn connected<'a, C>(
    client: &'a mut Option<C>,
    connect: &impl Fn() -> io::Result<C>,
) -> io::Result<&'a mut C> {
    if client.is_none() {
        *client = Some(connect()?);
    }
    Ok(client.as_mut().expect("it was just connected"))
}

struct PairClient {
    peer: Peer,
    number: u64,
}

impl PairClient {
    fn connect(port: u16) -> io::Result<Self> {
        Ok(Self { peer: Peer::dealer(port)?, number: 0 })
    }

    fn ask(&mut self) -> io::Result<()> {
        self.number += 1;
        let param = format!("PARAM-JSON: {{\"n\":\"{}\"}}", self.number);
        self.peer.send(&dialect::sync(Dialect::Zmws2, SERVICE, param.as_bytes()))?;
        let frames = self.peer.receive(PATIENCE)?;
        let right = dialect::answer(Dialect::Zmws2, &frames) == (Said::Complete, param.into_bytes());
        right.then_some(()).ok_or(io::ErrorKind::InvalidData.into())
    }
}

struct HttpClient {
    asker: Asker,
    number: u64,
}

impl HttpClient {
    fn connect(port: u16) -> io::Result<Self> {
        Ok(Self { asker: Asker::connect(port)?, number: 0 })
    }

    fn ask(&mut self) -> io::Result<()> {
        self.number += 1;
        let path = format!("/SYNC-{SERVICE}?n={}", self.number);
        let answer = self.asker.ask(&http::request("GET", &path, "", b""), PATIENCE)?;
        let expected = format!("{{\"n\":\"{}\"}}", self.number);
        let right = answer.status == 200 && answer.text().contains(&expected);
        right.then_some(()).ok_or(io::ErrorKind::InvalidData.into())
    }
}

fn healthz(port: u16) -> io::Result<()> {
    let answer = http::get(port, "/healthz", PATIENCE)?;
    (answer.status == 200).then_some(()).ok_or(io::ErrorKind::InvalidData.into())
}

/// Gives each job's parameter back; connects anew when the broker has hung up.
fn worker(port: u16, stop: Arc<AtomicBool>, begun: Begun) -> io::Result<JoinHandle<()>> {
    let offer = move || -> io::Result<Peer> {
        let mut peer = Peer::dealer(port)?;
        peer.send(&dialect::ready(Dialect::Zmws2, SERVICE.as_bytes()))?;
        Ok(peer)
    };
    let mut peer = Some(offer()?);
    Ok(std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            let served = match &mut peer {
                Some(peer) => serve(peer, &begun),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            if served.is_err_and(|error| error.kind() != io::ErrorKind::TimedOut) {
                std::thread::sleep(Duration::from_millis(20));
                peer = offer().ok();
            }
        }
    }))
}

fn serve(peer: &mut Peer, begun: &Begun) -> io::Result<()> {
    let frames = peer.receive(Duration::from_millis(100))?;
    let Some(job) = dialect::job(Dialect::Zmws2, &frames) else {
        return peer.send(&dialect::heartbeat(Dialect::Zmws2));
    };
    let id = String::from_utf8_lossy(&job.token).into_owned();
    let mut map = begun.lock().expect("nobody panics with it");
    map.insert(id, now());
    drop(map);
    peer.send(&dialect::complete(Dialect::Zmws2, SERVICE, &job.token, &job.param))
}

/// Takes the news of the honest jobs: how long after the job's beginning they come, and whether they come.
fn subscriber(port: u16, stop: Arc<AtomicBool>, book: Book, begun: Begun) -> io::Result<JoinHandle<()>> {
    let topic = format!("JOB.{SERVICE}");
    let subscribe = move || -> io::Result<Peer> {
        let mut peer = Peer::subscriber(port)?;
        peer.send(&[[b"\x01", topic.as_bytes()].concat()])?;
        Ok(peer)
    };
    let mut peer = Some(subscribe()?);
    Ok(std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            let heard = match &mut peer {
                Some(peer) => peer.receive(Duration::from_millis(100)),
                None => Err(io::ErrorKind::NotConnected.into()),
            };
            match heard {
                Ok(frames) => hear(&frames, &book, &begun),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(_) => {
                    std::thread::sleep(Duration::from_millis(20));
                    peer = subscribe().ok();
                }
            }
            give_up(&book, &begun);
        }
    }))
}

fn hear(frames: &[Vec<u8>], book: &Book, begun: &Begun) {
    let json = frames.last().map(Vec::as_slice).unwrap_or_default();
    let news: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
    let id = news["id"].as_str().unwrap_or_default();
    if let Some(at) = begun.lock().expect("nobody panics with it").remove(id) {
        book.note(at, true);
    }
}

/// News that have not come for too long are lost.
fn give_up(book: &Book, begun: &Begun) {
    let mut begun = begun.lock().expect("nobody panics with it");
    begun.retain(|_, at| {
        let waits = at.elapsed() < PATIENCE;
        if !waits {
            book.note(*at, false);
        }
        waits
    });
}
