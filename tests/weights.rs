//! What the books of memory say, and what the process really takes. A program of its own: nothing else may take memory.

use bytes::Bytes;
use zmws::broker::{Broker, Config, Event};
use zmws::job::{Body, PeerId, ServiceName, Timestamp};
use zmws::memory::Memory;
use zmws::message::{
    Address, ClientCommand, Dialect, IfUnknown, Mode, Origin, WorkerCommand,
};

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
    Address { peer: PeerId(peer), identity: Bytes::from(format!("{peer:09}")), origin: Origin::plain(dialect) }
}

fn submit(service: String, body: Body) -> Event {
    let service = ServiceName::new(service).expect("a name");
    let (mode, if_unknown) = (Mode::Wait, IfUnknown::Hold);
    Event::Client {
        from: address(1, Dialect::Mdp02),
        command: ClientCommand::Submit { service, body, mode, if_unknown },
    }
}

#[test]
fn the_books_are_within_a_quarter_of_what_is_taken() {
    let memory = Memory::default();
    let config = Config { memory: memory.clone(), services_max: 200_000, ..Config::default() };
    let now = Timestamp(1);
    let small = || Body::One(Bytes::from_static(b"PARAM-JSON: {\"a\":1}"));
    let several = || Body::from_frames(vec![Bytes::from_static(b"twelve bytes"); 8]);

    for (what, jobs, body) in [("small jobs", 200_000, &small as &dyn Fn() -> Body), ("jobs of 8 frames", 60_000, &several)] {
        let before = resident();
        let mut broker = Broker::new(config.clone());
        for _ in 0..jobs {
            broker.handle(now, submit("S".to_owned(), body()), &mut Vec::new());
        }
        compare(what, &memory, before);
        drop(broker);
        assert_eq!(memory.held(), 0);
        // What the allocator keeps of it would be taken for what comes next.
        std::mem::forget(vec![0_u8; 0]);
    }

    let before = resident();
    let mut broker = Broker::new(config);
    for number in 0..40_000 {
        let service = ServiceName::new(format!("SERVICE-{}", number / 4)).expect("a name");
        let command = WorkerCommand::Ready { service };
        broker.handle(now, Event::Worker { from: address(number, Dialect::Zmws1), command }, &mut Vec::new());
    }
    compare("workers and services", &memory, before);
}
