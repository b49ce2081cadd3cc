//! Facts as a line, in each form. Pure.

use std::fmt::{Display, Write};

use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tracing::Level;

use super::LogForm;
use super::facts::Facts;
use super::text::{is_plain, printable, printable_json, quoted};

/// A line of the log, line end and all.
pub(super) fn line(form: LogForm, now: &Zoned, level: Level, facts: &Facts) -> String {
    match form {
        LogForm::Php => format!("[{}] [{}] - {}\n", rfc2822(now), letter(level), text(facts)),
        LogForm::Compact => format!("{} {level} {}\n", rfc3339(now), text(facts)),
        LogForm::Json => json(now, level, facts),
    }
}

/// The moment in RFC 2822's form, as PHP's `date('r')` gives it.
pub(in crate::cli) fn date() -> String {
    rfc2822(&Zoned::now())
}

/// A line for standard output, in one of the forms that are not PHP's.
pub(super) fn announcement(
    form: LogForm,
    now: &Zoned,
    message: &str,
    fields: &[(&str, &dyn Display)],
) -> String {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string().into()));
    let facts = Facts { message: message.to_owned(), fields: fields.collect() };
    match form {
        LogForm::Json => json(now, Level::INFO, &facts),
        LogForm::Php | LogForm::Compact => line(LogForm::Compact, now, Level::INFO, &facts),
    }
}

/// The line that says why a command failed, as JSON.
pub(super) fn failure(now: &Zoned, failure: &str) -> String {
    json(now, Level::ERROR, &Facts { message: failure.to_owned(), fields: Map::new() })
}

/// Message and fields as one text without a line end in it.
fn text(facts: &Facts) -> String {
    let mut text = printable(&facts.message);
    for (name, value) in &facts.fields {
        let value = match value {
            Value::String(text) if is_plain(text) => text.clone(),
            // Quotes keep the words of a line countable.
            Value::String(text) => quoted(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
        };
        let _infallible = write!(text, " {name}={value}");
    }
    text
}

fn json(now: &Zoned, level: Level, facts: &Facts) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), rfc3339(now).into());
    object.insert("level".to_owned(), level.as_str().to_lowercase().into());
    object.insert("message".to_owned(), facts.message.clone().into());
    object.extend(facts.fields.clone());
    format!("{}\n", printable_json(&Value::Object(object).to_string()))
}

fn letter(level: Level) -> char {
    match level {
        Level::ERROR => 'E',
        Level::WARN => 'W',
        Level::INFO => 'I',
        Level::DEBUG | Level::TRACE => 'D',
    }
}

fn rfc2822(now: &Zoned) -> String {
    now.strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
}

fn rfc3339(now: &Zoned) -> String {
    now.with_time_zone(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
