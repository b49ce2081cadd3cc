//! The log: how much of it, and in which of three forms. `lines.rs` writes the lines.
//!
//! Standard error has the log; standard output has what a command announces when it is ready. In JSON's form
//! no line on either is anything but an object, so that one reader takes both.

mod lines;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{DefaultFields, JsonFields};

pub(super) use lines::date;

use lines::{Lines, announcement};

/// The log of a command that runs until it is stopped.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LogArgs {
    /// How much to log: E, W, I or D
    #[arg(long, visible_alias = "log", value_name = "LEVEL", default_value = "W", ignore_case = true)]
    pub(super) log_level: LogLevel,

    /// Form of the log's lines: php as PHP's programs write them, compact, or json, an object a line
    #[arg(long, value_name = "FORM", default_value = "php")]
    pub(super) log_form: LogForm,
}

impl LogArgs {
    /// As they stand on a command line.
    pub(super) fn flags(&self) -> [String; 2] {
        let word = |value: Option<clap::builder::PossibleValue>| value.map(|word| word.get_name().to_owned());
        let level = word(self.log_level.to_possible_value()).unwrap_or_default();
        let form = word(self.log_form.to_possible_value()).unwrap_or_default();
        [format!("--log-level={level}"), format!("--log-form={form}")]
    }
}

/// How much is logged, by PHP's letters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(super) enum LogLevel {
    /// Errors
    E,
    /// What an operator may act on
    W,
    /// What comes and goes
    I,
    /// What peers do wrong
    D,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum LogForm {
    /// [Tue, 24 Nov 2026 03:16:25 +0000] [I] - text
    #[default]
    Php,
    /// 2026-11-24T03:16:25.042Z INFO text field=value
    Compact,
    /// An object: time, level, message, and the fields beside them
    Json,
}

/// The form that [`start`] was given, for what is said outside of the log.
static FORM: OnceLock<LogForm> = OnceLock::new();

/// Logs to standard error from now on, in PHP's form, for a command that says itself how it ended. `RUST_LOG` has the
/// last word on what is logged.
pub(super) fn start(level: LogLevel) {
    start_with(level, LogForm::Php, "warn,zmws::client=error,zmws::program=info");
}

/// Logs to standard error from now on. `RUST_LOG` has the last word on what is logged.
pub(super) fn start_as(args: &LogArgs) {
    // What a program that does a worker's jobs says of its troubles is always worth a line.
    start_with(args.log_level, args.log_form, "warn,zmws::program=info");
}

/// The same for a supervisor, whose own doings are worth a line each.
pub(super) fn start_supervisor(args: &LogArgs) {
    start_with(args.log_level, args.log_form, "warn,zmws::supervise=info");
}

fn start_with(level: LogLevel, form: LogForm, warnings: &str) {
    let default = match level {
        LogLevel::E => "error",
        LogLevel::W => warnings,
        LogLevel::I => "info",
        LogLevel::D => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = Lines::of(form);
    // Only a test that runs two commands in one process could be second.
    let _ = match form {
        LogForm::Php => tracing::subscriber::set_global_default(
            subscriber
                .with_ansi(std::io::stderr().is_terminal())
                .fmt_fields(DefaultFields::new())
                .event_format(lines)
                .finish(),
        ),
        LogForm::Compact | LogForm::Json => tracing::subscriber::set_global_default(
            subscriber.with_ansi(false).fmt_fields(JsonFields::new()).event_format(lines).finish(),
        ),
    };
    let _ = FORM.set(form);
    for line in super::variables::unknown() {
        tracing::warn!("{line}");
    }
    if form == LogForm::Json {
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
}

/// Says on standard output that a command is ready: PHP's `lines`, or one line in the log's form.
pub(super) fn announce(lines: &str, message: &str, fields: &[(&str, &dyn Display)]) {
    let text = match form() {
        LogForm::Php => lines.to_owned(),
        form @ (LogForm::Compact | LogForm::Json) => announcement(form, &jiff::Zoned::now(), message, fields),
    };
    let mut out = std::io::stdout().lock();
    // Nobody may be reading: the command runs all the same.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says on standard error why a command failed.
pub(super) fn failed(failure: &str) {
    match form() {
        LogForm::Php | LogForm::Compact => eprintln!("zmws: {failure}"),
        // Past the filter: it is the last line, and the one that must not be missing.
        LogForm::Json => {
            eprint!("{}", lines::failure(&jiff::Zoned::now(), failure));
        }
    }
}

fn form() -> LogForm {
    FORM.get().copied().unwrap_or_default()
}
