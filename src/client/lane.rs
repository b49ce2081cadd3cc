//! One request on a connection of its own, for brokers that give no envelope back.
//!
//! A connection comes back from here only if the last reply to its request came: see `session.rs`.

use std::future::ready;

use tracing::debug;

use crate::client::CallError;
use crate::client::request::Request;
use crate::client::session::{Progress, Verdict};
use crate::message::{Dialect, Origin};
use crate::transport::{Dealer, DealerEvent};
use crate::wire;

/// A connection to use.
#[derive(Debug)]
pub(super) enum Lane {
    /// It has just been asked for.
    New(Dealer),
    /// It has carried a request to its end, or none yet, and is connected as far as is known.
    Used(Dealer),
}

/// What is left when a request is over.
#[derive(Debug, Default)]
pub(super) struct LaneEnd {
    /// The connection, if it may be used again.
    pub(super) dealer: Option<Dealer>,
    /// The request, if it is to be sent (again).
    pub(super) unsent: Option<Box<Request>>,
    /// Whether the broker seems to be gone.
    pub(super) broken: bool,
}

impl LaneEnd {
    fn unsent(request: Box<Request>, broken: bool) -> Self {
        Self { dealer: None, unsent: Some(request), broken }
    }
}

/// Carries one request.
pub(super) async fn carry(lane: Lane, dialect: Dialect, mut request: Box<Request>) -> LaneEnd {
    let dealer = match lane {
        Lane::New(dealer) => match connected(dealer, &mut request).await {
            Up::Yes(dealer) => dealer,
            Up::No => return LaneEnd::unsent(request, true),
            Up::NobodyWaits => return LaneEnd::default(),
        },
        Lane::Used(dealer) => match still_connected(dealer).await {
            Some(dealer) => dealer,
            None => return LaneEnd::unsent(request, false),
        },
    };
    let Some(frames) = wire::encode_client_command(&Origin::plain(dialect), &request.command) else {
        request.fail(CallError::Unsupported);
        return LaneEnd { dealer: Some(dealer), ..LaneEnd::default() };
    };
    if dealer.sender().try_send(frames).is_err() {
        return LaneEnd::unsent(request, true);
    }
    exchange(dealer, dialect, request).await
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
            DealerEvent::Message(_) | DealerEvent::Disconnected(_) => Up::No,
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

async fn exchange(mut dealer: Dealer, dialect: Dialect, mut request: Box<Request>) -> LaneEnd {
    let mut progress = Progress::new(&request.command);
    loop {
        let event = tokio::select! {
            event = dealer.recv() => event,
            () = request.waiter.gone() => return LaneEnd::default(),
        };
        let frames = match event {
            DealerEvent::Message(frames) => frames,
            DealerEvent::Connected(_) | DealerEvent::Disconnected(_) => return lost(request),
        };
        let Ok((_, reply)) = wire::decode_client_reply(dialect, frames) else {
            request.fail(CallError::Garbled);
            return LaneEnd::default();
        };
        match progress.judge(&reply) {
            Verdict::Partial => {
                if request.waiter.part(reply).is_err() {
                    request.fail(CallError::Overrun);
                    return LaneEnd::default();
                }
            }
            Verdict::Final => {
                request.waiter.finish(Ok(reply));
                return LaneEnd { dealer: Some(dealer), ..LaneEnd::default() };
            }
            Verdict::Mismatch => {
                request.fail(CallError::Garbled);
                return LaneEnd::default();
            }
        }
    }
}

fn lost(request: Box<Request>) -> LaneEnd {
    if request.repeatable {
        return LaneEnd::unsent(request, true);
    }
    request.fail(CallError::Lost);
    LaneEnd { broken: true, ..LaneEnd::default() }
}
