//! What was recorded of the PHP gateway is answered with the same bodies.
//!
//! The recorded requests are sent to ours, byte for byte; a broker that plays the recorded part holds
//! what it is asked against what PHP's gateway asked, and answers as PHP's broker did.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::spawn_local;
use zmws::gateway::BodyForm;
use zmws::message::Dialect;
use zmws::transport::{ListenerOptions, Router, RouterEvent};
use zmws::wire;

use crate::http::Http;
use crate::world::{Task, config, gateway, play};

/// Exchanges that are deliberately different, by the trace's own note, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("no HTTP version", "RFC 9112: no request line, 400; upstream kept the line end in the value"),
    ("HEAD", "RFC 9110 §9.3.2: no body"),
    ("OPTIONS", "a preflight is answered, the job is not done"),
    ("colon in the URL", "the job is done; upstream took the line for a header"),
    ("URL-encoded job name", "names are decoded"),
    ("JOB: prefix in URL", "the job is done; upstream took the line for a header"),
    ("garbage line", "RFC 9112 §2.2: 400"),
];

/// One request over HTTP, what it led to, and its answer.
#[derive(Debug, Default)]
struct Exchange {
    note: String,
    request: Vec<u8>,
    asked: Option<Vec<Bytes>>,
    answered: Option<Vec<Bytes>>,
    response: Vec<u8>,
}

#[test]
fn php_1_0_0_gateway_is_replayed() {
    replay("1.0.0", "gateway", Dialect::Zmws1, BodyForm::V1, (48, 7));
}

#[test]
fn php_2_0_0_rc4_gateway_is_replayed() {
    replay("2.0.0-rc4", "gateway-blocking", Dialect::Zmws2, BodyForm::V2, (2, 0));
}

#[test]
fn php_master_gateway_is_replayed() {
    replay("master", "gateway", Dialect::Zmws2, BodyForm::V2, (43, 7));
}

/// Replays one trace, of whose exchanges so many are to be the same, and so many listed as different.
fn replay(version: &str, name: &str, dialect: Dialect, form: BodyForm, expected: (usize, usize)) {
    let exchanges = read(version, name);
    play(async move {
        let (mut same, mut different) = (0, 0);
        for exchange in &exchanges {
            if DIFFERENT.iter().any(|(note, _)| *note == exchange.note) {
                different += 1;
                continue;
            }
            let Some(recorded) = body(&exchange.response) else { continue }; // never answered
            let ours = answer(exchange, dialect, form).await;
            assert_eq!(text(&ours), text(&recorded), "{version}/{name}: {}", exchange.note);
            same += 1;
        }
        assert_eq!((same, different), expected, "same and different ones of {version}/{name}");
    });
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The body of our gateway's answer.
async fn answer(exchange: &Exchange, dialect: Dialect, form: BodyForm) -> Vec<u8> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let router = Rc::new(Router::bind(any, ListenerOptions::default()).expect("a free port"));
    let mut config = config(router.local_addr());
    (config.dialect, config.body_form) = (dialect, form);
    let (gateway, _task) = gateway(config).await;
    let _broker = Task(spawn_local(recorded_broker(
        router,
        exchange.asked.clone(),
        exchange.answered.clone(),
        exchange.note.clone(),
    )));
    let mut http = Http::connect(gateway).await;
    http.send(&exchange.request).await;
    loop {
        let response = http.response().await;
        if response.status != 100 {
            return response.body;
        }
    }
}

/// Is asked what was asked, and answers what was answered.
async fn recorded_broker(
    router: Rc<Router>,
    asked: Option<Vec<Bytes>>,
    answered: Option<Vec<Bytes>>,
    note: String,
) {
    loop {
        let RouterEvent::Message { peer, frames, .. } = router.recv().await else { continue };
        let recorded = asked.clone().unwrap_or_else(|| panic!("{note}: nothing was asked of the broker"));
        assert_eq!(meaning(frames), meaning(recorded), "{note}");
        if let Some(frames) = &answered {
            router.send(peer, frames).expect("it waits");
            router.flush();
        }
    }
}

/// Frames as a broker reads them: an empty parameter frame is none.
fn meaning(frames: Vec<Bytes>) -> String {
    let (_, command) = wire::decode_client_command(frames).expect("a request");
    format!("{command:?}")
}

/// The exchanges of a trace, in order.
fn read(version: &str, name: &str) -> Vec<Exchange> {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "fixtures", "recorded", version, &format!("{name}.jsonl")]
            .iter()
            .collect();
    let trace = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut exchanges: Vec<(String, Exchange)> = Vec::new();
    let mut note = String::new();
    for event in trace.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        if let Some(text) = event["note"].as_str() {
            text.clone_into(&mut note);
        }
        let peer = event["peer"].as_str().unwrap_or_default();
        let to_broker = event["to"] == "broker";
        if let Some(http) = event["http"].as_str() {
            let at = exchanges.iter().position(|(client, _)| client == peer).unwrap_or_else(|| {
                exchanges.push((peer.to_owned(), Exchange { note: note.clone(), ..Exchange::default() }));
                exchanges.len() - 1
            });
            let exchange = &mut exchanges[at].1;
            let side = if to_broker { &mut exchange.request } else { &mut exchange.response };
            side.extend(latin1(http));
        }
        let Some(frames) = event["frames"].as_array().filter(|_| peer == "gateway") else { continue };
        let frames = frames.iter().map(|frame| latin1(frame.as_str().expect("text")).into()).collect();
        assign(&mut exchanges, frames, to_broker);
    }
    exchanges.into_iter().map(|(_, exchange)| exchange).collect()
}

/// PHP's gateway does one request at a time: what it asks is for the last that names the job and has
/// no answer, what it is answered for what it asked last.
fn assign(exchanges: &mut [(String, Exchange)], frames: Vec<Bytes>, to_broker: bool) {
    let mut latest = exchanges.iter_mut().rev().map(|(_, exchange)| exchange);
    if to_broker {
        let job = text(frames.last().expect("a frame"));
        let job = job.strip_prefix("JOB: ").unwrap_or(&job);
        let unasked =
            |exchange: &&mut Exchange| exchange.asked.is_none() && body(&exchange.response).is_none();
        let asks = latest.find(|exchange| unasked(exchange) && text(&exchange.request).contains(job));
        asks.expect("a request").asked = Some(frames);
    } else if let Some(waits) = latest.find(|exchange| exchange.asked.is_some()) {
        // More answers than one are parts of a stream, of which PHP's gateway gives the first.
        waits.answered.get_or_insert(frames);
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(char).expect("a byte")).collect()
}

/// What stands behind the head of a recorded response; `None` if there is none.
fn body(response: &[u8]) -> Option<Vec<u8>> {
    let response = match response.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n") {
        Some(mut rest) => {
            // Said again and again until the body was there, ≥ 2.0.0-rc2.
            while let Some(after) = rest.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n") {
                rest = after;
            }
            rest
        }
        None => response,
    };
    let head = response.windows(2).position(|end| end == b"\n\n")?;
    Some(response[head + 2..].to_vec())
}
