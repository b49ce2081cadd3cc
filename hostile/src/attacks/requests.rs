//! HTTP requests whose heads are slow, huge, without end, or two things at once.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use super::gateway::with_sink;
use super::{ENDLESS, Reads, flood, found, hold, nothing};
use crate::attack::{Attack, Findings, Ground, Group};
use crate::http::{self, Asker, request};
use crate::zmtp::{connect, read};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Gateway, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("slow-heads", "hundreds of requests whose head comes a byte at a time", slow_heads),
    attack("slow-bodies", "hundreds of requests whose body comes a byte at a time", slow_bodies),
    attack("header-bomb", "ten thousand headers, and one of a megabyte", header_bomb),
    attack("smuggling", "heads that two servers read as different requests", smuggling),
    attack("pipelined", "thousands of requests on one connection, no answer read", pipelined),
    attack("leaves-at-once", "clients that ask for a result and leave", leaves_at_once),
    attack("idle-http-crowd", "2,000 connections that keep alive and idle", idle_http_crowd),
    attack("expect-continue", "100-continue asked for, and no body sent", expect_continue),
    attack("long-targets", "targets of 60 KB, percent-encoded, with control characters", long_targets),
    attack("odd-methods", "methods of no meaning, TRACE, CONNECT, upgrades", odd_methods),
    attack("not-http", "TLS hellos, ZMTP greetings and garbage at the HTTP port", not_http),
    attack("unknown-services-over-http", "services that nobody offers, over HTTP", unknown_services),
];

fn drip(ground: &Ground, mut crowd: Vec<TcpStream>, bytes: &[u8]) -> Findings {
    for byte in bytes.iter().cycle() {
        if ground.is_over() || crowd.is_empty() {
            break;
        }
        crowd.retain_mut(|stream| stream.write_all(&[*byte]).is_ok());
        std::thread::sleep(Duration::from_millis(50));
    }
    nothing()
}

fn slow_heads(ground: &Ground) -> Findings {
    let mut crowd: Vec<TcpStream> =
        (0..ground.size(100, 600)).map_while(|_| connect(ground.http).ok()).collect();
    crowd.retain_mut(|stream| stream.write_all(b"GET /SYNC-HONEST?x=1 HTTP/1.1\r\nHost: x\r\n").is_ok());
    drip(ground, crowd, b"X-Slow: yes\r\n")
}

fn slow_bodies(ground: &Ground) -> Findings {
    let head = b"POST /SYNC-HONEST HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n";
    let mut crowd: Vec<TcpStream> =
        (0..ground.size(100, 600)).map_while(|_| connect(ground.http).ok()).collect();
    crowd.retain_mut(|stream| stream.write_all(head).is_ok());
    drip(ground, crowd, b"{\"a\":1,")
}

