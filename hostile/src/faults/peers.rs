//! Clients, workers and worker programs that live through it.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::tally::{Book, Questions};
use super::{DRAIN, SERVICE, Weather};
use crate::clock::now;
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::{Message, Peer};

/// A wait that looks now and then whether all is over.
const TURN: Duration = Duration::from_millis(100);

/// What a client wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// The same text, of the workers that are threads.
    Echo,
    /// The text backwards, of the workers that are programs.
    Reversed,
    /// Work in the background.
    Background,
}

/// A client, which asks again and again, some questions at once.
pub(super) struct Client {
    /// What its questions begin with.
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) dialect: Dialect,
    pub(super) asked: Asked,
    /// Whether its connection may be cut.
    pub(super) cuts: bool,
}

/// Questions that are open at once.
const WINDOW: usize = 4;

impl Client {
    /// Until it is calm and all is answered.
    pub(super) fn run(&self, weather: &Weather, tally: &Book) {
        let mut questions = Questions::default();
        let mut number = 0;
        let mut peer = None;
        let mut calm_since = None;
        loop {
            if weather.is_calm() {
                let since = *calm_since.get_or_insert_with(now);
                if questions.open() == 0 || since.elapsed() > DRAIN {
                    break;
                }
            }
            let turn = match &mut peer {
                Some(peer) => self.turn(peer, &mut questions, &mut number, weather, tally),
                None => Peer::dealer(self.port).map(|connected| peer = Some(connected)),
            };
            if turn.is_err() {
                // A connection that nobody cut is not to break.
                tally.note(|tally| questions.give_up(self.cuts, tally));
                peer = None;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        tally.note(|tally| questions.give_up(false, tally));
    }

    fn turn(
        &self,
        peer: &mut Peer,
        questions: &mut Questions,
        number: &mut u64,
        weather: &Weather,
        tally: &Book,
    ) -> io::Result<()> {
        // An acknowledgement does not say of what: one at a time.
        let window = if self.asked == Asked::Background { 1 } else { WINDOW };
        while questions.open() < window && !weather.is_calm() {
            *number += 1;
            let text = format!("{}-{number}", self.name);
            questions.ask(text.clone());
            peer.send(&self.request(&text))?;
        }
        match peer.receive(TURN) {
            Ok(frames) => self.take(&frames, *number, questions, tally),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn request(&self, text: &str) -> Message {
        match self.asked {
            Asked::Echo => dialect::sync(self.dialect, SERVICE, tagged(text).as_bytes()),
            Asked::Background => dialect::background(SERVICE, tagged(text).as_bytes()),
            Asked::Reversed => {
                let param = format!("PARAM-JSON: {{\"str\":\"{text}\"}}");
                dialect::sync(self.dialect, "STR-REV", param.as_bytes())
            }
        }
    }

    fn take(&self, frames: &[Vec<u8>], number: u64, questions: &mut Questions, tally: &Book) {
        let dialect = if self.asked == Asked::Background { Dialect::Zmws2 } else { self.dialect };
        let (said, value) = dialect::answer(dialect, frames);
        let value = String::from_utf8_lossy(&value).into_owned();
        tally.note(|tally| match (said, self.asked) {
            (Said::Taken, Asked::Background) => {
                let text = format!("{}-{number}", self.name);
                questions.answer(&text, tally);
                tally.same_id += u64::from(tally.taken.values().any(|id| *id == value));
                tally.taken.insert(text, value);
            }
            (Said::Complete, Asked::Echo) => questions.answer(untagged(&value), tally),
            (Said::Complete, Asked::Reversed) => {
                let text: String = untagged(&value).chars().rev().collect();
                questions.answer(&text, tally);
            }
            (Said::Fail, _) => questions.fail(tally),
            _ => {
                tally.misdelivered += 1;
                tally.say(|| format!("{} got {said:?} {}", self.name, shown(frames)));
            }
        });
    }
}

/// Whether a broker has workers of a service.
pub(crate) fn is_known(port: u16, service: &str) -> bool {
    let asked = Peer::dealer(port).and_then(|mut client| {
        client.send(&[b"".as_slice(), b"MDPC02", b"\x01", b"mmi.service", service.as_bytes()])?;
        client.receive(Duration::from_secs(1))
    });
    asked.is_ok_and(|frames| frames.last().is_some_and(|code| code == b"200"))
}

/// Frames for people.
fn shown(frames: &[Vec<u8>]) -> String {
    let shown: Vec<_> = frames.iter().map(|frame| frame.escape_ascii().to_string()).collect();
    shown.join(" | ")
}

fn tagged(text: &str) -> String {
    format!("PARAM-JSON: \"{text}\"")
}

fn untagged(value: &str) -> &str {
    value.strip_prefix("PARAM-JSON: \"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// What becomes of a worker with a job.
enum Fate {
    Answers,
    AnswersLate,
    DiesBefore,
    DiesAfter,
    AnswersAndDies,
}

fn fate(random: &mut fastrand::Rng, weather: &Weather) -> Fate {
    match random.u32(..400) {
        _ if weather.is_calm() => Fate::Answers,
        0 => Fate::DiesBefore,
        1 => Fate::DiesAfter,
        2 => Fate::AnswersAndDies,
        3..6 => Fate::AnswersLate,
        _ => Fate::Answers,
    }
}

/// A worker on this thread, which dies and comes back until all is over.
pub(super) fn worker(port: u16, dialect: Dialect, seed: u64, weather: &Weather, tally: &Book) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !weather.is_over() {
        let life = Peer::dealer(port).and_then(|peer| live(peer, dialect, &mut random, weather, tally));
        if life.is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn live(
    mut peer: Peer,
    dialect: Dialect,
    random: &mut fastrand::Rng,
    weather: &Weather,
    tally: &Book,
) -> io::Result<()> {
    peer.send(&dialect::ready(dialect, SERVICE.as_bytes()))?;
    while !weather.is_over() {
        let frames = match peer.receive(TURN) {
            Err(error) if error.kind() == ErrorKind::TimedOut => continue,
            other => other?,
        };
        let Some(job) = dialect::job(dialect, &frames) else {
            peer.send(&dialect::heartbeat(dialect))?;
            continue;
        };
        let fate = fate(random, weather);
        if matches!(fate, Fate::DiesBefore) {
            return Ok(());
        }
        let text = untagged(&String::from_utf8_lossy(&job.param)).to_owned();
        tally.note(|tally| *tally.done.entry(text).or_default() += 1);
        if matches!(fate, Fate::DiesAfter) {
            return Ok(());
        }
        if matches!(fate, Fate::AnswersLate) {
            std::thread::sleep(Duration::from_millis(random.u64(..500)));
        }
        peer.send(&dialect::complete(dialect, SERVICE, &job.token, &job.param))?;
        if matches!(fate, Fate::AnswersAndDies) {
            return Ok(());
        }
    }
    Ok(())
}

/// Hears of each job's end, on a connection that nobody disturbs.
pub(super) fn news(port: u16, weather: &Weather, tally: &Book) -> io::Result<JoinHandle<()>> {
    let mut peer = Peer::subscriber(port)?;
    peer.send(&[[b"\x01JOB.", SERVICE.as_bytes()].concat()])?;
    let (weather, tally) = (weather.clone(), tally.clone());
    Ok(std::thread::spawn(move || {
        while !weather.is_over() {
            let Ok(frames) = peer.receive(TURN) else { continue };
            let json = frames.last().map(Vec::as_slice).unwrap_or_default();
            let news: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
            if let Some(id) = news["id"].as_str() {
                tally.note(|tally| *tally.ended.entry(id.to_owned()).or_default() += 1);
            }
        }
    }))
}

/// Processes of `zmws worker`, killed at random and started again.
pub(super) fn programs(zmws: &Path, mark: &str, port: u16, seed: u64, weather: &Weather) {
    let mut random = fastrand::Rng::with_seed(seed);
    let start = || -> Option<Child> {
        let mut command = Command::new(zmws);
        command
            .args(["worker", "--builtin=reverse", "--heartbeat-interval=1"])
            .arg(format!("--backend-port={port}"));
        command.env(crate::stage::MARK, mark);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    };
    let mut running: Vec<Option<Child>> = vec![start(), start()];
    let mut next = now() + Duration::from_millis(1000);
    while !weather.is_over() {
        std::thread::sleep(Duration::from_millis(20));
        if weather.is_calm() || now() < next {
            continue;
        }
        next = now() + Duration::from_millis(random.u64(300..1500));
        let one = random.usize(..running.len());
        kill(running[one].take());
        running[one] = start();
    }
    running.into_iter().for_each(kill);
}

fn kill(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}
