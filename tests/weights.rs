//! What the books of memory say, and what the process really takes. A program of its own: nothing else may take memory.

use bytes::Bytes;
use zmws::broker::{Broker, Config, Event};
use zmws::job::{Body, PeerId, ServiceName, Timestamp};
use zmws::memory::Memory;
use zmws::message::{Address, ClientCommand, Dialect, IfUnknown, Mode, Origin, WorkerCommand};

/// Bytes of the process that are in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number");
    pages * rustix::param::page_size()
}

/// The books are within a quarter of what was really taken.
fn compare(what: &str, memory: &Memory, before: usize) {
    let (held, taken) = (memory.held(), resident() - before);
    println!("{what}: {held} bytes in the books, {taken} taken");
    let ratio = held as f64 / taken as f64;
    assert!((0.75..1.25).contains(&ratio), "{what}: {held} bytes in the books, {taken} taken");
}

fn address(peer: u64, dialect: Dialect) -> Address {
    Address {
        peer: PeerId(peer),
        identity: Bytes::from(format!("{peer:09}")),
        origin: Origin::plain(dialect),
    }
}

fn submit(service: String, body: Body) -> Event {
    let service = ServiceName::new(service).expect("a name");
    let (mode, if_unknown) = (Mode::Wait, IfUnknown::Hold);
    Event::Client {
        from: address(1, Dialect::Mdp02),
        command: ClientCommand::Submit { service, body, mode, if_unknown },
    }
}

/// A broker that is kept to the end: what the allocator keeps of one that is gone would not be taken again for the next.
fn broker() -> (Broker, Memory, usize) {
    let memory = Memory::default();
    let config = Config { memory: memory.clone(), ..Config::default() };
    (Broker::new(config), memory, resident())
}

const NOW: Timestamp = Timestamp(1);

fn queue(what: &str, jobs: usize, body: impl Fn() -> Body) -> Broker {
    let (mut broker, memory, before) = broker();
    for _ in 0..jobs {
        broker.handle(NOW, submit("S".to_owned(), body()), &mut Vec::new());
    }
    compare(what, &memory, before);
    broker
}

#[test]
fn the_books_are_within_a_quarter_of_what_is_taken() {
    let small = || Body::One(Bytes::from_static(b"PARAM-JSON: {\"a\":1}"));
    let several = || Body::from_frames(vec![Bytes::from_static(b"twelve bytes"); 8]);
    let empty = || Body::from_frames(vec![Bytes::new(); 1_000]);
    let kept = [
        queue("small jobs", 200_000, small),
        queue("jobs of 8 frames", 60_000, several),
        queue("jobs of 1,000 empty frames", 2_000, empty),
    ];

    let (mut broker, memory, before) = broker();
    for number in 0..40_000 {
        let service = ServiceName::new(format!("SERVICE-{}", number / 4)).expect("a name");
        let command = WorkerCommand::Ready { service };
        broker.handle(NOW, Event::Worker { from: address(number, Dialect::Zmws1), command }, &mut Vec::new());
    }
    compare("workers and services", &memory, before);
    drop((kept, broker));
    assert_eq!(memory.held(), 0, "all is given back");
}
