//! Parts of a result as they come.

use serde_json::{Value, json};

use super::world::{World, play};

const GET: &str = "GET /SYNC-DEMO?do=stream HTTP/1.1\r\nHost: x\r\nAccept: ";

#[test]
fn events_are_sent_to_those_who_accept_them() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        http.send(format!("{GET}text/event-stream\r\n\r\n")).await;
        let stream = http.response().await;
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        assert_eq!(stream.header("cache-control"), Some("no-cache"));
        let text = stream.text();
        let events: Vec<(&str, &str, Value)> = text.split_terminator("\n\n").map(event).collect();
        let names: Vec<_> = events.iter().map(|(name, id, data)| (*name, *id, &data["value"])).collect();
        assert_eq!(
            names,
            [
                ("partial", "1", &json!("part 0")),
                ("partial", "2", &json!("part 1")),
                ("partial", "3", &json!("part 2")),
                ("complete", "4", &json!("end")),
            ]
        );
        assert!(
            events.iter().all(|(_, _, data)| data["job"] == events[0].2["job"] && data["service"] == "DEMO")
        );
        assert_eq!(http.ask("GET /").await.status, 200);
    });
}

fn event(text: &str) -> (&str, &str, Value) {
    let mut lines = text.lines();
    let mut field = |name: &str| {
        lines.next().and_then(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {text}"))
    };
    let (event, id, data) = (field("event: "), field("id: "), field("data: "));
    (event, id, serde_json::from_str(data).expect("JSON"))
}

#[test]
fn lines_are_sent_to_those_who_accept_them() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        http.send(format!("{GET}application/x-ndjson\r\n\r\n")).await;
        let stream = http.response().await;
        assert_eq!(stream.header("content-type"), Some("application/x-ndjson"));
        let lines: Vec<Value> =
            stream.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let events: Vec<_> = lines.iter().map(|line| (&line["event"], &line["value"])).collect();
        assert_eq!(events[0], (&json!("partial"), &json!("part 0")));
        assert_eq!(events[3], (&json!("complete"), &json!("end")));
    });
}

#[test]
fn those_who_accept_anything_get_the_result_alone() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        http.send(format!("{GET}*/*\r\n\r\n")).await;
        let whole = http.response().await.text();
        assert!(whole.starts_with("PARAM-JSON: \"end\"\nCOMPLETE: DEMO ["), "{whole}");
    });
}

#[test]
fn failures_and_refusals_are_the_last_event() {
    play(async {
        let world = World::start().await;
        for (target, event) in [("/SYNC-DEMO?do=fail", "fail"), ("/SYNC-NOSUCH", "fail")] {
            let mut http = world.connect().await;
            http.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n"))
                .await;
            let text = http.response().await.text();
            let last: Value = serde_json::from_str(text.trim_end()).expect("one line");
            assert_eq!(last["event"], event, "{text}");
        }
    });
}

#[test]
fn parts_arrive_before_the_result_is_there() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        http.send("GET /SYNC-HANG HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n").await;
        assert_eq!(http.head().await.status, 200);
        super::limits::until_active(&world, "HANG").await;
        world.release.notify_one();
        let event = String::from_utf8(http.chunk().await).expect("text");
        assert!(event.starts_with("event: complete\n"), "{event}");
    });
}

#[test]
fn browser_that_comes_back_does_not_have_the_job_done_again() {
    play(async {
        let world = World::start().await;
        let mut http = world.connect().await;
        http.send(format!("{GET}text/event-stream\r\nLast-Event-ID: 4\r\n\r\n")).await;
        assert_eq!(http.response().await.status, 204);
    });
}
