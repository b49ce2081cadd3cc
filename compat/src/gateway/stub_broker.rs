//! Our gateway over real sockets, a request at a time, each in front of a broker that knows the recorded
//! answer to it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::timeout;
use zmws::gateway::{self, BodyForm, Config};
use zmws::message::Dialect;
use zmws::transport::{ListenerOptions, Router, RouterEvent};

use super::exchange::{Exchange, Oddity, Response};
use crate::classify::{ClientMessage, Form, Generation};
use crate::conversation::Request;
use crate::script::Script;
use crate::trace::Frame;

#[derive(Debug)]
pub(super) enum Outcome {
    /// It asked the broker something else, or something where the recorded one asked nothing.
    AsksElse {
        recorded: Vec<u8>,
        ours: Vec<u8>,
    },
    /// It asked the same; no more is known.
    ClientMessage,
    Answered(Response),
    Silent,
}

/// How long our gateway may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Plays exchanges one after another.
pub(super) fn play(exchanges: &[Exchange], script: &Script) -> Vec<Outcome> {
    if exchanges.is_empty() {
        return Vec::new();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return exchanges.iter().map(|_| Outcome::Silent).collect() };
    LocalSet::new().block_on(&runtime, async {
        let mut outcomes = Vec::new();
        for exchange in exchanges {
            outcomes.push(one(exchange, script).await);
        }
        outcomes
    })
}

async fn one(exchange: &Exchange, script: &Script) -> Outcome {
    let broker_requests = exchange.broker_requests.iter().map(|&request| &script.recorded.requests[request]);
    let broker_part = StubBroker { broker_requests: broker_requests.collect() };
    let is_answered = exchange.answer().is_some();
    // Nothing is known of what the gateway would do, or it is known to do nothing.
    if !is_answered && broker_part.broker_requests.is_empty() {
        return Outcome::ClientMessage;
    }
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let Ok(router) = Router::bind(any, ListenerOptions::default()) else { return Outcome::Silent };
    let Ok(listener) = gateway::bind("127.0.0.1:0").await else { return Outcome::Silent };
    let Ok(address) = listener.local_addr() else { return Outcome::Silent };
    let config = config(router.local_addr(), broker_part.broker_requests.first().copied(), script);
    let _gateway = Task(spawn_local(gateway::serve(listener, config, std::future::pending())));
    let response = request(address, exchange);
    let broker = broker_part.play(router, is_answered);
    let outcome = async {
        tokio::select! {
            outcome = broker => outcome,
            response = response => response.map_or(Outcome::Silent, Outcome::Answered),
        }
    };
    timeout(TIMEOUT, outcome).await.unwrap_or(Outcome::Silent)
}

/// The settings with which our gateway does as the recorded one did: of the original's the dialect tells the
/// version.
fn config(broker: SocketAddr, request: Option<&Request>, script: &Script) -> Config {
    let recorded = script.recorded.generation();
    let form = request.map(|request| ClientMessage::read(&request.frames, Generation::Both).form);
    let dialect = match (form, recorded) {
        (Some(Form::Zmws1), _) | (None, Generation::One) => Dialect::Zmws1,
        (Some(Form::Zmws2), _) | (None, Generation::Two) => Dialect::Zmws2,
        (Some(Form::Majordomo1 | Form::Majordomo2) | None, _) => Dialect::Zmws1,
    };
    let is_of_ours = recorded == Generation::Both;
    let body_form = if dialect == Dialect::Zmws2 && !is_of_ours { BodyForm::V2 } else { BodyForm::V1 };
    Config { servers: vec![broker.to_string()], dialect, body_form, ..Config::default() }
}

/// The broker's part in an exchange: what it was asked, and what it answered.
struct StubBroker<'a> {
    broker_requests: Vec<&'a Request>,
}

impl StubBroker<'_> {
    /// Is asked what was asked, and answers what was answered. Ends when nothing more is to be learnt.
    async fn play(mut self, router: Router, is_answered: bool) -> Outcome {
        let mut begun = false;
        loop {
            let RouterEvent::Message { peer, frames, .. } = router.recv().await else { continue };
            let ours = ClientMessage::read(&frames, Generation::Both);
            let same = self.broker_requests.iter().position(|recorded| is_same(recorded, &ours));
            let Some(same) = same else {
                // A second request over the same connection, which the original's gateway does not read.
                if begun && self.broker_requests.is_empty() {
                    continue;
                }
                let recorded = self.broker_requests.first().map(|recorded| shown(&recorded.frames));
                return Outcome::AsksElse { recorded: recorded.unwrap_or_default(), ours: shown(&frames) };
            };
            if !is_answered {
                return Outcome::ClientMessage;
            }
            begun = true;
            for reply in &self.broker_requests.remove(same).replies {
                let frames: Vec<Bytes> = reply.frames.iter().map(Frame::filled).collect();
                let _ = router.send(peer, &frames);
            }
            router.flush();
        }
    }
}

/// The same request, whatever its form; an empty parameter is none.
fn is_same(recorded: &Request, ours: &ClientMessage) -> bool {
    let recorded = &ClientMessage::read(&recorded.frames, Generation::Both);
    let param = |asked: &ClientMessage| asked.param.clone().filter(|param| !param.is_empty());
    recorded.service == ours.service && recorded.kind == ours.kind && param(recorded) == param(ours)
}

fn shown(frames: &[Bytes]) -> Vec<u8> {
    frames.join(&b" | "[..])
}

/// Sends a request and reads the answer; `None` if none comes.
async fn request(gateway: SocketAddr, exchange: &Exchange) -> Option<Response> {
    let mut stream = TcpStream::connect(gateway).await.ok()?;
    stream.write_all(&exchange.request).await.ok()?;
    let mut bytes = Vec::new();
    loop {
        if let Some(response) = Response::read(&bytes)
            && is_whole(&response, exchange.oddity())
        {
            return Some(response);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return Response::read(&bytes);
        }
    }
}

/// Whether all that its head announces is there.
fn is_whole(response: &Response, oddity: Oddity) -> bool {
    let length =
        response.header(b"content-length").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    oddity == Oddity::Head
        || response.status == 204
        || length.is_some_and(|length: usize| response.body.len() >= length)
}

/// A task that ends with its owner.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
