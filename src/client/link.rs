//! One connection to a broker of ours, and the requests that are on it.

use std::collections::VecDeque;

use bytes::Bytes;
use tracing::debug;

use crate::client::CallError;
use crate::client::builder::{Builder, Results};
use crate::client::request::Request;
use crate::client::session::{Received, RequestId, Session};
use crate::message::{ClientCommand, ClientReply, Dialect, Origin};
use crate::transport::{DealerSender, SendError};
use crate::wire;
use crate::zmtp::PeerInfo;

/// Requests told apart by their tags.
pub(super) struct Link {
    pub(super) session: Session<Box<Request>>,
    pub(super) sender: DealerSender,
    /// Messages that were queued.
    sent: u64,
    /// Those whose parameters are given up as soon as they have left.
    pub(super) leaving: VecDeque<(u64, RequestId)>,
    param_max: usize,
    result_max: usize,
    results: Results,
}

/// The READY property in which our broker says how large a frame may be.
const FRAME_MAX: &[u8] = b"X-Zmws-Frame-Max";

impl Link {
    pub(super) fn new(nonce: u64, sender: DealerSender, settings: &Builder, peer: &PeerInfo) -> Self {
        let mut session = Session::new(nonce);
        if settings.job_ids {
            session.expect_ids();
        }
        Self {
            session,
            sender,
            sent: 0,
            leaving: VecDeque::new(),
            param_max: settings.param_max.min(frame_max(peer)),
            result_max: settings.result_max,
            results: settings.results.clone(),
        }
    }

    pub(super) fn send(&mut self, request: Box<Request>) {
        let (id, command) = (request.id, request.command.clone());
        if let Err(error) = fits(&command, self.param_max) {
            return request.fail(error);
        }
        let is_heavy = request.is_heavy();
        let origin = self.session.open(id, &command, request);
        let sent = match wire::encode_client_command(&origin, &command) {
            None => Err(CallError::Unsupported),
            Some(frames) => self.sender.try_send(frames).map_err(|error| match error {
                SendError::Full => CallError::Busy,
                SendError::Closed => CallError::Unavailable,
            }),
        };
        if let Err(error) = sent {
            return self.fail(id, error);
        }
        self.sent += 1;
        if let Some(request) = self.session.waiter_mut(id) {
            request.place = self.sent;
        }
        if is_heavy {
            self.leaving.push_back((self.sent, id));
        }
    }

    /// Gives up the parameters that have left.
    pub(super) fn release(&mut self) {
        let written = self.sender.written();
        while let Some(&(place, id)) = self.leaving.front()
            && place <= written
        {
            self.leaving.pop_front();
            if let Some(request) = self.session.waiter_mut(id) {
                request.release();
            }
        }
    }

    pub(super) fn receive(&mut self, frames: Vec<Bytes>) {
        match wire::decode_client_reply(Dialect::Zmws2, frames) {
            Ok((origin, reply)) => self.deliver(&origin, reply),
            Err(error) => debug!(%error, "a reply that cannot be read"),
        }
    }

    /// A reply whose end was dropped.
    pub(super) fn too_large(&mut self, frames: &[Bytes], size: u64) {
        let request = frames.first().and_then(|tag| self.session.close_tagged(tag));
        if let Some(request) = request {
            request.fail(CallError::ResultTooLarge { size, max: self.result_max });
        }
    }

    fn deliver(&mut self, origin: &Origin, reply: ClientReply) {
        match self.session.receive(origin, reply) {
            Received::Partial(id, request, reply) => {
                let taken = self.results.hold(reply).map_err(CallError::from);
                let taken = taken.and_then(|part| request.waiter.part(part).map_err(|_| CallError::Overrun));
                if let Err(error) = taken {
                    self.fail(id, error);
                }
            }
            Received::Final(request, reply) => {
                request.waiter.finish(self.results.hold(reply).map_err(CallError::from));
            }
            Received::Stray => debug!("a reply that nobody waits for"),
            Received::Mismatch(request) => request.fail(CallError::Garbled),
        }
    }

    fn fail(&mut self, id: RequestId, error: CallError) {
        if let Some(request) = self.session.close(id) {
            request.fail(error);
        }
    }
}

/// Whether the parameter is as small as the broker wants it.
pub(super) fn fits(command: &ClientCommand, max: usize) -> Result<(), CallError> {
    let ClientCommand::Submit { body, .. } = command else { return Ok(()) };
    match body.frames().iter().map(Bytes::len).max() {
        Some(size) if size > max => Err(CallError::TooLarge { size, max }),
        Some(_) | None => Ok(()),
    }
}

fn frame_max(peer: &PeerInfo) -> usize {
    let told = peer.properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(FRAME_MAX));
    let told = told.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
    told.unwrap_or(usize::MAX)
}
