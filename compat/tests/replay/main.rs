//! Recordings against our broker, gateway and worker, in memory; and against faults, which must be noticed.

mod attribution;
mod both_sides;
mod faults;
mod format;
mod gateway;
mod mutate;
mod recordings;

use std::path::{Path, PathBuf};

use zmws_compat::known_differences::KnownDifferences;
use zmws_compat::suite::{Case, Verdict, own_recordings, recordings, replay_trace};
use zmws_compat::trace::{Trace, read_file};

/// The recordings in a folder of the fixtures.
fn recordings_of(folder: &str) -> Vec<PathBuf> {
    let found = recordings(&own_recordings().join(folder)).expect("readable folders");
    assert!(!found.is_empty());
    found
}

/// All of them.
fn fixtures() -> Vec<PathBuf> {
    recordings_of(".")
}

fn recording(name: &str) -> Trace {
    read_file(&own_recordings().join(name)).expect("a sound trace")
}

fn known() -> KnownDifferences {
    KnownDifferences::ours()
}

/// What comes of a trace that is in no file.
fn replayed(trace: Trace) -> Case {
    replay_trace(Path::new("of-a-test.jsonl"), trace, &known())
}

fn is_accused(trace: Trace) -> bool {
    matches!(replayed(trace).verdict, Verdict::Failed(_))
}

/// The header of a trace with a client `c`, a worker `w`, a gateway `web` and a client of HTTP `h`.
const HEADER: &str = r#"{"scenario":"s","upstream":"1.0.0","about":"","heartbeat_interval":1,"heartbeat_maxtries":3,"peers":{"c":{"socket":"DEALER","connects_to":"frontend"},"w":{"socket":"DEALER","connects_to":"backend"},"web":{"socket":"REQ","connects_to":"frontend"},"h":{"socket":"","connects_to":"http"}}}"#;
