//! Which reply belongs to which request.
//!
//! Pure: it knows no socket and no clock. The driver ([`super::Client`]) sends what
//! [`Session::open`] prepares and hands in what arrives.
//!
//! # Why no answer can reach the wrong request
//!
//! zmws replies name a service and perhaps a job, but never the request they answer: two calls of
//! one service look alike until a job id is known, and a refusal or a list never carries one. So
//! the matching rests on the connection, in one of two ways.
//!
//! **At our own broker** every request travels with a return envelope in front of its delimiter,
//! `[tag, "", "MDPC02", "1", param, job]`, and every reply to it comes back behind the same
//! envelope (the reply envelope of RFC 28). The tag is 16 bytes: 8 drawn anew for each connection, then the
//! request's number, which is counted through the life of the client and never used twice. A reply
//! is delivered only if its tag is that of a request open on this very connection. A request
//! leaves the table with its final reply, when its caller gives up, or when its time is over; what
//! comes after that finds no entry and is dropped, whatever its service is called.
//!
//! **At a foreign broker**, which knows no envelope, a connection carries one request at a time
//! ([`Progress`] without a table). It is used again only after the final reply to that request. If
//! the caller gives up or the time is over, the connection is closed with the request: the broker
//! addresses a late answer to that connection, and it dies with it.
//!
//! **After a reconnect** nothing of the old connection is left: a new session has a new number in
//! its tags, and requests that were open end with an error. Only requests that were never sent, or
//! that the caller called repeatable, are sent again, under a new tag.
//!
//! As a second lock on the same door, [`Progress`] holds each reply against its request: a list
//! does not answer a job, a result of another service or another job does not either. Such a reply
//! is never delivered; on a connection without tags it also ends the connection.

use std::collections::HashMap;

use bytes::Bytes;

use crate::job::{JobId, ServiceName};
use crate::message::{ClientCommand, ClientReply, Dialect, Mode, Origin};

/// Bytes in a tag: the connection's number and the request's, big endian both.
const TAG_LEN: usize = 16;

/// A request's number. Counted through the life of a client; never used twice.
pub(crate) type RequestId = u64;

/// The requests that are open on one tagged connection, each with what waits for its replies.
#[derive(Debug)]
pub(crate) struct Session<W> {
    nonce: u64,
    /// Whether the broker says of each job that is waited for which it is.
    tells_ids: bool,
    open: HashMap<RequestId, Open<W>>,
}

#[derive(Debug)]
struct Open<W> {
    progress: Progress,
    waiter: W,
}

/// What a reply was.
#[derive(Debug)]
pub(crate) enum Received<'a, W> {
    /// A part of the result of a request that stays open.
    Partial(RequestId, &'a mut W, ClientReply),
    /// The last reply to a request, which is closed now.
    Final(W, ClientReply),
    /// No request of this connection has the reply's tag: its caller gave up.
    Stray,
    /// The tag is right and the reply is none to such a request: the broker is at fault. The
    /// request is closed.
    Mismatch(W),
}

impl<W> Session<W> {
    /// The session of a new connection. `nonce` must be drawn anew for each.
    pub(crate) fn new(nonce: u64) -> Self {
        Self { nonce, tells_ids: false, open: HashMap::new() }
    }

    /// The broker was asked to say of each job that is waited for which it is.
    pub(crate) fn expect_ids(&mut self) {
        self.tells_ids = true;
    }

    /// Opens a request; the origin to encode it with.
    pub(crate) fn open(&mut self, id: RequestId, command: &ClientCommand, waiter: W) -> Origin {
        let mut progress = Progress::new(command);
        progress.tells_id = self.tells_ids;
        let earlier = self.open.insert(id, Open { progress, waiter });
        debug_assert!(earlier.is_none(), "request number {id} was used twice");
        let mut origin = Origin::plain(Dialect::Zmws2);
        origin.envelope = Some(Box::new([self.tag(id)]));
        origin
    }

