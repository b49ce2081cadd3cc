use std::sync::{Arc, Mutex};

use insta::assert_snapshot;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::Value;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use super::LogForm;
use super::layer::{Lines, LinesLayer};
use super::lines::announcement;

/// 24 November 2026, 03:16:25.042, UTC.
fn then() -> Zoned {
    Timestamp::from_millisecond(1_795_490_185_042).expect("a moment").to_zoned(TimeZone::UTC)
}

/// What is logged while `say` runs, and what is summed up then.
fn logged(form: LogForm, say: impl FnOnce()) -> String {
    let written: Arc<Mutex<String>> = Arc::default();
    let out = Arc::clone(&written);
    let lines =
        Lines::new(form, then, Box::new(move |line| out.lock().expect("no writer panics").push_str(&line)));
    let subscriber = Registry::default().with(LinesLayer(Arc::clone(&lines)));
    tracing::subscriber::with_default(subscriber, say);
    lines.sum_up();
    written.lock().expect("no writer panics").clone()
}

fn a_worker_dies() {
    let cause = "its worker left";
    tracing::warn!(job = %"00C0-FFEE", service = %"STR-REV", attempts = 2, cause, "job goes back");
}

#[test]
fn php_s_form_is_that_of_its_programs() {
    assert_snapshot!(logged(LogForm::Php, a_worker_dies), @r#"[Tue, 24 Nov 2026 03:16:25 +0000] [W] - job goes back job=00C0-FFEE service=STR-REV attempts=2 cause="its worker left""#);
}

#[test]
fn compact_form_has_time_level_message_and_fields() {
    assert_snapshot!(logged(LogForm::Compact, a_worker_dies), @r#"2026-11-24T03:16:25.042Z WARN job goes back job=00C0-FFEE service=STR-REV attempts=2 cause="its worker left""#);
}

#[test]
fn json_form_is_one_flat_object() {
    assert_snapshot!(logged(LogForm::Json, a_worker_dies), @r#"{"time":"2026-11-24T03:16:25.042Z","level":"warn","message":"job goes back","job":"00C0-FFEE","service":"STR-REV","attempts":2,"cause":"its worker left"}"#);
}

#[test]
fn a_job_s_span_lends_its_fields_to_what_is_said_within() {
    let say = || {
        let span = tracing::info_span!("job", job = "00C0-FFEE", service = "RESIZE").entered();
        tracing::info!(service = "MINE", "half done");
        drop(span);
    };
    assert_snapshot!(logged(LogForm::Json, say), @r#"{"time":"2026-11-24T03:16:25.042Z","level":"info","message":"half done","job":"00C0-FFEE","service":"MINE"}"#);
    assert_snapshot!(logged(LogForm::Compact, say), @"2026-11-24T03:16:25.042Z INFO half done job=00C0-FFEE service=MINE");
}

#[test]
fn what_others_wrote_breaks_no_line_and_moves_no_cursor() {
    let say =
        || tracing::info!(reason = "two\nlines", service = %"\u{9b}31m", "\u{1b}[31mred\r\nand {}", "more");
    for form in [LogForm::Php, LogForm::Compact, LogForm::Json] {
        let line = logged(form, say);
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(!line.trim_end().contains(char::is_control), "{line:?}");
    }
    assert!(
        logged(LogForm::Php, say)
            .contains(r#"- \x1b[31mred\r\nand more reason="two\nlines" service="\x9b31m""#)
    );
    let object: Value = serde_json::from_str(&logged(LogForm::Json, say)).expect("JSON");
    assert_eq!((&object["reason"], &object["service"]), (&"two\nlines".into(), &"\u{9b}31m".into()));
}

#[test]
fn a_name_is_cut_and_its_length_told() {
    let say = || tracing::info!(service = %"N".repeat(60_000), "worker is ready");
    for form in [LogForm::Php, LogForm::Compact, LogForm::Json] {
        let line = logged(form, say);
        assert!(line.contains(&format!("{}…(60000 bytes)", "N".repeat(128))), "{line}");
        assert!(line.len() < 300, "{line}");
    }
}

#[test]
fn a_flood_is_summed_up_and_takes_nobody_else_s_lines() {
    let say = || {
        for _ in 0..12_365 {
            tracing::warn!(peer = 7, "service not taken");
        }
        tracing::warn!(peer = 8, "something else");
    };
    let text = logged(LogForm::Php, say);
    assert_eq!(text.lines().count(), 22, "{text}");
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert_snapshot!(last.join("\n"), @r"
    [Tue, 24 Nov 2026 03:16:25 +0000] [W] - … 12,345 more: service not taken peer=7
    [Tue, 24 Nov 2026 03:16:25 +0000] [W] - something else peer=8
    ");
}

#[test]
fn a_field_cannot_take_the_place_of_time_or_level() {
    let say = || tracing::info!(time = 1, level = "high", "odd");
    assert_snapshot!(logged(LogForm::Json, say), @r#"{"time":"2026-11-24T03:16:25.042Z","level":"info","message":"odd","time_":1,"level_":"high"}"#);
}

#[test]
fn an_announcement_has_the_form_of_the_log() {
    let fields: [(&str, &dyn std::fmt::Display); 1] = [("clients", &"127.0.0.1:5555")];
    let say = |form| announcement(form, &then(), "broker started", &fields);
    assert_snapshot!(say(LogForm::Json), @r#"{"time":"2026-11-24T03:16:25.042Z","level":"info","message":"broker started","clients":"127.0.0.1:5555"}"#);
    assert_snapshot!(say(LogForm::Compact), @"2026-11-24T03:16:25.042Z INFO broker started clients=127.0.0.1:5555");
}
