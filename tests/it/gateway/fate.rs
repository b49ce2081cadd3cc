//! No shared fate: what one client sends, gets or lets lie is nobody else's trouble.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use tokio::task::{JoinSet, spawn_local, yield_now};
use zmws::gateway::Config;
use zmws::memory::{Memory, Purpose};
use zmws::transport::{ListenerOptions, Router, RouterEvent};
use zmws::zmtp::Limits;

use super::http::Http;
use super::limits::until_active;
use super::world::{Broker, Task, World, config, gateway, play, play_for};

const HANG: &str = "GET /SYNC-HANG HTTP/1.1\r\nHost: x\r\n\r\n";
const PHP: &str = "Content-Type: application/vnd.php.serialized\r\n";

/// A text of 13 KB that is half a megabyte of JSON.
fn references() -> String {
    let text = "x".repeat(500);
    let mut php = format!("a:1001:{{i:0;O:8:\"stdClass\":1:{{s:1:\"a\";s:500:\"{text}\";}}");
    (1..=1_000).for_each(|at| php += &format!("i:{at};r:2;"));
    php + "}"
}

/// Somebody who waits, over the one connection to the broker.
async fn bystander(world: &World) -> Http {
    let mut waits = world.connect().await;
    waits.send(HANG).await;
    until_active(world, "HANG").await;
    waits
}

async fn is_served(world: &World, mut waits: Http) {
    world.release.notify_one();
    let answer = waits.response().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn parameter_that_is_too_large_for_the_broker_is_refused_to_its_client_alone() {
    play(async {
        // The broker says what it takes: the gateway has not been told.
        let broker = Broker::with(|config| {
            config.sockets.limits = Limits { frame_max: 200_000, ..Limits::default() };
        });
        let world = World::at(broker, |config| config.broker_connections = 1).await;
        let waits = bystander(&world).await;
        let large = world.post("POST /SYNC-DEMO", PHP, &references()).await;
        assert_eq!((large.status, large.json()["error"].as_str()), (413, Some("parameter-too-large")));
        let form = format!("a={}", "%C3%BC".repeat(40_000));
        let large = world.post("POST /SYNC-DEMO", "", &form).await;
        assert_eq!(large.status, 413);
        let large = world.post("POST /v1/jobs/DEMO", "", &format!("\"{}\"", "x".repeat(300_000))).await;
        assert_eq!(large.status, 413);
        is_served(&world, waits).await;
    });
}

#[test]
fn references_that_multiply_are_refused() {
    play(async {
        let world = World::start().await;
        let mut php = String::from("a:31:{i:0;a:1:{i:0;i:7;}");
        for at in 1..=30 {
            let before = if at == 1 { 2 } else { at + 2 };
            php += &format!("i:{at};a:2:{{i:0;R:{before};i:1;R:{before};}}");
        }
        let refused = world.post("POST /SYNC-DEMO", PHP, &(php + "}")).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains("references"), "{}", refused.text());
    });
}

#[test]
fn result_that_is_too_large_is_one_client_s_502() {
    play(async {
        let world = World::with(|config| {
            config.broker_connections = 1;
            config.result_max = 1 << 20;
        })
        .await;
        let waits = bystander(&world).await;
        let large = world.post("POST /SYNC-DEMO", "", "{\"do\":\"big\",\"bytes\":3000000}").await;
        assert_eq!((large.status, large.json()["error"].as_str()), (502, Some("result-too-large")));
        is_served(&world, waits).await;
    });
}

#[test]
fn large_result_flows_though_the_broker_lets_little_wait() {
    play_for(60, async {
        let broker = Broker::with(|config| config.sockets.unread_max = 64 << 10);
        let world = World::at(broker, |config| config.broker_connections = 1).await;
        let waits = bystander(&world).await;
        let value = format!("\"{}\"", "x".repeat(20 << 20));
        let _raw = world.hire_raw(&value).await;
        let mut large = world.connect().await;
        large.send("GET /SYNC-RAW HTTP/1.1\r\nHost: x\r\n\r\n").await;
        for _ in 0..50 {
            let small = world.ask("GET /SYNC-STR-REV?str=abc").await;
            assert_eq!(small.status, 200, "{}", small.text());
        }
        let large = large.response().await;
        assert!(large.status == 200 && large.body.len() > 20 << 20, "{}", large.body.len());
        is_served(&world, waits).await;
    });
}

