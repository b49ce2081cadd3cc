//! Message against message.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{About, Comparison, Difference, Kind, ListDifference, lists};
use crate::classify::Generation;
use crate::classify::worker::WorkerOrder;
use crate::conversation::{BrokerMessage, Conversation, RequestIndex, Run};
use crate::original::unhexed;
use crate::replay::replaced;
use crate::trace::{ConnIndex, Frame, to_text};

/// Two messages of different connections may be swapped by the network if they are less than this apart, in
/// microseconds.
const SIMULTANEOUS: u64 = crate::reorder::MOMENT;

pub(super) fn differences(comparison: Comparison<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for (recorded, ours) in comparison.pairs() {
        let pair = Pair { comparison, recorded, ours };
        found.extend(pair.replies());
        found.extend(pair.runs());
    }
    found.extend(orders(comparison));
    found.extend(told(comparison));
    found
}

/// Whether anything but a list differs about a recorded request.
pub(crate) fn differs(comparison: Comparison<'_>, recorded: RequestIndex) -> bool {
    let ours = comparison.played.requests.get(&recorded);
    ours.is_some_and(|&ours| Pair { comparison, recorded, ours }.differs())
}

/// A request, recorded and replayed.
#[derive(Clone, Copy)]
struct Pair<'a> {
    comparison: Comparison<'a>,
    recorded: RequestIndex,
    ours: RequestIndex,
}

