//! HTTP/1.1 by hand: one request, one answer, one connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::PATIENCE;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    /// The body, as far as Content-Length says.
    pub(crate) body: String,
}

/// GET of a path with its query.
pub(crate) fn get(port: u16, path: &str) -> Answer {
    exchange(port, &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"))
}

/// A method of the admin port that changes something.
pub(crate) fn tell(port: u16, method: &str, path: &str) -> Answer {
    let head = "Host: 127.0.0.1\r\nX-Zmws: 1\r\nConnection: close";
    exchange(port, &format!("{method} {path} HTTP/1.1\r\n{head}\r\n\r\n"))
}

/// A request as it stands, and the answer until the connection is closed.
pub(crate) fn exchange(port: u16, request: &str) -> Answer {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the port is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a TCP socket");
    over(stream, request)
}

/// The same, at a socket in the file system.
pub(crate) fn exchange_at(path: &Path, request: &str) -> Answer {
    let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    over(stream, request)
}

fn over(mut stream: impl Read + Write, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the server answers in UTF-8 and closes");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    assert_eq!(length, Some(body.len()), "{text}");
    let status = status.unwrap_or_else(|| panic!("no status: {text:?}"));
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}
