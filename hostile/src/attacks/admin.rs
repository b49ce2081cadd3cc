//! The operators' port. Whoever reaches it may stop the work; nobody may lock operators out.

use std::io::Write;
use std::time::Duration;

use super::{found, hold, nothing};
use crate::attack::{Attack, Findings, Ground, Group, Setting};
use crate::http::{self, request};
use crate::zmtp::connect;

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Admin, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack(
        "admin-idle",
        "64 connections to the admin port that idle, renewed when they are closed",
        admin_idle,
    ),
    attack("admin-slow-head", "100 requests to the admin port, a byte at a time", admin_slow_head),
    attack("admin-slow-post", "bodies to the admin port that never come", admin_slow_post),
    attack("admin-flood", "/metrics, /status and /jobs as fast as they come", admin_flood),
    attack("admin-names", "services by the thousand paused, of names that nobody offers", admin_names),
    attack(
        "admin-strangers",
        "requests as a page elsewhere would send them: none may change anything",
        admin_strangers,
    ),
    attack(
        "descriptors-used-up",
        "more connections than the broker may have descriptors",
        descriptors_used_up,
    )
    .on(Setting { limits: "ulimit -n 160", ..Setting::PLAIN }),
];

fn admin_idle(ground: &Ground) -> Findings {
    let mut crowd = Vec::new();
    while !ground.is_over() {
        crowd.retain_mut(|stream| {
            let _ = std::net::TcpStream::set_nonblocking(stream, true);
            let mut byte = [0];
            !matches!(std::net::TcpStream::peek(stream, &mut byte), Ok(0))
        });
        while crowd.len() < 64 {
            let Ok(stream) = connect(ground.admin) else { break };
            crowd.push(stream);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    nothing()
}

fn admin_slow_head(ground: &Ground) -> Findings {
    let mut crowd: Vec<_> = (0..100).map_while(|_| connect(ground.admin).ok()).collect();
    for byte in b"GET /status HTTP/1.1\r\nHost: localhost\r\n".iter().chain(b"X-Slow: y\r\n".iter().cycle()) {
        if ground.is_over() {
            break;
        }
        crowd.retain_mut(|stream| stream.write_all(&[*byte]).is_ok());
        std::thread::sleep(Duration::from_millis(30));
    }
    nothing()
}

fn admin_slow_post(ground: &Ground) -> Findings {
    let head = b"POST /services/HONEST/resume HTTP/1.1\r\nHost: localhost\r\nX-Zmws: 1\r\nContent-Length: 99999999\r\n\r\n";
    let mut crowd: Vec<_> = (0..100).map_while(|_| connect(ground.admin).ok()).collect();
    crowd.retain_mut(|stream| stream.write_all(head).is_ok());
    hold(ground, crowd);
    nothing()
}

fn admin_flood(ground: &Ground) -> Findings {
    while !ground.is_over() {
        for path in ["/metrics", "/status", "/jobs?state=failed", "/healthz", "/nothing"] {
            let _ = http::get(ground.admin, path, Duration::from_secs(5));
        }
    }
    nothing()
}

fn admin_names(ground: &Ground) -> Findings {
    for number in 0.. {
        let path = format!("/services/N{number:0>200}/pause");
        let told = request("POST", &path, "X-Zmws: 1\r\nConnection: close\r\n", b"");
        if ground.is_over() || http::ask(ground.admin, &told, Duration::from_secs(5)).is_err() {
            break;
        }
    }
    nothing()
}

/// Without the header that no page may send, or under a name that is not this machine's.
fn admin_strangers(ground: &Ground) -> Findings {
    let mut findings = Findings::new();
    for path in ["/drain", "/services/HONEST/pause", "/services/HONEST/drain"] {
        let without = request("POST", path, "Origin: http://evil.example\r\nConnection: close\r\n", b"");
        let rebound =
            format!("POST {path} HTTP/1.1\r\nHost: evil.example\r\nX-Zmws: 1\r\nConnection: close\r\n\r\n");
        for told in [without, rebound.into_bytes()] {
            let answer = http::ask(ground.admin, &told, Duration::from_secs(5));
            let obeyed = answer.is_ok_and(|answer| answer.status < 300);
            findings.extend(found(obeyed, || format!("{path} was done for a stranger")));
        }
    }
    findings
}

fn descriptors_used_up(ground: &Ground) -> Findings {
    let ports = [ground.clients, ground.workers, ground.news];
    let crowd: Vec<_> = (0..400).map_while(|number| connect(ports[number % 3]).ok()).collect();
    hold(ground, crowd);
    nothing()
}
