//! Lines of a program's output, of bounded length.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tracing::warn;

/// Reads lines of up to `max` bytes.
pub(super) struct BoundedLines<R> {
    reader: BufReader<R>,
    max: usize,
    line: Vec<u8>,
    cut: bool,
}

/// A line without its end.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    /// It was longer, and the rest is dropped.
    pub(super) cut: bool,
}

impl<R: AsyncRead + Unpin> BoundedLines<R> {
    pub(super) fn new(reader: R, max: usize) -> Self {
        Self { reader: BufReader::new(reader), max, line: Vec::new(), cut: false }
    }

    /// The next line; at the end what stands there without a line end. Cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok((!self.line.is_empty()).then(|| self.take()));
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let text = &chunk[..end.unwrap_or(chunk.len())];
            let room = self.max - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            self.cut |= text.len() > room;
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    /// Passes over what has come, a line or not; the bytes of it, none at the end. Cancel safe.
    async fn skim(&mut self, tail: &mut Tail) -> io::Result<usize> {
        let chunk = self.reader.fill_buf().await?;
        tail.keep(chunk);
        let bytes = chunk.len();
        self.reader.consume(bytes);
        Ok(bytes)
    }

    fn take(&mut self) -> Line {
        let mut bytes = std::mem::take(&mut self.line);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Line { bytes, cut: std::mem::replace(&mut self.cut, false) }
    }
}

/// Logs each line of standard error, as target `zmws::program`, until its end; keeps the last ones in `tail`. `job` says
/// what runs at the moment. Of what is more than a job may log, the bytes are counted: reading goes on, so that nobody
/// waits for it.
pub(super) async fn log(stderr: impl AsyncRead + Unpin, job: impl Fn() -> String, tail: &mut Tail) {
    let mut lines = BoundedLines::new(stderr, LOGGED_MAX);
    let mut share = JobShare { job: job(), room: SHARE, beyond: 0 };
    // An unreadable standard error is no reason to fail a job.
    loop {
        share.is_of(&job);
        if share.beyond > 0 {
            match lines.skim(tail).await {
                Ok(0) | Err(_) => break,
                Ok(bytes) => share.beyond += bytes,
            }
            continue;
        }
        let Ok(Some(line)) = lines.next().await else { break };
        share.is_of(&job);
        tail.keep(&line.bytes);
        tail.keep(b"\n");
        if share.takes(line.bytes.len()) {
            let text = String::from_utf8_lossy(&line.bytes);
            warn!(target: "zmws::program", job = share.job, "{text}{}", if line.cut { " …" } else { "" });
        }
    }
    share.tell();
}

/// What a job may still log.
struct JobShare {
    job: String,
    room: usize,
    /// Bytes that it did not.
    beyond: usize,
}

impl JobShare {
    fn is_of(&mut self, job: impl Fn() -> String) {
        let job = job();
        if job != self.job {
            self.tell();
            *self = Self { job, room: SHARE, beyond: 0 };
        }
    }

    fn takes(&mut self, bytes: usize) -> bool {
        let weight = bytes + LINE;
        if self.beyond == 0 && weight <= self.room {
            self.room -= weight;
            return true;
        }
        self.beyond += bytes + 1;
        false
    }

    fn tell(&self) {
        if self.beyond > 0 {
            let (job, bytes) = (&self.job, self.beyond);
            warn!(target: "zmws::program", job, bytes, "there is more on its standard error, which is not logged");
        }
    }
}

/// The end of standard error, for the message of a job that failed.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    fn keep(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_KEPT)..]);
        self.0.drain(..self.0.len().saturating_sub(TAIL_KEPT));
    }

    /// Its last lines, behind a colon if there are any: as many as find room, or the beginning of the last.
    pub(super) fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let lines = || text.lines().rev().filter(|line| !line.trim().is_empty());
        let mut room = TAIL_MAX;
        let fits = |line: &&str| {
            let fits = line.len() <= room;
            room = room.saturating_sub(line.len());
            fits
        };
        let mut last: Vec<&str> = lines().take(TAIL_LINES).take_while(fits).collect();
        last.reverse();
        match (last.is_empty(), lines().next()) {
            (true, None) => String::new(),
            (true, Some(long)) => format!(": {}", cut(long, TAIL_MAX)),
            (false, _) => format!(": {}", last.join(" | ")),
        }
    }
}

/// The beginning of a text, no longer than it may be.
fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Bytes of a line of standard error that go to the log.
const LOGGED_MAX: usize = 4 << 10;
/// Bytes of a job's standard error that go to the log, and what a line counts for beside its bytes.
const SHARE: usize = 64 << 10;
const LINE: usize = 64;
/// Lines of standard error that are told again when the job fails, and their bytes.
const TAIL_LINES: usize = 5;
const TAIL_MAX: usize = 512;
/// Bytes of it that are kept for that.
const TAIL_KEPT: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_at_their_bound_and_the_next_is_whole() {
        let mut lines = BoundedLines::new(&b"abcdef\r\nab\n\nlast"[..], 4);
        let mut seen = Vec::new();
        while let Some(Line { bytes, cut }) = lines.next().await.expect("memory can be read") {
            seen.push((String::from_utf8(bytes).expect("text"), cut));
        }
        let expected = [("abcd", true), ("ab", false), ("", false), ("last", false)];
        assert_eq!(seen, expected.map(|(text, cut)| (text.to_owned(), cut)));
    }

    #[test]
    fn a_failure_tells_the_last_lines_that_find_room() {
        let mut tail = Tail::default();
        assert_eq!(tail.shown(), "");
        for line in ["of long ago", &"x".repeat(600), "what is wrong", "and where"] {
            tail.keep(format!("{line}\n").as_bytes());
        }
        assert_eq!(tail.shown(), ": what is wrong | and where");
        tail.keep("é".repeat(300).as_bytes());
        assert_eq!(tail.shown(), format!(": {}", "é".repeat(256)));
    }

    #[test]
    fn a_job_logs_no_more_than_its_share() {
        let mut share = JobShare { job: "1".to_owned(), room: SHARE, beyond: 0 };
        let taken = (0..100_000).filter(|_| share.takes(10)).count();
        assert_eq!(taken, SHARE / (10 + LINE));
        assert_eq!(share.beyond, (100_000 - taken) * 11);
        share.is_of(|| "2".to_owned());
        assert!(share.takes(10), "the next job has a share of its own");
    }
}
