//! Where a replay differs from its recording.
//!
//! Request is compared with request: its answers, the orders that its job became, how often it was given
//! out. Ids and identities are bound, not compared; times and workers are checked by what the replayed
//! broker itself did. What no broker may do counts as a difference, whatever the recording shows.

mod invariants;
mod lists;
mod messages;

pub(crate) use lists::is_sound as is_sound_list;
pub use lists::{ListDifference, Row, RowKey, rows};
pub(crate) use messages::differs;

use crate::conversation::{Conversation, RequestIndex};
use crate::gateway::{HttpDifference, Oddity};
use crate::original;
use crate::replay::Played;
use crate::script::Script;
use crate::trace::{ConnIndex, Frame, Header, to_text};

#[derive(Clone, Debug)]
pub struct Difference {
    pub about: About,
    pub kind: Kind,
    pub recorded: Option<Vec<Frame>>,
    pub ours: Option<Vec<Frame>>,
    /// In microseconds of the recording, or else of the replay.
    pub at: u64,
    /// The same in words.
    pub words: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    Request(RequestIndex),
    Conn(ConnIndex),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The recorded client had an answer that ours lacks.
    ReplyMissing,
    /// Our client has an answer that the recorded one lacks.
    ReplyExtra,
    ReplyDiffers {
        /// The first that does.
        frame: usize,
    },
    List(ListDifference),
    /// The recorded job was given to a worker, ours never.
    RunMissing,
    /// Our job was given to a worker, the recorded one never.
    RunExtra,
    RunDiffers {
        /// The first that does.
        frame: usize,
    },
    /// The job was given out another number of times.
    Runs {
        recorded: usize,
        ours: usize,
    },
    /// Jobs of one service were begun in another order.
    Order {
        /// Whether ours is that of the requests.
        fair: bool,
    },
    /// A worker was told something else than jobs and heartbeats, in one of the two.
    Told,
    /// What no broker may do, whatever the recording shows.
    Invariant,
    /// The recorded broker did what its version does not do.
    Recorded,
    Stream,
    Http {
        what: HttpDifference,
        /// What is unusual in the request.
        oddity: Oddity,
    },
    /// Our worker says something else, or nothing.
    Worker {
        silent: bool,
        /// What it had heard is a job in its own dialect.
        sound: bool,
    },
}

/// What the differ looks at.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// What was recorded where.
    pub header: &'a Header,
    pub script: &'a Script,
    pub played: &'a Played,
}

impl<'a> Comparison<'a> {
    pub fn recorded(&self) -> &'a Conversation {
        &self.script.recorded
    }

    /// What ours did.
    pub fn ours(&self) -> &'a Conversation {
        &self.played.ours
    }

    /// The pairs of the recorded and our requests.
    pub fn pairs(&self) -> impl Iterator<Item = (RequestIndex, RequestIndex)> + use<'a> {
        let requests = &self.played.requests;
        let recorded = 0..self.script.recorded.requests.len();
        recorded.filter_map(|recorded| Some((recorded, *requests.get(&recorded)?)))
    }

    /// The recorded request of one of ours.
    pub fn recorded_of(&self, ours: RequestIndex) -> Option<RequestIndex> {
        self.pairs().find(|(_, request)| *request == ours).map(|(recorded, _)| recorded)
    }

    /// Who or what a difference is about, in words.
    pub(crate) fn subject(&self, about: About) -> String {
        match about {
            About::Conn(conn) => self.script.conns[conn].peer.clone(),
            About::Request(request) => {
                let asked = &self.recorded().requests[request];
                let job = &asked.message.job;
                let shown = to_text(&job[..job.len().min(40)]);
                format!("{} asked {shown:?}", self.script.conns[asked.conn].peer)
            }
        }
    }

    /// A heartbeat interval, in microseconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "intervals are seconds")]
    pub fn interval(&self) -> u64 {
        (self.header.heartbeat_interval * 1e6) as u64
    }

    /// How long a worker may be silent, in microseconds.
    pub fn expiry(&self) -> u64 {
        self.interval() * u64::from(self.header.heartbeat_maxtries)
    }
}

/// All differences, by time.
pub fn differences(comparison: Comparison<'_>) -> Vec<Difference> {
    let mut found = original::differences(comparison);
    found.extend(messages::differences(comparison));
    found.extend(invariants::differences(comparison));
    found.sort_by_key(|difference| difference.at);
    found
}
