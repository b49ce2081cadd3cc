use super::*;
use crate::memory::Purpose;

#[test]
fn accounts_and_refusals_are_shown_in_the_form_of_the_standard() {
    let (memory, counters) = (Memory::new(1_000), Counters::default());
    let _held = memory.account(Purpose::Requests).charge(64).expect("there is room");
    ["busy", "timeout", "busy"].iter().for_each(|kind| counters.refused(kind));
    let text = counters.text(&memory);
    // Each sample stands behind the head of its family, and the end is told (the broker's figures have a reader of the
    // whole grammar in their tests).
    let mut family = "";
    for line in text.strip_suffix("# EOF\n").expect("the end is told").lines() {
        match line.strip_prefix("# TYPE ") {
            Some(head) => family = head.split(' ').next().expect("a name"),
            None => {
                assert!(line.trim_start_matches("# HELP ").starts_with(family), "{line} is not of {family}");
            }
        }
    }
    for line in [
        "zmws_gateway_memory_bytes{account=\"requests\"} 64\n",
        "zmws_gateway_memory_max_bytes 1000\n",
        "zmws_gateway_requests_refused_total{kind=\"busy\"} 2\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn nothing_else_is_served() {
    let ask = |method: &Method, path| {
        respond(method, path, &Counters::default(), &Memory::default()).status().as_u16()
    };
    assert_eq!((ask(&Method::GET, "/healthz"), ask(&Method::GET, "/metrics")), (200, 200));
    assert_eq!((ask(&Method::POST, "/metrics"), ask(&Method::GET, "/SYNC-STR-REV")), (405, 404));
}
