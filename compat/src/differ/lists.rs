//! Lists (`SERVER-…`), entry against entry.
//!
//! An entry is found again by its job or its worker. Names, their order and the text of plain members are
//! compared to the byte; ids and identities by binding; times and workers with what the replayed broker is
//! known to have done.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Scene;
use crate::glance::{Kind as Asking, without_delimiter};
use crate::ledger::{Heard, Job, QuestionIndex};
use crate::trace::to_text;

/// How far a time may be off, in seconds: what a replay over sockets may need.
const TOLERANCE: f64 = 1.0;

/// An entry: its members in order, their values as JSON text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row(pub Vec<(String, String)>);

/// Which entry it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RowKey {
    /// That of the job of a recorded question.
    Job(QuestionIndex),
    /// That of a job that no worker ever got: its service, parameter and mode.
    Unknown(String),
    /// That of a worker: its identity and service.
    Worker(String),
    /// One that names neither.
    Bare,
}

/// How two lists differ.
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
    /// A member differs.
    Member {
        /// Which entry.
        key: RowKey,
        /// Which member.
        name: String,
        /// As recorded.
        recorded: String,
        /// Ours.
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
            Self::Job(question) => write!(f, "of question {question}"),
            Self::Unknown(text) | Self::Worker(text) => f.write_str(text),
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
    scene: Scene<'_>,
    question: QuestionIndex,
    recorded: &Heard,
    ours: &Heard,
) -> Option<Vec<ListDifference>> {
    let asked = &scene.recorded().questions[question].asked;
    if asked.kind != Asking::List {
        return None;
    }
    let bare =
        |heard: &Heard| -> Vec<Bytes> { heard.frames.iter().map(|frame| frame.bytes.clone()).collect() };
    let (theirs, mine) = (bare(recorded), bare(ours));
    let (their_list, their_echo) = theirs.split_last()?;
    let (our_list, our_echo) = mine.split_last()?;
    let Some(our_rows) = rows(our_list) else { return Some(vec![ListDifference::NoList]) };
    let mut found = Vec::new();
    if their_echo != our_echo {
        found.push(ListDifference::Echo);
    }
    match rows(their_list) {
        Some(their_rows) => found.extend(Lists { scene, ours_at: ours.at }.compare(&their_rows, &our_rows)),
        None if their_list.is_empty() => found.push(ListDifference::RecordedEmpty),
        // An error text where a list was asked for: not a list, but a message like others.
        None => return None,
    }
    Some(found)
}

/// Whether an answer is a sound list, where the recording has nothing to compare it with.
pub(crate) fn is_sound(scene: Scene<'_>, heard: &Heard) -> bool {
    let frames: Vec<Bytes> = heard.frames.iter().map(|frame| frame.bytes.clone()).collect();
    let [list] = without_delimiter(&frames) else { return false };
    let lists = Lists { scene, ours_at: heard.at };
    rows(list).is_some_and(|rows| {
        rows.iter().all(|row| {
            let known = SHAPES.iter().any(|shape| row.names() == *shape);
            known && row.0.iter().all(|(name, _)| lists.is_true(row, name))
        })
    })
}

const SHAPES: [&[&str]; 4] = [
    &["service", "reqtime", "param", "clientid", "jobid", "sync"],
    &["service", "reqtime", "param", "clientid", "jobid", "sync", "worker", "startedat"],
    &["service", "reqtime", "param", "clientid", "jobid", "sync", "worker", "startedat", "completedat"],
    &["hb", "service", "workerid"],
];

struct Lists<'a> {
    scene: Scene<'a>,
    ours_at: u64,
}

