//! Jobs in a file of redb: checksums, a format that stays, one sync a commit.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format` | the version of what follows |
//! | `jobs` | position: in the order in which jobs were accepted | a record of `record.rs` |
//! | `attempts` | position | workers that the job has lost, if any: so that a record is written once |
//! | `dead` | position | a record of `record.rs` |
//! | `services` | name | 1 for paused, 2 for draining, 3 for both |
//!
//! Which position a job has is kept in memory, some 30 bytes a job.

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError,
    TableDefinition,
};
use rustc_hash::FxHashMap;

use super::record;
use super::{Store, StoreError, StoreStatistics};
use crate::broker::{Record, Restored, ServiceState, StoredDeadLetter, StoredJob};
use crate::job::{JobId, ServiceName};

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const JOBS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("jobs");
const ATTEMPTS: TableDefinition<'_, u64, u32> = TableDefinition::new("attempts");
const DEAD: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("dead");
const SERVICES: TableDefinition<'_, &[u8], u8> = TableDefinition::new("services");

/// The version of the tables and records.
const FORMAT: u64 = 1;

/// The file in the directory of the data.
const FILE: &str = "queue.redb";

const PAUSED: u8 = 1;
const DRAINING: u8 = 2;

/// How a store on disk behaves.
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// The directory of the file; it is made if it is not there, for its owner alone.
    pub directory: PathBuf,
    /// Bytes of the file that are kept in memory. Default 32 MiB; less reads more often from the disk, more helps
    /// nothing, since what is written is read at the next start only.
    pub cache: usize,
}

impl DiskOptions {
    /// The defaults, in a directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), cache: 32 << 20 }
    }

    /// The file in the directory.
    pub fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }
}

/// Opens the database, again after a failure.
pub(super) type Open = Box<dyn Fn(&Builder) -> Result<Database, DatabaseError> + Send>;

/// A store on disk.
pub struct DiskStore {
    path: PathBuf,
    cache: usize,
    open: Open,
    /// `None` after a failure, until it is opened again.
    database: Option<Database>,
    places: FxHashMap<JobId, Place>,
    next: u64,
    dead: u64,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    position: u64,
    dead: bool,
}

/// What a batch makes of the places, until it is committed.
struct Plan<'a> {
    store: &'a DiskStore,
    places: FxHashMap<JobId, Option<Place>>,
    next: u64,
}

