//! Keys that are no command's flags: those of `[supervisor]` and of a `[[worker]]`. They are written as clap's
//! arguments, too, so that all keys are read, checked and described alike.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::super::program::Restart;
use crate::duration;

/// `[supervisor]`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SupervisorKeys {
    /// Where pid files and the supervisor's socket are
    #[arg(long, value_name = "DIR", default_value = "run")]
    pub(super) run_dir: PathBuf,

    /// Where the programs' logs are
    #[arg(long, value_name = "DIR", default_value = "logs")]
    pub(super) log_dir: PathBuf,

    /// Megabytes from which on a log begins anew; 0 never
    #[arg(long, value_name = "MB", default_value_t = 10)]
    pub(super) log_max_mb: u64,

    /// Old logs that are kept of each program
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) log_keep: u32,

    /// Ends of a program after which it is given up, if they come within give_up_seconds
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) give_up_ends: u32,

    /// Seconds within which they must come
    #[arg(long, value_name = "DURATION", default_value = "60", value_parser = duration::parse_positive)]
    pub(super) give_up_seconds: Duration,

    /// Admin port of a broker elsewhere, if [broker] is not in this file: workers are replaced with its help
    #[arg(long, value_name = "IP:PORT")]
    pub(super) admin: Option<SocketAddr>,
}

/// A `[[worker]]`, beside the flags of `zmws worker`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct WorkerKeys {
    /// Names its pid files and logs; by default its service in lower case
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,

    /// Whose jobs it does
    #[arg(long, value_name = "SERVICE")]
    pub(super) service: Option<String>,

    /// A program that does jobs, and its arguments: run by `zmws worker -- COMMAND`
    #[arg(long, value_name = "WORD", action = clap::ArgAction::Append)]
    pub(super) command: Vec<String>,

    /// A sample of ours: sleep, reverse, random
    #[arg(long, value_name = "WHAT")]
    pub(super) builtin: Option<String>,

    /// A worker of the PHP original: run by `php FILE --service-name=SERVICE …`
    #[arg(long, value_name = "FILE")]
    pub(super) php: Option<PathBuf>,

    /// A program that speaks ZeroMQ itself, and its arguments: run as it is
    #[arg(long, value_name = "WORD", action = clap::ArgAction::Append)]
    pub(super) program: Vec<String>,

    /// Further flags of a PHP worker
    #[arg(long, value_name = "FLAG=VALUE", action = clap::ArgAction::Append, value_parser = pair)]
    pub(super) flags: Vec<(String, String)>,

    /// Processes of this worker
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) processes: u32,

    /// Jobs after which a process is replaced by a fresh one
    #[arg(long, value_name = "JOBS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_jobs: Option<u64>,

    /// Age at which a process is replaced: 90s, 15m, 12h, 7d
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub(super) max_lifetime: Option<Duration>,

    /// Memory at which a process is replaced, with what it has started: 512K, 256M, 2G
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(super) max_memory: Option<Bytes>,

    /// Environment variables
    #[arg(long, value_name = "NAME=VALUE", action = clap::ArgAction::Append, value_parser = pair)]
    pub(super) env: Vec<(String, String)>,

    /// User it runs as, if zmws is started by root
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,

    /// Directory it runs in
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,

    /// When it is started again: always, on-failure, never
    #[arg(long, value_name = "WHEN", default_value = "always", value_parser = restart)]
    pub(super) restart: Restart,

    /// Seconds it may take to end its job when it is stopped or replaced
    #[arg(long, value_name = "DURATION", default_value = "10", value_parser = duration::parse)]
    pub(super) grace: Duration,

    /// Further files whose change makes a reload replace it
    #[arg(long, value_name = "FILE", action = clap::ArgAction::Append)]
    pub(super) files: Vec<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name and a value are expected")?;
    if name.is_empty() || text.contains('\0') {
        return Err("a name and a value are expected".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn restart(text: &str) -> Result<Restart, String> {
    match text {
        "always" => Ok(Restart::Always),
        "on-failure" => Ok(Restart::OnFailure),
        "never" => Ok(Restart::Never),
        _ => Err("always, on-failure or never is expected".to_owned()),
    }
}

/// A size in bytes: a type of its own, since it is written with a unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Bytes(pub(super) u64);

fn bytes(text: &str) -> Result<Bytes, String> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &text[number.len()..] {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        _ => return Err("units are K, M, G".to_owned()),
    };
    let bytes = number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes
        .filter(|&bytes| bytes > 0)
        .map(Bytes)
        .ok_or_else(|| "a number of bytes, or of K, M, G, is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("256M"), Ok(Bytes(256 << 20)));
        assert_eq!(bytes("2G"), Ok(Bytes(2 << 30)));
        for wrong in ["", "s", "0", "-1s", "5 weeks", "1e3", "99999999999999999999G", "18446744073709551615G"]
        {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
