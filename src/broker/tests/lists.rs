//! Lists in pieces.

use super::snapshot::{JobRow, Snapshot};
use super::*;
use crate::message::View;

fn many(world: &mut World, jobs: usize) {
    world.play("w1 ready A\n w1 ready B\n w1 ready C\n w1 goes");
    for number in 0..jobs {
        let service = ["A", "B", "C"][number * number % 3];
        say(world, "c1", &["ask", service, &number.to_string()]);
    }
}

/// What [`World::step`] does, without a look at all jobs after each.
fn say(world: &mut World, who: &str, words: &[&str]) {
    let from = world.address(who);
    let event = match who.starts_with('c') {
        true => Event::Client { from, command: client_command(words, &world.ids) },
        false => Event::Worker { from, command: worker_command(words, &world.ids) },
    };
    let mut actions = Vec::new();
    world.broker.handle(world.now, event, &mut actions);
    for action in actions {
        if let Action::Record(Record::Accepted(StoredJob { job, .. })) = action {
            world.ids.push(job);
        }
    }
}

fn jobs(rows: Snapshot) -> Vec<JobRow> {
    match rows {
        Snapshot::Jobs(rows) => rows,
        Snapshot::Workers(_) => panic!("jobs were asked for"),
    }
}

#[test]
fn a_long_list_comes_in_pieces_in_the_order_of_the_questions() {
    let mut world = World::new(Config::default());
    many(&mut world, 5_000);
    let mut listing = world.broker.list(View::Jobs);
    let mut pieces = Vec::new();
    while let Some(rows) = world.broker.next_rows(&mut listing) {
        pieces.push(jobs(rows));
    }
    assert!(pieces.iter().all(|piece| piece.len() <= 256), "no piece is long");
    let params: Vec<_> = pieces.iter().flatten().map(|row| row.param.clone()).collect();
    let asked: Vec<_> = (0..5_000).map(|number: usize| Bytes::from(number.to_string())).collect();
    assert_eq!(params, asked);
}

/// A job that goes or comes back to the front between two pieces is at most missed, never shown twice.
#[test]
fn a_list_whose_jobs_go_meanwhile_shows_none_that_is_over_and_none_twice() {
    let mut world = World::new(Config::default());
    many(&mut world, 4_000);
    let mut listing = world.broker.list(View::Jobs);
    let mut shown = Vec::new();
    while let Some(rows) = world.broker.next_rows(&mut listing) {
        let rows = jobs(rows);
        assert!(rows.iter().all(|row| world.broker.jobs.contains_key(&row.job)));
        shown.extend(rows.iter().map(|row| row.job));
        for _ in 0..10 {
            let ids: Vec<JobId> = world.broker.jobs.keys().copied().take(10).collect();
            let delete = |id| Event::Operate(Operation::Delete(id));
            ids.into_iter().for_each(|id| world.broker.handle(START, delete(id), &mut Vec::new()));
        }
    }
    let count = shown.len();
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown.len(), count, "a job is shown twice");
    assert!((1_000..4_000).contains(&count), "{count}");
}

#[test]
fn a_history_that_goes_on_is_listed_from_its_last_row_back() {
    let mut world = World::new(Config { history_max: 600, ..Config::default() });
    world.play("w1 ready S");
    for number in 0..400 {
        say(&mut world, "c1", &["ask", "S", &number.to_string()]);
        say(&mut world, "w1", &["done", &number.to_string()]);
    }
    let mut listing = world.broker.list(View::History);
    let first = jobs(world.broker.next_rows(&mut listing).expect("there are many"));
    world.play("c1 ask S later\n w1 done 400");
    let second = jobs(world.broker.next_rows(&mut listing).expect("there are more"));
    let params: Vec<_> = first.iter().chain(&second).map(|row| row.param.clone()).collect();
    let expected: Vec<_> = (0..400).rev().map(|number| Bytes::from(number.to_string())).collect();
    assert_eq!(params, expected);
}

#[test]
fn a_list_of_workers_has_a_row_for_each_service_of_each() {
    let mut world = World::new(Config::default());
    for worker in 0..700 {
        say(&mut world, &format!("w{worker}"), &["ready", "A"]);
        say(&mut world, &format!("w{worker}"), &["ready", "B"]);
    }
    let Snapshot::Workers(rows) = world.broker.snapshot(View::Workers) else { panic!("workers") };
    assert_eq!((rows.len(), &rows[1_399].worker[..]), (1_400, &b"w699"[..]));
}
