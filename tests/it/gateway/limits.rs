//! Nothing hangs, nothing grows without end, and what is given up is released.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{spawn_local, yield_now};
use zmws::gateway;

use super::http::Http;
use super::world::{Broker, World, config, gateway, play};

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn result_that_does_not_come_is_answered_504() {
    play(async {
        let world = World::with(|config| config.result_timeout = SHORT).await;
        let mut http = world.connect().await;
        let late = http.ask("GET /SYNC-HANG").await;
        assert_eq!(late.status, 504);
        assert_eq!(late.header("content-type"), Some("application/json"));
        assert_eq!(late.json()["error"], "timeout");
        let id = late.json()["job"].as_str().expect("an id").to_owned();
        assert_eq!(late.header("x-zmws-job"), Some(&*id));
        assert!(http.ask("GET /SERVER-ACTIVE").await.text().contains(&id));
        world.release.notify_one();
        let next = http.ask("GET /SYNC-STR-REV?str=abc").await;
        assert!(next.text().starts_with("PARAM-JSON: \"cba\"\n"), "{}", next.text());
    });
}

#[test]
fn request_asks_for_its_own_limit_where_it_may() {
    play(async {
        let world = World::with(|config| config.asked_timeout_max = Some(SHORT)).await;
        assert_eq!(world.ask("GET /SYNC-HANG?_timeout=0.05").await.status, 504);
        assert_eq!(world.ask("GET /SYNC-HANG?_timeout=3600").await.status, 504);
        assert_eq!(world.ask("GET /SYNC-HANG?_timeout=soon").await.status, 400);
        let echo = world.ask("GET /SYNC-DEMO?_timeout=1&a=1").await;
        assert!(echo.text().starts_with("PARAM-JSON: {\"a\":\"1\"}\n"), "{}", echo.text());
        let echo = world.post("POST /SYNC-DEMO", "", "{\"_timeout\":1,\"a\":[1]}").await;
        assert!(echo.text().starts_with("PARAM-JSON: {\"a\":[1]}\n"), "{}", echo.text());
    });
}

#[test]
fn limit_that_would_be_ignored_is_refused() {
    play(async {
        let world = World::start().await;
        for (line, body) in [
            ("GET /SYNC-DEMO?_timeout=1", ""),
            ("POST /SYNC-DEMO", "{\"_timeout\":1}"),
            ("GET /SERVER-JOBS?_timeout=1", ""),
        ] {
            let refused = world.post(line, "", body).await;
            assert_eq!(refused.status, 400, "{line}");
            assert!(
                refused.json()["message"].as_str().is_some_and(|text| text.contains("--asked-timeout-max"))
            );
        }
    });
}

#[test]
fn connections_of_one_address_have_a_bound_of_their_own() {
    play(async {
        let world = World::with(|config| config.connections_per_address = 1).await;
        let mut first = world.connect().await;
        assert_eq!(first.ask("GET /").await.status, 200);
        assert_eq!(world.connect().await.response().await.status, 503);
        drop(first);
        while world.connect().await.ask_or_closed("GET /").await != Some(200) {}
    });
}

#[test]
fn broker_that_is_away_is_answered_503() {
    play(async {
        let mut broker = Broker::start();
        broker.die().await;
        let address = broker.clients;
        let mut config = config(address);
        config.connect_wait = SHORT;
        let (gateway, _task) = gateway(config).await;
        let mut http = Http::connect(gateway).await;
        for line in ["GET /SYNC-DEMO", "GET /SERVER-JOBS", "POST /v1/jobs/DEMO"] {
            let away = http.ask(line).await;
            assert_eq!((away.status, away.header("retry-after")), (503, Some("1")), "{line}");
        }
    });
}

#[test]
fn broker_that_dies_is_told_of_at_once_and_found_again() {
    play(async {
        let mut world = World::start().await;
        let mut http = world.connect().await;
        http.send("GET /SYNC-HANG HTTP/1.1\r\nHost: x\r\n\r\n").await;
        until_active(&world, "HANG").await;
        world.workers.clear();
        world.broker.restart().await;
        let lost = http.response().await;
        assert_eq!((lost.status, lost.json()["error"].as_str()), (502, Some("outcome-unknown")));
        world.hire().await;
        assert_eq!(http.ask("GET /SYNC-STR-REV?str=abc").await.status, 200);
    });
}

