//! HTTP/1.1 by hand: a request as bytes, an answer with Content-Length or until the connection ends.

use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::clock::now;
use crate::zmtp::{connect, read};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body for people and for searches.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request; `head` are further lines, each with its end.
pub(crate) fn request(method: &str, path: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let length = match body.is_empty() && method == "GET" {
        true => String::new(),
        false => format!("Content-Length: {}\r\n", body.len()),
    };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}{length}\r\n");
    [head.as_bytes(), body].concat()
}

/// A connection that asks again and again.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
}

impl Asker {
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        Ok(Self { stream: connect(port)?, input: Vec::new() })
    }

    /// Sends a request as it is.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request)
    }

    /// Sends a request and takes its answer.
    pub(crate) fn ask(&mut self, request: &[u8], patience: Duration) -> io::Result<Answer> {
        self.send(request)?;
        self.answer(patience)
    }

    /// The next answer, but for `100 Continue`.
    pub(crate) fn answer(&mut self, patience: Duration) -> io::Result<Answer> {
        let deadline = now() + patience;
        let mut buffer = vec![0; 64 << 10];
        let mut ended = false;
        loop {
            match parse(&self.input, ended)? {
                Some((answer, used)) => {
                    self.input.drain(..used);
                    if answer.status != 100 {
                        return Ok(answer);
                    }
                }
                None if ended => return Err(ErrorKind::UnexpectedEof.into()),
                None => {
                    let left = deadline.saturating_duration_since(now());
                    let count = read(&mut self.stream, &mut buffer, left)?;
                    ended = count == 0;
                    self.input.extend(&buffer[..count]);
                }
            }
        }
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(port: u16, request: &[u8], patience: Duration) -> io::Result<Answer> {
    Asker::connect(port)?.ask(request, patience)
}

/// GET on a connection of its own.
pub(crate) fn get(port: u16, path: &str, patience: Duration) -> io::Result<Answer> {
    ask(port, &request("GET", path, "Connection: close\r\n", b""), patience)
}

/// The answer at the beginning of `input`, and how many bytes it has.
fn parse(input: &[u8], ended: bool) -> io::Result<Option<(Answer, usize)>> {
    let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&input[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let Some(status) = status else { return Err(ErrorKind::InvalidData.into()) };
    let body = &input[end + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let length = match (status, length) {
        (100 | 204 | 304, _) => 0,
        (_, Some(length)) => length,
        _ if ended => body.len(),
        _ => return Ok(None),
    };
    let answer = body.get(..length).map(|body| Answer { status, body: body.to_vec() });
    Ok(answer.map(|answer| (answer, end + 4 + length)))
}
