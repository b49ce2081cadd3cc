//! PHP and Python workers and clients against our broker: all are answered, and what passed is replayed without any
//! difference.

#[path = "../../../tests/it/support/peers.rs"]
mod peers;

use std::path::Path;

use peers::Peer;
use zmws_compat::known_differences::KnownDifferences;
use zmws_compat::programs::{Peers, answered};
use zmws_compat::suite::Verdict;

fn all_are_answered_and_replayed(peer: Peer) {
    let Some(_) = peer.or_leave_out() else { return };
    let known = KnownDifferences::ours();
    let programs: Vec<_> = Peers::scripts().programs;
    let ours = programs.iter().filter(|programs| programs.name.starts_with(peer.name()));
    let mut played = 0;
    for programs in ours {
        let case = programs.play(Path::new(env!("CARGO_TARGET_TMPDIR")), &known).expect("its worker starts");
        assert_eq!(case.verdict, Verdict::Same, "{}", programs.name);
        let (asked, ended) = answered(&case.replayed.expect("it was replayed"));
        assert!(asked >= 20 && ended == asked, "{}: {ended} of {asked}", programs.name);
        played += 1;
    }
    assert_eq!(played, 2, "a worker of each dialect");
}

#[test]
fn of_php() {
    all_are_answered_and_replayed(Peer::Php);
}

#[test]
fn of_python() {
    all_are_answered_and_replayed(Peer::Python);
}
