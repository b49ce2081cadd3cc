//! Record, then replay: what passes through the recorder to our broker is answered alike, without any difference.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use zmws_compat::known_differences::{KnownDifferences, OURS};
use zmws_compat::over_tcp::{Endpoints, LocalServer, OverTcp};
use zmws_compat::record::{RecordOptions, Route, TraceWriter, record};
use zmws_compat::replay::play;
use zmws_compat::script::Script;
use zmws_compat::suite::{Case, Verdict, replay_file};
use zmws_compat::trace::{Header, Port, Side, Trace, What, read_file};

fn recording(name: &str) -> Trace {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/recorded");
    read_file(&dir.join(name)).expect("a sound recording")
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
    let local = || "127.0.0.1:0".parse().expect("an address");
    let routes = vec![
        Route { listen: local(), to: server.clients.to_string(), port: Port::Frontend },
        Route { listen: local(), to: server.workers.to_string(), port: Port::Backend },
    ];
    let header = Header { upstream: "zmws".into(), peers: Default::default(), ..peers.header.clone() };
    let trace_writer = TraceWriter::new(options, header, &routes).expect("a writable file");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel::<Vec<SocketAddr>>();
    let recorder = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let ready = move |addresses: &[SocketAddr]| drop(tell.send(addresses.to_vec()));
        runtime.block_on(record(routes, trace_writer, ready, async { drop(stopped.await) }))
    });
    let addresses = told.recv().expect("the recorder listens");
    let routes = Endpoints { clients: addresses[0].to_string(), workers: addresses[1].to_string() };
    let mut live = OverTcp::connect(routes).expect("a runtime");
    play(&Script::of(peers), &mut live, 3_000_000);
    drop(live);
    let _ = stop.send(());
    recorder.join().expect("no panic").expect("all written");
    file
}

fn story(case: &Case) -> String {
    let differences = case.replayed.iter().flat_map(|replayed| &replayed.differences);
    let lines: Vec<&String> = differences.map(|(difference, _)| &difference.words).collect();
    format!("{:?} {lines:#?}", case.verdict)
}

#[test]
fn a_recording_of_our_own_broker_is_answered_without_any_difference() {
    let known = KnownDifferences::read(OURS).expect("sound JSON");
    for (name, peers) in [("values", "1.0.0/sync-returns.jsonl"), ("names", "master/names.jsonl")] {
        let file = recorded(&recording(peers), options(name));
        let case = replay_file(&file, &known);
        assert_eq!(case.verdict, Verdict::Same, "{}", story(&case));
    }
}

#[test]
fn a_masked_recording_shows_no_body_and_is_replayed_all_the_same() {
    let known = KnownDifferences::read(OURS).expect("sound JSON");
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
