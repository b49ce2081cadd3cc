//! Lists (`SERVER-…`), entry against entry.
//!
//! An entry is found again by its job or its worker. Names, their order and the text of plain members are
//! compared to the byte; ids and identities by binding; times and workers of each side with what its broker is
//! known to have done.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Comparison;
use crate::classify::{RequestKind, without_delimiter};
use crate::conversation::{BrokerMessage, Conversation, Job, RequestIndex};
use crate::trace::{to_hex, to_text};

/// How far a time may be off, in seconds: what a replay over sockets may need.
const TOLERANCE: f64 = 1.0;

/// An entry: its members in order, their values as JSON text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row(pub Vec<(String, String)>);

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RowKey {
    /// That of the job of a recorded request.
    Job(RequestIndex),
    /// That of a job that no worker ever got: its service, parameter and mode.
    Unknown(String),
    /// That of a worker.
    Worker { identity: String, service: String },
    /// One that names neither.
    Bare,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ListDifference {
    /// The recorded list is an empty frame.
    RecordedEmpty,
    /// Ours is no JSON array of objects.
    NoList,
    /// The frames around the list differ.
    Echo,
    /// Ours lacks an entry.
    Missing(RowKey),
    /// Ours has an entry more.
    Extra(RowKey),
    /// The names of an entry's members differ.
    Names(RowKey),
    Member {
        key: RowKey,
        name: String,
        recorded: String,
        ours: String,
    },
    /// The entries stand in another order.
    Order,
}

impl fmt::Display for ListDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordedEmpty => f.write_str("the recorded one is an empty frame"),
            Self::NoList => f.write_str("ours is no JSON array"),
            Self::Echo => f.write_str("the frames around it"),
            Self::Missing(key) => write!(f, "the entry {key} is missing"),
            Self::Extra(key) => write!(f, "the entry {key} is too many"),
            Self::Names(key) => write!(f, "the members of entry {key}"),
            Self::Member { key, name, recorded, ours } => {
                write!(f, "{name} of entry {key} is {ours} instead of {recorded}")
            }
            Self::Order => f.write_str("the order of the entries"),
        }
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(request) => write!(f, "of request {request}"),
            Self::Unknown(text) => f.write_str(text),
            Self::Worker { identity, service } => write!(f, "{identity:?} {service:?}"),
            Self::Bare => f.write_str("without a name"),
        }
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Row;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Row(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Row {
    /// A member's value, as JSON text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value.as_str())
    }

    /// Whether it names nothing: the end of a job that never was (quirk 17).
    pub fn is_bare(&self) -> bool {
        self.names() == ["completedat"]
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    fn number(&self, name: &str) -> Option<f64> {
        serde_json::from_str(self.get(name)?).ok()
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// The entries of a list; `None` if it is none.
pub fn rows(json: &[u8]) -> Option<Vec<Row>> {
    let mut rows: Vec<Row> = serde_json::from_slice(json).ok()?;
    rows.iter_mut().for_each(|row| row.0.retain(|(name, _)| name != OURS));
    Some(rows)
}

/// A member that our lists have beyond the original's: how a job ended that is over.
const OURS: &str = "state";

/// How the lists in two answers differ; `None` if no list was asked for.
pub(super) fn compare(
    comparison: Comparison<'_>,
    request: RequestIndex,
    recorded: &BrokerMessage,
    ours: &BrokerMessage,
) -> Option<Vec<ListDifference>> {
    let asked = &comparison.recorded().requests[request].message;
    if asked.kind != RequestKind::List {
        return None;
    }
    let bare = |heard: &BrokerMessage| -> Vec<Bytes> {
        heard.frames.iter().map(|frame| frame.bytes.clone()).collect()
    };
    let (theirs, mine) = (bare(recorded), bare(ours));
    let (their_list, their_echo) = theirs.split_last()?;
    let (our_list, our_echo) = mine.split_last()?;
    let Some(our_rows) = rows(our_list) else { return Some(vec![ListDifference::NoList]) };
    let mut found = Vec::new();
    if their_echo != our_echo {
        found.push(ListDifference::Echo);
    }
    match rows(their_list) {
        Some(their_rows) => {
            let lists = (List::recorded(comparison, recorded), List::ours(comparison, ours));
            found.extend(compare_rows((&lists.0, &their_rows), (&lists.1, &our_rows)));
        }
        None if their_list.is_empty() => found.push(ListDifference::RecordedEmpty),
        // An error text where a list was asked for: not a list, but a message like others.
        None => return None,
    }
    Some(found)
}

/// Whether an answer is a sound list, where the recording has nothing to compare it with.
pub(crate) fn is_sound(comparison: Comparison<'_>, heard: &BrokerMessage) -> bool {
    let frames: Vec<Bytes> = heard.frames.iter().map(|frame| frame.bytes.clone()).collect();
    let [list] = without_delimiter(&frames) else { return false };
    let list_of = List::ours(comparison, heard);
    rows(list).is_some_and(|rows| {
        rows.iter().all(|row| {
            let known = SHAPES.iter().any(|shape| row.names() == *shape);
            known && row.0.iter().all(|(name, _)| list_of.is_true(row, name))
        })
    })
}

const SHAPES: [&[&str]; 4] = [
    &["service", "reqtime", "param", "clientid", "jobid", "sync"],
    &["service", "reqtime", "param", "clientid", "jobid", "sync", "worker", "startedat"],
    &["service", "reqtime", "param", "clientid", "jobid", "sync", "worker", "startedat", "completedat"],
    &["hb", "service", "workerid"],
];

/// A list, and what is known of the broker that it is of.
struct List<'a> {
    comparison: Comparison<'a>,
    conversation: &'a Conversation,
    /// When it was told.
    at: u64,
    /// The Unix time at which the conversation begins, in microseconds, if that is known.
    epoch: Option<u64>,
    /// The recorded one, which may name a worker for longer than any patience.
    is_recorded: bool,
}

impl<'a> List<'a> {
    fn recorded(comparison: Comparison<'a>, heard: &BrokerMessage) -> Self {
        let mut list = List {
            comparison,
            conversation: comparison.recorded(),
            at: heard.at,
            epoch: None,
            is_recorded: true,
        };
        list.epoch = list.begun();
        list
    }

    fn ours(comparison: Comparison<'a>, heard: &BrokerMessage) -> Self {
        let epoch = Some(comparison.played.epoch);
        List { comparison, conversation: comparison.ours(), at: heard.at, epoch, is_recorded: false }
    }

    /// When a recording began, by what its lists say of jobs whose times it shows.
    fn begun(&self) -> Option<u64> {
        let lists =
            self.conversation.requests.iter().filter(|request| request.message.kind == RequestKind::List);
        let rows =
            lists.flat_map(|request| &request.replies).filter_map(|reply| rows(&reply.frames.last()?.bytes));
        let mut begun: Vec<u64> = rows.flatten().filter_map(|row| self.begun_by(&row)).collect();
        begun.sort_unstable();
        begun.get(begun.len() / 2).copied()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of this century")]
    fn begun_by(&self, row: &Row) -> Option<u64> {
        let started = row.number("startedat")?;
        let first = self.job(row)?.runs.first()?.order.at;
        ((started * 1e6) as u64).checked_sub(first)
    }

    fn keys(&self, rows: &[Row]) -> Vec<RowKey> {
        rows.iter().map(|row| self.key(row)).collect()
    }

    fn key(&self, row: &Row) -> RowKey {
        let request = self.job(row).and_then(|job| job.request);
        let request = match self.is_recorded {
            true => request,
            false => request.and_then(|request| self.comparison.recorded_of(request)),
        };
        request.map_or_else(|| nameless(row), RowKey::Job)
    }

    fn job(&self, row: &Row) -> Option<&'a Job> {
        let id = row.text("jobid")?;
        self.conversation.jobs.iter().find(|job| to_text(&job.id) == id)
    }

    /// Whether what it says of a member is what its broker did.
    fn is_true(&self, row: &Row, name: &str) -> bool {
        let job = self.job(row);
        let near = |at: Option<u64>| row.number(name).is_some_and(|value| self.is_near(value, at));
        let asked = job.and_then(|job| job.request).map(|request| &self.conversation.requests[request]);
        match name {
            "reqtime" => near(asked.map(|asked| asked.at)),
            "startedat" => job.is_none_or(|job| job.runs.iter().any(|run| near(Some(run.order.at)))),
            "completedat" => {
                let last = job.and_then(|job| job.runs.last()).and_then(|run| run.answers.last());
                near(last.map(|answer| answer.at))
            }
            "worker" => {
                let worker = row.text(name);
                job.is_none_or(|job| job.runs.iter().any(|run| self.identity(run.conn) == worker))
            }
            "clientid" => {
                let shown = row.text(name);
                // An identity that the broker gave is bytes: shown somehow, but not compared.
                let is_it = |own: String| shown.as_ref() == Some(&own) || shown == self.hexed(&own);
                asked.is_none_or(|asked| self.identity(asked.conn).is_none_or(is_it))
            }
            "hb" => row.number(name).is_some_and(|value| self.is_expiry(value)),
            _ => row.get(name).is_some(),
        }
    }

    /// As PHP 5 shows an identity of 17 bytes (original.md §0).
    fn hexed(&self, own: &str) -> Option<String> {
        (self.is_recorded && own.len() == 17).then(|| format!("@{}", to_hex(own.as_bytes())))
    }

    fn is_near(&self, value: f64, at: Option<u64>) -> bool {
        let when = at.and_then(|at| self.unix(at));
        when.is_none_or(|when| (value - when).abs() <= TOLERANCE)
    }

    /// The original gives a worker up an interval late.
    fn is_expiry(&self, value: f64) -> bool {
        self.unix(self.at + self.comparison.expiry()).is_none_or(|last| value <= last + TOLERANCE)
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit 53 bits")]
    fn unix(&self, at: u64) -> Option<f64> {
        self.epoch.map(|epoch| (epoch + at) as f64 / 1e6)
    }

    /// A peer's own identity, if it has one and it is text.
    fn identity(&self, conn: usize) -> Option<String> {
        let identity = self.comparison.recorded().own_identity(conn)?;
        String::from_utf8(identity.to_vec()).ok()
    }
}

/// Entry against entry, each found again once.
fn compare_rows(theirs: (&List<'_>, &[Row]), mine: (&List<'_>, &[Row])) -> Vec<ListDifference> {
    let (their_keys, our_keys) = (theirs.0.keys(theirs.1), mine.0.keys(mine.1));
    let mut left: Vec<usize> = (0..our_keys.len()).collect();
    let mut found = Vec::new();
    for (row, key) in theirs.1.iter().zip(&their_keys) {
        match left.iter().position(|&other| our_keys[other] == *key) {
            Some(place) => {
                let ours = (mine.0, &mine.1[left.remove(place)]);
                found.extend(compare_row(key, (theirs.0, row), ours));
            }
            None => found.push(ListDifference::Missing(key.clone())),
        }
    }
    found.extend(left.into_iter().map(|other| ListDifference::Extra(our_keys[other].clone())));
    let common = |keys: &[RowKey], others: &[RowKey]| -> Vec<RowKey> {
        let of_jobs = keys.iter().filter(|key| !matches!(key, RowKey::Worker { .. }));
        of_jobs.filter(|key| others.contains(key)).cloned().collect()
    };
    let (their_common, our_common) = (common(&their_keys, &our_keys), common(&our_keys, &their_keys));
    if their_common.len() == our_common.len() && their_common != our_common {
        found.push(ListDifference::Order);
    }
    found
}

fn compare_row(key: &RowKey, theirs: (&List<'_>, &Row), mine: (&List<'_>, &Row)) -> Vec<ListDifference> {
    if theirs.1.names() != mine.1.names() {
        return vec![ListDifference::Names(key.clone())];
    }
    let differs = |((name, their), (_, our)): (&(String, String), &(String, String))| {
        let are_true = || theirs.0.is_true(theirs.1, name) && mine.0.is_true(mine.1, name);
        let same = match name.as_str() {
            "service" | "param" | "sync" => their == our,
            _ => same_type(their, our) && are_true(),
        };
        (!same).then(|| ListDifference::Member {
            key: key.clone(),
            name: name.clone(),
            recorded: their.clone(),
            ours: our.clone(),
        })
    };
    theirs.1.0.iter().zip(&mine.1.0).filter_map(differs).collect()
}

fn nameless(row: &Row) -> RowKey {
    match (row.text("workerid"), row.text("service")) {
        (Some(identity), Some(service)) => RowKey::Worker { identity, service },
        _ if row.is_bare() => RowKey::Bare,
        _ => RowKey::Unknown(format!("{:?}", (row.get("service"), row.get("sync")))),
    }
}

/// Whether two JSON texts are of one type, whole and broken numbers being two.
fn same_type(one: &str, other: &str) -> bool {
    let kind = |text: &str| match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'-') if text.contains('.') => 'f',
        Some(b'0'..=b'9' | b'-') => 'i',
        Some(&first) => char::from(first),
        None => ' ',
    };
    // A time that falls on a whole second is printed as an integer.
    kind(one) == kind(other) || (kind(one) == 'f' && kind(other) == 'i')
}
