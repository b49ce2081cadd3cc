//! One client's connection: hyper's while there is something to do, and next to nothing's between.
//!
//! hyper reads and writes HTTP/1.1 and 1.0, and keeps buffers of 16 KiB as long as it has a connection.
//! Most connections of a browser or a pool lie idle, so that it gets each from a request's first byte
//! until it is answered, with those that are sent on its heels; a moment later, the stream waits here.
//! What hyper leaves open is done here, too: 408, slow readers, and a close that lets the answer arrive.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::header;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::debug;

use crate::gateway::config::Config;
use crate::gateway::http::Gateway;
use crate::gateway::idle::{Traffic, Turn, Watched};
use crate::gateway::stall::Stall;
use crate::memory::Charge;

type Stopping = watch::Receiver<bool>;

/// A connection that hyper has no work with: its stream, and the beginning of a request that is not
/// there in whole.
struct Between {
    stream: Stall<TcpStream>,
    begun: Bytes,
}

/// Serves a connection until it ends, or until `stopping`.
pub(crate) async fn attend(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopping: Stopping,
    mut charge: Charge,
) {
    let _best_effort = stream.set_nodelay(true);
    let stream = Stall::new(stream, gateway.config.write_timeout);
    let mut between = Between { stream, begun: Bytes::new() };
    loop {
        if between.begun.is_empty() {
            match awaited(between.stream.get_ref(), gateway.config.head_timeout, &mut stopping).await {
                Awaited::Something => {}
                Awaited::TooLong => return linger(between.stream).await,
                Awaited::Stop => return,
            }
        }
        charge.set(BUSY);
        // Boxed, so that the room of it is given back.
        match Box::pin(serve(&gateway, between, peer, &mut stopping)).await {
            Some(again) => between = again,
            None => return,
        }
        charge.set(IDLE + between.begun.len());
    }
}

/// What a connection weighs between two requests, more or less, and while there is one.
pub(crate) const IDLE: usize = 2 << 10;
const BUSY: usize = 24 << 10;

enum Awaited {
    /// Bytes, or the client's end.
    Something,
    TooLong,
    Stop,
}

async fn awaited(stream: &TcpStream, limit: Duration, stopping: &mut Stopping) -> Awaited {
    tokio::select! {
        readable = timeout(limit, stream.readable()) => match readable {
            // What is wrong with it, reading will tell.
            Ok(Ok(()) | Err(_)) => Awaited::Something,
            Err(_) => Awaited::TooLong,
        },
        _ = stopping.wait_for(|&stop| stop) => Awaited::Stop,
    }
}

/// Lets hyper answer what is asked, until nothing is; `None` if the connection is at its end.
async fn serve(
    gateway: &Arc<Gateway>,
    between: Between,
    peer: SocketAddr,
    stopping: &mut Stopping,
) -> Option<Between> {
    let config = &gateway.config;
    let traffic = Arc::new(Traffic::default());
    let io = TokioIo::new(Watched::new(between.stream, between.begun, Arc::clone(&traffic)));
    let cut_short = AtomicBool::new(false);
    // Boxed, as hyper keeps the room of the last request's future for as long as it has the connection.
    let service = service_fn(|request| {
        let (gateway, cut_short, turn) = (Arc::clone(gateway), &cut_short, Turn::begin(&traffic));
        Box::pin(async move {
            let response = gateway.handle(peer, request).await;
            let closes = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
            cut_short.fetch_or(closes, Ordering::Relaxed);
            Ok::<_, Infallible>(response.map(|body| turn.until_sent(body)))
        })
    });
    let mut serving = settings(config).serve_connection(io, service);
    let mut pause = pin!(sleep(PAUSE));
    let mut pausing = false;
    let until_idle = poll_fn(|cx| {
        if let Poll::Ready(ended) = serving.poll_without_shutdown(cx) {
            return Poll::Ready(Some(ended));
        }
        if !traffic.is_idle() {
            pausing = false;
            return Poll::Pending;
        }
        if !std::mem::replace(&mut pausing, true) {
            pause.as_mut().reset(Instant::now() + PAUSE);
        }
        pause.as_mut().poll(cx).map(|()| None)
    });
    let ended = tokio::select! {
        ended = until_idle => ended,
        _ = stopping.wait_for(|&stop| stop) => None,
    };
    let idle = ended.is_none() && traffic.is_idle();
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // An idle one ends at once, and without a word: that is what it is to be told so.
            Pin::new(&mut serving).graceful_shutdown();
            poll_fn(|cx| serving.poll_without_shutdown(cx)).await
        }
    };
    let rest = serving.into_parts();
    // Before hyper is idle, it has taken all that was read before.
    let (stream, _none) = rest.io.into_inner().into_parts();
    // Nothing, perhaps, but in a buffer of 8 KiB.
    let begun = if rest.read_buf.is_empty() { Bytes::new() } else { rest.read_buf };
    let between = Between { stream, begun };
    match ended {
        Ok(()) if idle => return Some(between),
        Ok(()) if !cut_short.load(Ordering::Relaxed) => {}
        Ok(()) => linger(between.stream).await,
        Err(error) => {
            debug!(address = %peer, %error, "connection ended early");
            between.break_off(error.is_timeout(), config.write_timeout).await;
        }
    }
    None
}

impl Between {
    /// Closes; a client that was late with its head is told so, as hyper does it without a word.
    async fn break_off(mut self, late: bool, patience: Duration) {
        if late && !self.begun.is_empty() {
            let _best_effort = timeout(patience, self.stream.write_all(LATE)).await;
        }
        linger(self.stream).await;
    }
}

fn settings(config: &Config) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.head_timeout);
    http.max_buf_size(config.head_max.max(8 << 10));
    http
}

/// How long a connection must lie idle before hyper has to give it back. A client that asks again and again would
/// have its buffers made anew each time.
const PAUSE: Duration = Duration::from_millis(200);

const LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Closes towards the client, and reads on for a while: were its unread bytes left in the socket, the
/// kernel would reset the connection, and the client might never see its answer (RFC 9112 §9.6).
async fn linger(mut stream: Stall<TcpStream>) {
    let reading = async {
        let _already_closed = stream.shutdown().await;
        let mut waste = vec![0; 16 << 10];
        let mut left = LINGER_BYTES;
        while let Ok(count @ 1..) = stream.read(&mut waste).await {
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    };
    let _enough = timeout(LINGER, reading).await;
}

/// How long, and for how many bytes, a client that is being closed upon may go on sending.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand may wait: what each costs then is its task.
    #[tokio::test]
    async fn connection_that_waits_is_small() {
        let listener = crate::gateway::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stream = TcpStream::connect(address).await.expect("it listens");
        let (_stop, stopping) = watch::channel(false);
        let gateway = Arc::new(Gateway::open(Config::default()));
        let charge = gateway.connections.empty();
        let size = size_of_val(&attend(gateway, stream, address, stopping, charge));
        assert!(size <= 832, "{size} bytes");
    }
}
