//! What the tests of the console share: a broker's admin port with answers made for the test.

use std::cell::RefCell;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::supervise::admin::{Admin, Place};

/// Runs a test, which must end in time.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test ends in time")
    })
}

/// A folder that goes with the test.
pub(super) struct Scratch(PathBuf);

/// A new folder.
pub(super) fn scratch() -> Scratch {
    let number = std::sync::atomic::AtomicU64::fetch_add(&NEXT, 1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("zmws-console-{}-{number}", std::process::id()));
    std::fs::create_dir(&path).expect("it is new");
    Scratch(path)
}

static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

impl Scratch {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An admin port that writes down what it is asked.
pub(super) struct Broker {
    /// It, for those who ask.
    pub(super) admin: Admin,
    requests: Rc<RefCell<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Broker {
    /// Answers each `METHOD /path?query` with a status and a body.
    pub(super) async fn start(answer: impl Fn(&str) -> (u16, String) + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
        let admin = Admin::at(Place::Port(listener.local_addr().expect("it listens")));
        let requests: Rc<RefCell<Vec<String>>> = Rc::default();
        let seen = Rc::clone(&requests);
        let task = spawn_local(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("it listens");
                let request = head(&mut stream).await;
                let (status, body) = answer(&request);
                seen.borrow_mut().push(request);
                let length = body.len();
                let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
                stream.write_all(text.as_bytes()).await.expect("somebody listens");
            }
        });
        Self { admin, requests, task }
    }

    /// What it was asked so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Method and target of a request; it must have the header that no browser sends.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request has an end"));
    }
    let head = String::from_utf8(head).expect("a request is ASCII");
    assert!(head.to_ascii_lowercase().contains("x-zmws: 1"), "{head}");
    let line = head.lines().next().expect("it is not empty");
    line.trim_end_matches(" HTTP/1.1").to_owned()
}