#[test]
fn too_many_in_flight_are_answered_429_and_those_who_leave_make_room() {
    play(async {
        let world = World::with(|config| config.in_flight_max = 1).await;
        let mut first = world.connect().await;
        first.send("GET /SYNC-HANG HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut http = world.connect().await;
        loop {
            let second = http.ask("GET /SYNC-STR-REV?str=abc").await;
            if second.status == 429 {
                assert_eq!(second.header("retry-after"), Some("1"));
                break;
            }
        }
        drop(first);
        while http.ask("GET /SYNC-STR-REV?str=abc").await.status == 429 {}
    });
}

#[test]
fn head_too_large_is_answered_431() {
    play(async {
        let world = World::with(|config| config.head_max = 8 << 10).await;
        let mut http = world.connect().await;
        http.send(format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(9 << 10))).await;
        assert_eq!(http.response().await.status, 431);
        assert!(http.is_closed().await);
    });
}

#[test]
fn body_too_large_is_answered_413_announced_or_not() {
    play(async {
        let world = World::with(|config| config.body_max = 1_000).await;
        let head = "POST /SYNC-DEMO HTTP/1.1\r\nHost: x\r\n";
        for rest in ["Content-Length: 1001\r\n\r\n".to_owned(), chunked(&"a".repeat(1_001))] {
            let mut http = world.connect().await;
            http.send(format!("{head}{rest}")).await;
            let large = http.response().await;
            assert_eq!((large.status, large.header("connection")), (413, Some("close")));
        }
        let fits = world.post("POST /SYNC-DEMO", "", &"a".repeat(1_000)).await;
        assert_eq!(fits.status, 200);
    });
}

fn chunked(body: &str) -> String {
    format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

#[test]
fn slow_heads_and_bodies_are_answered_408() {
    play(async {
        let world = World::with(|config| {
            config.head_timeout = SHORT;
            config.body_timeout = SHORT;
        })
        .await;
        for start in ["GET / HT", "POST /DEMO HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"] {
            let mut http = world.connect().await;
            http.send(start).await;
            let slow = http.response().await;
            assert_eq!((slow.status, slow.header("connection")), (408, Some("close")), "{start:?}");
            assert!(http.is_closed().await);
        }
        let mut silent = world.connect().await;
        assert!(silent.is_closed().await);
    });
}

#[test]
fn connections_beyond_the_bound_are_turned_away() {
    play(async {
        let world = World::with(|config| config.connections_max = 2).await;
        let mut first = world.connect().await;
        let mut second = world.connect().await;
        assert_eq!(first.ask("GET /").await.status, 200);
        assert_eq!(second.ask("GET /").await.status, 200);
        let mut third = world.connect().await;
        assert_eq!(third.response().await.status, 503);
        assert!(third.is_closed().await);
        drop(first);
        while world.connect().await.ask_or_closed("GET /").await != Some(200) {}
    });
}

#[test]
fn requests_that_run_are_answered_when_the_gateway_stops() {
    play(async {
        let world = World::start().await;
        let listener = gateway::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let over = Rc::new(RefCell::new(false));
        let told = Rc::clone(&over);
        let settings = config(world.broker.clients);
        let serving = spawn_local(async move {
            gateway::serve(listener, settings, async { drop(stopped.await) }).await;
            *told.borrow_mut() = true;
        });
        let mut http = Http::connect(address).await;
        http.send("GET /SYNC-HANG HTTP/1.1\r\nHost: x\r\n\r\n").await;
        until_active(&world, "HANG").await;
        stop.send(()).expect("it listens");
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            yield_now().await;
        }
        assert!(!*over.borrow());
        world.release.notify_one();
        let answer = http.response().await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        serving.await.expect("it ends");
    });
}

/// Waits until a worker has a job of the service.
pub(crate) async fn until_active(world: &World, service: &str) {
    while !world.ask("GET /SERVER-ACTIVE").await.text().contains(service) {}
}
