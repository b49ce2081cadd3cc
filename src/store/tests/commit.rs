//! How commits are grouped, and what becomes of those that fail.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::super::{Committer, Report, Store, StoreError, StoreStatistics};
use super::{id, job};
use crate::broker::{Record, Restored};

/// A store whose commits wait until the test lets them go, and end as it says.
struct Gated {
    /// What is to be committed now.
    asked: Sender<Vec<Record>>,
    /// Whether it works.
    answers: Receiver<bool>,
}

impl Store for Gated {
    fn commit(&mut self, changes: &[Record]) -> Result<(), StoreError> {
        // The test may be over.
        let _ = self.asked.send(changes.to_vec());
        match self.answers.recv() {
            Ok(false) => Err(StoreError::Failing { path: "queue.redb".into(), what: "no room".to_owned() }),
            Ok(true) | Err(_) => Ok(()),
        }
    }

    fn scan(&mut self, _: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        Ok(())
    }

    fn statistics(&self) -> StoreStatistics {
        StoreStatistics::default()
    }
}

struct World {
    committer: Committer,
    asked: Receiver<Vec<Record>>,
    answers: Sender<bool>,
}

impl World {
    fn new() -> Self {
        let (asked, asks) = channel();
        let (answers, answer) = channel();
        let committer = Committer::start(Box::new(Gated { asked, answers: answer })).expect("a thread");
        Self { committer, asked: asks, answers }
    }

    fn asked(&self) -> Vec<Record> {
        self.asked.recv().expect("the thread lives")
    }

    fn answer(&self, works: bool) {
        self.answers.send(works).expect("the thread lives");
    }

    fn report(&mut self) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.committer.report())
    }
}

fn accepted(bits: u32) -> Record {
    Record::Accepted(job(bits))
}

#[test]
fn what_comes_in_during_a_commit_goes_into_the_next_one_together() {
    let mut world = World::new();
    world.committer.submit(vec![accepted(1)]);
    assert_eq!(world.asked(), [accepted(1)]);
    let tickets = [2, 3, 4].map(|bits| world.committer.submit(vec![accepted(bits)]));
    world.answer(true);
    assert_eq!(world.asked(), [accepted(2), accepted(3), accepted(4)]);
    world.answer(true);
    let reports = [world.report(), world.report()];
    assert_eq!(reports[1], Report::Committed { up_to: tickets[2], statistics: StoreStatistics::default() });
}

#[test]
fn a_failure_refuses_its_jobs_and_keeps_what_is_true_all_the_same() {
    let mut world = World::new();
    let ticket = world.committer.submit(vec![accepted(1), Record::Finished(id(7))]);
    world.asked();
    world.answer(false);
    let reason = "cannot write to queue.redb: no room".to_owned();
    assert_eq!(world.report(), Report::Failed { up_to: ticket, reason });
    // It is tried again by itself.
    assert_eq!(world.asked(), [Record::Finished(id(1)), Record::Finished(id(7))]);
    world.answer(false);
    // Until then nothing is promised.
    let later = world.committer.submit(vec![accepted(2)]);
    assert!(matches!(world.report(), Report::Failed { up_to, .. } if up_to == later));
    world.committer.submit(vec![Record::Finished(id(2))]);
    assert!(matches!(world.report(), Report::Failed { .. }));
    assert_eq!(world.asked(), [1, 7, 2].map(|bits| Record::Finished(id(bits))));
    world.answer(true);
    assert_eq!(world.report(), Report::Recovered);
}

#[test]
fn what_was_handed_in_is_committed_before_the_end() {
    let World { mut committer, asked, answers } = World::new();
    committer.submit(vec![accepted(1)]);
    committer.submit(vec![accepted(2)]);
    for _ in 0..2 {
        answers.send(true).expect("the thread lives");
    }
    drop(committer);
    let all: Vec<Record> = asked.try_iter().flatten().collect();
    assert_eq!(all, [accepted(1), accepted(2)]);
}
