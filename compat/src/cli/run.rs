//! `compat run`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::CliError;
use crate::known_differences::KnownDifferences;
use crate::over_tcp::{Endpoints, OverTcp};
use crate::programs::{Peers, answered};
use crate::report::{NO_BROKER, table};
use crate::suite::{Case, Verdict, own_recordings, recordings, replay_file, replay_live, unused};
use crate::target::Target;
use crate::trace::Header;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Replay the recordings in DIR instead of our own
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Replay one recording
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    file: Option<PathBuf>,

    /// Deliberate differences, instead of our own
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,

    /// Replay over real sockets and in real time, to a server started for it or to --clients and --workers; and play
    /// PHP and Python programs, if there are, against our broker
    #[arg(long)]
    live: bool,

    /// Where the clients of a running broker connect
    #[arg(long, value_name = "HOST:PORT", requires_all = ["live", "workers"])]
    clients: Option<String>,

    /// Where the workers of a running broker connect
    #[arg(long, value_name = "HOST:PORT", requires_all = ["live", "clients"])]
    workers: Option<String>,

    /// Play the original's workers and clients at each tag of this git checkout against our broker
    #[arg(long, value_name = "DIR", requires = "live")]
    upstream: Option<PathBuf>,

    /// Leave out recordings that take longer, over sockets
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    longest: u64,

    /// Change the recordings at random, N times, and say which changes the comparison does not notice
    #[arg(long, value_name = "N", conflicts_with = "live")]
    mutate: Option<usize>,

    /// The same changes for the same number
    #[arg(long, value_name = "S", default_value_t = 1, requires = "mutate")]
    seed: u64,

    /// Say every difference, the known ones too
    #[arg(long, short)]
    verbose: bool,
}

/// Where the recordings of programs go.
const RECORDINGS: &str = "target/live";

impl Args {
    pub(super) fn run(self) -> Result<ExitCode, CliError> {
        let known = match &self.known {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(CliError::io(path.display()))?;
                KnownDifferences::read(&text)?
            }
            None => KnownDifferences::ours(),
        };
        let files = self.files()?;
        if let Some(count) = self.mutate {
            return Ok(super::mutate::run(&files, &known, count, self.seed));
        }
        let mut cases: Vec<Case> = files.iter().filter_map(|path| self.replay(path, &known)).collect();
        cases.extend(self.programs(&known)?);
        for case in &cases {
            self.tell(case, &known);
        }
        print!("{}", table(&cases));
        let mut bad = cases.iter().filter(|case| case.verdict.is_bad()).count();
        if self.dir.is_none() && self.file.is_none() && !self.live {
            let unused = unused(&cases, &known);
            unused.iter().for_each(|entry| println!("{entry} is not needed any more"));
            bad += unused.len();
        }
        Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Real programs against our broker, unless recordings or a broker of the user's own are asked for.
    fn programs(&self, known: &KnownDifferences) -> Result<Vec<Case>, CliError> {
        let asked_for_else = self.dir.is_some() || self.file.is_some() || self.clients.is_some();
        if !self.live || asked_for_else {
            return Ok(Vec::new());
        }
        let place = Path::new(RECORDINGS);
        std::fs::create_dir_all(place).map_err(CliError::io(place.display()))?;
        let mut peers = Peers::scripts();
        if let Some(dir) = &self.upstream {
            peers.extend(Peers::original(dir, place).map_err(CliError::io(dir.display()))?);
        }
        let mut cases = Vec::new();
        for programs in &peers.programs {
            match programs.play(place, known) {
                Ok(case) => cases.push(case),
                Err(left) => {
                    peers.left.push(left);
                    continue;
                }
            }
            let replayed = cases.last().and_then(|case: &Case| case.replayed.as_ref());
            let (asked, ended) = replayed.map_or((0, 0), |replayed| answered(replayed));
            let left = if ended < asked { ": its worker left with a job" } else { "" };
            println!("{}: {ended} of {asked} requests answered{left}", programs.name);
        }
        for left in &peers.left {
            println!("{}: left out: {}", left.what, left.why);
        }
        Ok(cases)
    }

    /// `None` if it is left out.
    fn replay(&self, path: &Path, known: &KnownDifferences) -> Option<Case> {
        if !self.live {
            return Some(replay_file(path, known));
        }
        let endpoints = self.clients.clone().zip(self.workers.clone());
        let endpoints = endpoints.map(|(clients, workers)| Endpoints { clients, workers });
        let target = |header: &Header| -> Box<dyn Target> {
            let connected = match &endpoints {
                Some(endpoints) => OverTcp::connect(endpoints.clone()),
                None => OverTcp::own(header),
            };
            Box::new(connected.expect("the system has room for a runtime and two ports"))
        };
        replay_live(path, known, self.longest.saturating_mul(1_000_000), &target)
    }

    fn files(&self) -> Result<Vec<PathBuf>, CliError> {
        if let Some(file) = &self.file {
            return Ok(vec![file.clone()]);
        }
        let dir = self.dir.clone().unwrap_or_else(own_recordings);
        let files = recordings(&dir).map_err(CliError::io(dir.display()))?;
        match files.is_empty() {
            true => Err(CliError::Usage(format!("{}: no recording (*.jsonl) in it", dir.display()))),
            false => Ok(files),
        }
    }

    fn tell(&self, case: &Case, known: &KnownDifferences) {
        if let Verdict::Broken(why) = &case.verdict {
            println!("{}: {why}", case.path.display());
        }
        if case.verdict == Verdict::NoBroker {
            println!("{}: {NO_BROKER}", case.path.display());
            return;
        }
        let differences = case.replayed.iter().flat_map(|replayed| &replayed.differences);
        for (difference, entry) in differences.filter(|(_, entry)| self.verbose || entry.is_none()) {
            let by = entry.map_or("unknown", |entry| &known.differences[entry].id);
            let (path, at) = (case.path.display(), difference.at / 1_000);
            println!("{path}: at {at} ms [{by}] {}", difference.words);
            let sides = [("recorded", &difference.recorded), ("ours", &difference.ours)];
            for (side, frames) in
                sides.into_iter().filter_map(|(side, frames)| Some((side, frames.as_ref()?)))
            {
                println!("    {side:8} {}", super::show::frames(frames, 100));
            }
        }
    }
}
