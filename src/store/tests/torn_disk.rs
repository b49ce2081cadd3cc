//! A disk that does what disks do: it loses what was not synced, tears the last write, fails at a given call, turns a bit.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;
use redb::StorageBackend;

use super::super::{DiskStore, MemoryStore, Store, StoreError};
use super::{batches, job, kept};
use crate::broker::{Record, Restored};

/// Cloning gives the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct TornDisk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    /// What programs see.
    now: Vec<u8>,
    /// What survives a loss of power.
    synced: Vec<u8>,
    /// Writes since the last sync: offset and bytes.
    unsynced: Vec<(usize, Vec<u8>)>,
    /// Calls that write, so far.
    calls: usize,
    /// From which of them on each fails, and how.
    fails_from: Option<(usize, io::ErrorKind)>,
    syncs: usize,
}

impl TornDisk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().expect("no test panics while it holds it")
    }

    /// From the `call`th write, resize or sync on, each fails.
    fn fail_from(&self, call: usize, kind: io::ErrorKind) {
        self.platter().fails_from = Some((call, kind));
    }

    fn mend(&self) {
        self.platter().fails_from = None;
    }

    fn calls(&self) -> usize {
        self.platter().calls
    }

    pub(super) fn syncs(&self) -> usize {
        self.platter().syncs
    }

    /// The power goes: of what was not synced, what `survives` says is there, and of the last write a half.
    fn lose_power(&self, mut survives: impl FnMut() -> bool) {
        let mut platter = self.platter();
        let mut left = std::mem::take(&mut platter.synced);
        let unsynced = std::mem::take(&mut platter.unsynced);
        let last = unsynced.len().saturating_sub(1);
        for (number, (offset, bytes)) in unsynced.into_iter().enumerate() {
            if survives() {
                let length = if number == last { bytes.len() / 2 } else { bytes.len() };
                left.resize(left.len().max(offset + length), 0);
                left[offset..offset + length].copy_from_slice(&bytes[..length]);
            }
        }
        platter.now.clone_from(&left);
        platter.synced = left;
        platter.fails_from = None;
    }

    /// One that holds this.
    fn of(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Platter { now: image.clone(), synced: image, ..Platter::default() })))
    }

    /// All that is on it.
    fn image(&self) -> Vec<u8> {
        self.platter().now.clone()
    }
}

impl Platter {
    fn call(&mut self) -> Result<(), io::Error> {
        self.calls += 1;
        match self.fails_from {
            Some((call, kind)) if self.calls >= call => Err(io::Error::from(kind)),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for TornDisk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.platter().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let platter = self.platter();
        let offset = offset as usize;
        let bytes = platter.now.get(offset..offset + out.len());
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut platter = self.platter();
        platter.call()?;
        platter.now.resize(len as usize, 0);
        // A length is data of the directory's: it is there at once, here.
        platter.synced.resize(len as usize, 0);
        platter.unsynced.retain(|(offset, bytes)| offset + bytes.len() <= len as usize);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut platter = self.platter();
        platter.call()?;
        platter.syncs += 1;
        platter.synced = platter.now.clone();
        platter.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut platter = self.platter();
        platter.call()?;
        let offset = offset as usize;
        platter.now[offset..offset + data.len()].copy_from_slice(data);
        platter.unsynced.push((offset, data.to_vec()));
        Ok(())
    }
}

/// The store on a disk, as a process finds it that starts now.
pub(super) fn open(disk: &TornDisk) -> Result<DiskStore, StoreError> {
    let disk = disk.clone();
    DiskStore::open_with(
        PathBuf::from("queue.redb"),
        1 << 20,
        Box::new(move |builder| builder.create_with_backend(disk.clone())),
    )
}

/// What a workload committed, as far as its commits said so, and what the one that failed would have made of it.
struct Promised {
    before: Vec<Restored>,
    after: Vec<Restored>,
}

/// Commits batches until one fails.
fn run(store: &mut DiskStore, batches: &[Vec<Record>]) -> Promised {
    let mut model = MemoryStore::default();
    for batch in batches {
        let before = kept(&mut model);
        model.commit(batch).expect("memory");
        if store.commit(batch).is_err() {
            return Promised { before, after: kept(&mut model) };
        }
    }
    let all = kept(&mut model);
    Promised { before: all.clone(), after: all }
}

fn workload() -> Vec<Vec<Record>> {
    let accept = |bits| Record::Accepted(job(bits));
    let mut batches: Vec<Vec<Record>> =
        (0..6).map(|batch| (0..20).map(|at| accept(batch * 20 + at)).collect()).collect();
    batches.push((0..30).map(|bits| Record::Finished(super::id(bits))).collect());
    batches.push(vec![Record::Attempted { job: super::id(40), attempts: 1 }]);
    batches
}

#[test]
fn whatever_call_fails_or_is_the_last_acknowledged_jobs_survive_or_the_start_refuses() {
    let calls = {
        let disk = TornDisk::default();
        let mut store = open(&disk).expect("an empty disk");
        run(&mut store, &workload());
        disk.calls()
    };
    let mut random = fastrand::Rng::with_seed(7);
    let mut survived = 0;
    for call in 1..=calls {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
            let disk = TornDisk::default();
            disk.fail_from(call, kind);
            let Ok(mut store) = open(&disk) else { continue };
            let promised = run(&mut store, &workload());
            // The process ends without a word to the disk, and the power goes.
            std::mem::forget(store);
            disk.lose_power(|| random.bool());
            let mut store = open(&disk).unwrap_or_else(|error| panic!("at call {call}: {error}"));
            let found = kept(&mut store);
            assert!(found == promised.before || found == promised.after, "at call {call} of {calls}");
            survived += 1;
        }
    }
    assert!(survived > calls, "{survived} of {calls}");
}

