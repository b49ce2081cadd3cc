//! Where we differ on purpose, the recorded side still counts: recordings spoilt there are accused.

use zmws_compat::trace::{Event, Frame, Side, Trace, What, decoded, to_bytes};

use crate::{is_accused, recording};

/// The places of what the recorded broker said that has a frame which begins so.
fn said(trace: &Trace, begin: &str) -> Vec<usize> {
    let begin = to_bytes(begin).expect("latin-1");
    let has = |event: &Event| match &event.what {
        What::Message { to: Side::Peer, frames, .. } => {
            frames.iter().any(|frame| frame.bytes.starts_with(&begin))
        }
        _ => false,
    };
    let events = trace.events.iter().enumerate();
    events.filter(|(_, event)| has(event)).map(|(place, _)| place).collect()
}

/// Whether a recording is accused, and no longer passes, without the `nth` of these messages.
fn misses(name: &str, begin: &str, nth: usize) -> bool {
    let mut trace = recording(name);
    assert!(!is_accused(trace.clone()), "{name} passes as it is");
    trace.events.remove(said(&trace, begin)[nth]);
    is_accused(trace)
}

/// Whether it is accused with another text in a frame of the `nth` of these messages.
fn reads(name: &str, begin: &str, nth: usize, from: &str, to: &str) -> bool {
    let mut trace = recording(name);
    let place = said(&trace, begin)[nth];
    let What::Message { frames, .. } = &mut trace.events[place].what else { unreachable!("a message") };
    let (from, to) = (from.as_bytes(), to.as_bytes());
    let frame = frames.iter_mut().find(|frame| frame.bytes.windows(from.len()).any(|part| part == from));
    let frame = frame.expect("a frame that has it");
    let at = frame.bytes.windows(from.len()).position(|part| part == from).expect("found before");
    *frame = Frame::whole([&frame.bytes[..at], to, &frame.bytes[at + from.len()..]].concat());
    is_accused(trace)
}

#[test]
fn a_refusal_that_was_never_sent_is_no_reason_to_serve() {
    // plain-request-served, zmws1-served, foreign-worker-counts, answer-at-the-clients-port
    assert!(misses("written/original/no-param-2.0.0-rc1.jsonl", "FAIL: ", 0));
    assert!(misses("recorded/2.0.0-rc4/php8-unmodified.jsonl", "FAIL: ", 0));
    assert!(misses("recorded/master/client-base.jsonl", "FAIL: ", 0));
    assert!(misses("recorded/master/mixed-with-1.0.0.jsonl", "FAIL: ", 0));
    assert!(misses("recorded/master/worker-unmodified.jsonl", "FAIL: ", 0));
}

#[test]
fn a_refusal_names_what_its_version_names() {
    assert!(reads("recorded/master/client-base.jsonl", "FAIL: ", 0, "FAIL: ", "FAIL: X"));
    assert!(reads("recorded/2.0.0-rc4/php8-unmodified.jsonl", "FAIL: ", 0, "FAIL: DEMO", "FAIL: OTHER"));
    assert!(reads("recorded/1.0.0/mdp-strict.jsonl", "FAIL: ", 0, "FAIL: ", "FAIL: X"));
    assert!(reads("recorded/1.0.0/proto-odd.jsonl", "JOB: ", 0, " DEMO", " DEMX"));
}

#[test]
fn a_list_is_answered_where_the_original_is_silent_or_refuses() {
    assert!(reads("written/original/lists-2.0.0-rc1.jsonl", "FAIL: ", 0, "FAIL: ", "FAIL: NOSUCH"));
    assert!(misses("written/original/lists-2.0.0-rc1.jsonl", "FAIL: ", 0));
}

#[test]
fn a_busy_worker_that_is_not_listed_is_that_worker() {
    let name = "written/original/busy-unlisted-0.9.6.jsonl";
    assert!(reads(name, "[{", 0, "W1", "W2"));
    assert!(reads(name, "[]", 0, "[]", "[{\"hb\":1795490003.1,\"service\":\"DEMO\",\"workerid\":\"W2\"}]"));
}

