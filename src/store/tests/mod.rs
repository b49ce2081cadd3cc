//! What every store must do, what a disk can do to one, and how commits are grouped.

mod commit;
mod conformance;
mod disk;
mod lines;
mod torn_disk;

use bytes::Bytes;
use proptest::prelude::*;

use super::Store;
use crate::broker::{Record, Restored, ServiceState, StoredDeadLetter, StoredJob};
use crate::job::{Body, JobId, ServiceName, Timestamp};

pub(super) fn id(bits: u32) -> JobId {
    JobId::from_bits(bits)
}

pub(super) fn job(bits: u32) -> StoredJob {
    StoredJob {
        job: id(bits),
        service: ServiceName::new("MAIL").expect("a name"),
        body: Body::One(Bytes::from(format!("PARAM-JSON: {bits}"))),
        client: Bytes::from_static(b"client"),
        requested_at: Timestamp(u64::from(bits)),
        attempts: 0,
    }
}

/// All that a store keeps.
fn kept(store: &mut dyn Store) -> Vec<Restored> {
    let mut all = Vec::new();
    store.scan(&mut |kept| all.push(kept)).expect("it can be read");
    all
}

/// Changes of few jobs and services, so that they meet.
fn change() -> impl Strategy<Value = Record> {
    let stored = (0..8_u32, prop::collection::vec(any::<u8>(), 0..40), 0..3_u32, 1..3_usize).prop_map(
        |(bits, bytes, attempts, frames)| StoredJob {
            body: Body::from_frames(vec![Bytes::from(bytes); frames]),
            attempts,
            ..job(bits)
        },
    );
    let letter =
        (stored.clone(), any::<bool>(), ".{0,8}").prop_map(|(job, waited, reason)| StoredDeadLetter {
            job,
            waited,
            worker: Bytes::from_static(b"worker"),
            started_at: Timestamp(1),
            failed_at: Timestamp(2),
            reason,
        });
    let state = ("[AB]", any::<bool>(), any::<bool>()).prop_map(|(name, paused, draining)| {
        let service = ServiceName::new(name).expect("a name");
        Record::Service(ServiceState { service, paused, draining })
    });
    prop_oneof![
        3 => stored.clone().prop_map(Record::Accepted),
        1 => stored.prop_map(Record::Retried),
        2 => (0..8_u32, 0..5_u32).prop_map(|(bits, attempts)| Record::Attempted { job: id(bits), attempts }),
        1 => letter.prop_map(Record::Dead),
        3 => (0..8_u32).prop_map(|bits| Record::Finished(id(bits))),
        1 => state,
    ]
}

fn batches() -> impl Strategy<Value = Vec<Vec<Record>>> {
    prop::collection::vec(prop::collection::vec(change(), 0..6), 0..12)
}
