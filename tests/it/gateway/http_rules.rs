//! What RFC 9110 and RFC 9112 ask of a server, by section.

use super::world::{World, play};

/// RFC 9112 §3.2: a request without Host, or with two, is answered 400.
#[test]
fn rfc9112_3_2_one_host_is_wanted() {
    play(async {
        let world = World::start().await;
        for head in ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"] {
            let mut http = world.connect().await;
            http.send(head).await;
            assert_eq!(http.response().await.status, 400, "{head:?}");
        }
    });
}

/// RFC 9112 §3.2.2: a server must accept the absolute form.
#[test]
fn rfc9112_3_2_2_absolute_form_is_a_target() {
    play(async {
        let world = World::start().await;
        let response = world.ask("GET http://elsewhere.example/SYNC-STR-REV?str=abc").await;
        assert!(response.text().starts_with("PARAM-JSON: \"cba\"\n"), "{}", response.text());
    });
}

/// RFC 9112 §9.3: a connection goes on after an answer.
#[test]
fn rfc9112_9_3_connections_persist() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        for text in ["abc", "def"] {
            let response = http.ask(&format!("GET /SYNC-STR-REV?str={text}")).await;
            assert_eq!(response.status, 200);
        }
        http.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert_eq!(http.response().await.header("connection"), Some("close"));
        assert!(http.is_closed().await);
    });
}

/// RFC 9112 §9.3: a 1.0 client that does not ask to go on is closed upon.
#[test]
fn rfc9112_9_3_old_clients_are_closed_upon() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        http.send("GET /SYNC-STR-REV?str=abc HTTP/1.0\r\n\r\n").await;
        let response = http.response().await;
        assert_eq!((response.status, response.version.as_str()), (200, "HTTP/1.0"));
        assert!(http.is_closed().await);
    });
}

/// RFC 9112 §9.3.2: answers to pipelined requests come in the order of the requests.
#[test]
fn rfc9112_9_3_2_pipelined_requests_are_answered_in_order() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        let requests = ["one", "two", "six"]
            .map(|text| format!("GET /SYNC-STR-REV?str={text} HTTP/1.1\r\nHost: x\r\n\r\n"));
        http.send(requests.concat()).await;
        for text in ["eno", "owt", "xis"] {
            let answer = http.response().await.text();
            assert!(answer.starts_with(&format!("PARAM-JSON: \"{text}\"\n")), "{answer}");
        }
    });
}

/// RFC 9112 §7.1: chunked bodies are read; a chunk that is none is answered 400.
#[test]
fn rfc9112_7_1_chunked_bodies_are_read() {
    play(async {
        let world = World::start().await;
        let head = "POST /SYNC-STR-REV HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut http = world.connect().await;
        http.send(format!("{head}4\r\nstr=\r\n3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n")).await;
        let answer = http.response().await.text();
        assert!(answer.starts_with("PARAM-JSON: \"cba\"\n"), "{answer}");
        let mut http = world.connect().await;
        http.send(format!("{head}4\r\nstr=\r\nzz\r\n")).await;
        assert_eq!(http.response().await.status, 400);
    });
}

/// RFC 9112 §2.2: what is no request line is answered 400.
#[test]
fn rfc9112_2_2_garbage_is_answered_400() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        http.send("\x00\x01garbage\r\n\r\n").await;
        assert_eq!(http.response().await.status, 400);
        assert!(http.is_closed().await);
    });
}

/// RFC 9110 §9.3.2: HEAD is answered as GET, without the body.
#[test]
fn rfc9110_9_3_2_head_has_the_length_and_no_body() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        let head = http.ask("HEAD /SYNC-STR-REV?str=abc").await;
        assert_eq!((head.status, head.header("content-length")), (200, Some("47")));
        let next = http.ask("GET /").await;
        assert!(next.text().starts_with("<!DOCTYPE html>"), "{}", next.text());
    });
}

/// RFC 9110 §9.3.7 and the Fetch standard: OPTIONS says what may be done, and does nothing.
#[test]
fn rfc9110_9_3_7_options_are_told() {
    play(async {
        let world = World::start().await;
        let preflight = world.ask("OPTIONS /SYNC-STR-REV?str=abc").await;
        assert_eq!(preflight.status, 204);
        assert!(preflight.header("allow").is_some_and(|methods| methods.contains("POST")));
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert!(
            preflight.header("access-control-allow-headers").is_some_and(|h| h.contains("Authorization"))
        );
        assert_eq!(world.ask("OPTIONS *").await.status, 204);
    });
}

/// RFC 9110 §9.1: a method that is known and not allowed is answered 405, with Allow.
#[test]
fn rfc9110_9_1_trace_and_connect_are_not_allowed() {
    play(async {
        let world = World::start().await;
        for line in ["TRACE /SYNC-STR-REV", "CONNECT elsewhere.example:80"] {
            let response = world.ask(line).await;
            assert_eq!(response.status, 405, "{line}");
            assert!(response.header("allow").is_some(), "{line}");
        }
    });
}

/// RFC 9110 §10.1.1: 100 Continue is sent once, and an expectation that is not known refused.
#[test]
fn rfc9110_10_1_1_continue_is_said_once() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        let head = "POST /SYNC-STR-REV HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: ";
        http.send(format!("{head}100-continue\r\n\r\n")).await;
        assert_eq!(http.head().await.status, 100);
        http.send("str=abc").await;
        assert_eq!(http.response().await.status, 200);
        let mut http = world.connect().await;
        http.send(format!("{head}miracles\r\n\r\n")).await;
        assert_eq!(http.response().await.status, 417);
    });
}

/// RFC 9110 §15.5.14: a body too large is refused before it is sent.
#[test]
fn rfc9110_10_1_1_no_continue_for_a_body_that_is_too_large() {
    play(async {
        let world = World::with(|config| config.body_max = 10).await;
        let mut http = world.connect().await;
        http.send("POST /DEMO HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
            .await;
        assert_eq!(http.response().await.status, 413);
    });
}

/// A head may come in any pieces, also cut in its last line end, which upstream never answered.
#[test]
fn heads_come_in_any_pieces() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        for piece in ["GET /SYNC-STR-", "REV?str=abc HTTP/1.1\r\nHo", "st: x\r\n\r", "\n"] {
            http.send(piece).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(http.response().await.status, 200);
    });
}