#[test]
fn a_batch_costs_one_sync_however_many_jobs_are_in_it() {
    let disk = TornDisk::default();
    let mut store = open(&disk).expect("an empty disk");
    for jobs in [1, 100, 1_000] {
        let before = disk.syncs();
        let batch: Vec<Record> = (0..jobs).map(|bits| Record::Accepted(job(bits))).collect();
        store.commit(&batch).expect("a good disk");
        // A file that grows is synced once more.
        assert!(disk.syncs() - before <= 2, "{jobs} jobs");
    }
}

#[test]
fn a_disk_that_writes_again_is_written_to_again() {
    let disk = TornDisk::default();
    let mut store = open(&disk).expect("an empty disk");
    store.commit(&[Record::Accepted(job(1))]).expect("a good disk");
    disk.fail_from(disk.calls() + 1, io::ErrorKind::StorageFull);
    for bits in [2, 3] {
        let error = store.commit(&[Record::Accepted(job(bits))]).expect_err("a full disk");
        assert!(matches!(error, StoreError::Failing { .. }), "{error}");
    }
    disk.mend();
    store.commit(&[Record::Accepted(job(4))]).expect("there is room again");
    let ids: Vec<_> = kept(&mut store)
        .into_iter()
        .filter_map(|kept| if let Restored::Job(job) = kept { Some(job) } else { None })
        .collect();
    assert_eq!(ids.first().map(|job| job.job), Some(super::id(1)));
    assert_eq!(ids.last().map(|job| job.job), Some(super::id(4)));
}

#[test]
fn a_turned_bit_is_found_or_harms_nothing() {
    let disk = TornDisk::default();
    let mut store = open(&disk).expect("an empty disk");
    let promised = run(&mut store, &workload()).after;
    drop(store);
    let whole = disk.image();
    let (mut refused, mut unharmed) = (0, 0);
    for offset in (0..whole.len()).step_by(whole.len() / 100) {
        let mut image = whole.clone();
        image[offset] ^= 0x10;
        match open(&TornDisk::of(image)) {
            Err(StoreError::Damaged { .. } | StoreError::Failing { .. } | StoreError::Format { .. }) => {
                refused += 1;
            }
            Err(other) => panic!("at {offset}: {other}"),
            Ok(mut store) => {
                assert_eq!(kept(&mut store), promised, "at {offset}");
                unharmed += 1;
            }
        }
    }
    assert!(refused > 0 && unharmed > 0, "{refused} refused, {unharmed} unharmed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_loss_of_power_loses_nothing_that_was_committed(batches in batches(), seed in any::<u64>()) {
        let disk = TornDisk::default();
        let mut store = open(&disk).expect("an empty disk");
        let promised = run(&mut store, &batches);
        std::mem::forget(store);
        let mut random = fastrand::Rng::with_seed(seed);
        disk.lose_power(|| random.bool());
        let mut store = open(&disk).expect("what is synced is whole");
        prop_assert_eq!(kept(&mut store), promised.after);
    }
}
