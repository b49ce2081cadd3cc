//! Why a job failed, as far as anybody said.

use std::fmt;

use bytes::Bytes;

use super::RequeueReason;
use crate::job::Body;

/// Why a job failed. Its `Display` is a text for people; what a worker said is in it as far as it is text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// What its worker said: the first frame that came with its FAIL, tag and all, cut at [`Reason::BYTES_MAX`].
    Worker(Bytes),
    /// It lost as many workers as a job may.
    LostWorkers {
        /// How many.
        attempts: u32,
        /// How it lost the last of them.
        last: RequeueReason,
    },
    /// Nobody offered its service in time, or took its frames.
    NoWorker {
        /// How long it waited, in milliseconds.
        within_ms: u64,
    },
    /// What an earlier process said of a dead letter.
    Recorded(Box<str>),
    /// It could not be kept, so that its client was told that it was not taken.
    NotKept,
    /// An operator deleted it.
    Deleted,
    /// The broker stopped.
    Stopped,
}

impl Reason {
    /// Bytes of the longest reason that is remembered.
    pub const BYTES_MAX: usize = 1_024;

    /// What a worker gave with its FAIL; `None` if it gave nothing.
    pub(super) fn said(body: &Body) -> Option<Self> {
        let said = body.first();
        let said = &said[..said.len().min(Self::BYTES_MAX)];
        (!said.is_empty()).then(|| Self::Worker(Bytes::copy_from_slice(said)))
    }

    /// What a client that waits gets as the value of a job that the broker gave up: a text, tagged as all clients read it.
    /// No text of the broker's own needs an escape.
    pub(super) fn body(&self) -> Body {
        Body::text(self)
    }

    /// Bytes that it holds.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Worker(said) => said.len(),
            Self::Recorded(said) => said.len(),
            Self::LostWorkers { .. }
            | Self::NoWorker { .. }
            | Self::NotKept
            | Self::Deleted
            | Self::Stopped => 0,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(said) => f.write_str(&String::from_utf8_lossy(said)),
            Self::LostWorkers { attempts: 1, last } => write!(f, "{last}"),
            Self::LostWorkers { attempts, last } => write!(f, "{last} ({attempts} workers lost it)"),
            Self::NoWorker { within_ms } => write!(f, "no worker within {}", Seconds(*within_ms)),
            Self::Recorded(said) => f.write_str(said),
            Self::NotKept => f.write_str("it could not be kept"),
            Self::Deleted => f.write_str("deleted by an operator"),
            Self::Stopped => f.write_str("the broker stopped"),
        }
    }
}

/// Milliseconds as `60 s` or `1.5 s`.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1_000, self.0 % 1_000) {
            (seconds, 0) => write!(f, "{seconds} s"),
            (seconds, ms) => write!(f, "{} s", format!("{seconds}.{ms:03}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_a_line_each() {
        let lost = |attempts, last| Reason::LostWorkers { attempts, last }.to_string();
        assert_eq!(lost(1, RequeueReason::Timeout), "it ran too long");
        assert_eq!(lost(5, RequeueReason::Left), "its worker left (5 workers lost it)");
        assert_eq!(Reason::NoWorker { within_ms: 60_000 }.to_string(), "no worker within 60 s");
        assert_eq!(Reason::NoWorker { within_ms: 1_050 }.to_string(), "no worker within 1.05 s");
    }

    #[test]
    fn what_a_worker_says_is_cut() {
        let said = Reason::said(&Body::One(Bytes::from(vec![b'x'; 5_000]))).expect("it said something");
        assert_eq!(said.weight(), Reason::BYTES_MAX);
        assert_eq!(Reason::said(&Body::EMPTY), None);
    }
}
