use std::io;
use std::sync::{Arc, Mutex};

use insta::assert_snapshot;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::Value;
use tracing_subscriber::fmt::format::{DefaultFields, JsonFields};

use super::LogForm;
use super::lines::{Lines, announcement};

/// 24 November 2026, 03:16:25.042, UTC.
fn then() -> Zoned {
    Timestamp::from_millisecond(1_795_490_185_042).expect("a moment").to_zoned(TimeZone::UTC)
}

/// What is logged while `say` runs.
fn logged(form: LogForm, say: impl FnOnce()) -> String {
    let written = Written::default();
    let out = written.clone();
    let lines = Lines { form, now: then };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || out.clone());
    match form {
        LogForm::Php => {
            let subscriber = subscriber.fmt_fields(DefaultFields::new()).event_format(lines).finish();
            tracing::subscriber::with_default(subscriber, say);
        }
        LogForm::Compact | LogForm::Json => {
            let subscriber = subscriber.fmt_fields(JsonFields::new()).event_format(lines).finish();
            tracing::subscriber::with_default(subscriber, say);
        }
    }
    let bytes = written.0.lock().expect("no writer panics").clone();
    String::from_utf8(bytes).expect("lines are text")
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
fn what_others_wrote_breaks_no_line() {
    let say = || tracing::info!(reason = "two\nlines", "\u{1b}[31mred\r\nand {}", "more");
    for form in [LogForm::Compact, LogForm::Json] {
        let line = logged(form, say);
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(!line.trim_end().contains(char::is_control), "{line:?}");
    }
    let object: Value = serde_json::from_str(&logged(LogForm::Json, say)).expect("JSON");
    assert_eq!(object["reason"], "two\nlines");
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