#[test]
fn result_that_finds_no_room_is_one_client_s_503() {
    play(async {
        let memory = Memory::default();
        let world = World::with(|config| {
            config.responses_max = 1 << 20;
            config.memory = memory.clone();
        })
        .await;
        let waits = bystander(&world).await;
        let large = world.post("POST /SYNC-DEMO", "", "{\"do\":\"big\",\"bytes\":3000000}").await;
        assert_eq!((large.status, large.json()["error"].as_str()), (503, Some("no-room")));
        assert_eq!(large.header("retry-after"), Some("1"));
        is_served(&world, waits).await;
        while memory.account(Purpose::Responses).held() > 0 {
            yield_now().await;
        }
    });
}

#[test]
fn parameters_are_given_up_once_they_have_left() {
    play(async {
        let (memory, never) = (Memory::default(), Rc::new(Cell::new(0)));
        let broker = Scripted::start(Rc::clone(&never), never, 64 << 20);
        let (address, _task) = broker.gateway(|config| config.memory = memory.clone()).await;
        let requests = memory.account(Purpose::Requests);
        let body = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
        let mut waiting = Vec::new();
        let mut most = 0;
        for _ in 0..5 {
            let mut http = Http::connect(address).await;
            let head =
                format!("POST /SYNC-HANG HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
            http.send(head).await;
            for piece in body.as_bytes().chunks(100_000) {
                http.send(piece).await;
                most = most.max(requests.held());
            }
            waiting.push(http);
        }
        while broker.asked.get() < 5 {
            yield_now().await;
        }
        while requests.held() > 0 {
            yield_now().await;
        }
        assert!(most > 100_000, "{most} bytes were held at most");
    });
}

#[test]
fn requests_that_are_held_have_a_bound_together() {
    play(async {
        let world = World::with(|config| config.bodies_max = 1 << 20).await;
        let part = "x".repeat(700_000);
        let half = format!("POST /SYNC-DEMO HTTP/1.1\r\nHost: x\r\nContent-Length: 700001\r\n\r\n{part}");
        let mut first = world.connect().await;
        first.send(&half).await;
        loop {
            let mut second = world.connect().await;
            // Refused as soon as both are there; whole it would be refused, too.
            second.try_send(&half).await;
            second.try_send("x").await;
            let refused = second.response().await;
            if refused.status == 503 {
                assert_eq!(refused.header("retry-after"), Some("1"));
                break;
            }
        }
        let small = world.post("POST /SYNC-DEMO", "", "{\"a\":1}").await;
        assert_eq!(small.status, 200);
    });
}

#[test]
fn large_body_does_not_stop_others() {
    play_for(120, async {
        let world = World::start().await;
        let gateway = world.gateway;
        let large = spawn_local(async move {
            let body = format!("[{}1]", "1,".repeat(400_000));
            Http::connect(gateway).await.post("POST /NOSUCH", "", &body).await
        });
        let mut http = world.connect().await;
        let mut served = 0;
        while !large.is_finished() {
            assert_eq!(http.ask("GET /SYNC-STR-REV?str=abc").await.status, 200);
            served += 1;
        }
        let large = large.await.expect("it ends");
        assert_eq!((large.status, large.text()), (200, "FAIL: NOSUCH".to_owned()));
        assert!(served >= 10, "{served} were served meanwhile");
    });
}

/// A broker that says it is ours but not how large a frame may be, and answers when it is told to.
struct Scripted {
    router: Rc<Router>,
    asked: Rc<Cell<usize>>,
    _task: Task<()>,
}

impl Scripted {
    /// Answers each list once `wait_for` requests have come.
    fn start(wait_for: Rc<Cell<usize>>, seen: Rc<Cell<usize>>, frame_max: usize) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = ListenerOptions {
            properties: vec![("X-Zmws", Bytes::from_static(b"1"))],
            limits: Limits { frame_max, ..Limits::default() },
            ..ListenerOptions::default()
        };
        let router = Rc::new(Router::bind(any, options).expect("a free port"));
        let asked = Rc::<Cell<usize>>::default();
        let (serving, count) = (Rc::clone(&router), Rc::clone(&asked));
        let serve = async move {
            loop {
                let RouterEvent::Message { peer, frames, .. } = serving.recv().await else { continue };
                count.set(count.get() + 1);
                while seen.get() < wait_for.get() {
                    yield_now().await;
                }
                let reply = match frames.last().map(|job| &job[..]) {
                    Some(b"SERVER-JOBS") => vec![frames[0].clone(), Bytes::new(), Bytes::from_static(b"[]")],
                    _ => continue,
                };
                let _gone = serving.send(peer, &reply);
                serving.flush();
            }
        };
        Self { router, asked, _task: Task(spawn_local(serve)) }
    }

    async fn gateway(&self, set: impl FnOnce(&mut Config)) -> (SocketAddr, Task<()>) {
        let mut config = config(self.router.local_addr());
        set(&mut config);
        gateway(config).await
    }
}

