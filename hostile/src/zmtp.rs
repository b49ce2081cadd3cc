//! ZMTP 3.0 by hand, on a blocking socket whose every wait has an end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::clock::now;

pub(crate) const MORE: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const COMMAND: u8 = 4;

/// How long a single write, or the handshake, may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A message: its frames.
pub(crate) type Message = Vec<Vec<u8>>;

/// A connection on which nothing was said yet.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The 64 bytes of a greeting of ZMTP 3.0 with that mechanism.
pub(crate) fn greeting(mechanism: &[u8]) -> Vec<u8> {
    let mut greeting = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0];
    greeting.extend(&mechanism[..mechanism.len().min(20)]);
    greeting.resize(64, 0);
    greeting
}

/// A property of READY.
pub(crate) fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
    let name_length = u8::try_from(name.len()).unwrap_or(255);
    let value_length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    [&[name_length][..], name, &value_length.to_be_bytes(), value].concat()
}

/// READY as a frame.
pub(crate) fn ready(socket_type: &str, identity: &[u8]) -> Vec<u8> {
    let properties = [property(b"Socket-Type", socket_type.as_bytes()), property(b"Identity", identity)];
    command(b"READY", &properties.concat())
}

/// A command as a frame.
pub(crate) fn command(name: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap_or(255);
    frame(COMMAND, &[&[length][..], name, body].concat())
}

/// A frame: flags, length, body.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = match u8::try_from(body.len()) {
        Ok(length) => vec![flags, length],
        Err(_) => announcement(flags, body.len() as u64),
    };
    bytes.extend(body);
    bytes
}

/// The head of a long frame.
pub(crate) fn announcement(flags: u8, length: u64) -> Vec<u8> {
    [&[flags | LONG][..], &length.to_be_bytes()].concat()
}

/// A message as bytes.
pub(crate) fn message(frames: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let size: usize = frames.iter().map(|body| body.as_ref().len() + 9).sum();
    let mut bytes = Vec::with_capacity(size);
    for (index, body) in frames.iter().enumerate() {
        let (more, body) = (u8::from(index + 1 < frames.len()), body.as_ref());
        match u8::try_from(body.len()) {
            Ok(length) => bytes.extend([more, length]),
            Err(_) => bytes.extend(announcement(more, body.len() as u64)),
        }
        bytes.extend_from_slice(body);
    }
    bytes
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// Bytes that have arrived and are not yet used.
    input: Vec<u8>,
    /// Frames of a message whose last has not come.
    begun: Message,
}

impl Peer {
    /// A DEALER without an identity.
    pub(crate) fn dealer(port: u16) -> io::Result<Self> {
        Self::connect(port, "DEALER", b"")
    }

    /// A SUB.
    pub(crate) fn subscriber(port: u16) -> io::Result<Self> {
        Self::connect(port, "SUB", b"")
    }

    /// A socket of any type.
    pub(crate) fn connect(port: u16, socket_type: &str, identity: &[u8]) -> io::Result<Self> {
        Self::shake(connect(port)?, socket_type, identity, &[])
    }

    /// The same as the end that listens; with the property by which zmws's broker is known.
    pub(crate) fn accepted(stream: TcpStream, socket_type: &str) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Self::shake(stream, socket_type, b"", &property(b"X-Zmws", b"1"))
    }

    fn shake(stream: TcpStream, socket_type: &str, identity: &[u8], more: &[u8]) -> io::Result<Self> {
        let mut peer = Self { stream, input: Vec::new(), begun: Message::new() };
        let properties = [
            property(b"Socket-Type", socket_type.as_bytes()),
            property(b"Identity", identity),
            more.to_vec(),
        ];
        peer.write(&[greeting(b"NULL"), command(b"READY", &properties.concat())].concat())?;
        peer.take(PATIENCE, |input| (input.len() >= 64).then_some(64))?;
        peer.frame(PATIENCE)?;
        Ok(peer)
    }

    /// Writes bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, frames: &[impl AsRef<[u8]>]) -> io::Result<()> {
        self.write(&message(frames))
    }

    /// The next message. `TimedOut` at the deadline, and the next call goes on from there; `UnexpectedEof` when the
    /// other end is gone.
    pub(crate) fn receive(&mut self, patience: Duration) -> io::Result<Message> {
        loop {
            let (flags, body) = self.frame(patience)?;
            if flags & COMMAND == 0 {
                self.begun.push(body);
                if flags & MORE == 0 {
                    return Ok(std::mem::take(&mut self.begun));
                }
            }
        }
    }

    /// Takes what has come and drops it; an error when the other end is gone.
    pub(crate) fn discard(&mut self) -> io::Result<()> {
        self.input.clear();
        self.begun.clear();
        let mut buffer = vec![0; 64 << 10];
        self.stream.set_nonblocking(true)?;
        let end = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.stream.set_nonblocking(false)?;
        end
    }

    fn frame(&mut self, patience: Duration) -> io::Result<(u8, Vec<u8>)> {
        let bytes = self.take(patience, |input| {
            let (head, length) = match input.first()? & LONG != 0 {
                true => (9, u64::from_be_bytes(input.get(1..9)?.try_into().ok()?)),
                false => (2, u64::from(*input.get(1)?)),
            };
            let end = head + usize::try_from(length).ok()?;
            (input.len() >= end).then_some(end)
        })?;
        let head = if bytes[0] & LONG != 0 { 9 } else { 2 };
        Ok((bytes[0], bytes[head..].to_vec()))
    }

    /// Reads until `end` knows how many bytes belong together, and takes these.
    fn take(&mut self, patience: Duration, end: impl Fn(&[u8]) -> Option<usize>) -> io::Result<Vec<u8>> {
        let deadline = now() + patience;
        let mut buffer = vec![0; 64 << 10];
        loop {
            if let Some(end) = end(&self.input) {
                return Ok(self.input.drain(..end).collect());
            }
            let left = deadline.saturating_duration_since(now());
            match read(&mut self.stream, &mut buffer, left)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.input.extend(&buffer[..count]),
            }
        }
    }
}

/// Bytes read; `TimedOut` when the time is over.
pub(crate) fn read(stream: &mut TcpStream, buffer: &mut [u8], patience: Duration) -> io::Result<usize> {
    if patience.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(patience))?;
    match stream.read(buffer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Err(ErrorKind::TimedOut.into())
        }
        other => other,
    }
}