impl<'a> Pair<'a> {
    fn recorded_replies(&self) -> &'a [BrokerMessage] {
        &self.comparison.recorded().requests[self.recorded].replies
    }

    fn our_replies(&self) -> &'a [BrokerMessage] {
        &self.comparison.ours().requests[self.ours].replies
    }

    /// Whether anything but a list differs.
    fn differs(&self) -> bool {
        let is_other = |difference: &Difference| !matches!(difference.kind, Kind::List(_));
        self.replies().iter().any(is_other) || !self.runs().is_empty()
    }

    // --- answers

    fn replies(&self) -> Vec<Difference> {
        let (recorded, ours) = (self.recorded_replies(), self.our_replies());
        let same = |a: usize, b: usize| self.reply(&recorded[a], &ours[b]).is_empty();
        let mut found = Vec::new();
        for gap in gaps(recorded.len(), ours.len(), same) {
            for step in 0..gap.recorded.len().max(gap.ours.len()) {
                let theirs = gap.recorded.get(step).map(|&index| &recorded[index]);
                let mine = gap.ours.get(step).map(|&index| &ours[index]);
                found.extend(self.reply_gap(theirs, mine));
            }
        }
        found
    }

    fn reply_gap(&self, recorded: Option<&BrokerMessage>, ours: Option<&BrokerMessage>) -> Vec<Difference> {
        match (recorded, ours) {
            (Some(recorded), Some(ours)) => self.reply(recorded, ours),
            (Some(recorded), None) => {
                vec![self.difference(Kind::ReplyMissing, "an answer is missing", Some(recorded), None)]
            }
            (None, Some(ours)) => vec![self.difference(
                Kind::ReplyExtra,
                "an answer that the recording lacks",
                None,
                Some(ours),
            )],
            (None, None) => Vec::new(),
        }
    }

    fn reply(&self, recorded: &BrokerMessage, ours: &BrokerMessage) -> Vec<Difference> {
        if let Some(list) = lists::compare(self.comparison, self.recorded, recorded, ours) {
            let told = |list: ListDifference| {
                let words = format!("the list differs: {list}");
                self.difference(Kind::List(list), &words, Some(recorded), Some(ours))
            };
            return list.into_iter().map(told).collect();
        }
        let first = self.first_difference(&recorded.frames, &ours.frames);
        let told = |frame| {
            let words = format!("the answer differs, first in frame {frame}");
            self.difference(Kind::ReplyDiffers { frame }, &words, Some(recorded), Some(ours))
        };
        first.map(told).into_iter().collect()
    }

    /// The first frame that differs, our job's id counting as the recorded one's.
    fn first_difference(&self, recorded: &[Frame], ours: &[Frame]) -> Option<usize> {
        let bound =
            self.comparison.recorded().id_of(self.recorded).zip(self.comparison.ours().id_of(self.ours));
        let same = |recorded: &Frame, ours: &Frame| match bound {
            Some((theirs, mine)) => recorded.admits(&replaced(&ours.bytes, mine, theirs)),
            None => recorded.admits(&ours.bytes),
        };
        let shorter = recorded.len().min(ours.len());
        let differs = (0..shorter).find(|&index| !same(&recorded[index], &ours[index]));
        differs.or((recorded.len() != ours.len()).then_some(shorter))
    }

    // --- orders

    fn runs(&self) -> Vec<Difference> {
        let runs = |conversation: &'a Conversation, request: RequestIndex| {
            conversation.requests[request].job.map_or(&[][..], |job| &conversation.jobs[job].runs)
        };
        let recorded = runs(self.comparison.recorded(), self.recorded);
        let ours = runs(self.comparison.ours(), self.ours);
        match (recorded, ours) {
            ([], []) => Vec::new(),
            ([first, ..], []) => vec![self.difference(
                Kind::RunMissing,
                "no worker was given the job",
                Some(&first.order),
                None,
            )],
            ([], [first, ..]) => vec![self.difference(
                Kind::RunExtra,
                "a worker was given a job that in the recording none got",
                None,
                Some(&first.order),
            )],
            ([theirs, ..], [mine, ..]) => {
                let count = Kind::Runs { recorded: recorded.len(), ours: ours.len() };
                let words = format!("given out {} times instead of {}", ours.len(), recorded.len());
                let counted = (recorded.len() != ours.len())
                    .then(|| self.difference(count, &words, Some(&theirs.order), Some(&mine.order)));
                self.order(theirs, mine).into_iter().chain(counted).collect()
            }
        }
    }

    fn order(&self, recorded: &Run, ours: &Run) -> Option<Difference> {
        let (theirs, mine) = (&recorded.order.frames, &ours.order.frames);
        if theirs.is_empty() {
            return None;
        }
        let form = |conversation: &Conversation, conn| {
            conversation.workers.get(&conn).and_then(|worker| worker.ready)
        };
        let same_form = form(self.comparison.recorded(), recorded.conn).map(|(form, _)| form)
            == form(self.comparison.ours(), ours.conn).map(|(form, _)| form);
        let differs = match (WorkerOrder::read(theirs), WorkerOrder::read(mine)) {
            // Another worker, of another dialect: what counts is the parameter.
            (WorkerOrder::Run { param: theirs, .. }, WorkerOrder::Run { param: mine, .. }) if !same_form => {
                (theirs != mine).then_some(0)
            }
            (WorkerOrder::Run { client: Some(_), .. }, WorkerOrder::Run { client: Some(client), .. })
                if self.is_client(&theirs[0].bytes, &client) =>
            {
                self.first_difference(&theirs[1..], &mine[1..]).map(|frame| frame + 1)
            }
            _ => self.first_difference(theirs, mine),
        };
        let frame = differs?;
        let words = format!("the order to the worker differs, first in frame {frame}");
        Some(self.difference(Kind::RunDiffers { frame }, &words, Some(&recorded.order), Some(&ours.order)))
    }

    /// Whether the client that a zmws 1 worker is told is the one who asked, on both sides: by its own identity, which
    /// the original may have decoded (quirk 8), or by one that its broker gave it.
    fn is_client(&self, recorded: &Bytes, ours: &Bytes) -> bool {
        let given = |identity: &Bytes| identity.len() == 5 && identity[0] == 0;
        let conversation = self.comparison.recorded();
        match conversation.identity_of(conversation.requests[self.recorded].conn) {
            Some(own) if !given(own) => {
                let is_decoded = unhexed(own).is_some_and(|decoded| decoded == *recorded);
                ours == own
                    && (recorded == own || is_decoded && conversation.generation() != Generation::Both)
            }
            _ => given(recorded) && given(ours),
        }
    }

    fn difference(
        &self,
        kind: Kind,
        words: &str,
        recorded: Option<&BrokerMessage>,
        ours: Option<&BrokerMessage>,
    ) -> Difference {
        let about = About::Request(self.recorded);
        let asked_at = self.comparison.recorded().requests[self.recorded].at;
        Difference {
            about,
            words: format!("{}: {words}", self.comparison.subject(about)),
            kind,
            recorded: recorded.map(|heard| heard.frames.clone()),
            ours: ours.map(|heard| heard.frames.clone()),
            at: recorded.or(ours).map_or(asked_at, |heard| heard.at),
        }
    }
}

/// What lies between two pairs of equal messages.
struct Gap {
    recorded: Vec<usize>,
    ours: Vec<usize>,
}

