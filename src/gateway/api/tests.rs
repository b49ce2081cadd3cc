//! Routes, keys, and the document.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use super::idempotency::{Claim, Key, Keys};
use super::routes::{Found, Operation, find};
use super::{Reply, openapi};
use crate::gateway::config::Config;
use crate::memory::Memory;

fn reply(text: &str) -> Reply {
    Reply::new(StatusCode::OK, &json!(text))
}

fn keys(max: usize) -> Keys {
    Keys::new(&Config {
        idempotency_ttl: Duration::from_secs(60),
        idempotency_max: max,
        idempotency_bytes_max: 10_000,
        memory: Memory::new(20_000),
        ..Config::default()
    })
}

fn key(name: &str) -> Key {
    Key::new(b"A", None, name.as_bytes())
}

#[test]
fn names_in_paths_are_decoded_after_the_path_is_cut() {
    let found = find(&Method::POST, "/v1/jobs/A%2FB%20C");
    assert_eq!(found, Found::Operation(Operation::Submit, vec![b"A/B C".to_vec()]));
    let found = find(&Method::GET, "/v1/jobs/A/00C0-FFEE");
    assert_eq!(found, Found::Operation(Operation::Job, vec![b"A".to_vec(), b"00C0-FFEE".to_vec()]));
}

#[test]
fn other_methods_are_told_what_is_allowed() {
    assert_eq!(find(&Method::DELETE, "/v1/jobs"), Found::OtherMethods("GET, HEAD, OPTIONS".to_owned()));
    assert_eq!(find(&Method::GET, "/v1/jobs/A"), Found::OtherMethods("POST, OPTIONS".to_owned()));
    assert_eq!(find(&Method::GET, "/v1/jobs/"), Found::Nothing);
    assert_eq!(find(&Method::GET, "/v1/none"), Found::Nothing);
}

#[test]
fn key_is_answered_again_until_its_time_is_over() {
    let (now, keys) = (Instant::now(), keys(10));
    let Claim::Mine(mine) = keys.claim(now, key("k"), 1) else { panic!("nobody has it") };
    assert!(matches!(keys.claim(now, key("k"), 1), Claim::Running));
    mine.settle(now, Some(reply("done")));
    let Claim::Answered(again) = keys.claim(now, key("k"), 1) else { panic!("it is answered") };
    assert_eq!(again, reply("done"));
    assert!(matches!(keys.claim(now, key("k"), 2), Claim::Other));
    assert!(matches!(keys.claim(now + Duration::from_secs(60), key("k"), 1), Claim::Mine(_)));
}

#[test]
fn key_of_a_request_that_was_not_sent_is_free_again() {
    let (now, keys) = (Instant::now(), keys(10));
    let Claim::Mine(mine) = keys.claim(now, key("k"), 1) else { panic!("nobody has it") };
    mine.settle(now, None);
    let Claim::Mine(mine) = keys.claim(now, key("k"), 2) else { panic!("it was given back") };
    drop(mine);
    assert!(matches!(keys.claim(now, key("k"), 3), Claim::Mine(_)));
}

#[test]
fn oldest_answers_make_room() {
    let (now, keys) = (Instant::now(), keys(2));
    for name in ["a", "b", "c"] {
        let Claim::Mine(mine) = keys.claim(now, key(name), 1) else { panic!("nobody has it") };
        mine.settle(now, Some(reply(name)));
    }
    assert!(matches!(keys.claim(now, key("a"), 1), Claim::Mine(_)));
    assert!(matches!(keys.claim(now, key("c"), 1), Claim::Answered(_)));
}

#[test]
fn answers_and_running_keys_are_bounded_in_bytes() {
    let (now, keys) = (Instant::now(), keys(100));
    for name in ["a", "b", "c"] {
        let Claim::Mine(mine) = keys.claim(now, key(name), 1) else { panic!("nobody has it") };
        mine.settle(now, Some(reply(&"x".repeat(4_000))));
    }
    let Claim::Mine(first) = keys.claim(now, key("a"), 1) else { panic!("it made room") };
    assert!(matches!(keys.claim(now, key("c"), 1), Claim::Answered(_)));
    let mut running = vec![first];
    let full = loop {
        match keys.claim(now, key(&format!("running {}", running.len())), 1) {
            Claim::Mine(mine) => running.push(mine),
            other => break other,
        }
        assert!(running.len() < 100, "running keys are not weighed");
    };
    assert!(matches!(full, Claim::NoRoom(_)));
    running.pop();
    assert!(matches!(keys.claim(now, key("another"), 1), Claim::Mine(_)));
}

#[test]
fn key_is_of_one_service_and_one_token() {
    let (now, keys) = (Instant::now(), keys(10));
    let of = |service: &[u8], token: Option<&[u8]>| Key::new(service, token, b"k");
    let _held = keys.claim(now, of(b"A", None), 1);
    assert!(matches!(keys.claim(now, of(b"B", None), 1), Claim::Mine(_)));
    assert!(matches!(keys.claim(now, of(b"A", Some(b"t")), 1), Claim::Mine(_)));
}

#[test]
fn document_names_every_schema_it_refers_to() {
    let document = openapi::document();
    let text = document.to_string();
    let names = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
