//! An event as a line, in each form. Pure but for the clock, which tests replace.

use std::fmt::{self, Display, Write};

use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogForm;

/// Writes each event as a line.
pub(super) struct Lines {
    pub(super) form: LogForm,
    pub(super) now: fn() -> Zoned,
}

impl Lines {
    /// Lines with the time of the system's clock.
    pub(super) fn of(form: LogForm) -> Self {
        Self { form, now: Zoned::now }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        let now = (self.now)();
        match self.form {
            LogForm::Php => {
                write!(writer, "[{}] [{}] - ", rfc2822(&now), letter(level))?;
                context.format_fields(writer.by_ref(), event)?;
                writeln!(writer)
            }
            LogForm::Compact => writer.write_str(&compact(&now, level, Facts::of(context, event))),
            LogForm::Json => writer.write_str(&json(&now, level, Facts::of(context, event))),
        }
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
        LogForm::Json => json(now, Level::INFO, facts),
        LogForm::Php | LogForm::Compact => compact(now, Level::INFO, facts),
    }
}

/// The line that says why a command failed, as JSON.
pub(super) fn failure(now: &Zoned, failure: &str) -> String {
    json(now, Level::ERROR, Facts { message: failure.to_owned(), fields: Map::new() })
}

/// What an event says: its message, its fields, and those of the spans it is in.
#[derive(Default)]
struct Facts {
    message: String,
    fields: Map<String, Value>,
}

impl Facts {
    /// The fields of inner spans win over those of outer ones, and the event's own over all.
    fn of<S, N>(context: &FmtContext<'_, S, N>, event: &Event<'_>) -> Self
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        N: for<'a> FormatFields<'a> + 'static,
    {
        let mut facts = Self::default();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let text = extensions.get::<FormattedFields<N>>().map_or("", |fields| fields.as_str());
            let fields: Option<Map<String, Value>> = serde_json::from_str(text).ok();
            facts.fields.extend(fields.unwrap_or_default());
        }
        event.record(&mut facts);
        facts
    }

    fn put(&mut self, field: &Field, value: Value) {
        // The three words that every line has are not to be had a second time.
        let name = match field.name() {
            taken @ ("time" | "level") => format!("{taken}_"),
            name => name.to_owned(),
        };
        self.fields.insert(name, value);
    }

    fn put_text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            _ => self.put(field, text.into()),
        }
    }
}

impl Visit for Facts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, format!("{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, u64::try_from(value).map_or_else(|_| value.to_string().into(), Value::from));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

fn compact(now: &Zoned, level: Level, facts: Facts) -> String {
    let mut line = format!("{} {level} {}", rfc3339(now), printable(&facts.message));
    for (name, value) in &facts.fields {
        let value = match value {
            Value::String(text) if is_plain(text) => text.clone(),
            // JSON's quotes and escapes keep the line one line and its words countable.
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        let _infallible = write!(line, " {name}={value}");
    }
    line.push('\n');
    line
}

fn json(now: &Zoned, level: Level, facts: Facts) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), rfc3339(now).into());
    object.insert("level".to_owned(), level.as_str().to_lowercase().into());
    object.insert("message".to_owned(), facts.message.into());
    object.extend(facts.fields);
    format!("{}\n", Value::Object(object))
}

fn is_plain(text: &str) -> bool {
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && !"\"=".contains(letter);
    !text.is_empty() && text.chars().all(plain)
}

/// Text that moves no cursor and begins no line: what a program wrote may be in it.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
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
