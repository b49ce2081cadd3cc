//! The log, in the line form of PHP's programs: `[Tue, 24 Nov 2026 03:16:25 +0000] [I] - text`.

use std::fmt;
use std::io::IsTerminal;

use clap::ValueEnum;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

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

/// Logs to standard error from now on. `RUST_LOG` has the last word.
pub(super) fn start(level: LogLevel) {
    let default = match level {
        LogLevel::E => "error",
        // What a program that does a worker's jobs says of its troubles is always worth a line.
        LogLevel::W => "warn,zmws::program=info",
        LogLevel::I => "info",
        LogLevel::D => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .event_format(PhpLines)
        .finish();
    // Only a test that runs two commands in one process could be second.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The moment in RFC 2822's form, as PHP's `date('r')` gives it.
pub(super) fn date() -> String {
    jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
}

struct PhpLines;

impl<S, N> FormatEvent<S, N> for PhpLines
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
        let letter = match *event.metadata().level() {
            Level::ERROR => 'E',
            Level::WARN => 'W',
            Level::INFO => 'I',
            Level::DEBUG | Level::TRACE => 'D',
        };
        write!(writer, "[{}] [{letter}] - ", date())?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
