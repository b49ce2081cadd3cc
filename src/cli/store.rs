//! `zmws store`: the jobs on disk, while no broker has them.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use zmws::broker::{Record, Restored};
use zmws::store::{DiskOptions, DiskStore, Store, StoreStatistics, lines};

use super::operator::cannot_write;
use super::{Failure, log};

/// Look at the jobs on disk, back them up, move them
///
/// While no broker runs over them: stop it, or restart it with `--memory`, first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Read all of it, and say what is there or what is damaged
    Check(Place),
    /// Print all of it as JSON Lines
    Dump(Place),
    /// Take what dump has printed into a directory without jobs
    Load {
        /// The lines; - for standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,

        #[command(flatten)]
        place: Place,
    },
    /// Make the file as small as what is in it
    Compact(Place),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// Directory of the jobs
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
}

/// Jobs after which there is a line on standard error, and in one commit of a load.
const TELL_EVERY: u64 = 100_000;
const BATCH: usize = 4_096;

/// Does it.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Check(place) => check(&place),
        What::Dump(place) => dump(&place),
        What::Load { file, place } => load(&file, &place),
        What::Compact(place) => compact(&place),
    }
}

impl Place {
    /// What is there: nothing is made.
    fn open(&self) -> Result<DiskStore, Failure> {
        let options = self.options();
        if !options.file().is_file() {
            return Err(format!("no jobs are kept in {}: --data-dir says where", self.data_dir.display()));
        }
        DiskStore::open(&options).map_err(|error| error.to_string())
    }

    fn options(&self) -> DiskOptions {
        DiskOptions::new(&self.data_dir)
    }
}

/// Lines on standard error, now and then.
#[derive(Default)]
struct Progress(u64);

impl Progress {
    fn one_more(&mut self, done: &str) {
        self.0 += 1;
        if self.0.is_multiple_of(TELL_EVERY) {
            log::warn(&format!("{} {done}", self.0));
        }
    }
}

fn check(place: &Place) -> Result<(), Failure> {
    let mut store = place.open()?;
    let (mut progress, mut services) = (Progress::default(), 0);
    let read = store.scan(&mut |kept| {
        services += u64::from(matches!(kept, Restored::Service(_)));
        progress.one_more("read");
    });
    read.map_err(|error| error.to_string())?;
    let StoreStatistics { jobs, dead, bytes } = store.statistics();
    let path = place.options().file();
    let line = format!(
        "{} is whole: {jobs} jobs, {dead} dead, {services} services held back, {bytes} bytes\n",
        path.display()
    );
    std::io::stdout().write_all(line.as_bytes()).map_err(cannot_write)
}

fn dump(place: &Place) -> Result<(), Failure> {
    let mut store = place.open()?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut written = writeln!(output, "{}", lines::head());
    let mut progress = Progress::default();
    let read = store.scan(&mut |kept| {
        if written.is_ok() {
            written = writeln!(output, "{}", lines::write(&kept));
            progress.one_more("written");
        }
    });
    read.map_err(|error| error.to_string())?;
    written.and_then(|()| output.flush()).map_err(cannot_write)
}

fn load(file: &Path, place: &Place) -> Result<(), Failure> {
    let name = file.display();
    let input: Box<dyn BufRead> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ => Box::new(BufReader::new(
            File::open(file).map_err(|error| format!("cannot read {name}: {error}"))?,
        )),
    };
    let mut lines = input.lines();
    let head = lines.next().transpose().map_err(|error| format!("cannot read {name}: {error}"))?;
    lines::read_head(&head.unwrap_or_default()).map_err(|error| format!("{name}:1: {error}"))?;
    let mut store = DiskStore::open(&place.options()).map_err(|error| error.to_string())?;
    if store.statistics().jobs + store.statistics().dead > 0 {
        let path = place.options().file();
        return Err(format!("{} has jobs already: load into another --data-dir", path.display()));
    }
    let mut batch = Vec::new();
    let mut progress = Progress::default();
    for (number, line) in lines.enumerate() {
        let line = line.map_err(|error| format!("cannot read {name}: {error}"))?;
        let record = lines::read(&line).map_err(|error| {
            format!("{name}:{}: {error}; {} lines before it are loaded", number + 2, progress.0)
        })?;
        batch.push(record);
        if batch.len() >= BATCH {
            commit(&mut store, &mut batch)?;
        }
        progress.one_more("loaded");
    }
    commit(&mut store, &mut batch)?;
    let StoreStatistics { jobs, dead, .. } = store.statistics();
    let line = format!("{}: {jobs} jobs, {dead} dead\n", place.options().file().display());
    std::io::stdout().write_all(line.as_bytes()).map_err(cannot_write)
}

fn commit(store: &mut DiskStore, batch: &mut Vec<Record>) -> Result<(), Failure> {
    store.commit(batch).map_err(|error| error.to_string())?;
    batch.clear();
    Ok(())
}

fn compact(place: &Place) -> Result<(), Failure> {
    let mut store = place.open()?;
    let before = store.statistics().bytes;
    store.compact().map_err(|error| error.to_string())?;
    let after = store.statistics().bytes;
    let line = format!("{}: {before} bytes, now {after}\n", place.options().file().display());
    std::io::stdout().write_all(line.as_bytes()).map_err(cannot_write)
}
