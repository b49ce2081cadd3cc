//! The short recordings once more, to our server over real sockets and in real time.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use zmws_compat::known_differences::KnownDifferences;
use zmws_compat::over_tcp::OverTcp;
use zmws_compat::suite::{Verdict, own_recordings, recordings, replay_live};

/// Recordings of up to this long, in microseconds.
const LONGEST: u64 = 1_200_000;
/// So many at a time: they wait more than they work.
const ABREAST: usize = 8;

fn story(path: &Path, known: &KnownDifferences) -> Option<Result<(), String>> {
    let own = |header: &_| -> Box<dyn zmws_compat::target::Target> {
        Box::new(OverTcp::own(header).expect("a free port"))
    };
    let case = replay_live(path, known, LONGEST, &own)?;
    if matches!(case.verdict, Verdict::Same | Verdict::Known(..)) {
        return Some(Ok(()));
    }
    let differences = case.replayed.into_iter().flat_map(|replayed| replayed.differences);
    let unknown = differences.filter(|(_, entry)| entry.is_none());
    let lines = unknown.map(|(difference, _)| format!("\n  {} {:?}", difference.words, difference.ours));
    Some(Err(format!("{}: {:?}{}", path.display(), case.verdict, lines.collect::<String>())))
}

#[test]
fn short_recordings_are_answered_alike_over_sockets() {
    let known = KnownDifferences::ours();
    let files: Vec<PathBuf> = recordings(&own_recordings()).expect("readable folders");
    let (next, played, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..ABREAST {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Some(result) = story(path, &known) else { continue };
                    played.fetch_add(1, Ordering::Relaxed);
                    if result.is_err() {
                        wrong.lock().expect("nobody panics with it").push(path);
                    }
                }
            });
        }
    });
    // A machine that has much to do may be late. What failed is tried once more, alone.
    let again = wrong.into_inner().expect("nobody panics with it").into_iter();
    let wrong: Vec<String> = again.filter_map(|path| story(path, &known)?.err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(played.into_inner() > 40, "most recordings are short");
}
