//! When the original sends its heartbeats (original.md §3).
//!
//! Its loop wakes on a message, or after a time without any; if by then an interval has passed since the
//! last round, every idle worker hears HEARTBEAT. So a recording tells when each round was due: whoever was
//! idle must have heard it, within half an interval, and nobody hears two rounds in less than that.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{Finding, Original};
use crate::conversation::{End, Worker};
use crate::differ::About;
use crate::script::Act;
use crate::trace::{ConnIndex, Port};

/// How exactly a recording tells when a message passed, in microseconds.
const STAMP: u64 = 200;
/// What each time without a message adds to that.
const DRIFT: u64 = 2_000;
/// How long one turn of the loop may take: what is heard and said in it is of the same moment.
const LOOP: u64 = 10_000;
/// Within which time of its cause a round is heard.
const MOMENT: u64 = 50_000;

/// What passed in a broker's life.
struct Life {
    broker: String,
    began: u64,
    /// From when its rounds are known.
    from: u64,
    to: u64,
    /// Whether it was seen to begin; else it is known from its first heartbeat on.
    seen: bool,
    /// When it heard something.
    heard: Vec<u64>,
    /// When a worker heard a heartbeat.
    beats: Vec<u64>,
}

/// The least time from a message to the round that it made.
fn quickest(life: &Life) -> u64 {
    let after = |&at: &u64| {
        let next = life.beats[life.beats.partition_point(|&beat| beat < at)..].first()?;
        Some(next - at)
    };
    life.heard.iter().filter_map(after).min().unwrap_or(0).min(MOMENT)
}

