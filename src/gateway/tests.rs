//! What is pure: paths, parameters, bodies.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::config::BodyForm;
use super::request::{BadParams, Delivery, Params, Target, delivery, is_callback, percent_decode, target};
use super::response::{body, element, jsonp, put_value};
use crate::client::{Answer, CallError, Reply};
use crate::job::{Body, JobId, ServiceName};
use crate::message::{ClientReply, Mode, Outcome, View};

fn name(text: &str) -> ServiceName {
    ServiceName::new(Bytes::copy_from_slice(text.as_bytes())).expect("not empty")
}

fn job(text: &str, mode: Mode) -> Target {
    Target::Job(name(text), mode)
}

#[test]
fn paths_are_read_as_upstream_does() {
    let cases = [
        ("/", None, Target::Nothing),
        ("//", None, Target::Nothing),
        ("/", Some("a=1"), job("?a=1", Mode::Background)),
        ("/favicon.ico", None, Target::Favicon),
        ("/DEMO", Some("a=1"), job("DEMO", Mode::Background)),
        ("///SYNC-DEMO", None, job("DEMO", Mode::Wait)),
        ("/SYNC-DEMO/x", None, job("DEMO/x", Mode::Wait)),
        ("/SYNC-SYNC-DEMO", None, job("SYNC-DEMO", Mode::Wait)),
        ("/sync-DEMO", None, job("sync-DEMO", Mode::Background)),
        ("/JOB:%20SYNC-DEMO", None, job("DEMO", Mode::Wait)),
        ("/SYNC-", None, Target::Nameless),
        ("/SERVER-JOBS", None, Target::List(View::Jobs)),
        ("/SYNC-SERVER-HIST", None, Target::List(View::History)),
        ("/SERVER-JOBSX", None, job("SERVER-JOBSX", Mode::Background)),
        ("/FNF", None, job("FNF", Mode::Background)),
        ("/%C3%BC", None, job("ü", Mode::Background)),
    ];
    for (path, query, expected) in cases {
        assert_eq!(target(path, query), expected, "{path}");
    }
}

#[test]
fn percent_signs_that_escape_nothing_stay() {
    assert_eq!(percent_decode(b"%41%4%%zz%e9%"), b"A%4%%zz\xe9%");
}

/// What a frame may have.
const MAX: usize = 1 << 20;

fn frame(query: &str, kind: &str, body: &str) -> Option<String> {
    let query = (!query.is_empty()).then_some(query);
    let kind = (!kind.is_empty()).then_some(kind);
    let params =
        Params::read(query, kind, &Bytes::copy_from_slice(body.as_bytes()), MAX).expect("parameters");
    params.frame().map(|frame| String::from_utf8(frame.to_vec()).expect("ASCII"))
}

