//! No answer reaches another request: many clients at once, some of whom leave, while workers die
//! and the broker is restarted three times. Every parameter carries a nonce that comes back.
//!
//! `ZMWS_CROSSTALK=200x500` sets clients and requests a client; the default is small.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::task::{JoinSet, yield_now};

use super::http::{Http, Response};
use super::world::{World, play_for};

#[derive(Default)]
struct Tally {
    /// Requests made, those that were given up included.
    made: Cell<usize>,
    /// Answers that had the nonce of their request in them.
    right: Cell<usize>,
    /// Failures that said so.
    failed: Cell<usize>,
}

fn count(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

#[test]
fn every_answer_belongs_to_its_request() {
    let (clients, each) = size();
    play_for(20 + (clients * each / 200) as u64, async {
        let mut world = World::start().await;
        let tally = Rc::new(Tally::default());
        let mut callers = JoinSet::new();
        for number in 0..clients {
            callers.spawn_local(caller(world.gateway, number as u64, each, Rc::clone(&tally)));
        }
        let all = clients * each;
        for quarter in 1..=3 {
            for eighth in [quarter * 2 - 1, quarter * 2] {
                while tally.made.get() < all * eighth / 8 {
                    yield_now().await;
                }
                for at in 0..2 {
                    world.workers[at] = world.worker(["DEMO", "STR-REV"][at]);
                }
            }
            world.broker.restart().await;
        }
        while let Some(done) = callers.join_next().await {
            done.expect("no answer of another request");
        }
        let (right, failed) = (tally.right.get(), tally.failed.get());
        eprintln!("{all} requests: {right} answered, {failed} failed and said so");
        assert!(right > all / 2, "{right} of {all} were answered");
    });
}

fn size() -> (usize, usize) {
    let asked = std::env::var("ZMWS_CROSSTALK").unwrap_or_else(|_| "40x50".to_owned());
    let (clients, each) = asked.split_once('x').expect("clients x requests");
    (clients.parse().expect("a number"), each.parse().expect("a number"))
}

async fn caller(gateway: SocketAddr, number: u64, requests: usize, tally: Rc<Tally>) {
    let mut rng = fastrand::Rng::with_seed(number);
    let mut http = Http::connect(gateway).await;
    for request in 0..requests {
        count(&tally.made);
        let nonce = format!("n{number}x{request}x{:x}", rng.u32(..));
        if rng.u8(..) < 16 {
            let line = "GET /SYNC-HANG?n=";
            http.send(format!("{line}{nonce} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
            http = Http::connect(gateway).await; // the other is closed with its answer unread
            continue;
        }
        let kind = rng.u8(0..7);
        let response = ask(&mut http, kind, &nonce).await;
        check(kind, &nonce, &response, &tally);
    }
}

async fn ask(http: &mut Http, kind: u8, nonce: &str) -> Response {
    match kind {
        0 | 1 => http.ask(&format!("GET /SYNC-STR-REV?str={nonce}")).await,
        2 => http.ask(&format!("GET /SYNC-DEMO?n={nonce}")).await,
        3 => http.post("POST /v1/jobs/DEMO?wait=20s", "", &format!("{{\"n\":\"{nonce}\"}}")).await,
        4 => http.post("POST /SYNC-DEMO", "Accept: application/x-ndjson\r\n", &format!("n={nonce}")).await,
        5 => http.ask(&format!("GET /NOSUCH-{nonce}")).await,
        _ => http.ask(&format!("GET /SERVER-JOBS?n={nonce}")).await,
    }
}

fn check(kind: u8, nonce: &str, response: &Response, tally: &Tally) {
    let text = response.text();
    let expected = match kind {
        0 | 1 => nonce.chars().rev().collect(),
        5 => format!("FAIL: NOSUCH-{nonce}"),
        _ => nonce.to_owned(),
    };
    let says_so = match response.status {
        429 | 502 | 503 | 504 => true,
        200 | 404 => {
            text.starts_with("FAIL: ") || text.contains("\"fail\"") || text.contains("unknown-service")
        }
        _ => panic!("{kind} {nonce}: {} {text}", response.status),
    } || text.contains("\"event\":\"problem\"");
    if text.contains(&expected) {
        count(&tally.right);
    } else {
        assert!(says_so, "{kind} wants {expected}, got {} {text}", response.status);
        count(&tally.failed);
    }
}
