//! Every recording there is, replayed to our broker in memory; and our broker spoilt, which must be noticed.

use std::path::Path;

use clap::ValueEnum;
use zmws_compat::in_memory::InMemory;
use zmws_compat::known_differences::KnownDifferences;
use zmws_compat::suite::{Case, Verdict, replay, replay_file, replay_file_at, replay_trace, unused};
use zmws_compat::trace::{Port, read, read_file};

use crate::faults::{Fault, Faulty};
use crate::{HEADER, fixtures, known, recording, recordings_of, replayed};

fn story(case: &Case, known: &KnownDifferences) -> String {
    let mut text = format!("{}: {:?}\n", case.path.display(), case.verdict);
    for (difference, entry) in case.replayed.iter().flat_map(|replayed| &replayed.differences) {
        let entry = entry.map_or("unknown", |entry| &known.differences[entry].id);
        text += &format!("  [{entry}] {:.4} {}\n", difference.at as f64 / 1e6, difference.words);
    }
    text
}

#[test]
fn every_recording_is_answered_alike_but_for_known_differences() {
    let known = known();
    let cases: Vec<Case> = fixtures().iter().map(|path| replay_file(path, &known)).collect();
    let wrong = cases.iter().filter(|case| case.verdict.is_bad());
    assert_eq!(wrong.map(|case| story(case, &known)).collect::<String>(), "");
    assert_eq!(unused(&cases, &known), Vec::<String>::new());
}

#[test]
fn what_excuses_nothing_is_told() {
    let mut known = known();
    let cases: Vec<Case> =
        recordings_of("written/original").iter().map(|path| replay_file(path, &known)).collect();
    let before = unused(&cases, &known);
    let mut idle = known.differences[0].clone();
    (idle.id, idle.scenario) = ("idle".to_owned(), vec!["no-such-scenario".to_owned()]);
    known.differences.push(idle);
    let after = unused(&cases, &known);
    assert!(after.contains(&"the known difference idle".to_owned()), "{after:?}");
    assert_eq!(after.len(), before.len() + 1);
    known.differences.retain(|entry| entry.rule.name() != "client-zero");
    assert!(unused(&cases, &known).contains(&"the rule client-zero".to_owned()));
}

/// A recording whose header names no version, or one near it, is judged by what it shows.
#[test]
fn a_recording_may_be_of_a_version_near_its_own() {
    let known = known();
    let names = [
        ("1.0.0", ["monday", "1.0.0-rc3"]),
        ("2.0.0-rc4", ["monday", "2.0.0-rc2"]),
        ("master", ["monday"; 2]),
    ];
    let mut wrong = String::new();
    for path in fixtures().into_iter().step_by(3) {
        let trace = read_file(&path).expect("a sound trace");
        let Some((_, others)) = names.iter().find(|(name, _)| trace.header.upstream == *name) else {
            continue;
        };
        for other in others {
            let mut trace = trace.clone();
            trace.header.upstream = (*other).to_owned();
            let case = replay_trace(&path, trace, &known);
            if matches!(case.verdict, Verdict::Failed(_) | Verdict::Broken(_)) {
                wrong += &format!("as {other}: {}", story(&case, &known));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_gateway_without_its_broker_says_so() {
    let mut trace = recording("recorded/1.0.0/gateway.jsonl");
    trace.events.retain(|event| event.conn().is_none_or(|conn| trace.conns[conn].port == Port::Http));
    trace.conns.iter_mut().filter(|conn| conn.port != Port::Http).for_each(|conn| conn.port = Port::News);
    assert_eq!(replayed(trace).verdict, Verdict::NoBroker);
}

#[test]
fn a_replay_is_the_same_each_time() {
    let known = known();
    for path in fixtures().into_iter().step_by(7) {
        let story = |case: Case| story(&case, &known);
        assert_eq!(story(replay_file(&path, &known)), story(replay_file(&path, &known)));
    }
}

#[test]
fn every_built_in_fault_is_noticed() {
    let known = known();
    let faults = Fault::value_variants().iter().filter(|fault| **fault != Fault::Nothing);
    for &fault in faults {
        let noticed = fixtures().iter().any(|path| spoilt(path, &known, fault));
        assert!(noticed, "nobody notices {fault:?}");
    }
}

fn spoilt(path: &Path, known: &KnownDifferences, fault: Fault) -> bool {
    let case = replay_file_at(path, known, &move |header| Box::new(Faulty::new(header, fault)));
    matches!(case.verdict, Verdict::Failed(_))
}

#[test]
fn a_sound_broker_behind_the_same_wrapper_is_not_accused() {
    let known = known();
    for path in fixtures() {
        let case = replay_file_at(&path, &known, &|header| Box::new(Faulty::new(header, Fault::Nothing)));
        assert!(!matches!(case.verdict, Verdict::Failed(_)), "{}", story(&case, &known));
    }
}

/// A request that passed the recorder `apart_ms` before the READY that it needs.
fn swapped(apart_ms: f64) -> usize {
    let lines = [
        HEADER.to_owned(),
        r#"{"t":0.1,"peer":"c","conn":1,"to":"broker","frames":["","p","JOB: DEMO"]}"#.to_owned(),
        format!(
            r#"{{"t":{},"peer":"w","conn":1,"to":"broker","frames":["DEMO","READY"]}}"#,
            0.1 + apart_ms / 1e3
        ),
        r#"{"t":0.5,"peer":"c","conn":1,"to":"peer","frames":["","JOB: 0AB0-0001 DEMO"]}"#.to_owned(),
        r#"{"t":0.5,"peer":"w","conn":1,"to":"peer","frames":["\u0000abcd","","p","JOB: 0AB0-0001"]}"#
            .to_owned(),
    ];
    let trace = read(&lines.join("\n")).expect("a sound trace");
    let replayed = replay(trace, &known(), &|header| Box::new(InMemory::new(header)));
    replayed.differences.iter().filter(|(_, entry)| entry.is_none()).count()
}

#[test]
fn messages_that_the_network_may_have_swapped_are_no_difference() {
    assert_eq!(swapped(0.4), 0);
    assert_ne!(swapped(40.0), 0);
}
