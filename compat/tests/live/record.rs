//! Record, then replay: what passes through the recorder to our broker is answered alike, without any difference.

use std::path::PathBuf;

use zmws_compat::known_differences::KnownDifferences;
use zmws_compat::over_tcp::{Endpoints, LocalServer, OverTcp};
use zmws_compat::record::{RecordOptions, Recorder};
use zmws_compat::replay::play;
use zmws_compat::script::Script;
use zmws_compat::suite::{Case, Verdict, own_recordings, replay_file};
use zmws_compat::trace::{Header, Side, Trace, What, read_file};

fn recording(name: &str) -> Trace {
    read_file(&own_recordings().join("recorded").join(name)).expect("a sound recording")
}

fn options(name: &str) -> RecordOptions {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = dir.join(format!("{name}.jsonl"));
    RecordOptions { file, bytes_max: u64::MAX, files_max: 8, frame_max: 1 << 20, mask: false }
}

/// Plays the peers of a recording to our server, through a recorder.
fn recorded(peers: &Trace, options: RecordOptions) -> PathBuf {
    let file = options.file.clone();
    let server = LocalServer::start(&peers.header).expect("free ports");
    let header = Header { upstream: "zmws".into(), peers: Default::default(), ..peers.header.clone() };
    let recorder = Recorder::start(&server, &header, options).expect("a free port and a writable file");
    let [clients, workers] = recorder.addresses.map(|address| address.to_string());
    let mut peers_of = OverTcp::connect(Endpoints { clients, workers }).expect("a runtime");
    play(&Script::of(peers), &mut peers_of, 3_000_000);
    drop(peers_of);
    recorder.stop().expect("all written");
    file
}

fn story(case: &Case) -> String {
    let differences = case.replayed.iter().flat_map(|replayed| &replayed.differences);
    let lines: Vec<&String> = differences.map(|(difference, _)| &difference.words).collect();
    format!("{:?} {lines:#?}", case.verdict)
}

#[test]
fn a_recording_of_our_own_broker_is_answered_without_any_difference() {
    let known = KnownDifferences::ours();
    for (name, peers) in [("values", "1.0.0/sync-returns.jsonl"), ("names", "master/names.jsonl")] {
        let file = recorded(&recording(peers), options(name));
        let case = replay_file(&file, &known);
        assert_eq!(case.verdict, Verdict::Same, "{}", story(&case));
    }
}

#[test]
fn a_masked_recording_shows_no_body_and_is_replayed_all_the_same() {
    let known = KnownDifferences::ours();
    let file =
        recorded(&recording("1.0.0/sync-returns.jsonl"), RecordOptions { mask: true, ..options("masked") });
    let text = std::fs::read_to_string(&file).expect("just written");
    assert!(text.contains("masked") && !text.contains("hello"), "{text}");
    let case = replay_file(&file, &known);
    assert_eq!(case.verdict, Verdict::Same, "{}", story(&case));
}

#[test]
fn a_full_file_is_followed_by_one_that_can_be_read_alone() {
    let name = "pages";
    let file = recorded(
        &recording("1.0.0/sync-returns.jsonl"),
        RecordOptions { bytes_max: 4_096, files_max: 2, ..options(name) },
    );
    let older = file.with_extension("jsonl.1");
    assert!(!older.exists(), "the oldest is deleted");
    let trace = read_file(&file).expect("sound by itself");
    let messages =
        trace.events.iter().filter(|event| matches!(event.what, What::Message { to: Side::Peer, .. }));
    assert!(messages.count() > 0);
}
