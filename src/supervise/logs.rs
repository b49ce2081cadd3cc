//! The programs' logs: one file each, begun anew when it has grown large.
//!
//! A program keeps its file open and knows nothing of this. So its file stays the same: what is in it is copied
//! to `<name>.txt.1` and it is cut to nothing. What is written between the last byte copied and the cut is lost:
//! lines of some microseconds, once in so many megabytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::files;
use super::program::Rotation;

/// The log of a program: `logs/<name>.txt`.
pub(super) fn path(log_dir: &Path, name: &str) -> PathBuf {
    log_dir.join(format!("{name}.txt"))
}

/// Begins the log anew, if it is large enough. Says whether it did.
///
/// # Errors
///
/// The system's: no room, no right. The log then goes on as it is.
pub(super) fn rotate(log: &Path, rotation: Rotation) -> io::Result<bool> {
    let length = match std::fs::symlink_metadata(log) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if rotation.bytes == 0 || length < rotation.bytes {
        return Ok(false);
    }
    let file = files::existing(log, true)?;
    if rotation.keep > 0 {
        make_room(log, rotation.keep)?;
        copy_end(&file, 2 * rotation.bytes, &numbered(log, 1))?;
    }
    file.set_len(0)?;
    Ok(true)
}

/// Copies what is there, and what has come meanwhile: of both together the last `max` bytes, and as many again of what
/// comes still. Who writes faster than it can be copied does not keep us here.
fn copy_end(mut log: &File, max: u64, to: &Path) -> io::Result<()> {
    let mut copy = files::replace(to)?;
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(max)))?;
    let mut rest = log.take(2 * max);
    while io::copy(&mut rest, &mut copy)? > 0 {}
    log.seek(SeekFrom::Start(0))?;
    Ok(())
}

/// `.4` becomes `.5`, `.3` becomes `.4`, and so on; the last is overwritten.
fn make_room(log: &Path, keep: u32) -> io::Result<()> {
    for number in (1..keep).rev() {
        match std::fs::rename(numbered(log, number), numbered(log, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn numbered(log: &Path, number: u32) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(format!(".{number}"));
    path.into()
}

/// Why a program ended that has written all of its log from `start` on: the first line that speaks of an error, or
/// the last that says something.
pub(super) fn last_words(log: &Path, start: u64) -> Option<String> {
    let said = said_since(log, start)?;
    let complains = |line: &&str| {
        let line = line.to_ascii_lowercase();
        ["error", "fatal", "cannot", "zmws: "].iter().any(|word| line.contains(word))
    };
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.clone().find(complains);
    first.or_else(|| lines.next_back()).map(str::to_owned)
}

/// Bytes of a log; none, if there is none.
pub(super) fn length(log: &Path) -> u64 {
    std::fs::symlink_metadata(log).map_or(0, |metadata| metadata.len())
}

/// Bytes of a log that are looked at.
const TAIL: u64 = 4 << 10;

fn said_since(log: &Path, start: u64) -> Option<String> {
    let mut file = files::existing(log, false).ok()?;
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut said = Vec::new();
    file.take(TAIL).read_to_end(&mut said).ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::child::open_log;
    use super::*;

    /// A directory that is gone when the test is over.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("zmws-logs-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("a directory");
            Self(path)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_writer_that_keeps_its_file_open_goes_on_in_the_new_one() {
        let place = Place::new("writer");
        let log = path(&place.0, "mail");
        let mut writer = open_log(&log).expect("a log");
        let rotation = Rotation { bytes: 8, keep: 2 };
        for round in 1..=4 {
            assert!(!rotate(&log, rotation).expect("nothing to do yet"), "round {round}");
            writeln!(writer, "round {round}, a line").expect("room");
            assert!(rotate(&log, rotation).expect("rotated"), "round {round}");
        }
        let read = |path: &Path| std::fs::read_to_string(path).expect("a file");
        assert_eq!(read(&log), "");
        assert_eq!(read(&numbered(&log, 1)), "round 4, a line\n");
        assert_eq!(read(&numbered(&log, 2)), "round 3, a line\n");
        assert!(!numbered(&log, 3).exists(), "more are kept than asked for");
    }

    #[test]
    fn of_a_log_that_has_grown_far_beyond_its_bound_the_end_is_kept() {
        let place = Place::new("flood");
        let log = path(&place.0, "mail");
        let lines: String = (0..10_000).map(|number| format!("line {number:05}\n")).collect();
        std::fs::write(&log, lines).expect("room");
        assert!(rotate(&log, Rotation { bytes: 1_000, keep: 1 }).expect("rotated"));
        let kept = std::fs::read_to_string(numbered(&log, 1)).expect("a file");
        assert!(kept.len() <= 2_000 && kept.ends_with("line 09999\n"), "{} bytes", kept.len());
        assert_eq!(length(&log), 0);
    }

    #[test]
    fn the_last_line_that_says_something_is_found() {
        let place = Place::new("last");
        let log = path(&place.0, "mail");
        std::fs::write(&log, "x".repeat(10_000) + "\nzmws: cannot listen\n\n  \n").expect("room");
        assert_eq!(last_words(Path::new("/nonexistent"), 0), None);
        assert_eq!(last_words(&log, 10_000).as_deref(), Some("zmws: cannot listen"));
    }

    #[test]
    fn the_error_counts_not_what_follows_it() {
        let place = Place::new("words");
        let log = path(&place.0, "mail");
        std::fs::write(
            &log,
            "error of long ago\nhello\nPHP Fatal error:  no such class\n#0 {main}\n  thrown\n",
        )
        .expect("room");
        assert_eq!(last_words(&log, 18).as_deref(), Some("PHP Fatal error:  no such class"));
        std::fs::write(&log, "hello\nbye\n\n").expect("room");
        assert_eq!(last_words(&log, 0).as_deref(), Some("bye"));
    }
}
