//! What the broker's things weigh in the books of memory: their bytes, and what each costs beside them.
//!
//! The costs are those of the structures and of the places in tables, maps and queues, as measured: `tests/weights.rs`
//! compares the books with what the process really takes.

use std::mem::size_of;

use bytes::Bytes;

use super::dead_letters::DeadLetter;
use super::job::{Job, Owner};
use super::services::Service;
use super::snapshot::JobRow;
use super::statistics::Statistics;
use super::worker::Worker;
use crate::job::Body;
use crate::memory::{Account, Memory, Purpose};

/// Where the broker's memory is accounted for.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) jobs: Account,
    pub(super) names: Account,
    pub(super) history: Account,
    pub(super) dead_letters: Account,
}

impl Accounts {
    pub(super) fn of(memory: &Memory) -> Self {
        Self {
            jobs: memory.account(Purpose::Jobs),
            names: memory.account(Purpose::Names),
            history: memory.account(Purpose::History),
            dead_letters: memory.account(Purpose::DeadLetters),
        }
    }
}

/// What an allocation costs beside its bytes.
const ALLOCATION: usize = 16;
/// A place in a hash table that is half full, with a key of a word and a box.
const TABLE: usize = 32;
/// A job beside its body: its box, its places in the table and in a queue.
const JOB: usize = size_of::<Job>() + ALLOCATION + TABLE + 24;
/// A frame beside its bytes: the handle, its allocation, and what counts those that share it.
const FRAME: usize = size_of::<Bytes>() + 2 * ALLOCATION + 24;
/// A worker that had a job and lost it.
pub(super) const OWNER: usize = size_of::<Owner>();
/// A service beside its name: its box, its places in the tables.
const SERVICE: usize = size_of::<Service>() + 2 * ALLOCATION + 2 * TABLE;
/// A worker beside its identity: its place in a table that is not full, its job, its timer.
const WORKER: usize = size_of::<Worker>() * 3 / 2 + 2 * ALLOCATION + 4 * TABLE;
/// A service that a worker offers: the key, and places among the idle ones.
const OFFER: usize = 64;
/// A row of the history beside its texts, the place of its id, and what its parameter costs, which was a job's frame.
const ROW: usize = size_of::<JobRow>() + TABLE + FRAME - size_of::<Bytes>();
/// A dead letter beside its body and names, and its places in two tables.
const DEAD_LETTER: usize = size_of::<DeadLetter>() + 2 * TABLE;

/// A body, its frames among it. An empty frame is a handle and nothing else.
pub(super) fn body(body: &Body) -> usize {
    let frame = |frame: &Bytes| if frame.is_empty() { size_of::<Bytes>() } else { frame.len() + FRAME };
    body.frames().iter().map(frame).sum()
}

/// A job that nobody has lost yet.
pub(super) fn job(job: &Body, identity: &[u8], envelope: &[Bytes]) -> usize {
    let frames: usize = envelope.iter().map(|frame| frame.len() + FRAME).sum();
    JOB + body(job) + identity.len() + frames
}

/// What is counted of a service, from the first job that ended.
pub(super) fn statistics(statistics: &Statistics) -> usize {
    size_of::<Statistics>() + ALLOCATION + statistics.heap()
}

/// A service without statistics.
pub(super) fn service(name: &[u8]) -> usize {
    SERVICE + name.len()
}

/// A worker that offers so many services.
pub(super) fn worker(identity: &[u8], services: usize) -> usize {
    WORKER + identity.len() + services * OFFER
}

/// A row of the history.
pub(super) fn row(row: &JobRow) -> usize {
    let worker = row.run.as_ref().map_or(0, |run| run.worker.len());
    let reason = row.reason.as_ref().map_or(0, super::Reason::weight);
    ROW + row.param.len() + row.client.len() + worker + reason
}

/// A dead letter.
pub(super) fn dead_letter(job: &DeadLetter) -> usize {
    DEAD_LETTER + body(&job.body) + job.client.len() + job.worker.len() + job.reason.weight()
}
