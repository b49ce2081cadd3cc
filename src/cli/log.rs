//! The log: how much of it, and in which of three forms. `layer.rs` makes a line of each event, unless `limit.rs` says
//! that there are too many of its kind; `lines.rs` has the forms; [`LogWriter`] writes.
//!
//! Standard error has the log; standard output has what a command announces when it is ready. In JSON's form
//! no line on either is anything but an object, so that one reader takes both. Nobody waits for who reads, and no
//! problem with either stream is the command's.

mod facts;
mod layer;
mod limit;
mod lines;
#[cfg(test)]
mod tests;
mod text;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::ValueEnum;
use jiff::Zoned;
use serde_json::Map;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry};
use zmws::log_writer::LogWriter;

pub(super) use lines::date;

use facts::Facts;
use layer::{Lines, LinesLayer};
use lines::announcement;

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
    /// The form's name, if it is not the usual one.
    pub(super) fn form_of_others(&self) -> Option<String> {
        let form = self.log_form.to_possible_value().filter(|_| self.log_form != LogForm::default());
        form.map(|word| word.get_name().to_owned())
    }

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

/// What a command that runs has of its log.
struct Log {
    form: LogForm,
    level: LogLevel,
    lines: Arc<Lines>,
}

/// The log that was started, for what is said outside of it.
static LOG: OnceLock<Log> = OnceLock::new();
/// Standard error and standard output.
static STDERR: OnceLock<Option<LogWriter>> = OnceLock::new();
static STDOUT: OnceLock<Option<LogWriter>> = OnceLock::new();

/// Logs to standard error from now on, in PHP's form, for a command that says itself how it ended. `RUST_LOG` has the
/// last word on what is logged.
pub(super) fn start(level: LogLevel) {
    start_with(level, LogForm::Php, "warn,zmws::client=error");
}

/// Logs to standard error from now on. `RUST_LOG` has the last word on what is logged.
pub(super) fn start_as(args: &LogArgs) {
    start_with(args.log_level, args.log_form, "warn");
}

fn start_with(level: LogLevel, form: LogForm, warnings: &str) {
    let default = match level {
        LogLevel::E => "error",
        LogLevel::W => warnings,
        LogLevel::I => "info",
        LogLevel::D => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let lines = Lines::new(form, Zoned::now, Box::new(|line| write(stderr(), line)));
    let subscriber = Registry::default().with(filter).with(LinesLayer(Arc::clone(&lines)));
    // Only a test that runs two commands in one process could be second.
    let _ = tracing::subscriber::set_global_default(subscriber);
    lines.sum_up_for_ever();
    let _ = LOG.set(Log { form, level, lines });
    std::panic::set_hook(Box::new(panicked));
    for line in super::variables::unknown() {
        tracing::warn!("{line}");
    }
}

/// A panic is a line like others, past all filters: the usual hook waits for whoever reads standard error.
fn panicked(panic: &PanicHookInfo<'_>) {
    let mut facts = Facts { message: panic.to_string(), fields: Map::new() };
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        facts.fields.insert("backtrace".to_owned(), trace.to_string().into());
    }
    write(stderr(), lines::line(form(), &Zoned::now(), Level::ERROR, &facts));
}

/// Says on standard output that a command is ready: PHP's `lines`, or one line in the log's form. At a level at which
/// the log has no `[I]`, PHP's lines have none either.
pub(super) fn announce(lines: &str, message: &str, fields: &[(&str, &dyn Display)]) {
    let quiet = LOG.get().is_some_and(|log| matches!(log.level, LogLevel::E | LogLevel::W));
    let text = match form() {
        LogForm::Php if quiet => {
            lines.split_inclusive('\n').filter(|line| !line.contains("] [I] - ")).collect()
        }
        LogForm::Php => lines.to_owned(),
        form @ (LogForm::Compact | LogForm::Json) => announcement(form, &Zoned::now(), message, fields),
    };
    // What was logged before stands before it where both go to one file.
    flush(stderr());
    say(text);
    flush(stdout());
}

/// Prints lines on standard output, as far as anybody reads them.
pub(super) fn say(text: String) {
    write(stdout(), text);
}

/// Prints a line on standard error that belongs to no log.
pub(super) fn warn(text: &str) {
    write(stderr(), format!("zmws: {text}\n"));
    flush(stderr());
}

/// Says on standard error why a command failed.
pub(super) fn failed(failure: &str) {
    match form() {
        LogForm::Php | LogForm::Compact => warn(failure),
        // Past the filter: it is the last line, and the one that must not be missing.
        LogForm::Json => write(stderr(), lines::failure(&Zoned::now(), failure)),
    }
}

/// Writes what is still to be written, as long as somebody reads it. To be called at the end of the program.
pub(super) fn finish() {
    if let Some(log) = LOG.get() {
        log.lines.sum_up();
    }
    for out in [STDOUT.get(), STDERR.get()].into_iter().flatten() {
        flush(out.as_ref());
    }
}

fn form() -> LogForm {
    LOG.get().map_or(LogForm::default(), |log| log.form)
}

fn stderr() -> Option<&'static LogWriter> {
    STDERR.get_or_init(|| writer(io::stderr().as_fd())).as_ref()
}

fn stdout() -> Option<&'static LogWriter> {
    STDOUT.get_or_init(|| writer(io::stdout().as_fd())).as_ref()
}

/// `None` without a descriptor or a thread for it: the command runs all the same.
fn writer(stream: BorrowedFd<'_>) -> Option<LogWriter> {
    let out = File::from(stream.try_clone_to_owned().ok()?);
    LogWriter::stream(out, missing).ok()
}

/// The line that says that others are not there.
fn missing(lines: u64) -> String {
    let message = format!("{lines} lines of the log could not be written");
    lines::line(form(), &Zoned::now(), Level::WARN, &Facts { message, fields: Map::new() })
}

fn write(out: Option<&LogWriter>, line: String) {
    if let Some(out) = out {
        out.write(line);
    }
}

fn flush(out: Option<&LogWriter>) {
    if let Some(out) = out {
        out.flush(PATIENCE);
    }
}

/// How long whoever reads may take for what is said at start and end.
const PATIENCE: Duration = Duration::from_secs(1);
