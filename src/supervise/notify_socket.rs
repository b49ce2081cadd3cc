//! What a program of ours tells its supervisor: datagrams to a socket that its environment names.
//!
//! ```text
//! READY=1                                             it serves: its ports are bound
//! UNFINISHED={"queued":3,"active":["12AB-34CD (MAIL)"],"kept":0}
//!                                                     what a broker leaves undone, as it ends
//! ```
//!
//! That a process lives does not say that its ports are bound, and that it has ended well does not say that its jobs
//! have. Only who waits for one of the two listens: the socket is there during a start and during a stop.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::net::UnixDatagram;

use super::files;

/// Names the socket, in the program's environment.
pub const NOTIFY_MARK: &str = "ZMWS_NOTIFY";

/// Bytes of a datagram at most.
const DATAGRAM_MAX: usize = 32 << 10;
/// Jobs that are named at most: so many fit, also by names of 255 bytes of which each is escaped.
const NAMED_MAX: usize = 16;

/// What a program tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// It serves.
    Ready,
    /// It is a broker, and ends with this undone.
    Unfinished(Unfinished),
}

/// Jobs that a broker ends without.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Unfinished {
    /// How many no worker had got.
    pub queued: usize,
    /// Those that a worker had not finished, as `12AB-34CD (MAIL)`; the last may say how many more.
    pub active: Vec<String>,
    /// How many are on disk, for its next start. They are none of the others.
    #[serde(default)]
    pub kept: usize,
}

impl Unfinished {
    /// Names as many of the active jobs as one notice has room for.
    pub fn new(queued: usize, active: impl ExactSizeIterator<Item = String>, kept: usize) -> Self {
        let more = active.len().saturating_sub(NAMED_MAX);
        let mut active: Vec<String> = active.take(NAMED_MAX).collect();
        if more > 0 {
            active.push(format!("{more} more"));
        }
        Self { queued, active, kept }
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Notice {
    /// As it is sent.
    pub fn encode(&self) -> String {
        match self {
            Self::Ready => "READY=1".to_owned(),
            Self::Unfinished(unfinished) => {
                let json = serde_json::to_string(unfinished).unwrap_or_default();
                format!("UNFINISHED={json}")
            }
        }
    }

    /// As it was received; `None` of what nobody of ours sends.
    fn decode(datagram: &[u8]) -> Option<Self> {
        match datagram.strip_prefix(b"UNFINISHED=") {
            Some(json) => serde_json::from_slice(json).ok().map(Self::Unfinished),
            None => (datagram == b"READY=1").then_some(Self::Ready),
        }
    }
}

/// Hears what one program tells.
#[derive(Debug)]
pub(super) struct NotifySocket {
    socket: UnixDatagram,
    _file: SocketFile,
}

/// Removed when nobody listens any more.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl NotifySocket {
    /// Where the program of this name tells it: `run/<name>.notify`.
    pub(super) fn path(run_dir: &Path, name: &str) -> PathBuf {
        run_dir.join(format!("{name}.notify"))
    }

    /// Listens there.
    pub(super) fn listen(run_dir: &Path, name: &str) -> io::Result<Self> {
        let path = Self::path(run_dir, name);
        files::clear_socket(&path)?;
        Ok(Self { socket: UnixDatagram::bind(&path)?, _file: SocketFile(path) })
    }

    /// Returns when the program says that it serves.
    pub(super) async fn ready(&self) {
        let mut datagram = vec![0; DATAGRAM_MAX];
        loop {
            match self.socket.recv(&mut datagram).await {
                Ok(length) if Notice::decode(&datagram[..length]) == Some(Notice::Ready) => return,
                Ok(_) => {}
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// What the program, which has ended, said that it left undone.
    pub(super) fn unfinished(self) -> Option<Unfinished> {
        // Past the runtime, which may not have looked yet whether something is there.
        let socket = self.socket.into_std().ok()?;
        let mut datagram = vec![0; DATAGRAM_MAX];
        let mut last = None;
        while let Ok(length) = socket.recv(&mut datagram) {
            if let Some(Notice::Unfinished(unfinished)) = Notice::decode(&datagram[..length]) {
                last = Some(unfinished);
            }
        }
        last
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have been removed before, which is what is wanted.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written() {
        let left = Unfinished::new(3, ["12AB-34CD (MAIL)".to_owned()].into_iter(), 2);
        for notice in [Notice::Ready, Notice::Unfinished(left)] {
            assert_eq!(Notice::decode(notice.encode().as_bytes()), Some(notice));
        }
        assert_eq!(Notice::decode(b"READY=2"), None);
    }

    #[test]
    fn a_thousand_jobs_fit_into_a_datagram() {
        let name = format!("12AB-34CD ({})", "\u{1b}".repeat(255));
        let left = Unfinished::new(0, vec![name; 1_000].into_iter(), 0);
        assert_eq!(left.active.last().map(String::as_str), Some("984 more"));
        assert!(Notice::Unfinished(left).encode().len() <= DATAGRAM_MAX);
    }
}
