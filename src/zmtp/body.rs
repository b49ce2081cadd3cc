//! The body of a frame that is not a slice of the input: it has not come whole, or is long.
//!
//! Invariants:
//! - there is never more room than twice what has come, or what is about to come: a length that was announced makes none;
//! - a body that is whole has no room to spare.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::frame::Header;

/// The longest frame that may be a slice of the input. A longer one has a buffer of its own, of just its length: what it
/// came in is not kept alive by it.
pub const SLICE_MAX: usize = 32 << 10;

/// The least room to read into, and the most: buffers follow what arrives.
const STEP_MIN: usize = 16 << 10;
const STEP_MAX: usize = 256 << 10;

/// A body on its way.
#[derive(Debug)]
pub(super) struct Body {
    header: Header,
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn new(header: Header) -> Self {
        Self { header, bytes: Vec::new() }
    }

    /// Bytes that have not come.
    pub(super) fn missing(&self) -> usize {
        self.len() - self.bytes.len()
    }

    /// Bytes that have come. Room beyond them was never touched, so that the system has not given it.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what belongs to it off the front of `input`.
    pub(super) fn take(&mut self, input: &mut BytesMut) {
        let count = self.missing().min(input.len());
        self.grow(count);
        self.bytes.extend_from_slice(&input[..count]);
        input.advance(count);
    }

    /// Where the next bytes may be read into: no more than are missing.
    pub(super) fn room(&mut self) -> Limit<&mut Vec<u8>> {
        let count = self.bytes.len().clamp(STEP_MIN, STEP_MAX).min(self.missing());
        self.grow(count);
        (&mut self.bytes).limit(count)
    }

    /// The frame, if it is whole.
    pub(super) fn whole(&mut self) -> Option<(Header, Bytes)> {
        (self.missing() == 0).then(|| (self.header, Bytes::from(std::mem::take(&mut self.bytes))))
    }

    fn grow(&mut self, count: usize) {
        let needed = self.bytes.len() + count;
        if needed > self.bytes.capacity() {
            let wanted = needed.max(2 * self.bytes.len()).min(self.len());
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
    }

    /// Within the limits, so it fits.
    fn len(&self) -> usize {
        self.header.body_len as usize
    }
}