impl Original<'_> {
    pub(super) fn heartbeats(&self) -> Vec<Finding> {
        let mut found = self.too_soon();
        // How long its loop waits is not known.
        if self.version.worker_form().is_none() {
            return found;
        }
        let conns = &self.comparison.script.conns;
        let brokers: BTreeSet<&str> = conns.iter().map(|conn| conn.broker()).collect();
        for broker in brokers {
            for life in self.lives(broker) {
                let rounds = self.rounds(&life);
                found.extend(rounds.iter().flat_map(|&round| self.missing(&life, round)));
            }
        }
        found
    }

    /// More heartbeats for one worker in half an interval than it has services: it hears one for each.
    fn too_soon(&self) -> Vec<Finding> {
        let half = self.comparison.interval() / 2;
        let of_worker = |(&conn, worker): (&ConnIndex, &Worker)| {
            let count = worker.offers(u64::MAX).len().max(1);
            let many = worker.beats.windows(count + 1).find(|many| many[count] - many[0] < half)?;
            let words = "a worker hears more heartbeats in half an interval than it has services";
            Some(Finding { at: many[count], about: About::Conn(conn), frames: None, words })
        };
        self.comparison.recorded().workers.iter().filter_map(of_worker).collect()
    }

    fn lives(&self, broker: &str) -> Vec<Life> {
        let script = self.comparison.script;
        let own = script.lives.iter().filter(|life| life.broker == broker);
        let mut begun = vec![(0, false)];
        begun.extend(own.map(|life| (life.from, life.seen)));
        let ends = begun.iter().map(|(from, _)| *from).skip(1).chain([script.end]);
        let (heard, beats) = self.times(broker);
        let within = |times: &[u64], from: u64, to: u64| -> Vec<u64> {
            times.iter().copied().filter(|at| (from..to).contains(at)).collect()
        };
        let life = |(&(from, seen), to): (&(u64, bool), u64)| {
            let beats = within(&beats, from, to);
            let (began, from) = (from, if seen { from } else { *beats.first()? });
            Some(Life {
                broker: broker.to_owned(),
                began,
                from,
                to,
                seen,
                heard: within(&heard, from, to),
                beats,
            })
        };
        begun.iter().zip(ends).filter_map(life).collect()
    }

    /// When a broker heard something, and when a worker of it heard a heartbeat.
    fn times(&self, broker: &str) -> (Vec<u64>, Vec<u64>) {
        let (conversation, conns) = (self.comparison.recorded(), &self.comparison.script.conns);
        let is_here = |conn: ConnIndex| conns[conn].broker() == broker;
        let asked = conversation.requests.iter().filter(|request| is_here(request.conn));
        let workers =
            || conversation.workers.iter().filter(|(conn, _)| is_here(**conn)).map(|(_, worker)| worker);
        let signs = workers().flat_map(|worker| worker.signs.iter().copied());
        let mut heard: Vec<u64> = asked.map(|request| request.at).chain(signs).collect();
        let mut beats: Vec<u64> = workers().flat_map(|worker| worker.beats.iter().copied()).collect();
        heard.sort_unstable();
        beats.sort_unstable();
        (heard, beats)
    }

    /// When a round was due for certain.
    fn rounds(&self, life: &Life) -> Vec<u64> {
        let interval = self.comparison.interval();
        let poll = self.version.poll(interval);
        let quickest = quickest(life);
        let mut heard = life.heard.iter().copied().peekable();
        let (mut rounds, mut now, mut due, mut jitter) = (Vec::new(), life.from, 0, STAMP);
        if !life.seen {
            rounds.push(now);
            due = now + interval;
        }
        loop {
            let message = heard.next_if(|&at| at <= now + poll);
            jitter = if message.is_some() { STAMP } else { jitter + DRIFT };
            now = message.unwrap_or(now + poll);
            if now >= life.to {
                return rounds;
            }
            let near = now.saturating_sub(jitter)..now + interval / 2;
            let seen = life.beats.iter().copied().filter(|at| near.contains(at)).min();
            let at_once = seen.is_some_and(|at| at < now + MOMENT);
            if now > due + jitter {
                rounds.push(now);
            } else if now + MOMENT < due || (!at_once && self.shows(life, now)) {
                continue;
            }
            // A round that nobody could hear was some time after this.
            due = interval + seen.map_or(now + LOOP, |seen| seen - quickest.min(seen));
        }
    }

    /// Whether a round would be seen: somebody is idle.
    fn shows(&self, life: &Life, round: u64) -> bool {
        self.idle(life, round).next().is_some()
    }

    /// Workers that were idle in a round and heard nothing.
    fn missing<'b>(&'b self, life: &'b Life, round: u64) -> impl Iterator<Item = Finding> + 'b {
        let words = "an idle worker does not hear the heartbeat that is due";
        let deaf = self.idle(life, round).filter(move |(conn, until)| {
            let worker = &self.comparison.recorded().workers[conn];
            let near = round.saturating_sub(MOMENT)..=*until;
            worker.beats.iter().filter(|at| near.contains(at)).count() < self.count(worker, round)
        });
        deaf.map(move |(conn, _)| Finding { at: round, about: About::Conn(conn), frames: None, words })
    }

    /// How many heartbeats of a round a worker hears at least: one for each of its services, until the first of
    /// them may be given up.
    fn count(&self, worker: &Worker, round: u64) -> usize {
        let patience = self.comparison.expiry();
        let is_fresh = worker.readies.first().is_some_and(|first| round + MOMENT < first + patience);
        let is_one = |service: &&Bytes| self.version.names(service);
        if is_fresh { worker.offers(round).into_iter().filter(is_one).count().max(1) } else { 1 }
    }

    /// Who is idle in a round, and until when.
    fn idle<'b>(&'b self, life: &'b Life, round: u64) -> impl Iterator<Item = (ConnIndex, u64)> + 'b {
        let conns = &self.comparison.script.conns;
        let workers = self.comparison.recorded().workers.iter();
        let of_broker = workers.filter(move |(conn, _)| conns[**conn].broker() == life.broker);
        of_broker.filter_map(move |(&conn, worker)| Some((conn, self.idle_until(life, conn, worker, round)?)))
    }

    /// Until when a worker was idle that was so in a round; `None` if it was not, or that is uncertain.
    fn idle_until(&self, life: &Life, conn: ConnIndex, worker: &Worker, round: u64) -> Option<u64> {
        let interval = self.comparison.interval();
        let patience = self.comparison.expiry();
        let ready = worker.readies.iter().copied().find(|at| (life.began..=round).contains(at))?;
        let last_ready = worker.readies.iter().copied().filter(|&at| at <= round).max()?;
        let signs: Vec<u64> =
            worker.signs.iter().copied().filter(|at| (ready..=round).contains(at)).collect();
        let was_silent =
            signs.windows(2).any(|pair| pair[1] - pair[0] + MOMENT > patience && pair[1] > last_ready);
        let is_silent = signs.last().is_none_or(|last| round + MOMENT > last + patience);
        let is_known = worker.ready.is_some_and(|(form, _)| self.version.knows(form));
        let is_busy = worker.busy.iter().any(|busy| {
            busy.from <= round && (busy.to.is_none_or(|to| to > round) || busy.end != Some(End::Answered))
        });
        if was_silent || is_silent || !is_known || is_busy || self.is_known_by_another(conn, round) {
            return None;
        }
        let next = worker.busy.iter().map(|busy| busy.from).find(|&from| from >= round);
        // It heard what was said in this turn, or was there for long enough.
        let gone = worker.left.unwrap_or(u64::MAX).min(life.to);
        let stays = gone > round + LOOP || next.is_some_and(|next| next < gone);
        // Where no recording shows it, a job may come before the heartbeat of the same turn.
        let is_first = next.is_none_or(|next| next > round + LOOP) || self.version.beats_first();
        let ends = [next, worker.left, Some(life.to), Some(round + interval / 2)];
        ends.into_iter().flatten().min().filter(|_| stays && is_first)
    }

    /// Whether another connection has, or has had, this one's identity: a ROUTER takes no notice of the second
    /// (quirk 16), and the original may still think it busy (quirk 13).
    fn is_known_by_another(&self, conn: ConnIndex, round: u64) -> bool {
        let recorded = self.comparison.recorded();
        let conns = &self.comparison.script.conns;
        let own = recorded.own_identity(conn);
        let steps = self.comparison.script.steps.iter();
        let opened = steps.filter(|step| step.at <= round && matches!(step.act, Act::Open(_)));
        opened.filter_map(|step| step.conn).any(|other| {
            let same_port =
                conns[other].port == Port::Backend && conns[other].broker() == conns[conn].broker();
            other != conn && same_port && own.is_some() && recorded.own_identity(other) == own
        })
    }
}
