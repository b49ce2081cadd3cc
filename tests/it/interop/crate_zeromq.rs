//! The cells with the crate `zeromq`: a second implementation in Rust, with nothing shared but the wire.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeromq::{DealerSocket, ReqSocket, Socket, SocketRecv, SocketSend, ZmqMessage};
use zmws::message::Dialect;

use super::cases::{Case, SERVICE, TEXTS, check};
use super::is_majordomo;
use crate::support::broker::Broker;
use crate::support::frames::{self, Message};

const PATIENCE: Duration = Duration::from_secs(10);

/// A client of one dialect, on a REQ and on a DEALER, asks a worker of another.
pub(crate) async fn cell(client: Dialect, worker: Dialect) {
    let broker = Broker::start(&[]);
    let worker_task = start_worker(broker.workers, worker).await;
    broker.wait_for_workers(SERVICE, 1);

    let mut dealer = DealerSocket::new();
    dealer.connect(&endpoint(broker.clients)).await.expect("the port is open");
    for case in Case::of(client, worker) {
        ask_dealer(&mut dealer, case, client, worker).await;
    }
    let mut req = ReqSocket::new();
    req.connect(&endpoint(broker.clients)).await.expect("the port is open");
    for case in Case::of_req(client, worker) {
        ask_req(&mut req, case, client, worker).await;
    }
    assert!(!worker_task.is_finished(), "the worker understood all that it got");
    worker_task.abort();
}

fn endpoint(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

/// A DEALER that offers [`SERVICE`] and does what [`frames::work`] says.
async fn start_worker(port: u16, dialect: Dialect) -> JoinHandle<()> {
    let mut socket = DealerSocket::new();
    socket.connect(&endpoint(port)).await.expect("the port is open");
    socket.send(message(frames::ready(dialect, SERVICE))).await.expect("the broker reads");
    tokio::spawn(async move {
        loop {
            let order = from(socket.recv().await.expect("the broker lives"));
            let answers = match frames::read_job(dialect, &order) {
                Some(job) => frames::work(dialect, SERVICE, &job),
                None => vec![frames::heartbeat(dialect)],
            };
            for answer in answers {
                socket.send(message(answer)).await.expect("the broker reads");
            }
        }
    })
}

/// A DEALER sends all requests of a case, then takes all messages.
async fn ask_dealer(socket: &mut DealerSocket, case: Case, client: Dialect, worker: Dialect) {
    for mut request in requests(case, client) {
        // Majordomo wants the delimiter of a DEALER; one of zmws sends none (`1.0.0/client-base`).
        if is_majordomo(client) {
            request.insert(0, Vec::new());
        }
        socket.send(message(request)).await.expect("the broker reads");
    }
    let mut messages = Vec::new();
    for _ in 0..case.messages(client) {
        let next = timeout(PATIENCE, socket.recv()).await;
        messages
            .push(from(next.unwrap_or_else(|_| panic!("{case:?}: no answer")).expect("the broker lives")));
    }
    is_whole(case, &messages);
    check(case, client, worker, &messages);
}

/// A REQ sends a request and takes its message, one after the other.
async fn ask_req(socket: &mut ReqSocket, case: Case, client: Dialect, worker: Dialect) {
    let mut messages = Vec::new();
    for request in requests(case, client) {
        socket.send(message(request)).await.expect("the broker reads");
        let next = timeout(PATIENCE, socket.recv()).await;
        let mut frames =
            from(next.unwrap_or_else(|_| panic!("{case:?}: no answer")).expect("the broker lives"));
        // A REQ takes the delimiter away before it shows the message.
        frames.insert(0, Vec::new());
        messages.push(frames);
    }
    is_whole(case, &messages);
    check(case, client, worker, &messages);
}

/// What a client of a dialect sends for a case, without a delimiter.
fn requests(case: Case, client: Dialect) -> Vec<Message> {
    let ask = |param: Value| frames::request(client, SERVICE, Some(&frames::tagged(&param)));
    match case {
        Case::Reverse => TEXTS.iter().map(|text| ask(json!({"str": text}))).collect(),
        Case::Big => vec![ask(json!({"str": long_text()}))],
        Case::Nothing => vec![frames::request(client, SERVICE, None)],
        Case::Background => vec![in_background(ask(json!({"str": "in the background"})))],
        Case::Fail => vec![ask(json!({"do": "fail"}))],
        Case::Stream => vec![ask(json!({"do": "stream", "parts": 3}))],
        Case::Unknown => {
            let request = frames::request(client, "NOBODY", Some(&frames::tagged(&json!({}))));
            vec![request.clone(), in_background(request)]
        }
        Case::Frames => {
            let mut request = frames::request(client, SERVICE, Some(b"PARAM-JSON: {\"str\": \"x\"}"));
            request.extend([b"\0\xff".to_vec(), Vec::new()]);
            vec![request]
        }
        Case::Mmi => [SERVICE, "NOBODY"]
            .map(|asked| frames::request(client, "mmi.service", Some(asked.as_bytes())))
            .to_vec(),
    }
}

/// The same request without `SYNC-`.
fn in_background(mut request: Message) -> Message {
    let job = request.last_mut().expect("a request has a job");
    let text = String::from_utf8(job.clone()).expect("names are ASCII here");
    *job = text.replacen("SYNC-", "", 1).into_bytes();
    request
}

fn long_text() -> String {
    "abcdefghijklmnopqrstuvwxyz0123456789".chars().cycle().take(2 << 20).collect()
}

fn is_whole(case: Case, messages: &[Message]) {
    if case == Case::Big {
        let value = frames::untagged(messages[0].last().expect("a message has a frame"));
        assert!(value == long_text().chars().rev().collect::<String>(), "2 MiB came back otherwise");
    }
}

fn message(frames: Message) -> ZmqMessage {
    let frames: Vec<Bytes> = frames.into_iter().map(Bytes::from).collect();
    ZmqMessage::try_from(frames).expect("a message has a frame")
}

fn from(message: ZmqMessage) -> Message {
    message.into_vec().iter().map(|frame| frame.to_vec()).collect()
}
