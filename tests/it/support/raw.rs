//! ZMTP 3.0 by hand, on a blocking socket: for peers that misbehave, and for those that need no library.
//!
//! Greets as 3.0, so that it is never sent a PING. Trusts the broker: what it gets is not bounded.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use zmws::message::Dialect;

use super::frames::{self, Message};
use super::{PATIENCE, now};

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct RawPeer {
    stream: TcpStream,
    /// Bytes that have arrived and are not yet used.
    input: Vec<u8>,
}

/// A connection on which nothing was said yet.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the port is open");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

/// The 64 bytes of a greeting: version 3.`minor`, mechanism NULL.
pub(crate) fn greeting(minor: u8) -> Vec<u8> {
    let mut greeting = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, minor];
    greeting.extend(b"NULL");
    greeting.resize(64, 0);
    greeting
}

/// The READY command as a frame.
pub(crate) fn ready(socket_type: &str, identity: &[u8]) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    for (name, value) in [("Socket-Type", socket_type.as_bytes()), ("Identity", identity)] {
        body.push(u8::try_from(name.len()).expect("a short name"));
        body.extend(name.as_bytes());
        body.extend(u32::try_from(value.len()).expect("a short value").to_be_bytes());
        body.extend(value);
    }
    frame(COMMAND, &body)
}

/// A frame: flags, length, body.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = match u8::try_from(body.len()) {
        Ok(length) => vec![flags, length],
        Err(_) => {
            let length = u64::try_from(body.len()).expect("a length");
            [vec![flags | LONG], length.to_be_bytes().to_vec()].concat()
        }
    };
    bytes.extend(body);
    bytes
}

impl RawPeer {
    /// A DEALER without an identity.
    pub(crate) fn dealer(port: u16) -> Self {
        Self::connect(port, "DEALER", b"")
    }

    /// A socket of any type.
    pub(crate) fn connect(port: u16, socket_type: &str, identity: &[u8]) -> Self {
        let mut peer = Self { stream: connect(port), input: Vec::new() };
        peer.write(&greeting(0));
        peer.write(&ready(socket_type, identity));
        let greeted = peer.read_until(PATIENCE, |input| (input.len() >= 64).then_some(64));
        let greeting = greeted.expect("the broker greets");
        assert_eq!((greeting[0], greeting[9], greeting[10]), (0xFF, 0x7F, 3), "{greeting:?}");
        let (flags, body) = peer.frame(PATIENCE).expect("the broker is ready");
        assert!(flags & COMMAND != 0 && body.starts_with(b"\x05READY"), "{body:?}");
        peer
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the connection is open");
    }

    /// Writes bytes as they are, to a peer that may hang up meanwhile.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, frames: &[impl AsRef<[u8]>]) {
        let mut bytes = Vec::new();
        for (index, body) in frames.iter().enumerate() {
            let more = if index + 1 < frames.len() { MORE } else { 0 };
            bytes.extend(frame(more, body.as_ref()));
        }
        self.write(&bytes);
    }

    /// The next message; `None` when the peer has hung up. Fails at the deadline.
    pub(crate) fn receive(&mut self, patience: Duration) -> Option<Message> {
        let mut message = Message::new();
        loop {
            let (flags, body) = self.frame(patience)?;
            if flags & COMMAND == 0 {
                message.push(body);
                if flags & MORE == 0 {
                    return Some(message);
                }
            }
        }
    }

    /// Whether bytes are there, now.
    pub(crate) fn has_input(&mut self) -> bool {
        let mut byte = [0];
        self.stream.set_read_timeout(Some(Duration::from_millis(1))).expect("the time is not zero");
        !self.input.is_empty() || self.stream.peek(&mut byte).is_ok_and(|count| count > 0)
    }

    /// Whether the peer hangs up within the time. What it sends meanwhile is dropped.
    pub(crate) fn is_hung_up(&mut self, patience: Duration) -> bool {
        is_hung_up(&mut self.stream, patience)
    }

    /// The connection itself.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn frame(&mut self, patience: Duration) -> Option<(u8, Vec<u8>)> {
        let bytes = self.read_until(patience, |input| {
            let long = input.first()? & LONG != 0;
            let head = if long { 9 } else { 2 };
            let length = match long {
                true => u64::from_be_bytes(input.get(1..9)?.try_into().ok()?),
                false => u64::from(*input.get(1)?),
            };
            let end = head + usize::try_from(length).ok()?;
            (input.len() >= end).then_some(end)
        })?;
        let head = if bytes[0] & LONG != 0 { 9 } else { 2 };
        Some((bytes[0], bytes[head..].to_vec()))
    }

    /// Reads until `end` knows how many bytes belong together, and takes these.
    fn read_until(&mut self, patience: Duration, end: impl Fn(&[u8]) -> Option<usize>) -> Option<Vec<u8>> {
        let deadline = now() + patience;
        let mut buffer = vec![0; 64 << 10];
        loop {
            if let Some(end) = end(&self.input) {
                return Some(self.input.drain(..end).collect());
            }
            match read(&mut self.stream, &mut buffer, deadline.saturating_duration_since(now())) {
                Some(0) => return None,
                Some(count) => self.input.extend(&buffer[..count]),
                None => panic!("nothing within {patience:?}"),
            }
        }
    }
}

/// Whether the other end hangs up within the time. What it sends meanwhile is dropped.
pub(crate) fn is_hung_up(stream: &mut TcpStream, patience: Duration) -> bool {
    let deadline = now() + patience;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match read(stream, &mut buffer, deadline.saturating_duration_since(now())) {
            Some(0) => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

/// Bytes read; 0 when the other end is gone, `None` when the time is over.
fn read(stream: &mut TcpStream, buffer: &mut [u8], patience: Duration) -> Option<usize> {
    if patience.is_zero() {
        return None;
    }
    stream.set_read_timeout(Some(patience)).expect("the time is not zero");
    match stream.read(buffer) {
        Ok(count) => Some(count),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(error) if error.kind() == ErrorKind::Interrupted => read(stream, buffer, patience),
        Err(_) => Some(0),
    }
}

/// A worker on a thread of its own, until the broker hangs up or it is dropped.
pub(crate) struct RawWorker {
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl RawWorker {
    /// Offers `service` and does what [`frames::work`] says.
    pub(crate) fn start(port: u16, dialect: Dialect, service: &str) -> Self {
        let mut peer = RawPeer::dealer(port);
        peer.send(&frames::ready(dialect, service));
        let stream = peer.stream.try_clone().expect("a socket can be shared");
        let service = service.to_owned();
        let thread = std::thread::spawn(move || serve(peer, dialect, &service));
        Self { stream, thread: Some(thread) }
    }
}

fn serve(mut peer: RawPeer, dialect: Dialect, service: &str) {
    // The broker's heartbeats come each second, so that a message is never far.
    while let Some(message) = peer.receive(PATIENCE) {
        let answers = match frames::read_job(dialect, &message) {
            Some(job) => frames::work(dialect, service, &job),
            None => vec![frames::heartbeat(dialect)],
        };
        for answer in answers {
            peer.send(&answer);
        }
    }
}

impl Drop for RawWorker {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the worker understood all that it got");
            }
        }
    }
}
