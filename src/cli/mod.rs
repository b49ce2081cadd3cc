//! Words and defaults of each command, one file a command, and no work.

mod broker;
mod call;
mod check;
mod completions;
mod config;
mod dialect;
mod drain;
mod flags;
mod gateway;
mod generate;
mod jobs;
mod layers;
mod log;
mod memory;
mod notify;
mod operator;
mod pause;
mod process;
mod reload;
mod restart;
mod resume;
mod site;
mod start;
mod status;
mod stop;
mod store;
mod tail;
mod top;
mod trace;
mod up;
mod usage;
mod variables;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zmws::worker::program::guard;

/// A work server: named jobs over ZeroMQ and HTTP, handed to workers in any language
#[derive(Debug, Parser)]
#[command(name = "zmws", version, args_override_self = true, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Broker(broker::Args),
    Gateway(gateway::Args),
    Worker(worker::Args),
    Call(call::Args),
    Up(up::Args),
    Start(start::Args),
    Stop(stop::Args),
    Restart(restart::Args),
    Reload(reload::Args),
    Config(config::Args),
    Status(status::Args),
    Top(top::Args),
    Tail(tail::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Drain(drain::Args),
    Jobs(jobs::Args),
    Store(store::Args),
    Trace(trace::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Generate(generate::Args),
}

/// Why a command failed: one clear line.
pub(crate) type Failure = String;

/// Runs the program. 0: done; 1: failed, one line on standard error says why; 2: wrong usage.
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let end = obey(args);
    log::finish();
    end
}

fn obey(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut args = args.peekable();
    let program = args.next();
    if args.next_if(|word| word == guard::WORD).is_some() {
        return guard::run(args);
    }
    let args = program.into_iter().chain(args);
    let args = match layers::layered(flags::normalized(args)) {
        Ok(args) => args,
        Err(failure) => return fail(&failure),
    };
    let cli = match Cli::try_parse_from(args).and_then(usage::checked) {
        Ok(cli) => cli,
        Err(error) => {
            let error = usage::with_tip(error);
            // Help and version are no errors and go to standard output.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    if !has_log(&cli.command) {
        variables::say();
    }
    let outcome = match cli.command {
        Command::Broker(args) => broker::run(args),
        Command::Gateway(args) => gateway::run(args),
        Command::Worker(args) => worker::run(args),
        Command::Call(args) => call::run(args),
        Command::Up(args) => up::run(args),
        Command::Start(args) => start::run(args),
        Command::Stop(args) => stop::run(args),
        Command::Restart(args) => restart::run(args),
        Command::Reload(args) => reload::run(args),
        Command::Config(args) => config::run(args),
        Command::Status(args) => status::run(args),
        Command::Top(args) => top::run(args),
        Command::Tail(args) => tail::run(args),
        Command::Pause(args) => pause::run(args),
        Command::Resume(args) => resume::run(args),
        Command::Drain(args) => drain::run(args),
        Command::Jobs(args) => jobs::run(args),
        Command::Store(args) => store::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Generate(args) => generate::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

/// Whether a command says in its log, or itself, what there is to say of the environment.
fn has_log(command: &Command) -> bool {
    match command {
        Command::Broker(_)
        | Command::Gateway(_)
        | Command::Worker(_)
        | Command::Call(_)
        | Command::Up(_)
        | Command::Start(_) => true,
        // Their words go elsewhere.
        Command::Trace(_) | Command::Completions(_) | Command::Generate(_) => true,
        Command::Stop(_)
        | Command::Restart(_)
        | Command::Reload(_)
        | Command::Config(_)
        | Command::Status(_)
        | Command::Top(_)
        | Command::Tail(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::Drain(_)
        | Command::Jobs(_)
        | Command::Store(_) => false,
    }
}

fn fail(failure: &Failure) -> ExitCode {
    log::failed(failure);
    ExitCode::FAILURE
}