impl DiskStore {
    /// Opens or makes the file.
    ///
    /// # Errors
    ///
    /// No right to the directory, another process has it, a newer format, a damaged file, a failing disk.
    pub fn open(options: &DiskOptions) -> Result<Self, StoreError> {
        let directory = &options.directory;
        let unusable = |source| StoreError::Directory { path: directory.clone(), source };
        if !directory.is_dir() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        }
        let path = options.file();
        let file = path.clone();
        Self::open_with(path, options.cache, Box::new(move |builder| open_file(builder, &file)))
    }

    /// The same with another way to the bytes.
    pub(super) fn open_with(path: PathBuf, cache: usize, open: Open) -> Result<Self, StoreError> {
        let mut store =
            Self { path, cache, open, database: None, places: FxHashMap::default(), next: 0, dead: 0 };
        store.reopen()?;
        Ok(store)
    }

    /// Makes the file as small as what is in it. Whoever is killed in between has lost nothing.
    ///
    /// # Errors
    ///
    /// A failing disk.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        let Some(database) = &mut self.database else { return Ok(()) };
        let compacted = database.compact();
        compacted
            .map(drop)
            .map_err(|error| StoreError::Failing { path: self.path.clone(), what: error.to_string() })
    }

    /// Opens the file and learns what is in it.
    fn reopen(&mut self) -> Result<(), StoreError> {
        let mut builder = Builder::new();
        // What a crash or the disk did to the file is found now, not when a job is due.
        builder.set_cache_size(self.cache).set_check_integrity_on_open(true);
        let database = (self.open)(&builder).map_err(|error| self.cannot_open(error))?;
        self.check_format(&database)?;
        self.index(&database)?;
        self.database = Some(database);
        Ok(())
    }

    fn check_format(&self, database: &Database) -> Result<(), StoreError> {
        let wrong = |error| failing(&self.path, error);
        let transaction = database.begin_write().map_err(|error| wrong(error.into()))?;
        let found = {
            let mut meta = transaction.open_table(META).map_err(|error| self.bad_table(error))?;
            let found = meta.get("format").map_err(|error| wrong(error.into()))?.map(|found| found.value());
            if found.is_none() {
                meta.insert("format", FORMAT).map_err(|error| wrong(error.into()))?;
            }
            found.unwrap_or(FORMAT)
        };
        if found != FORMAT {
            return Err(StoreError::Format { path: self.path.clone(), found, known: FORMAT });
        }
        transaction.open_table(JOBS).map_err(|error| self.bad_table(error))?;
        transaction.open_table(ATTEMPTS).map_err(|error| self.bad_table(error))?;
        transaction.open_table(DEAD).map_err(|error| self.bad_table(error))?;
        transaction.open_table(SERVICES).map_err(|error| self.bad_table(error))?;
        transaction.commit().map_err(|error| wrong(error.into()))
    }

    /// Learns which positions jobs have.
    fn index(&mut self, database: &Database) -> Result<(), StoreError> {
        self.places.clear();
        self.next = 0;
        let transaction = database.begin_read().map_err(|error| failing(&self.path, error.into()))?;
        for (definition, dead) in [(JOBS, false), (DEAD, true)] {
            let table = transaction.open_table(definition).map_err(|error| self.bad_table(error))?;
            if dead {
                self.dead = table.len().map_err(|error| failing(&self.path, error.into()))?;
            }
            for row in table.iter().map_err(|error| failing(&self.path, error.into()))? {
                let (position, record) = row.map_err(|error| failing(&self.path, error.into()))?;
                let position = position.value();
                let id = record::id(record.value()).map_err(|error| self.damaged(&error))?;
                self.places.insert(id, Place { position, dead });
                self.next = self.next.max(position + 1);
            }
        }
        Ok(())
    }

    fn write(&self, database: &Database, changes: &[Record]) -> Result<Plan<'_>, redb::Error> {
        let mut plan = Plan { store: self, places: FxHashMap::default(), next: self.next };
        let transaction = database.begin_write()?;
        {
            let mut tables = Tables {
                jobs: transaction.open_table(JOBS)?,
                attempts: transaction.open_table(ATTEMPTS)?,
                dead: transaction.open_table(DEAD)?,
                services: transaction.open_table(SERVICES)?,
                record: Vec::new(),
            };
            for change in changes {
                tables.apply(&mut plan, change)?;
            }
        }
        transaction.commit()?;
        Ok(plan)
    }

    fn damaged(&self, what: &dyn std::fmt::Display) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what: what.to_string() }
    }

    fn bad_table(&self, error: redb::TableError) -> StoreError {
        match error {
            redb::TableError::Storage(error) => failing(&self.path, error.into()),
            other => self.damaged(&other),
        }
    }

    fn cannot_open(&self, error: DatabaseError) -> StoreError {
        let path = self.path.clone();
        match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path },
            DatabaseError::Storage(StorageError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                self.damaged(&error)
            }
            DatabaseError::Storage(error) => failing(&path, error.into()),
            other => self.damaged(&other),
        }
    }
}

/// Opens the file, or makes one. A new file has its name when all of it is there: whoever dies in between leaves none that
/// cannot be read. Who makes it has it locked from before it has its name.
fn open_file(builder: &Builder, path: &Path) -> Result<Database, DatabaseError> {
    if path.exists() {
        return builder.open(path);
    }
    let unfinished = path.with_extension("new");
    let database = match builder.create(&unfinished) {
        Err(DatabaseError::Storage(StorageError::Io(error))) if error.kind() == ErrorKind::InvalidData => {
            std::fs::remove_file(&unfinished)?;
            builder.create(&unfinished)?
        }
        made => made?,
    };
    if path.exists() {
        drop(database);
        std::fs::remove_file(&unfinished)?;
        return builder.open(path);
    }
    std::fs::rename(&unfinished, path)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory)?.sync_all()?;
    Ok(database)
}

/// A file that is damaged, or a disk that is.
fn failing(path: &Path, error: redb::Error) -> StoreError {
    let (path, what) = (path.to_owned(), error.to_string());
    match error {
        redb::Error::Corrupted(_) => StoreError::Damaged { path, what },
        _ => StoreError::Failing { path, what },
    }
}

