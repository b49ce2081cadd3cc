//! A connection between two requests: nothing is lost there, and nothing waits for ever.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Instant, timeout};
use zmws::gateway;

use super::http::Http;
use super::world::{World, config, play};

const GET: &str = "GET /SYNC-STR-REV?str=abc HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &str = "POST /SYNC-STR-REV HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nstr=def";

async fn answers(http: &mut Http, reversed: &str) {
    let answer = http.response().await.text();
    assert!(answer.starts_with(&format!("PARAM-JSON: \"{reversed}\"\n")), "{answer}");
}

/// Wherever the second of two requests is cut, its beginning comes with the first, and the rest once
/// the first is answered.
#[test]
fn request_begun_behind_another_is_not_forgotten() {
    play(async {
        let world = World::start().await;
        for request in [GET, POST] {
            let reversed = if request == GET { "cba" } else { "fed" };
            for cut in 0..=request.len() {
                let (begun, rest) = request.split_at(cut);
                let mut http = world.connect().await;
                http.send(format!("{GET}{begun}")).await;
                answers(&mut http, "cba").await;
                http.send(rest).await;
                answers(&mut http, reversed).await;
                http.send(GET).await;
                answers(&mut http, "cba").await;
            }
        }
    });
}

#[test]
fn many_requests_at_once_are_answered_in_order_and_so_is_the_one_after() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        // Some are answered at once, some by a worker; together more than one read takes.
        let filler = format!("GET /NOSUCH HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(3_000));
        http.send([GET, &filler, &filler, &filler, POST, &filler].concat().repeat(5)).await;
        for _ in 0..5 {
            answers(&mut http, "cba").await;
            for _ in 0..3 {
                assert_eq!(http.response().await.text(), "FAIL: NOSUCH");
            }
            answers(&mut http, "fed").await;
            assert_eq!(http.response().await.text(), "FAIL: NOSUCH");
        }
        http.send(GET).await;
        answers(&mut http, "cba").await;
    });
}

/// A body that nobody reads (a preflight has none to be read) is no request.
#[test]
fn body_that_is_not_asked_for_is_never_taken_for_a_request() {
    play(async {
        let world = World::start().await;
        let hidden = "GET /SYNC-DEMO?smuggled=1 HTTP/1.1\r\nHost: x\r\n\r\n";
        let head =
            format!("OPTIONS /SYNC-DEMO HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", hidden.len());
        for cut in [0, 10, hidden.len()] {
            let (with_head, later) = hidden.split_at(cut);
            let mut http = world.connect().await;
            http.send(format!("{head}{with_head}")).await;
            assert_eq!(http.response().await.status, 204);
            if http.try_send(format!("{later}{GET}")).await {
                // It goes on, or is closed; but the hidden one is not answered.
                let next = http.response_or_closed().await;
                assert!(next.is_none_or(|next| next.text().starts_with("PARAM-JSON: \"cba\"\n")), "{cut}");
            }
        }
    });
}

#[test]
fn head_begun_behind_another_request_and_not_finished_is_answered_408() {
    play(async {
        let world = World::with(|config| config.head_timeout = Duration::from_millis(200)).await;
        let mut http = world.connect().await;
        http.send(format!("{GET}GET / HT")).await;
        answers(&mut http, "cba").await;
        assert_eq!(http.response().await.status, 408);
        assert!(http.is_closed().await);
        let mut http = world.connect().await;
        http.send(GET).await;
        answers(&mut http, "cba").await;
        http.send("GET / HT").await;
        assert_eq!(http.response().await.status, 408);
        assert!(http.is_closed().await);
    });
}

#[test]
fn client_that_stays_silent_after_an_answer_is_closed_upon_without_a_word() {
    play(async {
        let limit = Duration::from_millis(200);
        let world = World::with(|config| config.head_timeout = limit).await;
        let mut http = world.connect().await;
        http.send(GET).await;
        answers(&mut http, "cba").await;
        let answered = Instant::now();
        assert!(http.is_closed().await);
        assert!(answered.elapsed() > limit / 2, "{:?}", answered.elapsed());
    });
}

#[test]
fn gateway_that_stops_closes_connections_that_wait_at_once() {
    play(async {
        let world = World::start().await;
        let listener = gateway::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let settings = config(world.broker.clients);
        let serving = spawn_local(gateway::serve(listener, settings, async { drop(stopped.await) }));
        let mut asked = Http::connect(address).await;
        asked.send(GET).await;
        answers(&mut asked, "cba").await;
        let mut silent = Http::connect(address).await;
        for _ in 0..10 {
            yield_now().await;
        }
        stop.send(()).expect("it listens");
        assert!(asked.is_closed().await);
        assert!(silent.is_closed().await);
        // Long before the requests that run would be cut off.
        timeout(Duration::from_secs(5), serving).await.expect("nothing is waited for").expect("it ends");
    });
}
