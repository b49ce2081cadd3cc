//! Passes bytes on, and tells the trace writer.

use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Observed, Seen, TraceWriter};
use crate::trace::{ConnIndex, Port, Side};

#[derive(Clone, Debug)]
pub struct Route {
    pub listen: SocketAddr,
    /// Where they are passed on to, as `host:port`.
    pub to: String,
    pub port: Port,
}

/// Bytes that are read at a time.
const CHUNK: usize = 64 * 1024;
/// What may wait for the trace writer; a fuller queue slows the traffic.
const QUEUE: usize = 4_096;

/// Records what passes through `routes` until `stop`. `ready` is told where it listens.
pub async fn record(
    routes: Vec<Route>,
    trace_writer: TraceWriter,
    ready: impl FnOnce(&[SocketAddr]),
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let start = Instant::now();
    let (sender, seen) = mpsc::channel(QUEUE);
    let (numbers, mut number) = mpsc::channel(1);
    let mut listeners = Vec::new();
    for route in &routes {
        listeners.push(TcpListener::bind(route.listen).await?);
    }
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
    let writing = tokio::task::spawn_blocking(move || trace_writer.write(seen));
    ready(&addresses);
    let mut tasks = tokio::task::JoinSet::new();
    for (index, (route, listener)) in routes.into_iter().zip(listeners).enumerate() {
        let numbers = numbers.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if numbers.send((index, route.to.clone(), stream)).await.is_err() {
                    return;
                }
            }
        });
    }
    let mut conn: ConnIndex = 0;
    tokio::pin!(stop);
    loop {
        let (route, to, stream) = tokio::select! {
            () = &mut stop => break,
            Some(next) = number.recv() => next,
        };
        let tell = Reporter { conn, start, sender: sender.clone() };
        conn += 1;
        tasks.spawn(pass(stream, to, route, tell));
    }
    tasks.shutdown().await;
    drop(sender);
    writing.await.map_err(io::Error::other)?
}

#[derive(Clone)]
struct Reporter {
    conn: ConnIndex,
    start: Instant,
    sender: mpsc::Sender<Seen>,
}

impl Reporter {
    async fn seen(&self, what: Observed) {
        let at = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let _ = self.sender.send(Seen { at, conn: self.conn, what }).await;
    }
}

async fn pass(peer: TcpStream, to: String, route: usize, tell: Reporter) {
    let Ok(broker) = TcpStream::connect(&to).await else {
        return tell.seen(Observed::Refused(route)).await;
    };
    tell.seen(Observed::Open(route)).await;
    let _ = (peer.set_nodelay(true), broker.set_nodelay(true));
    let ((peer_in, peer_out), (broker_in, broker_out)) = (peer.into_split(), broker.into_split());
    tokio::join!(
        copy(peer_in, broker_out, Side::Broker, tell.clone()),
        copy(broker_in, peer_out, Side::Peer, tell),
    );
}

/// Tells of what comes for `to`, and passes it on. In this order: what comes of it on another connection must not be
/// told of before it.
async fn copy(mut from: OwnedReadHalf, mut out: OwnedWriteHalf, to: Side, tell: Reporter) {
    let mut buffer = BytesMut::with_capacity(CHUNK);
    while matches!(from.read_buf(&mut buffer).await, Ok(1..)) {
        let bytes = buffer.split().freeze();
        tell.seen(Observed::Bytes(to, bytes.clone())).await;
        if out.write_all(&bytes).await.is_err() {
            break;
        }
        buffer.reserve(CHUNK);
    }
    let by = if to == Side::Broker { Side::Peer } else { Side::Broker };
    tell.seen(Observed::Close(by)).await;
    let _ = out.shutdown().await;
}
