use std::io::{PipeReader, Read, pipe};
use std::os::fd::OwnedFd;
use std::path::Path;

use super::*;

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

fn notice(dropped: u64) -> String {
    format!("{dropped} are missing\n")
}

fn to_pipe() -> (LogWriter, PipeReader) {
    let (reader, writer) = pipe().expect("descriptors are left");
    let out = File::from(OwnedFd::from(writer));
    (LogWriter::stream(out, notice).expect("a thread"), reader)
}

/// A directory that is gone when the test is over.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zmws-log-writer-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

#[test]
fn a_reader_that_stands_still_holds_nobody_up_and_hears_how_much_it_missed() {
    let (log, mut reader) = to_pipe();
    let line = format!("{}\n", "x".repeat(99));
    let lines = 3 * LINES_MAX;
    for _ in 0..lines {
        log.write(line.clone());
    }
    assert!(!log.flush(Duration::from_millis(10)), "the pipe holds less than this");
    let mut text = String::new();
    let mut bytes = [0; 64 << 10];
    while !text.ends_with("missing\n") {
        let count = reader.read(&mut bytes).expect("a pipe");
        text += std::str::from_utf8(&bytes[..count]).expect("text");
    }
    let told = text.lines().filter_map(|line| line.strip_suffix(" are missing"));
    let missing: usize = told.map(|count| count.parse::<usize>().expect("a number")).sum();
    let written = text.lines().filter(|line| line.starts_with('x')).count();
    assert_eq!(written + missing, lines);
    assert!(text.lines().all(|line| line.len() == 99 || line.ends_with("missing")), "a torn line");
}

#[test]
fn a_reader_that_is_gone_and_a_full_disk_cost_lines_and_nothing_else() {
    let before = dropped_total();
    let (log, reader) = to_pipe();
    drop(reader);
    let full = LogWriter::file("/dev/full", Rotation::default(), notice).expect("it opens");
    for log in [log, full] {
        for _ in 0..10 {
            log.write("lost\n".to_owned());
        }
        assert!(log.flush(PATIENCE));
    }
    assert!(dropped_total() >= before + 20);
}

#[test]
fn what_is_queued_is_written_when_the_last_handle_is_gone() {
    let (log, mut reader) = to_pipe();
    log.write("first\n".to_owned());
    log.write("second\n".to_owned());
    drop(log);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("it ends with the thread");
    assert_eq!(text, "first\nsecond\n");
}

#[test]
fn a_file_begins_anew_at_its_size_and_so_many_old_ones_are_kept() {
    let place = Place::new("rotation");
    let path = place.0.join("access.log");
    std::fs::write(&path, "of yesterday\n").expect("room");
    let log = LogWriter::file(&path, Rotation { bytes: 10, keep: 2 }, notice).expect("it opens");
    for number in 1..=3 {
        log.write(format!("line number {number}\n"));
    }
    assert!(log.flush(PATIENCE));
    assert_eq!(read(&path), "line number 3\n");
    assert_eq!(read(&place.0.join("access.log.1")), "line number 2\n");
    assert_eq!(read(&place.0.join("access.log.2")), "line number 1\n");
    assert!(!place.0.join("access.log.3").exists(), "more are kept than asked for");
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew_when_that_is_said() {
    let place = Place::new("reopen");
    let (path, moved) = (place.0.join("access.log"), place.0.join("moved"));
    let log = LogWriter::file(&path, Rotation::default(), notice).expect("it opens");
    log.write("before\n".to_owned());
    assert!(log.flush(PATIENCE));
    std::fs::rename(&path, &moved).expect("it is there");
    log.reopen();
    log.write("after\n".to_owned());
    assert!(log.flush(PATIENCE));
    assert_eq!((read(&moved), read(&path)), ("before\n".to_owned(), "after\n".to_owned()));
}
