//! What the recorder costs: latency at the median and bytes a second, beside a bare TCP proxy and no proxy.
//!
//!     cargo bench -p zmws-compat --bench recorder
//!
//! A peer and an echo speak ZMTP through each of the three: 20 000 round trips of a small message, then 512 MiB in
//! messages of 64 KiB and of 1 KiB one way. It takes some seconds and ends by itself.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use zmws_compat::record::{RecordOptions, Route, TraceWriter, record};
use zmws_compat::trace::{Header, Port};

const ROUNDS: usize = 20_000;
const VOLUME: usize = 512 << 20;

fn main() -> io::Result<()> {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|word| word == "--test") {
        return Ok(());
    }
    println!("{:10} {:>12} {:>12} {:>14} {:>14}", "", "median", "99th", "64 KiB each", "1 KiB each");
    for way in ["nothing", "bare proxy", "recorder"] {
        let (median, high) = latency(way)?;
        let (large, small) = (throughput(way, 64 << 10)?, throughput(way, 1 << 10)?);
        println!(
            "{way:10} {:>9} µs {:>9} µs {large:>9.0} MB/s {small:>9.0} MB/s",
            median.as_micros(),
            high.as_micros()
        );
    }
    Ok(())
}

/// Where to connect, that what is said there reaches `to`.
fn through(way: &str, to: SocketAddr) -> SocketAddr {
    match way {
        "nothing" => to,
        "bare proxy" => bare(to),
        _ => recorder(to),
    }
}

/// A round trip: the median and the 99th of a hundred.
fn latency(way: &str) -> io::Result<(Duration, Duration)> {
    let mut stream = TcpStream::connect(through(way, peer(true)?))?;
    stream.set_nodelay(true)?;
    greet(&mut stream)?;
    let message = message(64);
    let mut answer = vec![0; message.len()];
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = now();
        stream.write_all(&message)?;
        stream.read_exact(&mut answer)?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok((times[ROUNDS / 2], times[ROUNDS * 99 / 100]))
}

/// MB/s one way, in messages of so many bytes.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn throughput(way: &str, size: usize) -> io::Result<f64> {
    let mut stream = TcpStream::connect(through(way, peer(false)?))?;
    greet(&mut stream)?;
    let many = message(size).repeat((256 << 10) / size);
    let start = now();
    let mut sent = 0;
    while sent < VOLUME {
        stream.write_all(&many)?;
        sent += many.len();
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    // The peer hangs up when it has read all.
    io::copy(&mut stream, &mut io::sink())?;
    Ok(sent as f64 / 1e6 / start.elapsed().as_secs_f64())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// The other end: it echoes what it gets, or swallows it.
fn peer(echo: bool) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        greet(&mut stream)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                length if echo => stream.write_all(&buffer[..length])?,
                _ => {}
            }
        }
    });
    Ok(address)
}

/// ZMTP's greeting and READY, both ways (RFC 23).
fn greet(stream: &mut TcpStream) -> io::Result<()> {
    let mut hello = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0];
    hello.extend_from_slice(b"NULL");
    hello.resize(64, 0);
    let ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER";
    hello.extend_from_slice(&[4, u8::try_from(ready.len()).expect("short")]);
    hello.extend_from_slice(ready);
    stream.write_all(&hello)?;
    stream.read_exact(&mut hello)
}

/// A message of one frame, so many bytes with its head.
fn message(size: usize) -> Vec<u8> {
    let body = size - 9;
    let mut bytes = match u8::try_from(body) {
        Ok(short) => vec![0, short],
        Err(_) => [&[2][..], &(body as u64).to_be_bytes()].concat(),
    };
    bytes.extend(b"PARAM-JSON: {\"text\":\"The quick brown fox\"}".iter().cycle().take(body));
    bytes
}

/// A proxy that passes bytes on and no more, made as the recorder's is.
fn bare(to: SocketAddr) -> SocketAddr {
    on_thread(move |tell| async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let _ = tell.send(listener.local_addr()?);
        let (mut peer, _) = listener.accept().await?;
        let mut broker = tokio::net::TcpStream::connect(to).await?;
        peer.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        tokio::io::copy_bidirectional_with_sizes(&mut peer, &mut broker, 64 << 10, 64 << 10).await.map(drop)
    })
}

fn recorder(to: SocketAddr) -> SocketAddr {
    on_thread(move |tell| async move {
        let routes = vec![Route {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            to: to.to_string(),
            port: Port::Frontend,
        }];
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench.jsonl");
        let options =
            RecordOptions { file, bytes_max: 64 << 20, files_max: 2, frame_max: 1 << 20, mask: false };
        let trace_writer = TraceWriter::new(options, Header::default(), &routes)?;
        let ready = move |addresses: &[SocketAddr]| {
            let _ = tell.send(addresses[0]);
        };
        record(routes, trace_writer, ready, std::future::pending()).await
    })
}

/// Runs a proxy on threads of its own, as the program does, and says where it listens.
fn on_thread<F>(proxy: impl FnOnce(std::sync::mpsc::Sender<SocketAddr>) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = io::Result<()>>,
{
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(proxy(tell))
    });
    told.recv().expect("it listens")
}
