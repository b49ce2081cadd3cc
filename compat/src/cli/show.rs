//! `zmws-trace show`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::CliError;
use crate::trace::{Conn, Frame, Reader, Side, What, to_text};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,

    /// Go on with what is appended, until interrupted
    #[arg(long, short)]
    follow: bool,

    /// Only what this peer says and hears
    #[arg(long, value_name = "NAME")]
    peer: Option<String>,

    /// Only messages that name this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,

    /// Only messages that name this job
    #[arg(long, value_name = "ID")]
    job: Option<String>,

    /// Characters of a frame
    #[arg(long, value_name = "N", default_value_t = 80)]
    width: usize,
}

/// How often a followed file is looked at.
const POLL: Duration = Duration::from_millis(100);

impl Args {
    pub(super) fn run(self) -> Result<ExitCode, CliError> {
        let path = self.file.display().to_string();
        let file = File::open(&self.file).map_err(CliError::io(&path))?;
        let mut lines = BufReader::new(file);
        let mut reader = Reader::default();
        let mut text = String::new();
        loop {
            let length = lines.read_line(&mut text).map_err(CliError::io(&path))?;
            if text.ends_with('\n') || (length == 0 && !self.follow && !text.is_empty()) {
                let damaged = |source| CliError::Trace { path: path.clone(), source };
                if let Some(event) = reader.line(text.trim_end_matches('\n')).map_err(damaged)? {
                    self.show(&reader.conns, &event);
                }
                text.clear();
            } else if length == 0 {
                if !self.follow {
                    return Ok(ExitCode::SUCCESS);
                }
                std::thread::sleep(POLL);
            }
        }
    }

    fn show(&self, conns: &[Conn], event: &crate::trace::Event) {
        let conn = event.conn().map(|conn| &conns[conn]);
        if !self.wants(conn, &event.what) {
            return;
        }
        let (mark, text) = described(&event.what, self.width);
        let peer = conn.map_or_else(String::new, |conn| format!("{}#{}", conn.peer, conn.number));
        let (seconds, micros) = (event.at / 1_000_000, event.at % 1_000_000);
        println!("{seconds:5}.{micros:06} {peer:14} {mark} {text}");
    }

    fn wants(&self, conn: Option<&Conn>, what: &What) -> bool {
        let of_peer = self.peer.as_ref().is_none_or(|peer| conn.is_some_and(|conn| conn.peer == *peer));
        let words: Vec<&String> = self.service.iter().chain(&self.job).collect();
        let named = |word: &str| match what {
            What::Message { frames, .. } => frames.iter().any(|frame| names(&to_text(&frame.bytes), word)),
            What::Http { bytes, .. } => names(&to_text(bytes), word),
            _ => false,
        };
        of_peer && words.into_iter().all(|word| named(word))
    }
}

/// Whether `text` has `word`, and not as a part of a longer word.
fn names(text: &str, word: &str) -> bool {
    let part = |char: char| char.is_alphanumeric() || char == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn described(what: &What, width: usize) -> (&'static str, String) {
    let arrow = |to: &Side| match to {
        Side::Broker => "→",
        Side::Peer => "←",
    };
    match what {
        What::Note(note) => ("#", note.clone()),
        What::Open(_) => ("·", "connects".into()),
        What::Refused(_) => ("·", "is refused".into()),
        What::Close { by, .. } => ("·", format!("is closed by the {}", by.name())),
        What::Handshake { peer, .. } => {
            let property = |name| peer.get(name).map(|value| to_text(value)).unwrap_or_default();
            ("·", format!("is a {} {:?}", property("Socket-Type"), property("Identity")))
        }
        What::Message { to, frames: all, .. } => (arrow(to), frames(all, width)),
        What::Http { to, bytes, .. } => (arrow(to), format!("{:?}", cut(&to_text(bytes), width * 2))),
        What::Raw { to, bytes, .. } => (arrow(to), format!("{} raw bytes", bytes.len())),
        What::Command { to, member, value, .. } => (arrow(to), format!("{member} {value}")),
    }
}

/// Frames in a line, each at most `width` characters long.
pub(super) fn frames(frames: &[Frame], width: usize) -> String {
    let shown = |frame: &Frame| {
        let text = format!("{:?}", cut(&to_text(&frame.bytes), width));
        match frame.cut_from {
            Some(length) => format!("{text} of {length} bytes"),
            None => text,
        }
    };
    frames.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
