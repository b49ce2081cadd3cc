//! What comes back from a store, and what is promised while it cannot write.

use super::*;

fn stored(bits: u32, text: &str) -> StoredJob {
    StoredJob {
        job: JobId::from_bits(bits),
        service: service("S"),
        body: body(&[text]),
        client: Bytes::from_static(b"c9"),
        requested_at: START,
        attempts: 1,
    }
}

/// A broker of two attempts that has got this back.
fn restored(kept: impl IntoIterator<Item = Restored>) -> World {
    let mut world = World::new(Config { attempts_max: 2, ..Config::default() });
    for one in kept {
        assert!(world.broker.restore(one, &mut Vec::new()));
    }
    world.broker.check();
    world
}

#[test]
fn a_worker_that_has_a_job_since_before_is_known_by_the_jobs_id() {
    let mut world = restored([Restored::Job(stored(7, "a"))]);
    // It says so before it says READY.
    world.play("w1 done 0000-0007\n w1 ready S");
    insta::assert_snapshot!(world.log, @r"
    w1 done 0000-0007
        record #0 over
        w1 < disconnect
    w1 ready S
        w1 < heartbeat
    ");
}

#[test]
fn an_answer_from_before_counts_though_another_worker_has_the_job_meanwhile() {
    let mut world = restored([Restored::Job(stored(7, "a"))]);
    world.play("w2 ready S\n w1 done 0000-0007\n w2 done 0000-0007\n c1 ask S b");
    insta::assert_snapshot!(world.log, @r"
    w2 ready S
        w2 < run #0 (a)
    w1 done 0000-0007
        record #0 over
        w1 < disconnect
    w2 done 0000-0007
    c1 ask S b
        record #1
        c1 < accepted #1 S
        w2 < run #1 (b)
    ");
}

#[test]
fn an_answer_for_another_service_is_none() {
    let mut world = restored([Restored::Job(stored(7, "a"))]);
    let (job, service) = (JobRef::Named(JobId::from_bits(7)), Some(service("T")));
    let command = WorkerCommand::Finish { job, service, outcome: Outcome::Complete, body: body(&[]) };
    world.event(Event::Worker { from: world.address("w1"), command });
    assert_eq!((world.broker.totals().queued, world.broker.counters().answers_not_owner), (1, 1));
}

#[test]
fn attempts_go_on_where_they_were_and_dead_letters_are_tried_again() {
    let letter = StoredDeadLetter {
        job: stored(8, "dead"),
        waited: false,
        worker: Bytes::from_static(b"w9"),
        started_at: START,
        failed_at: START,
        reason: "it ran too long".to_owned(),
    };
    let mut world = restored([Restored::Job(stored(7, "a")), Restored::Dead(letter)]);
    world.play("w1 ready S\n w1 leaves\n op retry 0000-0008\n w1 ready S");
    insta::assert_snapshot!(world.log, @r"
    w1 ready S
        w1 < run #0 (a)
    w1 leaves
        record #0 dead: its worker left (2 workers lost it)
    op retry 0000-0008
        record #1 again
        op < job #1 of S is queued again
    w1 ready S
        w1 < run #1 (dead)
    ");
}

#[test]
fn a_service_that_was_paused_is_known_and_stays_so() {
    let state = ServiceState { service: service("S"), paused: true, draining: false };
    let mut world = restored([Restored::Service(state)]);
    world.play("c1 ask S a\n w1 ready S\n op resume S");
    insta::assert_snapshot!(world.log, @r"
    c1 ask S a
        record #0
        c1 < accepted #0 S
    w1 ready S
        w1 < heartbeat
    op resume S
        record S paused false draining false
        w1 < run #0 (a)
        op < S goes on: no job waits, 1 job runs
    ");
}

#[test]
fn a_store_that_fails_stops_promises_and_nothing_else() {
    let mut world = World::new(Config::default());
    world.play("w1 ready S\n c1 wait S a\n c1 ask S b\n c1 ask S c");
    world.event(Event::Store(StoreState::Failing));
    // One waits, one is with a worker when it is heard that they were not kept.
    world.play("w1 done 0");
    for id in [1, 2].map(|number| world.ids[number]) {
        world.event(Event::NotKept(id));
    }
    world.play("c1 ask S d\n c1 wait S e\n w1 done 1");
    world.event(Event::Store(StoreState::Writable));
    world.play("c1 ask S f");
    insta::assert_snapshot!(world.log, @r#"
    w1 ready S
        w1 < heartbeat
    c1 wait S a
        w1 < run #0 (a)
    c1 ask S b
        record #1
        c1 < accepted #1 S
    c1 ask S c
        record #2
        c1 < accepted #2 S
    w1 done 0
        c1 < Complete #0 ()
        w1 < run #1 (b)
        record #2 over
    c1 ask S d
        c1 < refused S (PARAM-JSON: "the broker cannot keep jobs: its disk fails")
    c1 wait S e
    w1 done 1
        record #1 over
        w1 < run #3 (e)
    c1 ask S f
        record #4
        c1 < accepted #4 S
    "#);
}
