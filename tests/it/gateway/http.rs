//! A client that sends the bytes it is told and reads responses as RFC 9112 says, no more.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to the gateway.
pub(crate) struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) version: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Http {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway listens");
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the gateway reads");
    }

    /// As [`Http::send`], to a gateway that may have closed: whether it has not.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// The next response; `None` if the gateway closes instead.
    pub(crate) async fn response_or_closed(&mut self) -> Option<Response> {
        if self.buffer.is_empty() && !self.read().await {
            return None;
        }
        Some(self.response().await)
    }

    /// `METHOD target`, with a Host and nothing else.
    pub(crate) async fn ask(&mut self, line: &str) -> Response {
        self.send(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        match line.starts_with("HEAD ") {
            true => self.head().await,
            false => self.response().await,
        }
    }

    /// As [`Http::ask`], for a gateway that may turn us away: the status.
    pub(crate) async fn ask_or_closed(&mut self, line: &str) -> Option<u16> {
        let request = format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.ok()?;
        while !self.buffer.windows(4).any(|end| end == b"\r\n\r\n") && self.read().await {}
        let status = self.buffer.get(9..12)?;
        String::from_utf8_lossy(status).parse().ok()
    }

    /// `METHOD target` with a body, and what headers are given.
    pub(crate) async fn post(&mut self, line: &str, headers: &str, body: &str) -> Response {
        let length = body.len();
        self.send(format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
            .await;
        self.response().await
    }

    /// The next response.
    pub(crate) async fn response(&mut self) -> Response {
        let mut response = self.head().await;
        let chunked = response.header("transfer-encoding") == Some("chunked");
        let length = response.header("content-length").map(|length| length.parse().expect("a number"));
        response.body = match (response.status, chunked, length) {
            (100..200 | 204 | 304, _, _) => Vec::new(),
            (_, true, _) => self.chunks().await,
            (_, false, Some(length)) => self.take(length).await,
            (_, false, None) => self.rest().await,
        };
        response
    }

    /// The next response's head; its body is left where it is, if it has one.
    pub(crate) async fn head(&mut self) -> Response {
        let head = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8(head).expect("heads are ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let mut status = lines.next().expect("a status line").splitn(3, ' ');
        let version = status.next().expect("a version").to_owned();
        let status = status.next().expect("a status").parse().expect("a number");
        let headers = lines.map(|line| line.split_once(": ").expect("a header"));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Response { status, version, headers, body: Vec::new() }
    }

    /// The next chunk of a chunked body; empty for the last.
    pub(crate) async fn chunk(&mut self) -> Vec<u8> {
        let line = String::from_utf8(self.until(b"\r\n").await).expect("ASCII");
        let length = usize::from_str_radix(line.trim_end(), 16).expect("a chunk's length");
        let chunk = self.take(length).await;
        assert_eq!(self.take(2).await, b"\r\n");
        chunk
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk().await;
            if chunk.is_empty() {
                return body;
            }
            body.extend(chunk);
        }
    }

    /// Whether the gateway closes without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.read().await
    }

    async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return self.buffer.drain(..at + end.len()).collect();
            }
            let sofar = String::from_utf8_lossy(&self.buffer).into_owned();
            assert!(self.read().await, "closed after {sofar:?}");
        }
    }

    async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.read().await, "closed within a body");
        }
        self.buffer.drain(..length).collect()
    }

    async fn rest(&mut self) -> Vec<u8> {
        while self.read().await {}
        std::mem::take(&mut self.buffer)
    }

    /// A connection that is reset is closed, too.
    async fn read(&mut self) -> bool {
        self.stream.read_buf(&mut self.buffer).await.is_ok_and(|count| count > 0)
    }
}