#[test]
fn query_goes_before_json_and_json_before_a_form() {
    let form = "application/x-www-form-urlencoded";
    let cases = [
        ("a=1", form, "b=2", Some(r#"PARAM-JSON: {"a":"1"}"#)),
        ("&", form, "b=2", Some(r#"PARAM-JSON: {"b":"2"}"#)),
        ("", form, r#"{"b":[1.0,"/"]}"#, Some(r#"PARAM-JSON: {"b":[1,"\/"]}"#)),
        ("", "", r#"["a","b"]"#, Some(r#"PARAM-JSON: {"0":"a","1":"b"}"#)),
        ("", "", "5", None),
        ("", "", "null", Some(r#"PARAM-JSON: {"null":""}"#)),
        ("", "", "{}", None),
        ("", "", "", None),
        ("a[]=1&a[k]=2&e.f=3", "", "", Some(r#"PARAM-JSON: {"a":{"0":"1","k":"2"},"e_f":"3"}"#)),
        ("s=%C3%BC+x", "", "", Some("PARAM-JSON: {\"s\":\"\\u00fc x\"}")),
    ];
    for (query, kind, body, expected) in cases {
        assert_eq!(frame(query, kind, body).as_deref(), expected, "{query} {body}");
    }
}

#[test]
fn forms_with_files_and_php_values_are_taken_by_their_type() {
    let form = "multipart/form-data; boundary=x";
    let body = "--x\r\nContent-Disposition: form-data; name=\"a[]\"\r\n\r\n1\r\n\
                --x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\n\
                Content-Type: text/plain\r\n\r\nhi\r\n--x--\r\n";
    let expected = r#"PARAM-JSON: {"a":["1"],"f":{"name":"n.txt","type":"text\/plain","data":"aGk="}}"#;
    assert_eq!(frame("", form, body).as_deref(), Some(expected));
    let php = "application/vnd.php.serialized";
    let expected = r#"PARAM-JSON: {"a":[1,"x"]}"#;
    assert_eq!(frame("", php, r#"a:1:{s:1:"a";a:2:{i:0;i:1;i:1;s:1:"x";}}"#).as_deref(), Some(expected));
}

#[test]
fn body_that_is_not_what_it_says_is_refused() {
    for kind in ["multipart/form-data", "multipart/form-data; boundary=x", "application/vnd.php.serialized"] {
        let body = Bytes::from_static(b"what is this");
        assert!(Params::read(None, Some(kind), &body, MAX).is_err(), "{kind}");
    }
}

#[test]
fn callbacks_are_names() {
    for name in ["cb", "a.b", "a[0]", "$_", "jQuery123_456"] {
        assert!(is_callback(name), "{name}");
    }
    let long = "a".repeat(257);
    for name in ["", "a(", "a b", "a;b", "<script>", "ü", &long] {
        assert!(!is_callback(name), "{name}");
    }
}

#[test]
fn streams_are_for_those_who_name_them() {
    let cases = [
        ("", Delivery::Whole),
        ("*/*", Delivery::Whole),
        ("text/*", Delivery::Whole),
        ("text/event-stream", Delivery::Events),
        ("application/json, Text/Event-Stream;q=0.5", Delivery::Events),
        ("text/event-stream;q=0", Delivery::Whole),
        ("application/x-ndjson", Delivery::Lines),
        ("application/x-ndjson, text/event-stream", Delivery::Events),
    ];
    for (accept, expected) in cases {
        assert_eq!(delivery(accept), expected, "{accept}");
    }
}

fn replies() -> [ClientReply; 5] {
    let (job, service) = (JobId::from_bits(0x00C0_FFEE), name("S"));
    let finished =
        |outcome, body| ClientReply::Finished { job: Some(job), service: name("S"), outcome, body };
    [
        ClientReply::Accepted { job, service: service.clone() },
        ClientReply::Refused { service: Bytes::from_static(b"S"), body: Body::EMPTY },
        finished(Outcome::Complete, Body::One(Bytes::from_static(b"PARAM-JSON: 1"))),
        finished(Outcome::Fail, Body::EMPTY),
        ClientReply::Partial {
            job: Some(job),
            service,
            body: Body::One(Bytes::from_static(b"PARAM-JSON: 0")),
        },
    ]
}

fn bodies(form: BodyForm) -> Vec<String> {
    replies().iter().map(|reply| String::from_utf8_lossy(&body(form, reply, None)).into_owned()).collect()
}

/// Trace `1.0.0/gateway`.
#[test]
fn first_form_is_that_of_1_0_0() {
    let expected = [
        "JOB: 00C0-FFEE S",
        "FAIL: S",
        "PARAM-JSON: 1\nCOMPLETE: S [00C0-FFEE]",
        "\nFAIL: S [00C0-FFEE]",
        "PARAM-JSON: 0\nCONT: S [00C0-FFEE]",
    ];
    assert_eq!(bodies(BodyForm::V1), expected);
}

/// Traces `master/gateway` and `master/gateway-stream`.
#[test]
fn second_form_is_that_of_2_x() {
    let expected = [
        "JOB: 00C0-FFEE S\nJOB: 00C0-FFEE S",
        "FAIL: S\nFAIL: S",
        "PARAM-JSON: 1\nCOMPLETE: S [00C0-FFEE]",
        "\nFAIL: S [00C0-FFEE]",
        "PARAM-JSON: 0\n",
    ];
    assert_eq!(bodies(BodyForm::V2), expected);
}

/// original.md §6: after its four `unwrap()`s a refusal that names nothing is one frame.
#[test]
fn refusal_without_a_name_is_printed_once_in_both_forms() {
    let unnamed = ClientReply::Refused { service: Bytes::new(), body: Body::EMPTY };
    for form in [BodyForm::V1, BodyForm::V2] {
        assert_eq!(body(form, &unnamed, None), "FAIL: ");
    }
}

#[test]
fn refusal_with_a_reason_is_printed_as_a_failed_job_is() {
    let full = ClientReply::Refused { service: Bytes::from_static(b"S"), body: Body::text("it is full") };
    for form in [BodyForm::V1, BodyForm::V2] {
        assert_eq!(body(form, &full, None), "PARAM-JSON: \"it is full\"\nFAIL: S");
    }
}

#[test]
fn list_repeats_the_parameter_in_the_first_form() {
    let list = ClientReply::Snapshot { view: View::Jobs, json: Bytes::from_static(b"[]"), echo: Vec::new() };
    let param = Bytes::from_static(b"PARAM-JSON: {\"a\":\"1\"}");
    assert_eq!(body(BodyForm::V1, &list, Some(&param)), "[]\nPARAM-JSON: {\"a\":\"1\"}");
    assert_eq!(body(BodyForm::V1, &list, None), "[]");
    assert_eq!(body(BodyForm::V2, &list, Some(&param)), "[]");
}

#[test]
fn callback_is_put_around_the_body_unquoted() {
    assert_eq!(jsonp("cb", b"FAIL: S"), "cb(FAIL: S);");
}

#[test]
fn values_are_json_where_they_are_and_text_where_not() {
    let value = |body: &Body| {
        let mut out = Vec::new();
        put_value(body, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    };
    let one = |text: &'static [u8]| value(&Body::One(Bytes::from_static(text)));
    assert_eq!(one(b""), "null");
    assert_eq!(
        one(b"PARAM-JSON: { \"a\":\n[1.0, -0.0, 437742.85714285716,6.66782e+30] }"),
        r#"{"a":[1.0,-0.0,437742.85714285716,6.66782e+30]}"#
    );
    assert_eq!(one(b"PARAM-JSON: "), r#""PARAM-JSON: ""#);
    assert_eq!(one(b"plain \xff"), "\"plain \u{fffd}\"");
    let many = Body::from_frames(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
    assert_eq!(value(&many), r#"["a","b"]"#);
}

#[test]
fn numbers_keep_their_value_and_the_limit_is_an_object_s_alone() {
    let numbers = r#"{"a":[437742.85714285716,6.66782e+30,0.1]}"#;
    assert_eq!(frame("", "", numbers), Some(format!("PARAM-JSON: {numbers}")));
    let body = Bytes::from_static(b"{\"_timeout\":2,\"a\":1}");
    let params = Params::read(None, None, &body, MAX).expect("JSON");
    assert_eq!(
        (params.timeout(), params.frame()),
        (Some(&json!(2)), Some(Bytes::from_static(b"PARAM-JSON: {\"a\":1}")))
    );
}

/// Whatever a parameter is made of: its frame is within the limit, or it is refused.
#[test]
fn what_is_too_large_for_a_frame_is_refused_whatever_it_was() {
    let php = |count: usize| {
        let mut text =
            format!("a:{}:{{i:0;O:8:\"stdClass\":1:{{s:1:\"a\";s:200:\"{}\";}}", count + 1, "x".repeat(200));
        (1..=count).for_each(|at| text += &format!("i:{at};r:2;"));
        text + "}"
    };
    let form = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_owned()
        + &"/".repeat(600)
        + "\r\n--x--\r\n";
    let cases = [
        ("application/vnd.php.serialized", php(5)),
        ("application/json", format!("[{}1]", "1,".repeat(600))),
        ("application/x-www-form-urlencoded", "a=".to_owned() + &"%00".repeat(300)),
        ("multipart/form-data; boundary=x", form),
    ];
    for (kind, body) in cases {
        let read = Params::read(None, Some(kind), &Bytes::from(body), 1_000);
        assert!(matches!(read, Err(BadParams::TooLarge(1_000))), "{kind}: {read:?}");
    }
    let expanded =
        Params::read(None, Some("application/vnd.php.serialized"), &Bytes::from(php(20_000)), MAX << 6);
    assert!(matches!(expanded, Err(BadParams::NoJson(_))), "{expanded:?}");
}

#[test]
fn elements_of_a_stream_are_events_and_lines() {
    let reply = Reply { job: Some(JobId::from_bits(0x00C0_FFEE)), service: name("S"), body: Body::EMPTY };
    let part = element(&Ok(Answer::Part(reply)));
    insta::assert_snapshot!(String::from_utf8_lossy(&part.as_event(7)), @r#"
    event: partial
    id: 7
    data: {"job":"00C0-FFEE","service":"S","value":null}
    "#);
    insta::assert_snapshot!(String::from_utf8_lossy(&part.as_line()), @r#"{"event":"partial","job":"00C0-FFEE","service":"S","value":null}"#);
    let problem = element(&Err(CallError::Timeout { job: Some(JobId::from_bits(0x00C0_FFEE)) }));
    insta::assert_snapshot!(String::from_utf8_lossy(&problem.as_line()), @r#"{"event":"problem","error":"timeout","message":"no answer came in time; the job is 00C0-FFEE","job":"00C0-FFEE"}"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever a client sends: there is a target, and parameters that are an object in JSON, or none.
    #[test]
    fn every_request_is_read_or_refused(
        path in "/{1,2}[ -~]{0,20}",
        query in proptest::option::of("[ -~&=\\[\\]%]{0,40}"),
        kind in proptest::sample::select(vec![
            "", "multipart/form-data; boundary=x", "application/vnd.php.serialized", "text/plain",
        ]),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _target = target(&path, query.as_deref());
        let Ok(params) = Params::read(query.as_deref(), Some(kind), &body.into(), MAX) else { return Ok(()) };
        if let Some(frame) = params.frame() {
            let json = frame.strip_prefix(b"PARAM-JSON: ").expect("the tag");
            let value: serde_json::Value = serde_json::from_slice(json).expect("JSON");
            prop_assert!(value.as_object().is_some_and(|map| !map.is_empty()));
        }
    }
}
