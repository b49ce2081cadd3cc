//! `compat run`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Trouble;
use crate::known::{Known, OURS};
use crate::report::{is_bad, page, table};
use crate::suite::{Case, Verdict, recordings, replay_file};

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

    /// Where the page goes
    #[arg(long, value_name = "FILE", default_value = "target/compat.html")]
    html: PathBuf,

    /// Say every difference, the known ones too
    #[arg(long, short)]
    verbose: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<ExitCode, Trouble> {
        let known = match &self.known {
            Some(path) => std::fs::read_to_string(path).map_err(Trouble::io(path.display()))?,
            None => OURS.to_owned(),
        };
        let known = Known::read(&known)?;
        let cases: Vec<Case> = self.files()?.iter().map(|path| replay_file(path, &known)).collect();
        for case in &cases {
            self.tell(case, &known);
        }
        print!("{}", table(&cases));
        if let Some(folder) = self.html.parent() {
            std::fs::create_dir_all(folder).map_err(Trouble::io(folder.display()))?;
        }
        std::fs::write(&self.html, page(&cases, &known)).map_err(Trouble::io(self.html.display()))?;
        let mut bad = cases.iter().filter(|case| is_bad(&case.verdict)).count();
        if self.dir.is_none() && self.file.is_none() {
            bad += unused(&cases, &known);
        }
        Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn files(&self) -> Result<Vec<PathBuf>, Trouble> {
        if let Some(file) = &self.file {
            return Ok(vec![file.clone()]);
        }
        let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        let dir = self.dir.clone().unwrap_or_else(ours);
        let files = recordings(&dir).map_err(Trouble::io(dir.display()))?;
        match files.is_empty() {
            true => Err(Trouble::Usage(format!("{}: no recording (*.jsonl) in it", dir.display()))),
            false => Ok(files),
        }
    }

    fn tell(&self, case: &Case, known: &Known) {
        if let Verdict::Broken(why) = &case.verdict {
            println!("{}: {why}", case.path.display());
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

/// Says which entries nothing needs any more, and counts them.
fn unused(cases: &[Case], known: &Known) -> usize {
    let mut used = BTreeSet::new();
    let mut skipped = BTreeSet::new();
    for case in cases {
        match &case.verdict {
            Verdict::Known(_, entries) => used.extend(entries.iter().copied()),
            Verdict::Skipped(entry) => drop(skipped.insert(*entry)),
            Verdict::Same | Verdict::Failed(_) | Verdict::Broken(_) => {}
        }
        let replayed = case.replayed.iter().flat_map(|replayed| &replayed.differences);
        used.extend(replayed.filter_map(|(_, entry)| *entry));
    }
    let mut count = 0;
    for (index, entry) in known.differences.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
        println!("known difference {index} ({}) is not needed any more", entry.id);
        count += 1;
    }
    for (_, entry) in known.skipped.iter().enumerate().filter(|(index, _)| !skipped.contains(index)) {
        println!("nothing is skipped any more because: {}", entry.reason);
        count += 1;
    }
    count
}