    /// Finds the request that a reply answers.
    pub(crate) fn receive(&mut self, origin: &Origin, reply: ClientReply) -> Received<'_, W> {
        let Some(id) = self.request_of(origin) else { return Received::Stray };
        let Some(open) = self.open.get_mut(&id) else { return Received::Stray };
        match open.progress.judge(&reply) {
            Verdict::Partial => {
                let open = self.open.get_mut(&id).expect("found above");
                Received::Partial(id, &mut open.waiter, reply)
            }
            Verdict::Final => Received::Final(self.close(id).expect("found above"), reply),
            Verdict::Mismatch => Received::Mismatch(self.close(id).expect("found above")),
        }
    }

    /// What waits for a request's replies, if it is open.
    pub(crate) fn waiter_mut(&mut self, id: RequestId) -> Option<&mut W> {
        self.open.get_mut(&id).map(|open| &mut open.waiter)
    }

    /// Closes the request that has the tag of a reply which did not come in whole.
    pub(crate) fn close_tagged(&mut self, tag: &[u8]) -> Option<W> {
        self.close(self.number_in(tag)?)
    }

    /// Closes a request; what waited for it, if it was open.
    pub(crate) fn close(&mut self, id: RequestId) -> Option<W> {
        self.open.remove(&id).map(|open| open.waiter)
    }

    /// Ends the session: what waits, in the order of the requests.
    pub(crate) fn into_waiting(self) -> Vec<W> {
        let mut open: Vec<_> = self.open.into_iter().collect();
        open.sort_unstable_by_key(|(id, _)| *id);
        open.into_iter().map(|(_, open)| open.waiter).collect()
    }

    fn tag(&self, id: RequestId) -> Bytes {
        let mut tag = [0; TAG_LEN];
        tag[..8].copy_from_slice(&self.nonce.to_be_bytes());
        tag[8..].copy_from_slice(&id.to_be_bytes());
        Bytes::copy_from_slice(&tag)
    }

    fn request_of(&self, origin: &Origin) -> Option<RequestId> {
        let [tag] = origin.envelope.as_deref()? else { return None };
        self.number_in(tag)
    }

    fn number_in(&self, tag: &[u8]) -> Option<RequestId> {
        let tag: &[u8; TAG_LEN] = tag.try_into().ok()?;
        let (nonce, id) = tag.split_at(8);
        (nonce == self.nonce.to_be_bytes())
            .then(|| RequestId::from_be_bytes(id.try_into().expect("half of sixteen bytes")))
    }
}

/// How far the replies to one request have come.
#[derive(Debug)]
pub(crate) struct Progress {
    wanted: Wanted,
    /// The job that the parts so far belong to.
    job: Option<JobId>,
    /// Whether the broker may say, once, which job it is.
    tells_id: bool,
}

#[derive(Debug)]
enum Wanted {
    Acceptance(ServiceName),
    Result(ServiceName),
    List,
    Management,
}

/// Whether a reply answers the request, and whether more will come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It does, and more will come.
    Partial,
    /// It does, and it is the last.
    Final,
    /// It does not.
    Mismatch,
}

impl Progress {
    /// What is to come for a command.
    pub(crate) fn new(command: &ClientCommand) -> Self {
        let wanted = match command {
            ClientCommand::Submit { service, mode: Mode::Background, .. } => {
                Wanted::Acceptance(service.clone())
            }
            ClientCommand::Submit { service, mode: Mode::Wait, .. } => Wanted::Result(service.clone()),
            ClientCommand::Inspect { .. } => Wanted::List,
            ClientCommand::Manage { .. } | ClientCommand::Finish { .. } => Wanted::Management,
        };
        Self { wanted, job: None, tells_id: false }
    }

    /// The broker may tell the job's id before its result: it was asked to, whoever it is.
    pub(crate) fn expect_id(&mut self) {
        self.tells_id = true;
    }

    /// Holds a reply against the request. A refusal answers every request: upstream's text may
    /// name the job frame, or nothing, in place of the service (original.md quirks 22 and 24).
    pub(crate) fn judge(&mut self, reply: &ClientReply) -> Verdict {
        match (&self.wanted, reply) {
            (_, ClientReply::Refused { .. }) => Verdict::Final,
            (Wanted::Acceptance(wanted), ClientReply::Accepted { service, .. }) => {
                final_if(wanted == service)
            }
            // Ours tells the id of a job that is waited for, if it is asked to.
            (Wanted::Result(wanted), ClientReply::Accepted { job, service }) if self.tells_id => {
                (self.tells_id, self.job) = (false, Some(*job));
                if wanted == service { Verdict::Partial } else { Verdict::Mismatch }
            }
            (Wanted::Result(wanted), ClientReply::Partial { job, service, .. }) => {
                let right = wanted == service && self.is_same_job(*job);
                self.job = self.job.or(*job);
                if right { Verdict::Partial } else { Verdict::Mismatch }
            }
            (Wanted::Result(wanted), ClientReply::Finished { job, service, .. }) => {
                final_if(wanted == service && self.is_same_job(*job))
            }
            (Wanted::List, ClientReply::Snapshot { .. }) => Verdict::Final,
            (Wanted::Management, ClientReply::Managed { .. }) => Verdict::Final,
            (
                Wanted::Acceptance(_) | Wanted::Result(_) | Wanted::List | Wanted::Management,
                ClientReply::Accepted { .. }
                | ClientReply::Partial { .. }
                | ClientReply::Finished { .. }
                | ClientReply::Snapshot { .. }
                | ClientReply::Managed { .. },
            ) => Verdict::Mismatch,
        }
    }

    fn is_same_job(&self, job: Option<JobId>) -> bool {
        match (self.job, job) {
            (Some(before), Some(now)) => before == now,
            (None, _) | (_, None) => true,
        }
    }
}

fn final_if(right: bool) -> Verdict {
    if right { Verdict::Final } else { Verdict::Mismatch }
}
