//! A store in a real directory: rights, locks, formats.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::super::record;
use super::super::{DiskOptions, DiskStore, Store, StoreError};
use super::{change, job, kept};
use crate::broker::Record;
use proptest::prelude::*;

/// A directory that is gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zmws-store-{name}-{}", std::process::id()));
        assert!(!path.exists(), "{} is left over", path.display());
        Self(path)
    }

    fn open(&self) -> Result<DiskStore, StoreError> {
        DiskStore::open(&DiskOptions::new(&self.0))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shown(error: Result<DiskStore, StoreError>, directory: &Path) -> String {
    let error = error.err().expect("it is refused");
    error.to_string().replace(&directory.display().to_string(), "data")
}

#[test]
fn a_directory_is_made_for_its_owner_and_jobs_are_there_at_the_next_start() {
    let directory = Directory::new("made");
    let mut store = directory.open().expect("there is room for a directory");
    let mode = std::fs::metadata(&directory.0).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    store.commit(&[Record::Accepted(job(1))]).expect("a good disk");
    let before = kept(&mut store);
    drop(store);
    assert_eq!(kept(&mut directory.open().expect("nobody else has it")), before);
}

#[test]
fn a_start_that_died_while_it_made_the_file_is_made_good() {
    let directory = Directory::new("unfinished");
    std::fs::create_dir(&directory.0).expect("there is room for a directory");
    // As redb leaves it before it has written its magic number.
    std::fs::write(directory.0.join("queue.new"), vec![0; 73_728]).expect("a good disk");
    drop(directory.open().expect("the file has no name yet"));
    assert!(!directory.0.join("queue.new").exists());
    drop(directory.open().expect("now it has"));
}

#[test]
fn a_second_broker_is_refused() {
    let directory = Directory::new("twice");
    let _first = directory.open().expect("there is room for a directory");
    insta::assert_snapshot!(
        shown(directory.open(), &directory.0),
        @"data/queue.redb is in use: another broker keeps its jobs there; give this one a --data-dir of its own"
    );
}

#[test]
fn a_newer_format_is_refused() {
    let directory = Directory::new("newer");
    drop(directory.open().expect("there is room for a directory"));
    let database = redb::Database::open(directory.0.join("queue.redb")).expect("nobody has it");
    let transaction = database.begin_write().expect("a good disk");
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    transaction.open_table(meta).expect("it is there").insert("format", 2).expect("a good disk");
    transaction.commit().expect("a good disk");
    drop(database);
    insta::assert_snapshot!(
        shown(directory.open(), &directory.0),
        @"data/queue.redb has format 2, this program reads 1: it was written by a newer zmws; use that one"
    );
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let directory = Directory::new("other");
    std::fs::create_dir(&directory.0).expect("there is room for a directory");
    let file = directory.0.join("queue.redb");
    let text = "a letter to my mother\n".repeat(400);
    std::fs::write(&file, &text).expect("a good disk");
    insta::assert_snapshot!(
        shown(directory.open(), &directory.0),
        @"data/queue.redb is damaged: Not a redb database: magic number mismatch; move it away to begin with an empty queue, or bring back a copy"
    );
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), text);
}

proptest! {
    #[test]
    fn records_read_back_as_they_were_written(change in change()) {
        let mut bytes = Vec::new();
        match change {
            Record::Accepted(job) | Record::Retried(job) => {
                record::put_job(&job, &mut bytes);
                prop_assert_eq!(record::job(&bytes), Ok(job));
            }
            Record::Dead(letter) => {
                record::put_dead(&letter, &mut bytes);
                prop_assert_eq!(record::dead(&bytes), Ok(letter));
            }
            Record::Attempted { .. } | Record::Finished(_) | Record::Service(_) => {}
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_records_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (record::job(&bytes), record::dead(&bytes));
    }
}