impl Lists<'_> {
    fn compare(&self, recorded: &[Row], ours: &[Row]) -> Vec<ListDifference> {
        let theirs: Vec<RowKey> = recorded.iter().map(|row| self.recorded_key(row)).collect();
        let mine: Vec<RowKey> = ours.iter().map(|row| self.our_key(row)).collect();
        let mut found = Vec::new();
        for (row, key) in recorded.iter().zip(&theirs) {
            match mine.iter().position(|other| other == key) {
                Some(index) => found.extend(self.row(key, row, &ours[index])),
                None => found.push(ListDifference::Missing(key.clone())),
            }
        }
        for key in mine.iter().filter(|key| !theirs.contains(key)) {
            found.push(ListDifference::Extra(key.clone()));
        }
        let common = |keys: &[RowKey], others: &[RowKey]| -> Vec<RowKey> {
            let of_jobs = keys.iter().filter(|key| !matches!(key, RowKey::Worker(_)));
            of_jobs.filter(|key| others.contains(key)).cloned().collect()
        };
        if common(&theirs, &mine) != common(&mine, &theirs) {
            found.push(ListDifference::Order);
        }
        found
    }

    fn row(&self, key: &RowKey, recorded: &Row, ours: &Row) -> Vec<ListDifference> {
        if recorded.names() != ours.names() {
            return vec![ListDifference::Names(key.clone())];
        }
        let differs = |((name, theirs), (_, mine)): (&(String, String), &(String, String))| {
            let same = match name.as_str() {
                "service" | "param" | "sync" => theirs == mine,
                "clientid" => theirs == mine || self.is_true(ours, name),
                _ => same_type(theirs, mine) && self.is_true(ours, name),
            };
            (!same).then(|| ListDifference::Member {
                key: key.clone(),
                name: name.clone(),
                recorded: theirs.clone(),
                ours: mine.clone(),
            })
        };
        recorded.0.iter().zip(&ours.0).filter_map(differs).collect()
    }

    /// Whether what our list says of a member is what our broker did.
    fn is_true(&self, row: &Row, name: &str) -> bool {
        let job = self.our_job(row);
        let near = |value: Option<f64>, at: Option<u64>| match (value, at) {
            (Some(value), Some(at)) => (value - self.unix(at)).abs() <= TOLERANCE,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let asked = job.and_then(|job| job.question).map(|question| &self.scene.ours().questions[question]);
        match name {
            "reqtime" => near(row.number(name), asked.map(|asked| asked.at)),
            "startedat" => {
                let value = row.number(name);
                job.is_none_or(|job| job.runs.iter().any(|run| near(value, Some(run.order.at))))
            }
            "completedat" => {
                let last = job.and_then(|job| job.runs.last()).and_then(|run| run.answers.last());
                near(row.number(name), last.map(|answer| answer.at))
            }
            "worker" => {
                let worker = row.text(name);
                job.is_none_or(|job| job.runs.iter().any(|run| self.identity(run.conn) == worker))
            }
            "clientid" => {
                let shown = row.text(name);
                // An identity that the broker gave is bytes: shown somehow, but not compared.
                asked.is_none_or(|asked| self.identity(asked.conn).is_none_or(|own| shown == Some(own)))
            }
            "hb" => row.number(name).is_some_and(|value| {
                let expiry = self.scene.interval() * u64::from(self.scene.header.heartbeat_maxtries);
                value <= self.unix(self.ours_at + expiry) + TOLERANCE
            }),
            _ => row.get(name).is_some(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit 53 bits")]
    fn unix(&self, at: u64) -> f64 {
        (self.scene.played.epoch + at) as f64 / 1e6
    }

    /// A peer's own identity, if it has one and it is text.
    fn identity(&self, conn: usize) -> Option<String> {
        let identity = self.scene.recorded().own_identity(conn)?;
        String::from_utf8(identity.to_vec()).ok()
    }

    fn our_job(&self, row: &Row) -> Option<&Job> {
        let id = row.text("jobid")?;
        self.scene.ours().jobs.iter().find(|job| to_text(&job.id) == id)
    }

    fn our_key(&self, row: &Row) -> RowKey {
        let question = self.our_job(row).and_then(|job| job.question);
        match question.and_then(|question| self.scene.recorded_of(question)) {
            Some(question) => RowKey::Job(question),
            None => nameless(row),
        }
    }

    fn recorded_key(&self, row: &Row) -> RowKey {
        let id = row.text("jobid");
        let jobs = &self.scene.recorded().jobs;
        let job = jobs.iter().find(|job| Some(to_text(&job.id)) == id);
        job.and_then(|job| job.question).map_or_else(|| nameless(row), RowKey::Job)
    }
}

fn nameless(row: &Row) -> RowKey {
    let text = |names: &[&str]| names.iter().filter_map(|name| row.get(name)).collect::<Vec<_>>().join(" ");
    if row.get("workerid").is_some() {
        return RowKey::Worker(text(&["workerid", "service"]));
    }
    if row.get("jobid").is_some() {
        return RowKey::Unknown(text(&["service", "sync"]));
    }
    RowKey::Bare
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
