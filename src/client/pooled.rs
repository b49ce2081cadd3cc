//! One request on a connection of its own, for brokers that give no envelope back.
//!
//! A connection comes back from here only if the last reply to its request came: see `session.rs`.

use std::future::ready;

use tracing::debug;

use crate::client::CallError;
use crate::client::builder::Results;
use crate::client::link::fits;
use crate::client::request::Request;
use crate::client::session::{Progress, Verdict};
use crate::message::{Dialect, Origin};
use crate::transport::{Dealer, DealerEvent};
use crate::wire;

/// A connection to use.
#[derive(Debug)]
pub(super) enum Pooled {
    /// It has just been asked for.
    New(Dealer),
    /// It has carried a request to its end, or none yet, and is connected as far as is known.
    Used(Dealer),
}

/// What is left when a request is over.
#[derive(Debug, Default)]
pub(super) struct PooledEnd {
    /// The connection, if it may be used again.
    pub(super) dealer: Option<Dealer>,
    /// The request, if it is to be sent (again).
    pub(super) unsent: Option<Box<Request>>,
    /// Whether the broker seems to be gone.
    pub(super) broken: bool,
}

impl PooledEnd {
    fn unsent(request: Box<Request>, broken: bool) -> Self {
        Self { dealer: None, unsent: Some(request), broken }
    }
}

/// How a request is carried.
#[derive(Debug)]
pub(super) struct PooledSettings {
    pub(super) dialect: Dialect,
    pub(super) param_max: usize,
    pub(super) result_max: usize,
    pub(super) results: Results,
}

/// Carries one request.
pub(super) async fn carry(pooled: Pooled, settings: PooledSettings, mut request: Box<Request>) -> PooledEnd {
    let dealer = match pooled {
        Pooled::New(dealer) => match connected(dealer, &mut request).await {
            Up::Yes(dealer) => dealer,
            Up::No => return PooledEnd::unsent(request, true),
            Up::NobodyWaits => return PooledEnd::default(),
        },
        Pooled::Used(dealer) => match still_connected(dealer).await {
            Some(dealer) => dealer,
            None => return PooledEnd::unsent(request, false),
        },
    };
    let frames = wire::encode_client_command(&Origin::plain(settings.dialect), &request.command);
    let frames = frames.ok_or(CallError::Unsupported);
    let frames = match frames.and_then(|frames| fits(&request.command, settings.param_max).map(|()| frames)) {
        Ok(frames) => frames,
        Err(error) => {
            request.fail(error);
            return PooledEnd { dealer: Some(dealer), ..PooledEnd::default() };
        }
    };
    if dealer.sender().try_send(frames).is_err() {
        return PooledEnd::unsent(request, true);
    }
    exchange(dealer, &settings, request).await
}

enum Up {
    Yes(Dealer),
    No,
    NobodyWaits,
}

async fn connected(mut dealer: Dealer, request: &mut Request) -> Up {
    tokio::select! {
        event = dealer.recv() => match event {
            DealerEvent::Connected(_) => Up::Yes(dealer),
            DealerEvent::Message(_) | DealerEvent::TooLarge { .. } | DealerEvent::Disconnected(_) => Up::No,
        },
        () = request.waiter.gone() => Up::NobodyWaits,
    }
}

/// Takes what happened while the connection was idle: nothing should have.
async fn still_connected(mut dealer: Dealer) -> Option<Dealer> {
    tokio::select! {
        biased;
        _ = dealer.recv() => {
            debug!("an idle connection had news, it is closed");
            None
        }
        () = ready(()) => Some(dealer),
    }
}

async fn exchange(mut dealer: Dealer, settings: &PooledSettings, mut request: Box<Request>) -> PooledEnd {
    let (mut progress, sender) = (Progress::new(&request.command), dealer.sender());
    progress.expect_id();
    let (before, mut leaving) = (sender.written(), request.is_heavy());
    loop {
        let event = tokio::select! {
            event = dealer.recv() => event,
            () = sender.moved(), if leaving => {
                leaving = sender.written() <= before;
                if !leaving {
                    request.release();
                }
                continue;
            }
            () = request.waiter.gone() => return PooledEnd::default(),
        };
        let frames = match event {
            DealerEvent::Message(frames) => frames,
            DealerEvent::TooLarge { size, .. } => {
                request.fail(CallError::ResultTooLarge { size, max: settings.result_max });
                return PooledEnd::default();
            }
            DealerEvent::Connected(_) | DealerEvent::Disconnected(_) => return lost(request),
        };
        let Ok((_, reply)) = wire::decode_client_reply(settings.dialect, frames) else {
            request.fail(CallError::Garbled);
            return PooledEnd::default();
        };
        let verdict = progress.judge(&reply);
        let held = settings.results.hold(reply).map_err(CallError::from);
        match verdict {
            Verdict::Partial => {
                let taken = held.and_then(|part| request.waiter.part(part).map_err(|_| CallError::Overrun));
                if let Err(error) = taken {
                    request.fail(error);
                    return PooledEnd::default();
                }
            }
            Verdict::Final => {
                request.waiter.finish(held);
                return PooledEnd { dealer: Some(dealer), ..PooledEnd::default() };
            }
            Verdict::Mismatch => {
                request.fail(CallError::Garbled);
                return PooledEnd::default();
            }
        }
    }
}

fn lost(request: Box<Request>) -> PooledEnd {
    if request.repeatable {
        return PooledEnd::unsent(request, true);
    }
    request.fail(CallError::Lost);
    PooledEnd { broken: true, ..PooledEnd::default() }
}
