//! Answers that are large, slow, or for nobody; and what the gateway keeps for its clients.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{ENDLESS, Reads, dealers, flood, found, hold, nothing};
use crate::attack::{Attack, Findings, Ground, Group, Setting};
use crate::dialect::{self, Dialect};
use crate::http::{self, request};
use crate::zmtp::{Peer, connect};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Gateway, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("one-result-of-60-mb", "results of 60 MB, while others ask for small ones", one_result_of_60_mb),
    attack("large-results-unread", "results of 8 MB that nobody reads", large_results_unread),
    attack("stalled-streams", "streams of events whose readers have stalled", stalled_streams),
    attack("parts-without-end", "a stream whose worker never ends", parts_without_end),
    attack("idempotency-keys", "a new Idempotency-Key each time, of 8 KB", idempotency_keys)
        .on(Setting { stays_mib: 128, ..Setting::PLAIN }),
    attack("same-idempotency-key", "hundreds of requests with one key at once", same_idempotency_key),
    attack(
        "results-of-garbage",
        "a worker whose results are no JSON, or break the answer's form",
        results_of_garbage,
    ),
    attack("waiting-crowd", "thousands of requests that wait for a worker that never answers", waiting_crowd),
    attack("background-over-http", "jobs in the background over HTTP, as fast as they are taken", background)
        .on(Setting::JOBS_STAY),
    attack("api-unread", "a document of the API, asked for on and on and never read", api_unread),
];

/// A worker of ours beside the attack: it answers each job with what `answer` makes of the job's number.
pub(super) fn with_worker<T>(
    ground: &Ground,
    service: &str,
    answers: impl Fn(usize, &dialect::Job) -> Vec<Vec<Vec<u8>>> + Sync,
    during: impl FnOnce() -> T,
) -> Option<T> {
    let mut worker = super::stuck_worker(ground, service)?;
    let stop = AtomicBool::new(false);
    Some(std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let Ok(frames) = worker.receive(Duration::from_millis(100)) else { continue };
                let Some(job) = dialect::job(Dialect::Zmws2, &frames) else { continue };
                number += 1;
                let sent = answers(number, &job).iter().try_for_each(|answer| worker.send(answer));
                if sent.is_err() {
                    break;
                }
            }
        });
        let done = during();
        stop.store(true, Ordering::Relaxed);
        done
    }))
}

/// The same with a service `SINK`, whose answers are short whatever it gets: it is not the honest worker that is to
/// be kept busy.
pub(super) fn with_sink(ground: &Ground, during: impl FnOnce() -> Findings) -> Findings {
    let short = |_: usize, job: &dialect::Job| {
        vec![dialect::complete(Dialect::Zmws2, "SINK", &job.token, b"PARAM-JSON: 1")]
    };
    with_worker(ground, "SINK", short, during).unwrap_or_else(|| vec!["no worker is let in".to_owned()])
}

fn crowd(ground: &Ground, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        let Ok(mut stream) = connect(ground.http) else { break };
        if stream.write_all(bytes).is_ok() {
            crowd.push(stream);
        }
    }
    crowd
}

fn one_result_of_60_mb(ground: &Ground) -> Findings {
    let value = [b"PARAM-JSON: \"".as_slice(), &vec![b'v'; 60 << 20], b"\""].concat();
    let large =
        |_: usize, job: &dialect::Job| vec![dialect::complete(Dialect::Zmws2, "LARGE", &job.token, &value)];
    let _ = with_worker(ground, "LARGE", large, || {
        for _ in 0..ground.size(1, 4) {
            // Given whole, or refused with a reason: both are good for this one.
            let _ = http::get(ground.http, "/SYNC-LARGE?x=1", Duration::from_secs(5));
        }
    });
    nothing()
}

fn large_results_unread(ground: &Ground) -> Findings {
    let value = [b"PARAM-JSON: \"".as_slice(), &vec![b'v'; 8 << 20], b"\""].concat();
    let large =
        |_: usize, job: &dialect::Job| vec![dialect::complete(Dialect::Zmws2, "LARGE", &job.token, &value)];
    let _ = with_worker(ground, "LARGE", large, || {
        let get = request("GET", "/SYNC-LARGE?x=1", "", b"");
        hold(ground, crowd(ground, ground.size(40, 200), &get));
    });
    nothing()
}

/// `count` parts of 60 KB, and perhaps an end.
fn parts(job: &dialect::Job, count: usize, service: &str) -> Vec<Vec<Vec<u8>>> {
    let verb = [b"CONT: ", job.token.as_slice()].concat();
    let value = [b"PARAM-JSON: \"".as_slice(), &[b'p'; 60_000], b"\""].concat();
    let part = vec![b"MDPC02".to_vec(), b"3".to_vec(), service.as_bytes().to_vec(), value, verb];
    vec![part; count]
}