/// The longest common subsequence, and what it leaves over.
fn gaps(recorded: usize, ours: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Gap> {
    let mut longest = vec![vec![0_usize; ours + 1]; recorded + 1];
    let mut equal = vec![vec![false; ours]; recorded];
    for a in (0..recorded).rev() {
        for b in (0..ours).rev() {
            equal[a][b] = same(a, b);
            longest[a][b] = match equal[a][b] {
                true => longest[a + 1][b + 1] + 1,
                false => longest[a + 1][b].max(longest[a][b + 1]),
            };
        }
    }
    let mut found = vec![Gap { recorded: Vec::new(), ours: Vec::new() }];
    let (mut a, mut b) = (0, 0);
    while a < recorded || b < ours {
        let gap = found.last_mut().expect("never empty");
        if a < recorded && b < ours && equal[a][b] {
            found.push(Gap { recorded: Vec::new(), ours: Vec::new() });
            (a, b) = (a + 1, b + 1);
        } else if b == ours || (a < recorded && longest[a + 1][b] >= longest[a][b + 1]) {
            gap.recorded.push(a);
            a += 1;
        } else {
            gap.ours.push(b);
            b += 1;
        }
    }
    found
}

// --- first in, first out

/// The requests of each service in the order in which their jobs were first given out, or given out at all.
fn begun(conversation: &Conversation, runs: Runs) -> BTreeMap<Bytes, Vec<RequestIndex>> {
    let mut all = Vec::new();
    for (index, request) in conversation.requests.iter().enumerate() {
        let given = request.job.map_or(&[][..], |job| &conversation.jobs[job].runs);
        let counted = match runs {
            Runs::First => given.len().min(1),
            Runs::All => given.len(),
        };
        let service = &request.message.service;
        all.extend(given[..counted].iter().map(|run| (run.order.sequence, index, service.clone())));
    }
    all.sort_unstable_by_key(|(sequence, _, _)| *sequence);
    let mut begun: BTreeMap<Bytes, Vec<RequestIndex>> = BTreeMap::new();
    for (_, index, service) in all {
        begun.entry(service).or_default().push(index);
    }
    begun
}

/// Which runs of a job count for its place.
#[derive(Clone, Copy)]
enum Runs {
    First,
    All,
}

fn orders(comparison: Comparison<'_>) -> Vec<Difference> {
    // The original gives a job that lost its worker to the end of the queue; we to the front.
    let runs = match comparison.recorded().generation() {
        Generation::One | Generation::Two => Runs::First,
        Generation::Both => Runs::All,
    };
    let (recorded, ours) = (begun(comparison.recorded(), runs), begun(comparison.ours(), runs));
    let mut found = Vec::new();
    for (service, mine) in &ours {
        let Some(theirs) = recorded.get(service) else { continue };
        let fair = is_fair(comparison.ours(), mine);
        let mine: Vec<_> = mine.iter().filter_map(|&request| comparison.recorded_of(request)).collect();
        let common = |all: &[RequestIndex], other: &[RequestIndex]| -> Vec<RequestIndex> {
            all.iter().copied().filter(|request| other.contains(request)).collect()
        };
        let (theirs, mine) = (common(theirs, &mine), common(&mine, theirs));
        if theirs != mine && !(fair && is_fair(comparison.recorded(), &theirs)) {
            let first = theirs.iter().zip(&mine).find(|(a, b)| a != b).map_or(0, |(a, _)| *a);
            let request = &comparison.recorded().requests[first];
            let service = to_text(service);
            found.push(Difference {
                about: About::Request(first),
                kind: Kind::Order { fair },
                recorded: None,
                ours: None,
                at: request.at,
                words: format!("jobs of {service:?} begun in the order {mine:?} instead of {theirs:?}"),
            });
        }
    }
    found
}

/// Whether this is the order of the requests, but for such as came at the same time.
fn is_fair(conversation: &Conversation, order: &[RequestIndex]) -> bool {
    order.iter().enumerate().all(|(place, &one)| {
        order[place + 1..].iter().all(|&other| {
            let (asked, later) = (&conversation.requests[one], &conversation.requests[other]);
            one < other || (asked.conn != later.conn && asked.at - later.at < SIMULTANEOUS)
        })
    })
}

// --- what else workers are told

fn told(comparison: Comparison<'_>) -> Vec<Difference> {
    let of = |conversation: &Conversation, conn: ConnIndex| -> Vec<BrokerMessage> {
        conversation.workers.get(&conn).map_or_else(Vec::new, |worker| worker.others.clone())
    };
    let mut found = Vec::new();
    for conn in 0..comparison.script.conns.len() {
        let (recorded, ours) = (of(comparison.recorded(), conn), of(comparison.ours(), conn));
        for index in 0..recorded.len().max(ours.len()) {
            let (theirs, mine) = (recorded.get(index), ours.get(index));
            let frames = |heard: Option<&BrokerMessage>| heard.map(|heard| heard.frames.clone());
            if frames(theirs) != frames(mine) {
                found.push(Difference {
                    about: About::Conn(conn),
                    kind: Kind::Told,
                    recorded: frames(theirs),
                    ours: frames(mine),
                    at: theirs.or(mine).map_or(0, |heard| heard.at),
                    words: format!("{} was told something else", comparison.script.conns[conn].peer),
                });
            }
        }
    }
    found
}
