//! What a client of each dialect must get for each case from a worker of each dialect.

use serde_json::{Value, json};
use zmws::message::Dialect::{self, Mdp01, Mdp02, Zmws1, Zmws2};

use super::is_majordomo;
use crate::support::frames::{Kind, Message, Reply, read_reply, shown};

/// The service that all cells offer.
pub(crate) const SERVICE: &str = "REVERSE";

/// The texts of the case `reverse`: none reads the same from both ends.
pub(crate) const TEXTS: [&str; 3] = ["one", "two, and more", r#"{"three": "\u00e9"}"#];

/// A thing to ask for. The scripts know them by their names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Case {
    /// Three jobs with a value each.
    Reverse,
    /// A parameter and a result of 2 MiB.
    Big,
    /// No parameter, and no value.
    Nothing,
    /// A job nobody waits for: zmws clients.
    Background,
    /// A job that fails: zmws workers.
    Fail,
    /// Three parts and a result: a DEALER, and a worker whose dialect has parts.
    Stream,
    /// A service nobody ever offered, waited for and not: zmws clients. Majordomo's are held.
    Unknown,
    /// Three body frames: Majordomo clients.
    Frames,
    /// `mmi.service`, for a service that is there and for one that is not: Majordomo clients.
    Mmi,
}

impl Case {
    const ALL: [Self; 9] = [
        Self::Reverse,
        Self::Big,
        Self::Nothing,
        Self::Background,
        Self::Fail,
        Self::Stream,
        Self::Unknown,
        Self::Frames,
        Self::Mmi,
    ];

    /// The cases that a cell has words for, for a DEALER.
    pub(crate) fn of(client: Dialect, worker: Dialect) -> Vec<Self> {
        Self::ALL.into_iter().filter(|case| case.makes_sense(client, worker)).collect()
    }

    /// The same for a REQ, which may take one message for each it sends.
    pub(crate) fn of_req(client: Dialect, worker: Dialect) -> Vec<Self> {
        let mut cases = Self::of(client, worker);
        cases.retain(|case| *case != Self::Stream);
        cases
    }

    fn makes_sense(self, client: Dialect, worker: Dialect) -> bool {
        match self {
            Self::Reverse | Self::Big | Self::Nothing => true,
            Self::Background | Self::Unknown => !is_majordomo(client),
            Self::Fail => !is_majordomo(worker),
            Self::Stream => worker != Mdp01,
            Self::Frames | Self::Mmi => is_majordomo(client),
        }
    }

    /// As the scripts know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reverse => "reverse",
            Self::Big => "big",
            Self::Nothing => "nothing",
            Self::Background => "background",
            Self::Fail => "fail",
            Self::Stream => "stream",
            Self::Unknown => "unknown",
            Self::Frames => "frames",
            Self::Mmi => "mmi",
        }
    }

    /// Messages that the client gets.
    pub(crate) fn messages(self, client: Dialect) -> usize {
        match self {
            Self::Reverse => 3,
            Self::Big | Self::Nothing | Self::Background | Self::Fail | Self::Frames => 1,
            // Majordomo 0.1 has no word for a part.
            Self::Stream if client == Mdp01 => 1,
            Self::Stream => 4,
            Self::Unknown | Self::Mmi => 2,
        }
    }
}