fn stalled_streams(ground: &Ground) -> Findings {
    let answers = |_: usize, job: &dialect::Job| {
        let mut all = parts(job, 100, "STREAM");
        all.push(dialect::complete(Dialect::Zmws2, "STREAM", &job.token, b""));
        all
    };
    let _ = with_worker(ground, "STREAM", answers, || {
        let get = request("GET", "/SYNC-STREAM?x=1", "Accept: text/event-stream\r\n", b"");
        hold(ground, crowd(ground, ground.size(50, 300), &get));
    });
    nothing()
}

fn parts_without_end(ground: &Ground) -> Findings {
    let _ = with_worker(
        ground,
        "STREAM",
        |_, job| parts(job, 20_000, "STREAM"),
        || {
            let get = request("GET", "/SYNC-STREAM?x=1", "Accept: application/x-ndjson\r\n", b"");
            hold(ground, crowd(ground, 3, &get));
        },
    );
    nothing()
}

fn idempotency_keys(ground: &Ground) -> Findings {
    with_sink(ground, || new_keys(ground))
}

fn new_keys(ground: &Ground) -> Findings {
    let Ok(mut asker) = http::Asker::connect(ground.http) else { return nothing() };
    for number in 0.. {
        let head = format!("Idempotency-Key: {number:k>8000}\r\n");
        let post = request("POST", "/v1/jobs/SINK?wait=5s", &head, b"{\"a\":1}");
        if ground.is_over() || asker.ask(&post, Duration::from_secs(5)).is_err() {
            break;
        }
    }
    nothing()
}

fn same_idempotency_key(ground: &Ground) -> Findings {
    let worker = super::stuck_worker(ground, "STUCK");
    let post = request("POST", "/v1/jobs/STUCK?wait=5s", "Idempotency-Key: same\r\n", b"{}");
    hold(ground, crowd(ground, ground.size(200, 1000), &post));
    drop(worker);
    nothing()
}

/// Whatever a worker says, the answer must be one answer, and whole.
fn results_of_garbage(ground: &Ground) -> Findings {
    let values: [&[u8]; 7] = [
        b"PARAM-JSON: {\"a\":",
        b"PARAM-JSON: \xff\xfe",
        b"PARAM-PHP: a:1:{i:0;s:99:\"x\";}",
        b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"PARAM-JSON: \"</script>\r\nSet-Cookie: a=b\"",
        b"",
        b"PARAM-JSON: [[[[[[[[[[[[[[[[",
    ];
    let answers = |number: usize, job: &dialect::Job| {
        vec![dialect::complete(Dialect::Zmws2, "GARBAGE", &job.token, values[number % values.len()])]
    };
    let wrong = with_worker(ground, "GARBAGE", answers, || {
        let mut wrong = 0;
        while !ground.is_over() {
            for (path, head) in [
                ("/SYNC-GARBAGE?x=1&jsonp=f", ""),
                ("/v1/jobs/GARBAGE?wait=5s", ""),
                ("/SYNC-GARBAGE", "Accept: text/event-stream\r\nConnection: close\r\n"),
            ] {
                let method = if path.starts_with("/v1") { "POST" } else { "GET" };
                let Ok(mut asker) = http::Asker::connect(ground.http) else { continue };
                let _ = asker.send(&request(method, path, head, b""));
                if head.is_empty() {
                    wrong += usize::from(asker.answer(Duration::from_secs(5)).is_err());
                }
            }
        }
        wrong
    });
    let wrong = wrong.unwrap_or(0);
    found(wrong > 0, || format!("{wrong} answers were none"))
}

fn waiting_crowd(ground: &Ground) -> Findings {
    let worker = super::stuck_worker(ground, "STUCK");
    let get = request("GET", "/SYNC-STUCK?x=1", "", b"");
    hold(ground, crowd(ground, ground.size(500, 4000), &get));
    drop(worker);
    nothing()
}

fn background(ground: &Ground) -> Findings {
    let worker = super::stuck_worker(ground, "STUCK");
    let get = request("GET", "/STUCK?x=1", "", b"").repeat(20);
    let crowd: Vec<_> = (0..4).map_while(|_| connect(ground.http).ok()).collect();
    let (_, left) = flood(ground, crowd, get, ENDLESS, Reads::Yes);
    drop((left, worker));
    nothing()
}

fn api_unread(ground: &Ground) -> Findings {
    let get = request("GET", "/v1/openapi.json", "", b"").repeat(50);
    let crowd: Vec<_> = (0..ground.size(10, 50)).map_while(|_| connect(ground.http).ok()).collect();
    let (_, left) = flood(ground, crowd, get, ENDLESS, Reads::No);
    drop(left);
    // The gateway's own connections to the broker are of no use to others meanwhile.
    drop(dealers(ground.clients, 2).into_iter().map(|peer: Peer| peer.stream).collect::<Vec<_>>());
    nothing()
}
