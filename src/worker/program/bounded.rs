//! Lines of a program's output, of bounded length.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tracing::info;

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

    fn take(&mut self) -> Line {
        let mut bytes = std::mem::take(&mut self.line);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Line { bytes, cut: std::mem::replace(&mut self.cut, false) }
    }
}

/// Logs each line of standard error, as target `zmws::program`, until its end; keeps the last ones in `tail`. `job` says what
/// runs at the moment.
pub(super) async fn log(stderr: impl AsyncRead + Unpin, job: impl Fn() -> String, tail: &mut Tail) {
    let mut lines = BoundedLines::new(stderr, LOGGED_MAX);
    // An unreadable standard error is no reason to fail a job.
    while let Ok(Some(line)) = lines.next().await {
        let text = String::from_utf8_lossy(&line.bytes).into_owned();
        info!(target: "zmws::program", job = job(), "{text}{}", if line.cut { " …" } else { "" });
        tail.push(text);
    }
}

/// The last lines of standard error, for the message of a job that failed.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    fn push(&mut self, line: String) {
        if self.0.len() == TAIL_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    /// The lines, behind a colon if there are any.
    pub(super) fn shown(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(String::as_str).collect();
        match lines.is_empty() {
            true => String::new(),
            false => format!(": {}", lines.join(" | ")),
        }
    }
}

/// Bytes of a line of standard error that go to the log.
const LOGGED_MAX: usize = 4 << 10;
/// Lines of standard error that are told again when the job fails.
const TAIL_LINES: usize = 5;

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
}
