//! What waits to be written: small pieces gathered, large ones shared.
//!
//! Not a socket and not a queue of messages: the bytes of one connection, in order.
//!
//! Invariants:
//! - the stream is `closed` from `written_of_front` on, then `open`;
//! - `open` never holds more than [`CHUNK`] bytes and never has more capacity, so that a peer that once
//!   read slowly leaves nothing behind, and a chunk that is written is free at once.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use super::body::SLICE_MAX;
use super::frame::{HEADER_MAX, MORE, long_header};

/// What a piece costs beside its bytes.
const PIECE: usize = size_of::<Bytes>() + 16;

/// The most that is gathered in one piece, and the most capacity kept when all is written.
const CHUNK: usize = 64 << 10;

/// The first capacity of the gathering buffer.
const CHUNK_MIN: usize = 256;

/// Bytes on their way to a peer: small frames gathered in one buffer, large ones shared as they are.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Pieces that grow no more, in order.
    closed: VecDeque<Bytes>,
    /// The piece that is being gathered; comes after all of `closed`.
    open: Vec<u8>,
    /// Bytes of the front piece (of `closed`, or of `open` if there is none) that are written.
    written_of_front: usize,
    len: usize,
    /// Bytes written since the beginning of the connection.
    written: u64,
}

impl Outbox {
    /// Bytes not yet written.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether all is written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All that is not written, if it is in one piece.
    pub fn only_piece(&self) -> Option<&[u8]> {
        self.closed.is_empty().then(|| &self.open[self.written_of_front..])
    }

    /// Fills `slices` from the front, for a vectored write; how many were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.closed.iter().map(Bytes::as_ref).chain(std::iter::once(self.open.as_slice()));
        let mut skip = self.written_of_front;
        let mut filled = 0;
        for piece in pieces {
            let rest = &piece[std::mem::take(&mut skip)..];
            if rest.is_empty() {
                continue;
            }
            let Some(slot) = slices.get_mut(filled) else { break };
            *slot = IoSlice::new(rest);
            filled += 1;
        }
        filled
    }

    /// The first `count` bytes were written.
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.len, "wrote {count} of {} bytes", self.len);
        let count = count.min(self.len);
        self.len -= count;
        self.written += count as u64;
        self.written_of_front += count;
        while let Some(front) = self.closed.front() {
            if self.written_of_front < front.len() {
                return;
            }
            self.written_of_front -= front.len();
            self.closed.pop_front();
        }
        if self.written_of_front == self.open.len() {
            self.written_of_front = 0;
            self.open.clear();
        }
    }

    /// Gives its buffers back, if nothing is in them.
    pub fn rest(&mut self) {
        if self.is_empty() {
            (self.closed, self.open) = Default::default();
        }
    }

    /// Bytes of memory that it holds, fixed costs included.
    pub fn held(&self) -> usize {
        let closed = self.len.saturating_sub(self.open.len()) + self.closed.len() * PIECE;
        closed + self.open.capacity()
    }

    /// The place in the stream where the next byte will stand, counted from the beginning.
    pub fn end(&self) -> u64 {
        self.written + self.len as u64
    }

    /// Bytes written since the beginning of the connection.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes room so that the next `count` gathered bytes, [`CHUNK`] at most, need no more of it.
    #[inline]
    pub(super) fn reserve(&mut self, count: usize) {
        if self.open.capacity() - self.open.len() < count {
            self.grow(count);
        }
    }

    /// Appends a copy of a few bytes: [`SLICE_MAX`] at most.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.open.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends a message of which all is copied: [`SLICE_MAX`] bytes at most with its headers. `false`, and nothing is
    /// appended, if it is longer.
    ///
    /// The room is looked for once a message, not for each header and frame: 90 instructions a job less.
    #[inline]
    pub(super) fn put_message(&mut self, frames: &[Bytes]) -> bool {
        let most = frames.iter().map(|frame| HEADER_MAX + frame.len()).sum::<usize>();
        if most > SLICE_MAX {
            return false;
        }
        self.reserve(most);
        let before = self.open.len();
        for (at, frame) in frames.iter().enumerate() {
            let flags = if at + 1 < frames.len() { MORE } else { 0 };
            match u8::try_from(frame.len()) {
                Ok(short) => self.open.extend_from_slice(&[flags, short]),
                Err(_) => self.open.extend_from_slice(&long_header(flags, frame.len())),
            }
            self.open.extend_from_slice(frame);
        }
        self.len += self.open.len() - before;
        true
    }

    /// Appends bytes of any number, shared if they are so many that they cannot be a slice of a larger buffer.
    #[inline]
    pub(super) fn put_frame(&mut self, bytes: &Bytes) {
        if bytes.len() <= SLICE_MAX {
            self.put(bytes);
        } else {
            self.put_shared(bytes.clone());
        }
    }

    /// Appends a copy of bytes of any number.
    pub(super) fn put_copied(&mut self, bytes: &[u8]) {
        if bytes.len() <= SLICE_MAX {
            self.put(bytes);
        } else {
            self.put_shared(Bytes::copy_from_slice(bytes));
        }
    }

    fn put_shared(&mut self, bytes: Bytes) {
        self.close();
        self.len += bytes.len();
        self.closed.push_back(bytes);
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        let wanted = self.open.len() + count;
        let capacity = if wanted > CHUNK {
            self.close();
            CHUNK
        } else {
            wanted.next_power_of_two().clamp(CHUNK_MIN, CHUNK)
        };
        self.open.reserve_exact(capacity - self.open.len());
    }

    /// Ends the gathering piece. A short one, as before a shared frame, is copied out so that the
    /// buffer stays; a long one is handed over as it is.
    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let piece = if self.open.len() <= CHUNK_MIN {
            let copy = Bytes::copy_from_slice(&self.open);
            self.open.clear();
            copy
        } else {
            Bytes::from(std::mem::take(&mut self.open))
        };
        self.closed.push_back(piece);
    }
}

#[cfg(test)]
mod tests;