/// Looks at all that a client got for a case, as a DEALER gets it.
pub(crate) fn check(case: Case, client: Dialect, worker: Dialect, messages: &[Message]) {
    let about = || {
        format!(
            "{case:?}: {client:?} asks {worker:?}: {:?}",
            messages.iter().map(|m| shown(m)).collect::<Vec<_>>()
        )
    };
    assert_eq!(messages.len(), case.messages(client), "{}", about());
    let replies: Vec<Reply> = messages.iter().map(|message| read_reply(client, message)).collect();
    let kinds: Vec<Kind> = replies.iter().map(|reply| reply.kind).collect();
    let values = || replies.iter().map(Reply::value).collect::<Vec<Value>>();
    let services: Vec<&str> = replies.iter().map(|reply| reply.service.as_str()).collect();
    match case {
        Case::Reverse => {
            assert_eq!(kinds, [Kind::Complete; 3], "{}", about());
            assert_eq!(
                values(),
                TEXTS.map(|text| json!(text.chars().rev().collect::<String>())),
                "{}",
                about()
            );
        }
        // The client itself compared it; here only its frame is left.
        Case::Big => assert_eq!(kinds, [Kind::Complete], "{}", about()),
        Case::Nothing => {
            assert_eq!(
                (kinds[0], replies[0].body.as_slice()),
                (Kind::Complete, &[Vec::<u8>::new()][..]),
                "{}",
                about()
            );
        }
        Case::Background => assert_eq!(kinds, [Kind::Accepted], "{}", about()),
        Case::Fail => failure(client, &replies[0], &about()),
        Case::Stream => {
            let parts = messages.len() - 1;
            assert_eq!(kinds[..parts], vec![Kind::Partial; parts], "{}", about());
            assert_eq!(kinds[parts], Kind::Complete, "{}", about());
            let expected: Vec<Value> =
                ["part 0", "part 1", "part 2", "done"][3 - parts..].iter().map(|part| json!(part)).collect();
            assert_eq!(values(), expected, "{}", about());
        }
        Case::Unknown => {
            assert_eq!(kinds, [Kind::Fail; 2], "{}", about());
            assert!(replies.iter().all(|reply| reply.id.is_none()), "{}", about());
            return assert_eq!(services, ["NOBODY"; 2], "{}", about());
        }
        Case::Frames => several_frames(worker, &replies[0], &about()),
        Case::Mmi => {
            assert_eq!([&replies[0].body[0], &replies[1].body[0]], [b"200", b"404"], "{}", about());
            return assert_eq!(services, ["mmi.service"; 2], "{}", about());
        }
    }
    assert!(services.iter().all(|service| *service == SERVICE), "{}", about());
    ids_are_right(client, &replies, &about());
}

/// zmws says FAIL and why, if the worker said it; Majordomo gets the same words as its one body frame.
fn failure(client: Dialect, reply: &Reply, about: &str) {
    assert_eq!(reply.kind, Kind::Fail, "{about}");
    match client {
        Zmws1 | Zmws2 => {
            let is_reason = |frame: &[u8]| frame.is_empty() || frame.starts_with(b"PARAM-JSON: \"");
            assert!(reply.body.len() == 1 && is_reason(&reply.body[0]), "{about}");
        }
        Mdp01 | Mdp02 => {
            let text = String::from_utf8_lossy(&reply.body[0]).into_owned();
            let id = text.strip_prefix("FAIL: REVERSE [").and_then(|rest| rest.strip_suffix(']'));
            assert!(id.is_some_and(is_id), "{about}");
        }
    }
}

/// Majordomo's workers get them as they are; those of zmws have no place for them, so the job is refused.
fn several_frames(worker: Dialect, reply: &Reply, about: &str) {
    match worker {
        Mdp01 | Mdp02 => {
            assert_eq!(reply.kind, Kind::Complete, "{about}");
            assert_eq!(reply.body, [b"".as_slice(), b"\0\xff", b"PARAM-JSON: {\"str\": \"x\"}"], "{about}");
        }
        Zmws1 | Zmws2 => {
            assert_eq!(reply.kind, Kind::Fail, "{about}");
            assert!(reply.body[0].starts_with(b"FAIL: REVERSE"), "{about}");
        }
    }
}

/// zmws names the job in each reply, all parts of one by one id and different jobs by different ones.
fn ids_are_right(client: Dialect, replies: &[Reply], about: &str) {
    let ids: Vec<&str> = replies.iter().filter_map(|reply| reply.id.as_deref()).collect();
    let expected = if is_majordomo(client) { 0 } else { replies.len() };
    assert_eq!(ids.len(), expected, "{about}");
    assert!(ids.iter().all(|id| is_id(id)), "{about}");
    let mut different = ids.clone();
    different.sort_unstable();
    different.dedup();
    let jobs = if replies.iter().any(|reply| reply.kind == Kind::Partial) { 1 } else { replies.len() };
    assert_eq!(different.len(), jobs.min(expected), "{about}");
}

/// `00C0-FFEE`.
fn is_id(text: &str) -> bool {
    let hex = |half: &str| {
        half.len() == 4 && half.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    };
    text.split_once('-').is_some_and(|(high, low)| hex(high) && hex(low))
}
