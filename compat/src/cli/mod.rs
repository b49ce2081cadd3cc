//! The words of the programs: `compat` runs recordings, `zmws-trace` makes and shows them.

mod mutate;
mod record;
mod run;
mod show;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Replay recorded traffic and say where zmws answers otherwise
#[derive(Debug, Parser)]
#[command(name = "compat", args_conflicts_with_subcommands = true)]
struct Compat {
    #[command(flatten)]
    run: run::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Record, show and replay traffic of zmws
#[derive(Debug, Parser)]
#[command(name = "zmws-trace")]
struct Trace {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay recordings and compare
    Run(run::Args),
    /// Record what passes between peers and a broker or gateway
    Record(record::Args),
    /// Print a recording, a line a message
    Show(show::Args),
}

pub fn compat() -> ExitCode {
    let args = Compat::parse();
    carry_out(args.command.unwrap_or(Command::Run(args.run)))
}

pub fn trace() -> ExitCode {
    carry_out(Trace::parse().command)
}

fn carry_out(command: Command) -> ExitCode {
    let done = match command {
        Command::Run(args) => args.run(),
        Command::Record(args) => args.run(),
        Command::Show(args) => args.run(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("{path}: {source}")]
    Trace { path: String, source: crate::trace::ReadError },
    #[error("known-differences.json: {0}")]
    Known(#[from] serde_json::Error),
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what: what.to_string(), source }
    }
}
