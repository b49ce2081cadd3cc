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
use crate::glance::{Asked, Form, Generation};
use crate::ledger::Question;
use crate::script::Script;
use crate::trace::Frame;

/// What our gateway did.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It asked the broker something else, or something where the recorded one asked nothing.
    AsksElse { recorded: Vec<u8>, ours: Vec<u8> },
    /// It asked the same; no more is known.
    Asked,
    /// It answered.
    Answered(Response),
    /// It did not answer.
    Silent,
}

/// How long our gateway may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
    let question = exchange.question.map(|question| &script.recorded.questions[question]);
    let part = Part {
        asked: question
            .map(|question| (Asked::read(&question.frames, Generation::Both), question.frames.clone())),
        replies: question
            .map(|question| &question.replies[..])
            .unwrap_or_default()
            .iter()
            .map(|heard| heard.frames.iter().map(Frame::filled).collect())
            .collect(),
    };
    let is_answered = exchange.answer().is_some();
    // Nothing is known of what the gateway would do, or it is known to do nothing.
    if !is_answered && question.is_none() {
        return Outcome::Asked;
    }
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let Ok(router) = Router::bind(any, ListenerOptions::default()) else { return Outcome::Silent };
    let Ok(listener) = gateway::bind("127.0.0.1:0").await else { return Outcome::Silent };
    let Ok(address) = listener.local_addr() else { return Outcome::Silent };
    let config = config(router.local_addr(), generation(question, script));
    let _gateway = Task(spawn_local(gateway::serve(listener, config, std::future::pending())));
    let response = request(address, exchange);
    let broker = part.play(router, is_answered);
    let outcome = async {
        tokio::select! {
            outcome = broker => outcome,
            response = response => response.map_or(Outcome::Silent, Outcome::Answered),
        }
    };
    timeout(PATIENCE, outcome).await.unwrap_or(Outcome::Silent)
}

/// Of which generation the recorded gateway is: that of its question, or else of its broker.
fn generation(question: Option<&Question>, script: &Script) -> Generation {
    match question.map(|question| Asked::read(&question.frames, Generation::Both).form) {
        Some(Form::Zmws1) => Generation::One,
        Some(Form::Zmws2) => Generation::Two,
        Some(Form::Majordomo1 | Form::Majordomo2) | None => script.recorded.generation(),
    }
}

fn config(broker: SocketAddr, generation: Generation) -> Config {
    let (dialect, body_form) = match generation {
        Generation::One | Generation::Both => (Dialect::Zmws1, BodyForm::V1),
        Generation::Two => (Dialect::Zmws2, BodyForm::V2),
    };
    Config { servers: vec![broker.to_string()], dialect, body_form, ..Config::default() }
}

/// The broker's part in an exchange.
struct Part {
    asked: Option<(Asked, Vec<Bytes>)>,
    replies: Vec<Vec<Bytes>>,
}

impl Part {
    /// Is asked what was asked, and answers what was answered. Ends when nothing more is to be learnt.
    async fn play(self, router: Router, is_answered: bool) -> Outcome {
        loop {
            let RouterEvent::Message { peer, frames, .. } = router.recv().await else { continue };
            let ours = Asked::read(&frames, Generation::Both);
            match &self.asked {
                Some((recorded, _)) if is_same(recorded, &ours) => {}
                recorded => {
                    let recorded = recorded.as_ref().map(|(_, frames)| shown(frames)).unwrap_or_default();
                    return Outcome::AsksElse { recorded, ours: shown(&frames) };
                }
            }
            if !is_answered {
                return Outcome::Asked;
            }
            for reply in &self.replies {
                let _ = router.send(peer, reply);
            }
            router.flush();
            // Whatever else the same client asks is not compared, and not answered.
            std::future::pending::<()>().await;
        }
    }
}

/// The same question, whatever its form; an empty parameter is none.
fn is_same(recorded: &Asked, ours: &Asked) -> bool {
    let param = |asked: &Asked| asked.param.clone().filter(|param| !param.is_empty());
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