fn header_bomb(ground: &Ground) -> Findings {
    let many: String = (0..10_000).map(|number| format!("X-{number}: {number}\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(1 << 20));
    while !ground.is_over() {
        for head in [&many, &long] {
            let Ok(mut asker) = Asker::connect(ground.http) else { return nothing() };
            let _ = asker.send(&request("GET", "/SYNC-HONEST", head, b""));
            let _ = asker.answer(Duration::from_secs(2));
        }
    }
    nothing()
}

/// Whether anything but one answer comes to what must not be two requests: the second names a service of its own.
fn smuggling(ground: &Ground) -> Findings {
    let inner = "GET /SMUGGLED HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = inner.len() + 5;
    let shapes: [String; 8] = [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!("Content-Length: +0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{inner}"),
    ];
    let mut findings = Findings::new();
    for (number, shape) in shapes.iter().enumerate() {
        let text = format!("POST /SYNC-HONEST?x=1 HTTP/1.1\r\nHost: x\r\n{shape}");
        let Ok(mut stream) = connect(ground.http) else { continue };
        let _ = stream.write_all(text.as_bytes());
        let mut answers = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = read(&mut stream, &mut buffer, Duration::from_millis(150)) {
            answers.extend(&buffer[..count]);
        }
        let answers = String::from_utf8_lossy(&answers).into_owned();
        // Two lengths that agree, or one that counts the rest as the next request, are no smuggling.
        findings.extend(found(answers.contains("SMUGGLED"), || format!("shape {number} is two requests")));
    }
    findings
}

fn pipelined(ground: &Ground) -> Findings {
    let gets = request("GET", "/SYNC-SINK?x=1", "", b"").repeat(200);
    with_sink(ground, || {
        let crowd: Vec<_> = (0..4).map_while(|_| connect(ground.http).ok()).collect();
        let (_, left) = flood(ground, crowd, gets, ENDLESS, Reads::No);
        drop(left);
        nothing()
    })
}

fn leaves_at_once(ground: &Ground) -> Findings {
    let worker = super::stuck_worker(ground, "STUCK");
    while !ground.is_over() {
        for path in ["/SYNC-STUCK?x=1", "/v1/jobs/STUCK?wait=30s"] {
            let method = if path.starts_with("/v1") { "POST" } else { "GET" };
            let Ok(mut stream) = connect(ground.http) else { break };
            let _ = stream.write_all(&request(method, path, "", b""));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(worker);
    nothing()
}

fn idle_http_crowd(ground: &Ground) -> Findings {
    let mut crowd = Vec::new();
    for _ in 0..ground.size(300, 2000) {
        let Ok(mut asker) = Asker::connect(ground.http) else { break };
        let _ = asker.ask(&request("GET", "/NOBODY", "", b""), Duration::from_secs(2));
        crowd.push(asker);
        if ground.is_over() {
            break;
        }
    }
    hold(ground, crowd);
    nothing()
}

fn expect_continue(ground: &Ground) -> Findings {
    let head = "Expect: 100-continue\r\nContent-Length: 8000000\r\n";
    let mut crowd = Vec::new();
    while !ground.is_over() && crowd.len() < ground.size(300, 2000) {
        let Ok(mut stream) = connect(ground.http) else { break };
        let _ = stream.write_all(format!("POST /SYNC-HONEST HTTP/1.1\r\nHost: x\r\n{head}\r\n").as_bytes());
        crowd.push(stream);
    }
    hold(ground, crowd);
    nothing()
}

fn long_targets(ground: &Ground) -> Findings {
    let names = ["%1b%5b2J%0a".repeat(5_000), "a".repeat(60_000), "%00".repeat(15_000), "../".repeat(15_000)];
    while !ground.is_over() {
        for name in &names {
            for path in [format!("/{name}"), format!("/SYNC-{name}"), format!("/v1/jobs/{name}")] {
                let get = request("POST", &path, "Connection: close\r\n", b"{}");
                let _ = http::ask(ground.http, &get, Duration::from_secs(2));
            }
        }
    }
    nothing()
}

fn odd_methods(ground: &Ground) -> Findings {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    while !ground.is_over() {
        for method in ["TRACE", "CONNECT", "PRI", "BREW", "DELETE", "OPTIONS", "HEAD"] {
            for path in ["/SYNC-HONEST", "*", "/v1/jobs/HONEST", "http://elsewhere/SYNC-HONEST"] {
                let Ok(mut asker) = Asker::connect(ground.http) else { return nothing() };
                let _ = asker.send(&request(method, path, upgrade, b""));
                let _ = asker.answer(Duration::from_millis(200));
            }
        }
    }
    nothing()
}

fn not_http(ground: &Ground) -> Findings {
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    let greeting = crate::zmtp::greeting(b"NULL");
    let openings =
        [hello, greeting, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), vec![0; 5000], b"\r\n".repeat(3000)];
    while !ground.is_over() {
        for opening in &openings {
            let Ok(mut stream) = connect(ground.http) else { return nothing() };
            let _ = stream.write_all(opening);
            let _ = read(&mut stream, &mut [0; 1000], Duration::from_millis(20));
        }
    }
    nothing()
}

fn unknown_services(ground: &Ground) -> Findings {
    let Ok(mut asker) = Asker::connect(ground.http) else { return nothing() };
    for number in 0.. {
        let get = request("GET", &format!("/SYNC-NOBODY-{number}?x=1"), "", b"");
        if ground.is_over() || asker.ask(&get, Duration::from_secs(2)).is_err() {
            break;
        }
    }
    nothing()
}
