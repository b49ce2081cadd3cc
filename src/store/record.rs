//! How a job stands in a record: its fields in a fixed order, numbers in big endian, bytes behind their length.
//!
//! | field | form |
//! |---|---|
//! | id | 8 bytes: the halves of the id, 4 bytes each |
//! | requested at | 8 bytes, microseconds since 1970 |
//! | attempts | 4 bytes |
//! | service, client | each 4 bytes of length, then the bytes |
//! | frames | 4 bytes of number, then each as service |
//!
//! A dead letter has behind it: waited (1 byte), started at, failed at, worker, reason.

use bytes::Bytes;

use crate::broker::{StoredDeadLetter, StoredJob};
use crate::job::{Body, JobId, ServiceName, Timestamp};

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a record's {0} cannot be read")]
pub(super) struct BadRecord(&'static str);

pub(super) fn put_job(job: &StoredJob, out: &mut Vec<u8>) {
    out.extend(job.job.to_u64().to_be_bytes());
    out.extend(job.requested_at.0.to_be_bytes());
    out.extend(job.attempts.to_be_bytes());
    put_bytes(job.service.as_bytes(), out);
    put_bytes(&job.client, out);
    let frames = job.body.frames();
    put_length(frames.len(), out);
    frames.iter().for_each(|frame| put_bytes(frame, out));
}

pub(super) fn put_dead(letter: &StoredDeadLetter, out: &mut Vec<u8>) {
    put_job(&letter.job, out);
    out.push(u8::from(letter.waited));
    out.extend(letter.started_at.0.to_be_bytes());
    out.extend(letter.failed_at.0.to_be_bytes());
    put_bytes(&letter.worker, out);
    put_bytes(letter.reason.as_bytes(), out);
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    // Frames and messages are bounded far below.
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend(bytes);
}

/// The id of the job or dead letter that a record is.
pub(super) fn id(record: &[u8]) -> Result<JobId, BadRecord> {
    Reader(record).u64("id").map(JobId::from_u64)
}

pub(super) fn job(record: &[u8]) -> Result<StoredJob, BadRecord> {
    let mut reader = Reader(record);
    let job = reader.job()?;
    reader.finish(job)
}

pub(super) fn dead(record: &[u8]) -> Result<StoredDeadLetter, BadRecord> {
    let mut reader = Reader(record);
    let letter = StoredDeadLetter {
        job: reader.job()?,
        waited: reader.array::<1>("waited")? != [0],
        started_at: Timestamp(reader.u64("start")?),
        failed_at: Timestamp(reader.u64("end")?),
        worker: reader.bytes("worker")?,
        reason: String::from_utf8_lossy(&reader.bytes("reason")?).into_owned(),
    };
    reader.finish(letter)
}

/// What is left of a record.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn job(&mut self) -> Result<StoredJob, BadRecord> {
        let job = JobId::from_u64(self.u64("id")?);
        let requested_at = Timestamp(self.u64("time")?);
        let attempts = self.u32("attempts")?;
        let service = ServiceName::new(self.bytes("service")?).ok_or(BadRecord("service"))?;
        let client = self.bytes("client")?;
        let frames: Result<Vec<_>, _> = (0..self.u32("frames")?).map(|_| self.bytes("frame")).collect();
        Ok(StoredJob { job, service, body: Body::from_frames(frames?), client, requested_at, attempts })
    }

    fn bytes(&mut self, what: &'static str) -> Result<Bytes, BadRecord> {
        let length = self.u32(what)? as usize;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(BadRecord(what))?;
        self.0 = rest;
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], BadRecord> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(BadRecord(what))?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, BadRecord> {
        self.array(what).map(u64::from_be_bytes)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, BadRecord> {
        self.array(what).map(u32::from_be_bytes)
    }

    fn finish<T>(self, read: T) -> Result<T, BadRecord> {
        if self.0.is_empty() { Ok(read) } else { Err(BadRecord("end")) }
    }
}
