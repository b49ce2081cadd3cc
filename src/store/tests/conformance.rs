//! What holds for every store: it is what the model is, before and after it is opened again.

use proptest::prelude::*;

use super::super::{MemoryStore, Store};
use super::torn_disk::{TornDisk, open};
use super::{batches, id, job, kept};
use crate::broker::{Record, Restored};

/// Runs over each store that there is. `reopened` gives the store as the next process finds it.
fn on_each_store(check: impl Fn(&mut dyn Store)) {
    check(&mut MemoryStore::default());
    check(&mut open(&TornDisk::default()).expect("an empty disk"));
}

#[test]
fn jobs_come_back_in_the_order_in_which_they_were_accepted() {
    on_each_store(|store| {
        let accepted: Vec<Record> = [7, 3, 9, 1].map(|bits| Record::Accepted(job(bits))).into();
        store.commit(&accepted).expect("a good disk");
        store.commit(&[Record::Finished(id(3))]).expect("a good disk");
        let ids: Vec<_> = kept(store)
            .into_iter()
            .map(|kept| match kept {
                Restored::Job(job) => job.job,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ids, [7, 9, 1].map(id));
        assert_eq!((store.statistics().jobs, store.statistics().dead), (3, 0));
    });
}

#[test]
fn changes_of_jobs_that_are_not_kept_change_nothing() {
    on_each_store(|store| {
        store
            .commit(&[Record::Attempted { job: id(1), attempts: 2 }, Record::Finished(id(2))])
            .expect("a good disk");
        assert_eq!(kept(store), []);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_disk_keeps_what_the_model_keeps(batches in batches()) {
        let disk = TornDisk::default();
        let mut store = open(&disk).expect("an empty disk");
        let mut model = MemoryStore::default();
        for batch in &batches {
            store.commit(batch).expect("a good disk");
            model.commit(batch).expect("memory");
            prop_assert_eq!(kept(&mut store), kept(&mut model));
            prop_assert_eq!(store.statistics().jobs, model.statistics().jobs);
            prop_assert_eq!(store.statistics().dead, model.statistics().dead);
        }
        drop(store);
        let mut store = open(&disk).expect("it was closed well");
        prop_assert_eq!(kept(&mut store), kept(&mut model));
    }
}