impl Store for DiskStore {
    fn commit(&mut self, changes: &[Record]) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.reopen()?;
        }
        let database = self.database.take().expect("it was opened above");
        // After a failure the file is opened anew: what it holds then is known again.
        let plan = self.write(&database, changes).map_err(|error| failing(&self.path, error))?;
        let (places, next) = (plan.places, plan.next);
        self.database = Some(database);
        self.next = next;
        for (job, place) in places {
            let before = match place {
                Some(place) => self.places.insert(job, place),
                None => self.places.remove(&job),
            };
            let is_dead = |place: Option<Place>| u64::from(place.is_some_and(|place| place.dead));
            self.dead = self.dead + is_dead(place) - is_dead(before);
        }
        Ok(())
    }

    fn scan(&mut self, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.reopen()?;
        }
        let database = self.database.as_ref().expect("it was opened above");
        let wrong = |error: redb::Error| failing(&self.path, error);
        let transaction = database.begin_read().map_err(|error| wrong(error.into()))?;
        let services = transaction.open_table(SERVICES).map_err(|error| wrong(error.into()))?;
        for row in services.iter().map_err(|error| wrong(error.into()))? {
            let (name, flags) = row.map_err(|error| wrong(error.into()))?;
            let service = ServiceName::new(name.value().to_vec())
                .ok_or_else(|| self.damaged(&"a service without a name"))?;
            let (paused, draining) = (flags.value() & PAUSED != 0, flags.value() & DRAINING != 0);
            each(Restored::Service(ServiceState { service, paused, draining }));
        }
        let attempts = transaction.open_table(ATTEMPTS).map_err(|error| wrong(error.into()))?;
        let jobs = transaction.open_table(JOBS).map_err(|error| wrong(error.into()))?;
        for row in jobs.iter().map_err(|error| wrong(error.into()))? {
            let (position, record) = row.map_err(|error| wrong(error.into()))?;
            let job = record::job(record.value()).map_err(|error| self.damaged(&error))?;
            let attempts = attempts.get(position.value()).map_err(|error| wrong(error.into()))?;
            each(Restored::Job(StoredJob {
                attempts: attempts.map_or(job.attempts, |count| count.value()),
                ..job
            }));
        }
        let dead = transaction.open_table(DEAD).map_err(|error| wrong(error.into()))?;
        for row in dead.iter().map_err(|error| wrong(error.into()))? {
            let (_, record) = row.map_err(|error| wrong(error.into()))?;
            each(Restored::Dead(record::dead(record.value()).map_err(|error| self.damaged(&error))?));
        }
        Ok(())
    }

    fn statistics(&self) -> StoreStatistics {
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        StoreStatistics { jobs: self.places.len() as u64 - self.dead, dead: self.dead, bytes }
    }
}

/// The tables of a transaction.
struct Tables<'t> {
    jobs: redb::Table<'t, u64, &'static [u8]>,
    attempts: redb::Table<'t, u64, u32>,
    dead: redb::Table<'t, u64, &'static [u8]>,
    services: redb::Table<'t, &'static [u8], u8>,
    /// The record that is being written.
    record: Vec<u8>,
}

impl Tables<'_> {
    fn apply(&mut self, plan: &mut Plan<'_>, change: &Record) -> Result<(), redb::Error> {
        match change {
            Record::Accepted(job) | Record::Retried(job) => self.accepted(plan, job),
            Record::Attempted { job, attempts } => match plan.place(*job) {
                Some(Place { position, dead: false }) => {
                    self.attempts.insert(position, attempts)?;
                    Ok(())
                }
                Some(Place { dead: true, .. }) | None => Ok(()),
            },
            Record::Dead(letter) => self.died(plan, letter),
            Record::Finished(job) => self.forget(plan, *job),
            Record::Service(state) => {
                let name: &[u8] = state.service.as_bytes();
                let flags = (u8::from(state.paused) * PAUSED) | (u8::from(state.draining) * DRAINING);
                match flags {
                    0 => drop(self.services.remove(name)?),
                    _ => drop(self.services.insert(name, flags)?),
                }
                Ok(())
            }
        }
    }

    fn accepted(&mut self, plan: &mut Plan<'_>, job: &StoredJob) -> Result<(), redb::Error> {
        self.forget(plan, job.job)?;
        let place = plan.new_place(job.job, false);
        self.record.clear();
        record::put_job(job, &mut self.record);
        self.jobs.insert(place.position, &*self.record)?;
        Ok(())
    }

    fn died(&mut self, plan: &mut Plan<'_>, letter: &StoredDeadLetter) -> Result<(), redb::Error> {
        self.forget(plan, letter.job.job)?;
        let place = plan.new_place(letter.job.job, true);
        self.record.clear();
        record::put_dead(letter, &mut self.record);
        self.dead.insert(place.position, &*self.record)?;
        Ok(())
    }

    fn forget(&mut self, plan: &mut Plan<'_>, job: JobId) -> Result<(), redb::Error> {
        let Some(place) = plan.place(job) else { return Ok(()) };
        if place.dead {
            self.dead.remove(place.position)?;
        } else {
            self.jobs.remove(place.position)?;
            self.attempts.remove(place.position)?;
        }
        plan.places.insert(job, None);
        Ok(())
    }
}

impl Plan<'_> {
    fn place(&self, job: JobId) -> Option<Place> {
        let planned = self.places.get(&job).copied();
        planned.unwrap_or_else(|| self.store.places.get(&job).copied())
    }

    fn new_place(&mut self, job: JobId, dead: bool) -> Place {
        let place = Place { position: self.next, dead };
        self.next += 1;
        self.places.insert(job, Some(place));
        place
    }
}
