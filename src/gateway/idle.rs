//! When a connection is between two requests: the signs of it, as hyper does not tell.
//!
//! A request is under way from its head's last byte until its answer's body is done with, which a
//! [`Turn`] marks. Its answer is written out once hyper, after the last write, has tried to read and
//! found nothing: hyper flushes after each read, and a flush of something writes. [`Watched`] sees that.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What goes on at one connection. Seen by its own task only; atomic, as that may move.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    under_way: AtomicUsize,
    any_request: AtomicBool,
    /// The last thing that was tried is a read, and there is nothing to read.
    quiet: AtomicBool,
}

impl Traffic {
    /// Whether a request was answered, none is under way, and of a next one nothing more is there.
    /// Its first bytes may have been read with what came before.
    pub(crate) fn is_idle(&self) -> bool {
        self.any_request.load(Ordering::Relaxed)
            && self.under_way.load(Ordering::Relaxed) == 0
            && self.quiet.load(Ordering::Relaxed)
    }

    fn stir<T>(&self, tried: Poll<T>) -> Poll<T> {
        self.quiet.store(false, Ordering::Relaxed);
        tried
    }
}

/// A request under way, until dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Traffic>);

impl Turn {
    pub(crate) fn begin(traffic: &Arc<Traffic>) -> Self {
        traffic.any_request.store(true, Ordering::Relaxed);
        traffic.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(traffic))
    }

    /// Lasts until the body is done with.
    pub(crate) fn until_sent<B>(self, body: B) -> Answering<B> {
        Answering { body, _turn: self }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, which keeps its request under way.
#[derive(Debug)]
pub(crate) struct Answering<B> {
    body: B,
    _turn: Turn,
}

impl<B: Body + Unpin> Body for Answering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that is watched, and gives what was read of it before, first.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    unread: Bytes,
    traffic: Arc<Traffic>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, unread: Bytes, traffic: Arc<Traffic>) -> Self {
        Self { stream, unread, traffic }
    }

    /// The stream, and what was never read of what was read before.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.unread)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.has_remaining() {
            let count = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(count));
            return self.traffic.stir(Poll::Ready(Ok(())));
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.traffic.quiet.store(read.is_pending(), Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        self.traffic.stir(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.traffic.stir(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
