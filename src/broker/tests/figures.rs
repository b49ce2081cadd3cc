//! What is remembered, shown and counted, and its bounds.

use super::snapshot::Snapshot;
use super::*;
use crate::memory::Purpose;
use crate::message::View;

#[test]
fn ids_come_from_the_seed_and_are_unique_among_those_remembered() {
    let mut world = World::new(Config { seed: 3, ..Config::default() });
    world.play("w1 ready S");
    for _ in 0..2_000 {
        world.play("c1 ask S");
    }
    let mut ids = world.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2_000);
}

#[test]
fn the_history_has_the_last_hundred() {
    let mut world = World::new(Config::default());
    world.play("w1 ready S");
    for number in 0..103 {
        world.play(&format!("c1 ask S p{number}\n w1 done {number}"));
    }
    let Snapshot::Jobs(rows) = world.broker.snapshot(View::History) else { panic!("jobs") };
    assert_eq!((rows.len(), &rows[0].param[..], &rows[99].param[..]), (100, &b"p3"[..], &b"p102"[..]));
}

#[test]
fn lists_show_what_waits_what_runs_and_who_is_there() {
    let mut world = World::new(Config::default());
    world.play(
        "
        w1 ready A
        w1 ready B
        c1 wait A one
        c1 ask B two
        c1 ask A three
    ",
    );
    let params = |view| match world.broker.snapshot(view) {
        Snapshot::Jobs(rows) => {
            rows.iter().map(|row| String::from_utf8_lossy(&row.param).into_owned()).collect()
        }
        Snapshot::Workers(rows) => rows.iter().map(|row| row.service.to_string()).collect::<Vec<_>>(),
    };
    assert_eq!(params(View::Jobs), ["two", "three"]);
    assert_eq!(params(View::Active), ["one"]);
    assert_eq!(params(View::Workers), ["A", "B"]);
    let totals = world.broker.totals();
    assert_eq!(
        (totals.queued, totals.active, totals.workers, totals.services, totals.bytes),
        (2, 1, 1, 2, 11)
    );
}

#[test]
fn history_keeps_a_copy_of_a_small_part_of_what_was_asked() {
    let mut world = World::new(Config::default());
    world.play("w1 ready S");
    let huge = Body::One(Bytes::from(vec![b'x'; 1 << 20]));
    let command = ClientCommand::Submit {
        service: service("S"),
        body: huge,
        mode: Mode::Background,
        if_unknown: IfUnknown::Refuse,
    };
    world.event(Event::Client { from: world.address("c1"), command });
    world.play("w1 done 0");
    let Snapshot::Jobs(mut rows) = world.broker.snapshot(View::History) else { panic!("jobs") };
    assert_eq!(rows.pop().map(|row| row.param.len()), Some(64 << 10));
    let kept = world.broker.history.pop_back().expect("one job is over");
    assert!(kept.row.param.is_unique(), "nothing else holds, or is held by, what is kept");
}

#[test]
fn history_names_the_worker_that_took_its_job_down() {
    let mut world = World::new(Config { attempts_max: 1, ..Config::default() });
    world.play("w1 ready S\n c1 ask S\n w1 leaves");
    let Snapshot::Jobs(rows) = world.broker.snapshot(View::History) else { panic!("jobs") };
    assert_eq!(rows[0].run.as_ref().map(|run| &run.worker[..]), Some(&b"w1"[..]));
}

#[test]
fn the_history_is_bounded_in_bytes_and_gives_them_back() {
    let memory = Memory::default();
    let config = Config { history_bytes_max: 64 << 10, memory: memory.clone(), ..Config::default() };
    let mut world = World::new(config);
    world.play("w1 ready S");
    let large = "x".repeat(10 << 10);
    for number in 0..20 {
        world.play(&format!("c1 ask S {large}\n w1 done {number}"));
    }
    let held = memory.account(Purpose::History).held();
    assert_eq!(world.broker.history.len(), 6);
    assert!((6 * large.len()..64 << 10).contains(&held), "{held}");
    drop(world);
    assert_eq!(memory.held(), 0, "all that was held is given back");
}

#[test]
fn a_list_of_huge_parameters_ends_early() {
    let mut world = World::new(Config::default());
    world.play("w1 ready S\n w1 goes");
    let huge = "x".repeat(100 << 10);
    for _ in 0..200 {
        world.play(&format!("c1 ask S {huge}"));
    }
    let Snapshot::Jobs(rows) = world.broker.snapshot(View::Jobs) else { panic!("jobs") };
    assert_eq!(rows.len(), snapshot::PARAM_BYTES_MAX / (64 << 10));
}

#[test]
fn requests_that_were_held_in_vain_do_not_all_end_in_one_turn() {
    let mut world = World::new(Config::default());
    let held = expiry::DUE_MAX + 100;
    for _ in 0..held {
        let command = client_command(&["hold", "NOBODY"], &[]);
        world.broker.handle(START, Event::Client { from: world.address("c1"), command }, &mut Vec::new());
    }
    let later = START.plus_micros(60_000 * MS);
    let mut ended = Vec::new();
    while world.broker.deadline().is_some_and(|due| due <= later) {
        let mut actions = Vec::new();
        world.broker.handle(later, Event::Tick, &mut actions);
        world.broker.check();
        ended.push(actions.iter().filter(|action| matches!(action, Action::Publish(_))).count());
    }
    assert_eq!(ended, [expiry::DUE_MAX, 100]);
}

#[test]
fn a_return_envelope_counts_against_the_limit_of_bytes() {
    let mut world = World::new(Config { bytes_max: 10, ..Config::default() });
    world.play("w1 ready S");
    let mut from = world.address("c1");
    from.origin.envelope = Some(vec![Bytes::from_static(b"far-away-client")].into());
    let command = client_command(&["wait", "S", "a"], &[]);
    world.event(Event::Client { from, command });
    let why = "refused S (PARAM-JSON: \"the queues hold as many bytes as they may\")\n";
    assert!(world.log.ends_with(why), "{}", world.log);
}
