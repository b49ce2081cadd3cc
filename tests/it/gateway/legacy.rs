//! The old paths.

use zmws::gateway::BodyForm;

use super::world::{World, play};

/// Job ids differ from run to run.
fn masked(text: &str) -> String {
    let mut masked = text.to_owned();
    for (at, _) in text.match_indices('-') {
        let is_id = at >= 4
            && text.len() >= at + 5
            && text[at - 4..at].chars().chain(text[at + 1..at + 5].chars()).all(|c| c.is_ascii_hexdigit());
        if is_id {
            masked.replace_range(at - 4..at + 5, "00C0-FFEE");
        }
    }
    masked
}

#[test]
fn sync_job_is_answered_with_its_value_and_its_end() {
    play(async {
        let world = World::start().await;
        let response = world.ask("GET /SYNC-STR-REV?str=Hello,+world").await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("application/javascript"));
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
        insta::assert_snapshot!(masked(&response.text()), @r#"
        PARAM-JSON: "dlrow ,olleH"
        COMPLETE: STR-REV [00C0-FFEE]
        "#);
    });
}

#[test]
fn background_job_is_answered_with_its_id() {
    play(async {
        let world = World::start().await;
        let response = world.ask("GET /STR-REV?str=x").await;
        insta::assert_snapshot!(masked(&response.text()), @"JOB: 00C0-FFEE STR-REV");
    });
}

#[test]
fn failed_job_and_unknown_service_are_answered_200() {
    play(async {
        let world = World::start().await;
        let failed = world.ask("GET /SYNC-DEMO?do=fail").await;
        assert_eq!((failed.status, masked(&failed.text())), (200, "\nFAIL: DEMO [00C0-FFEE]".to_owned()));
        let unknown = world.ask("GET /SYNC-NOSUCH?a=1").await;
        assert_eq!((unknown.status, unknown.text()), (200, "FAIL: NOSUCH".to_owned()));
    });
}

#[test]
fn second_form_says_what_is_alone_twice() {
    play(async {
        let world = World::with(|config| config.body_form = BodyForm::V2).await;
        let unknown = world.ask("GET /NOSUCH").await;
        assert_eq!(unknown.text(), "FAIL: NOSUCH\nFAIL: NOSUCH");
        let nameless = world.ask("GET /SYNC-").await;
        assert_eq!(nameless.text(), "FAIL: ");
    });
}

#[test]
fn broker_shows_its_lists() {
    play(async {
        let world = World::start().await;
        let workers = world.ask("GET /SERVER-WORKERS").await;
        assert!(workers.json().as_array().is_some_and(|workers| workers.len() == 3), "{}", workers.text());
        let with_query = world.ask("GET /SERVER-JOBS?a=1").await;
        assert_eq!(with_query.text(), "[]\nPARAM-JSON: {\"a\":\"1\"}");
    });
}

#[test]
fn root_says_what_this_is_and_no_icon_is_there() {
    play(async {
        let world = World::start().await;
        let root = world.ask("GET /").await;
        assert_eq!((root.status, root.header("content-type")), (200, Some("text/html; charset=utf-8")));
        for part in
            ["'http://x/SYNC-STR-REV?str=", "'http://x/STR-REV?str=", "/SERVER-WORKERS", "/v1/openapi.json"]
        {
            assert!(root.text().contains(part), "{part}");
        }
        assert!((20..=40).contains(&root.text().lines().count()));
        let json = world.post("GET /", "Accept: application/json\r\n", "").await;
        assert_eq!(json.json()["api"], "http://x/v1/openapi.json");
        let icon = world.ask("GET /favicon.ico").await;
        assert_eq!((icon.status, icon.text()), (204, String::new()));
        let nameless = world.ask("GET /SYNC-").await;
        assert_eq!((nameless.status, nameless.text()), (200, "FAIL: ".to_owned()));
    });
}

#[test]
fn names_are_decoded_and_colons_are_no_harm() {
    play(async {
        let world = World::start().await;
        let encoded = world.ask("GET /SYNC%2DSTR%2DREV?str=abc").await;
        assert!(encoded.text().starts_with("PARAM-JSON: \"cba\"\n"), "{}", encoded.text());
        let colon = world.ask("GET //SYNC-STR-REV?str=a:b").await;
        assert!(colon.text().starts_with("PARAM-JSON: \"b:a\"\n"), "{}", colon.text());
    });
}

#[test]
fn parameters_come_from_the_query_or_from_the_body() {
    play(async {
        let world = World::start().await;
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let cases = [
            ("POST /SYNC-DEMO?q=1", form, "x=1", "{\"q\":\"1\"}"),
            ("POST /SYNC-DEMO", form, "x=1", "{\"x\":\"1\"}"),
            ("POST /SYNC-DEMO", "", "{\"n\":1.5}", "{\"n\":1.5}"),
            ("POST /SYNC-DEMO", "", "[\"a\"]", "{\"0\":\"a\"}"),
            ("POST /SYNC-DEMO", "", "5", "{}"),
        ];
        for (line, headers, body, param) in cases {
            let response = world.post(line, headers, body).await;
            let expected = format!("PARAM-JSON: {param}\n");
            assert!(response.text().starts_with(&expected), "{line} {body}: {}", response.text());
        }
    });
}

#[test]
fn jsonp_calls_back_by_a_name_and_no_more() {
    play(async {
        let world = World::start().await;
        let called = world.ask("GET /SYNC-STR-REV?str=abc&jsonp=cb.on[0]").await;
        assert_eq!(called.header("x-content-type-options"), Some("nosniff"));
        insta::assert_snapshot!(masked(&called.text()), @r#"
        cb.on[0](PARAM-JSON: "cba"
        COMPLETE: STR-REV [00C0-FFEE]);
        "#);
        let script = world.ask("GET /SYNC-STR-REV?str=abc&jsonp=alert(1)//").await;
        assert_eq!(script.status, 400);
    });
}
