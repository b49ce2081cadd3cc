//! What the broker shows of itself, as JSON.

use bytes::Bytes;

use crate::broker::snapshot::Snapshot;

/// A snapshot as the JSON array of PROTOCOL.md §5.
pub fn json(snapshot: &Snapshot) -> Bytes {
    let _ = snapshot;
    todo!()
}
