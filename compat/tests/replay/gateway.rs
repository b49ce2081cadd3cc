//! What a gateway answered over HTTP is what ours answers; and if it were not, that would be noticed.

use zmws_compat::differ::{Difference, Kind};
use zmws_compat::gateway::{HttpDifference, Oddity, differences};
use zmws_compat::script::Script;
use zmws_compat::suite::own_recordings;
use zmws_compat::trace::read;

use crate::HEADER;

const REQUEST: &str =
    r#"{"t":0.1,"peer":"h","conn":1,"to":"broker","http":"GET /SYNC-X?a=1 HTTP/1.1\r\nHost: x\r\n\r\n"}"#;
const QUESTION: &str = r#"{"t":0.2,"peer":"web","conn":1,"to":"broker","frames":["","PARAM-JSON: {\"a\":\"1\"}","JOB: SYNC-X"]}"#;
const REPLY: &str =
    r#"{"t":0.3,"peer":"web","conn":1,"to":"peer","frames":["","COMPLETE: X [0AB0-0001]","PARAM-JSON: 5"]}"#;
const RESPONSE: &str = r#"{"t":0.4,"peer":"h","conn":1,"to":"peer","http":"HTTP/1.0 200 OK\nContent-type: application/javascript\n\nPARAM-JSON: 5\nCOMPLETE: X [0AB0-0001]"}"#;

fn differing(text: &str) -> Vec<(HttpDifference, Oddity)> {
    let trace = read(text).expect("a sound trace");
    let kind = |difference: Difference| match difference.kind {
        Kind::Http { what, oddity } => (what, oddity),
        kind => panic!("a gateway's difference is one of HTTP, not {kind:?}"),
    };
    differences(&trace, &Script::of(&trace)).into_iter().map(kind).collect()
}

fn exchange() -> String {
    [HEADER, REQUEST, QUESTION, REPLY, RESPONSE].join("\n")
}

#[test]
fn the_same_answer_is_no_difference() {
    assert_eq!(differing(&exchange()), []);
}

#[test]
fn another_body_status_or_content_is_noticed() {
    let plain = |what| vec![(what, Oddity::None)];
    let changed = |from: &str, to: &str| differing(&exchange().replace(from, to));
    assert_eq!(changed(r"PARAM-JSON: 5\n", r"PARAM-JSON: 6\n"), plain(HttpDifference::Body));
    assert_eq!(changed("200 OK", "404 NOT FOUND"), plain(HttpDifference::Status(404, 200)));
    assert_eq!(changed("application/javascript", "text/html"), plain(HttpDifference::ContentType));
    assert_eq!(changed("HTTP/1.0 200", "HTTP 200"), plain(HttpDifference::StatusLine));
}

#[test]
fn another_question_to_the_broker_is_noticed() {
    let other = exchange().replace(r#"{\"a\":\"1\"}"#, r#"{\"a\":\"2\"}"#);
    assert_eq!(differing(&other), [(HttpDifference::BrokerRequest, Oddity::None)]);
    let none = [HEADER, REQUEST, RESPONSE].join("\n");
    assert_eq!(differing(&none), [(HttpDifference::BrokerRequest, Oddity::None)]);
}

#[test]
fn every_answered_request_of_a_recording_is_compared() {
    let path = own_recordings().join("recorded/1.0.0/gateway.jsonl");
    let text = std::fs::read_to_string(path).expect("readable");
    // In each body of a result the value is spoilt; each must be noticed.
    let spoilt = text.replace(r"Origin: *\n\nPARAM-JSON: ", r"Origin: *\n\nPARAM-JSON; ");
    let count = text.matches(r"Origin: *\n\nPARAM-JSON: ").count();
    let bodies = |text: &str| {
        let all = differing(text).into_iter();
        all.filter(|(what, _)| *what == HttpDifference::Body).count()
    };
    assert!(count >= 10, "{count}");
    assert!(bodies(&spoilt) >= count, "{} of {count}", bodies(&spoilt));
}