#[test]
fn an_entry_that_stands_twice_is_one_too_many() {
    let mut trace = recording("recorded/1.0.0/server-info.jsonl");
    let place = said(&trace, "[{")[0];
    let What::Message { frames, .. } = &mut trace.events[place].what else { unreachable!("a message") };
    let list = frames.last_mut().expect("a list");
    let row = &list.bytes[1..list.bytes.iter().position(|&byte| byte == b'}').expect("an entry") + 1];
    *list = Frame::whole([b"[", row, b",", &list.bytes[1..]].concat());
    assert!(is_accused(trace));
}

#[test]
fn a_worker_answers_what_it_heard() {
    // workers-answer-jobs-only
    let name = "recorded/1.0.0/worker-vs-fake-broker.jsonl";
    let spoil = |from: &[u8], to: &'static [u8]| {
        let mut trace = recording(name);
        for event in &mut trace.events {
            let What::Message { to: Side::Broker, frames, .. } = &mut event.what else { continue };
            if let Some(frame) = frames.last_mut().filter(|frame| frame.bytes == from) {
                *frame = Frame::whole(to);
            }
        }
        is_accused(trace)
    };
    assert!(spoil(b"COMPLETE: ge", b"COMPLETE: gx"));
    assert!(spoil(b"COMPLETE: 0001-0004", b"COMPLETE: 0001-0005"));
}

#[test]
fn a_heartbeat_that_is_missing_late_or_double_is_noticed() {
    let name = "recorded/1.0.0/hb-idle.jsonl";
    assert!(misses(name, "HEARTBEAT", 0));
    assert!(misses(name, "HEARTBEAT", 2));
    let mut late = recording(name);
    let place = said(&late, "HEARTBEAT")[2];
    let mut beat = late.events.remove(place);
    beat.at += 700_000;
    let after = late.events.iter().position(|event| event.at > beat.at).expect("it goes on");
    late.events.insert(after, beat);
    assert!(is_accused(late));
    let mut double = recording(name);
    let place = said(&double, "HEARTBEAT")[2];
    double.events.insert(place, double.events[place].clone());
    assert!(is_accused(double));
}

#[test]
fn answers_that_change_places_are_noticed() {
    let mut trace = recording("recorded/master/gateway-stream.jsonl");
    let parts = said(&trace, "CONT: ");
    let other =
        said(&trace, "MDPC02").into_iter().find(|place| *place > parts[0]).expect("an answer between");
    let (early, late) = (trace.events[other].what.clone(), trace.events[parts[1]].what.clone());
    (trace.events[other].what, trace.events[parts[1]].what) = (late, early);
    assert!(is_accused(trace));
}

#[test]
fn what_a_gateway_prints_follows_from_what_it_was_told() {
    let spoil = |from: &str, to: &str| {
        let mut trace = recording("recorded/1.0.0/gateway.jsonl");
        let place = trace.events.iter().position(|event| {
            matches!(&event.what, What::Http { to: Side::Peer, bytes, .. } if bytes.windows(from.len()).any(|part| part == from.as_bytes()))
        });
        let What::Http { bytes, .. } = &mut trace.events[place.expect("an answer that has it")].what else {
            unreachable!("HTTP");
        };
        *bytes = String::from_utf8_lossy(bytes).replacen(from, to, 1).into_bytes().into();
        is_accused(trace)
    };
    assert!(spoil("HTTP 501 ", "HTTP 500 "));
    assert!(spoil("FNF", "FNX"));
}

#[test]
fn an_order_names_the_client_who_asked_in_a_specification_too() {
    let mut trace = decoded(recording("written/rfc37/long-and-short-frames.jsonl"));
    assert!(!is_accused(trace.clone()));
    let place = said(&trace, "C1")[0];
    let What::Message { frames, .. } = &mut trace.events[place].what else { unreachable!("a message") };
    frames[0] = Frame::whole("C2");
    assert!(is_accused(trace));
}

#[test]
fn a_worker_that_was_given_up_late_is_not_listed_twice() {
    let row = r#"{"hb":1795490003.1,"service":"DEMO","workerid":"W1"}"#;
    let (one, two) = (format!("[{row}]"), format!("[{row},{row}]"));
    assert!(reads("written/original/late-purge-1.0.0.jsonl", "[{", 0, &one, &two));
}

#[test]
fn a_client_called_0_is_told_that_its_job_was_taken() {
    assert!(misses("recorded/1.0.0/bad-frontend.jsonl", "JOB:  DEMO", 0));
}
