//! A client that has nothing to do with an attack and must not notice it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use zmws::message::Dialect;

use super::frames::{self, Kind};
use super::now;
use super::raw::RawPeer;

/// How long any answer may take while something else goes on. Two slow cores, a debug build.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client on a thread of its own, asking one job after the other.
pub(crate) struct Bystander {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Served>>,
}

/// How it was served.
#[derive(Debug)]
pub(crate) struct Served {
    /// Jobs asked and answered.
    pub(crate) jobs: u32,
    /// The longest that one took.
    pub(crate) slowest: Duration,
}

impl Bystander {
    /// Begins to ask `service`, whose workers reverse texts. Returns when the first job is answered.
    pub(crate) fn start(port: u16, service: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut client = RawPeer::dealer(port);
        ask(&mut client, service, 0);
        let (service, stopped) = (service.to_owned(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut served = Served { jobs: 0, slowest: Duration::ZERO };
            while !stopped.load(Ordering::Relaxed) {
                served.jobs += 1;
                let asked_at = now();
                ask(&mut client, &service, served.jobs);
                served.slowest = served.slowest.max(asked_at.elapsed());
                // A few hundred jobs a second notice any stall, and leave the cores to the attack.
                std::thread::sleep(Duration::from_millis(2));
            }
            served
        });
        Self { stop, thread: Some(thread) }
    }

    /// Ends it; fails if a job was not answered.
    pub(crate) fn finish(mut self) -> Served {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is taken only here and when dropped");
        thread.join().expect("each job of the bystander is answered")
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ask(client: &mut RawPeer, service: &str, number: u32) {
    let text = format!("job {number}");
    let param = frames::tagged(&json!({"str": text}));
    client.send(&frames::request(Dialect::Zmws2, service, Some(&param)));
    let reply = frames::read_reply(Dialect::Zmws2, &client.receive(PATIENCE).expect("the broker lives"));
    let expected: String = text.chars().rev().collect();
    assert_eq!((reply.kind, reply.value()), (Kind::Complete, json!(expected)));
}
