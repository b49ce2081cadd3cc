//! The paths under `/v1/`.

use serde_json::{Value, json};

use super::http::Response;
use super::limits::until_active;
use super::world::{World, play};

const JSON: &str = "Content-Type: application/json\r\n";

fn problem(response: &Response) -> (u16, String) {
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    let problem = response.json();
    assert_eq!(problem["status"], response.status);
    let kind = problem["type"].as_str().and_then(|kind| kind.strip_prefix("urn:zmws:problem:"));
    (response.status, kind.expect("a type of ours").to_owned())
}

#[test]
fn job_in_the_background_is_accepted_and_found_again() {
    play(async {
        let world = World::start().await;
        let accepted = world.post("POST /v1/jobs/STR-REV", JSON, r#"{"str":"abc"}"#).await;
        assert_eq!(accepted.status, 202);
        let id = accepted.json()["id"].as_str().expect("an id").to_owned();
        assert_eq!(accepted.json(), json!({"id": id, "service": "STR-REV", "state": "queued"}));
        assert_eq!(accepted.header("location"), Some(&*format!("/v1/jobs/STR-REV/{id}")));
        loop {
            let job = world.ask(&format!("GET /v1/jobs/STR-REV/{id}")).await;
            assert_eq!((job.status, &job.json()["id"]), (200, &json!(id)));
            assert_eq!(job.json()["waits"], false);
            if job.json()["state"] == "completed" {
                break;
            }
        }
        let other = world.ask(&format!("GET /v1/jobs/DEMO/{id}")).await;
        assert_eq!(problem(&other), (404, "unknown-job".to_owned()));
    });
}

#[test]
fn client_that_waits_gets_the_result() {
    play(async {
        let world = World::start().await;
        let done = world.post("POST /v1/jobs/STR-REV?wait=30s", JSON, r#"{"str":"abc"}"#).await;
        assert_eq!(done.status, 200);
        let id = done.json()["id"].clone();
        assert!(id.is_string());
        assert_eq!(
            done.json(),
            json!({"id": id, "service": "STR-REV", "state": "completed", "value": "cba"})
        );
        let failed = world.post("POST /v1/jobs/DEMO?wait=5", JSON, r#"{"do":"fail"}"#).await;
        assert_eq!((failed.status, &failed.json()["state"]), (200, &json!("failed")));
        let late = world.post("POST /v1/jobs/HANG?wait=50ms", JSON, "").await;
        assert_eq!(problem(&late), (504, "timeout".to_owned()));
        world.release.notify_one();
    });
}

#[test]
fn job_that_failed_is_not_completed() {
    play(async {
        let world = World::start().await;
        let accepted = world.post("POST /v1/jobs/DEMO", JSON, r#"{"do":"fail"}"#).await.json();
        let id = accepted["id"].as_str().expect("an id").to_owned();
        let job = loop {
            let job = world.ask(&format!("GET /v1/jobs/DEMO/{id}")).await.json();
            if !["queued", "active"].contains(&job["state"].as_str().expect("a state")) {
                break job;
            }
        };
        assert_eq!(job["state"], "failed");
        assert!(job["ended_at"].is_number() && job["started_at"].is_number(), "{job}");
        for (state, listed) in [("failed", true), ("completed", false), ("dead", false), ("queued", false)] {
            let list = world.ask(&format!("GET /v1/jobs?state={state}")).await;
            assert_eq!(list.text().contains(&id), listed, "{state}: {}", list.text());
        }
    });
}

#[test]
fn result_that_is_late_is_a_problem_that_names_the_job() {
    play(async {
        let world = World::start().await;
        let late = world.post("POST /v1/jobs/HANG?wait=100ms", JSON, "").await;
        let job = late.json()["job"].as_str().expect("an id").to_owned();
        let active = world.ask(&format!("GET /v1/jobs/HANG/{job}")).await.json();
        assert_eq!((&active["state"], &active["waits"]), (&json!("active"), &json!(true)));
        world.release.notify_one();
    });
}

#[test]
fn numbers_keep_their_digits_on_both_ways() {
    play(async {
        let world = World::start().await;
        let numbers = "[437742.85714285716,6.66782e+30,-0.0,1.0,123456789012345678901234567890]";
        let body = format!("{{ \"n\" : {numbers} }}");
        let accepted = world.post("POST /v1/jobs/HANG", JSON, &body).await;
        assert_eq!(accepted.status, 202);
        let jobs = world.ask("GET /SERVER-ACTIVE").await.json()[0]["param"].clone();
        assert_eq!(jobs, json!(format!("PARAM-JSON: {{\"n\":{numbers}}}")));
        let _raw = world.hire_raw(numbers).await;
        let raw = world.post("POST /v1/jobs/RAW?wait=5", JSON, &body).await;
        let text = raw.text();
        assert!(text.ends_with(&format!("\"value\":{numbers}}}")), "{text}");
        world.release.notify_one();
    });
}

#[test]
fn what_cannot_be_done_is_a_problem() {
    play(async {
        let world = World::start().await;
        let cases = [
            ("POST /v1/jobs/NOSUCH", JSON, "", 404, "unknown-service"),
            ("POST /v1/jobs/DEMO", JSON, "{", 400, "bad-request"),
            ("POST /v1/jobs/DEMO?wait=soon", JSON, "", 400, "bad-request"),
            ("POST /v1/jobs/DEMO", "Content-Type: text/plain\r\n", "x", 415, "not-json"),
            ("GET /v1/jobs?state=lost", "", "", 400, "bad-request"),
            ("GET /v1/nothing", "", "", 404, "unknown-path"),
            ("DELETE /v1/workers", "", "", 405, "method-not-allowed"),
        ];
        for (line, headers, body, status, kind) in cases {
            let response = world.post(line, headers, body).await;
            assert_eq!(problem(&response), (status, kind.to_owned()), "{line}");
        }
        assert_eq!(world.ask("DELETE /v1/workers").await.header("allow"), Some("GET, HEAD, OPTIONS"));
    });
}

#[test]
fn lists_tell_of_jobs_services_and_workers() {
    play(async {
        let world = World::start().await;
        let mut waits = world.connect().await;
        waits.send("GET /SYNC-HANG HTTP/1.1\r\nHost: x\r\n\r\n").await;
        until_active(&world, "HANG").await;
        world.post("POST /v1/jobs/HANG", JSON, "").await;
        let active = world.ask("GET /v1/jobs").await.json();
        assert_eq!(active["jobs"][0]["service"], "HANG");
        assert_eq!(active["jobs"][0]["waits"], true);
        let queued = world.ask("GET /v1/jobs?state=queued").await.json();
        assert_eq!(
            (&queued["jobs"][0]["state"], &queued["jobs"][0]["worker"]),
            (&json!("queued"), &Value::Null)
        );
        let services = world.ask("GET /v1/services").await.json();
        assert_eq!(
            services["services"],
            json!([
                {"name": "DEMO", "workers": 1, "queued": 0, "active": 0},
                {"name": "HANG", "workers": 1, "queued": 1, "active": 1},
                {"name": "STR-REV", "workers": 1, "queued": 0, "active": 0},
            ])
        );
        let workers = world.ask("GET /v1/workers").await.json();
        assert_eq!(workers["workers"].as_array().map(Vec::len), Some(3));
        world.release.notify_one();
        assert_eq!(waits.response().await.status, 200);
        world.release.notify_one();
    });
}

#[test]
fn key_has_a_job_done_once() {
    play(async {
        let world = World::start().await;
        let key = format!("{JSON}Idempotency-Key: \"k-1\"\r\n");
        let first = world.post("POST /v1/jobs/STR-REV?wait=5", &key, r#"{"str":"abc"}"#).await;
        let again = world.post("POST /v1/jobs/STR-REV?wait=5", &key, r#"{"str":"abc"}"#).await;
        assert_eq!((first.status, first.json()), (again.status, again.json()));
        let other = world.post("POST /v1/jobs/STR-REV?wait=5", &key, r#"{"str":"def"}"#).await;
        assert_eq!(problem(&other), (422, "key-reused".to_owned()));
        let unkeyed = world.post("POST /v1/jobs/STR-REV?wait=5", JSON, r#"{"str":"abc"}"#).await;
        assert_ne!(first.json()["id"], unkeyed.json()["id"]);
    });
}

#[test]
fn keyed_job_goes_on_though_its_client_leaves() {
    play(async {
        let world = World::start().await;
        let request = "POST /v1/jobs/HANG?wait=20 HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n";
        let mut http = world.connect().await;
        http.send(request).await;
        until_active(&world, "HANG").await;
        let mut second = world.connect().await;
        second.send(request).await;
        assert_eq!(problem(&second.response().await), (409, "key-in-use".to_owned()));
        drop(http);
        world.release.notify_one();
        let found = loop {
            second.send(request).await;
            let response = second.response().await;
            if response.status != 409 {
                break response;
            }
        };
        assert_eq!((found.status, &found.json()["value"]), (200, &json!("late")));
    });
}

#[test]
fn api_can_be_switched_off() {
    play(async {
        let world = World::with(|config| config.api = false).await;
        let classic = world.ask("GET /v1/workers").await;
        assert_eq!((classic.status, classic.text()), (200, "FAIL: v1/workers".to_owned()));
    });
}

/// Every operation of the document is called; what it answers is in the document, and has the shape
/// that the document says.
#[test]
fn document_is_what_the_server_does() {
    play(async {
        let world = World::start().await;
        let document = world.ask("GET /v1/openapi.json").await.json();
        assert_eq!(document["openapi"], "3.1.0");
        let accepted = world.post("POST /v1/jobs/DEMO", JSON, "{}").await.json();
        let id = accepted["id"].as_str().expect("an id").to_owned();
        for (template, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let path = template.replace("{service}", "DEMO").replace("{id}", &id);
                for query in queries(operation) {
                    let line = format!("{} {path}{query}", method.to_uppercase());
                    let response = world.post(&line, JSON, "").await;
                    conforms(&document, operation, &line, &response);
                }
                let head = world.connect().await.ask(&format!("PATCH {path}")).await;
                assert_eq!(head.status, 405, "PATCH {path}");
            }
        }
    });
}

/// No query, and one for each value that a parameter may have.
fn queries(operation: &Value) -> Vec<String> {
    let mut queries = vec![String::new(), "?wait=5s".to_owned()];
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        for value in parameter["schema"]["enum"].as_array().into_iter().flatten() {
            let (name, value) = (parameter["name"].as_str(), value.as_str());
            queries.push(format!("?{}={}", name.expect("a name"), value.expect("a text")));
        }
    }
    queries
}

fn conforms(document: &Value, operation: &Value, line: &str, response: &Response) {
    let described = &operation["responses"][response.status.to_string()];
    assert!(described.is_object(), "{line}: {} is not in the document", response.status);
    let kind = response.header("content-type").expect("a type");
    let schema = &described["content"][kind]["schema"];
    assert!(schema.is_object(), "{line}: {kind} is not in the document");
    fits(document, schema, &response.json(), line);
}

/// As much of JSON Schema as the document uses.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/components/schemas/").expect("a schema of the document");
        return fits(document, &document["components"]["schemas"][name], value, &format!("{at} {name}"));
    }
    if let Some(values) = schema["enum"].as_array() {
        assert!(values.contains(value), "{at}: {value}");
    }
    if !schema["const"].is_null() {
        assert_eq!(&schema["const"], value, "{at}");
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => vec![json!(kind_of(value))],
        kind => vec![kind.clone()],
    };
    let is_one = kinds.iter().any(|kind| kind == kind_of(value) || (kind == "integer" && value.is_u64()));
    assert!(is_one, "{at}: {value} is none of {kinds:?}");
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item, at);
    }
    if let Some(required) = schema["required"].as_array() {
        let names: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, required.iter().filter_map(Value::as_str).collect::<Vec<_>>(), "{at}");
        for name in names {
            fits(document, &schema["properties"][name], &value[name], &format!("{at}.{name}"));
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
