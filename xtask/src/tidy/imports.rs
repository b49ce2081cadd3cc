//! Who may import whom, and what the pure half may take from outside.
//!
//! Test code is free: it plays transcripts through parts that do not know each other.

use super::Finding;
use super::scan::{PathUse, Source};

/// A part of the crate and what it may use of the others; of itself it may use all.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    /// No clock, no I/O, no runtime.
    pure: bool,
}

const fn pure(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room { name, may_use, pure: true }
}

const fn edge(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room { name, may_use, pure: false }
}

/// The rooms, the inner before the outer. ARCHITECTURE.md has the same table in words.
const ROOMS: [Room; 23] = [
    pure("duration", &[]),
    pure("job", &[]),
    pure("memory", &[]),
    pure("message", &["job"]),
    pure("zmtp", &[]),
    pure("wire", &["message", "job"]),
    pure("broker", &["message", "job", "memory"]),
    pure("params", &["job"]),
    // The lists have PHP's way of writing JSON, which params knows.
    // Statistics are counted in the broker, and shown here.
    pure(
        "admin",
        &[
            "broker::snapshot",
            "broker::Counters",
            "broker::Totals",
            "job",
            "memory",
            "message::Dialect",
            "message::Outcome",
            "params::json",
        ],
    ),
    pure("client::session", &["message", "job"]),
    pure("worker::session", &["message", "job"]),
    // What the loop does with messages, and the replay of recordings, too.
    pure("server::exchange", &["broker", "wire", "message", "job"]),
    edge("log_writer", &[]),
    edge(
        "store",
        &[
            "message",
            "job",
            "broker::Record",
            "broker::Restored",
            "broker::ServiceState",
            "broker::StoredDeadLetter",
            "broker::StoredJob",
        ],
    ),
    edge("transport", &["zmtp", "job", "memory"]),
    // What a Dealer tells of its peer, and what it lets the peer send, are the engine's types.
    edge(
        "client",
        &["wire", "transport", "params", "message", "job", "memory", "zmtp::PeerInfo", "zmtp::Limits"],
    ),
    edge("worker", &["wire", "transport", "params", "message", "job", "zmtp::PeerInfo", "zmtp::Limits"]),
    edge(
        "server",
        &["broker", "wire", "transport", "store", "admin", "message", "job", "memory", "log_writer"],
    ),
    edge("gateway", &["client", "params", "message", "job", "duration", "memory", "log_writer"]),
    // It asks the broker's admin port, whose answers are admin's types.
    edge("supervise", &["job", "duration", "admin"]),
    edge("console", &["supervise", "admin", "transport", "job"]),
    edge(
        "cli",
        &[
            "server",
            "store",
            "gateway",
            "client",
            "worker",
            "supervise",
            "console",
            "admin",
            "params",
            "broker",
            "transport",
            "message",
            "job",
            "duration",
            "memory",
            "log_writer",
            "zmtp::Limits",
        ],
    ),
    edge("main", &["cli"]),
];

/// Beginnings of paths that need an operating system, a runtime or a clock.
const IMPURE: [&[&str]; 11] = [
    &["std", "net"],
    &["std", "fs"],
    &["std", "thread"],
    &["std", "env"],
    &["std", "process"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["tokio"],
    &["socket2"],
    &["hyper"],
    &["tracing"],
];

/// All sources of the crate `zmws`, but its root, which declares the rooms.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let inside =
        |source: &&Source| source.path.starts_with("src/") && source.path != "src/lib.rs" && !source.test;
    sources.iter().filter(inside).flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Finding> {
    let module = match source.path.as_str() {
        "src/main.rs" => vec!["main".to_owned()],
        _ => source.module.clone(),
    };
    let Some(room) = ROOMS.iter().find(|room| begins_with(&module, room.name)) else {
        let what = "has no line in xtask's table of imports: what may it use?".to_owned();
        return vec![Finding { path: source.path.clone(), line: 0, what }];
    };
    let finding = |found: &PathUse| {
        let what = judge(room, found)?;
        Some(Finding { path: source.path.clone(), line: found.line, what })
    };
    source.uses.iter().filter_map(finding).collect()
}

/// What is wrong with a path that a room uses.
fn judge(room: &Room, found: &PathUse) -> Option<String> {
    let segments = &found.segments;
    let shown = segments.join("::");
    let impure =
        |start: &&[&str]| segments.iter().map(String::as_str).take(start.len()).eq(start.iter().copied());
    if room.pure && IMPURE.iter().any(impure) {
        return Some(format!("{} is pure and may not use {shown}", room.name));
    }
    // The program names the library by its name.
    if segments[0] != "crate" && segments[0] != "zmws" {
        return None;
    }
    let target = &segments[1..];
    let allowed = std::iter::once(&room.name).chain(room.may_use).any(|name| begins_with(target, name));
    let may = if room.may_use.is_empty() { "nothing of ours".to_owned() } else { room.may_use.join(", ") };
    (!allowed).then(|| format!("{} may not use {shown}, only {may}", room.name))
}

fn begins_with(module: &[String], name: &str) -> bool {
    let mut segments = module.iter();
    name.split("::").all(|part| segments.next().is_some_and(|segment| segment == part))
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan;
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let source = scan(path, text).expect("the source is Rust");
        check(&[source]).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn wire_and_broker_may_not_know_each_other() {
        assert_eq!(
            findings("src/wire/zmws1.rs", "use crate::broker::Action;"),
            ["wire may not use crate::broker::Action, only message, job"]
        );
        assert_eq!(
            findings("src/broker/queue.rs", "fn f() { super::super::wire::decode() }"),
            ["broker may not use crate::wire::decode, only message, job, memory"]
        );
    }

    #[test]
    fn zmtp_knows_nothing_of_ours() {
        assert_eq!(
            findings("src/zmtp/frame.rs", "use crate::job::PeerId;"),
            ["zmtp may not use crate::job::PeerId, only nothing of ours"]
        );
    }

    #[test]
    fn a_room_may_use_what_its_line_says_and_itself() {
        let text =
            "use crate::job::Body; use crate::message::Dialect; use super::reader::Reader; use std::fmt;";
        assert_eq!(findings("src/wire/zmws1.rs", text), [""; 0]);
    }

    #[test]
    fn a_line_may_open_a_part_of_a_room() {
        assert_eq!(findings("src/admin/mod.rs", "use crate::broker::snapshot::Jobs;"), [""; 0]);
        assert_eq!(
            findings("src/admin/mod.rs", "use crate::broker::Broker;"),
            [
                "admin may not use crate::broker::Broker, only broker::snapshot, broker::Counters, broker::Totals, job, memory, message::Dialect, message::Outcome, params::json"
            ]
        );
    }

    #[test]
    fn a_session_is_pure_and_its_driver_is_not() {
        assert_eq!(findings("src/client/mod.rs", "use tokio::net::TcpStream; use crate::wire::X;"), [""; 0]);
        assert_eq!(
            findings("src/client/session.rs", "use tokio::time::Instant; use crate::wire::X; use super::Y;"),
            [
                "client::session is pure and may not use tokio::time::Instant",
                "client::session may not use crate::wire::X, only message, job",
                "client::session may not use crate::client::Y, only message, job",
            ]
        );
    }

    #[test]
    fn a_new_room_needs_a_line() {
        assert_eq!(
            findings("src/attic/mod.rs", ""),
            ["has no line in xtask's table of imports: what may it use?"]
        );
    }
}