#[test]
fn list_is_asked_for_once_by_all_who_want_it_at_the_same_time() {
    play(async {
        let (wait_for, seen) = (Rc::new(Cell::new(100)), Rc::<Cell<usize>>::default());
        let broker = Scripted::start(Rc::clone(&wait_for), Rc::clone(&seen), 1 << 20);
        let (address, _task) = broker.gateway(|_| ()).await;
        let mut clients = JoinSet::new();
        for _ in 0..100 {
            let seen = Rc::clone(&seen);
            clients.spawn_local(async move {
                let mut http = Http::connect(address).await;
                http.send("GET /SERVER-JOBS HTTP/1.1\r\nHost: x\r\n\r\n").await;
                seen.set(seen.get() + 1);
                http.response().await.text()
            });
        }
        while let Some(list) = clients.join_next().await {
            assert_eq!(list.expect("it is answered"), "[]");
        }
        assert!(broker.asked.get() <= 20, "{} requests to the broker", broker.asked.get());
    });
}

#[test]
fn connection_that_the_broker_cuts_fails_what_was_on_it_and_no_more() {
    play(async {
        let never = Rc::new(Cell::new(0));
        let broker = Scripted::start(Rc::clone(&never), never, 1 << 20);
        let (address, _task) = broker.gateway(|config| config.broker_connections = 2).await;
        while broker.router.connections() < 2 {
            yield_now().await;
        }
        let mut waiting = Vec::new();
        for number in 1..=2 {
            let mut http = Http::connect(address).await;
            http.send(HANG).await;
            while broker.asked.get() < number {
                yield_now().await;
            }
            waiting.push(http);
        }
        let large = format!("\"{}\"", "x".repeat(4 << 20));
        let cut = Http::connect(address).await.post("POST /v1/jobs/DEMO", "", &large).await;
        assert!([502, 503].contains(&cut.status), "{} {}", cut.status, cut.text());
        assert!(
            cut.json()["detail"].as_str().is_some_and(|text| text.contains("connection")),
            "{}",
            cut.text()
        );
        let mut lost = 0;
        for http in &mut waiting {
            let answer = tokio::time::timeout(std::time::Duration::from_millis(300), http.response()).await;
            if let Ok(answer) = answer {
                assert_eq!((answer.status, answer.json()["error"].as_str()), (502, Some("outcome-unknown")));
                lost += 1;
            }
        }
        assert_eq!(lost, 1);
    });
}
