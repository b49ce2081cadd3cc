//! Which request a reply answers, and which a job comes from.

use bytes::Bytes;

use super::{Conversation, Job, JobIndex, Request, RequestIndex, Violation};
use crate::classify::{ClientMessage, Reply, RequestKind};
use crate::trace::ConnIndex;

impl Conversation {
    // --- which request a reply answers

    pub(super) fn request_of(&mut self, conn: ConnIndex, reply: &Reply) -> Option<RequestIndex> {
        let service = reply.service().cloned();
        let names = |request: &Request| service.as_ref().is_none_or(|name| *name == request.message.service);
        if let Reply::Accepted { id, .. } = reply {
            return self.accepted(conn, id, names);
        }
        if let Some(id) = reply.id() {
            let known = self.job_of(conn, id).and_then(|job| self.jobs[job].request);
            if let Some(request) = known {
                return self.same_client(conn, self.requests[request].conn).then_some(request);
            }
            // One that was refused is over.
            let jobless = |request: &Request| {
                let waits = request.message.kind == RequestKind::Wait && request.replies.is_empty();
                waits && request.job.is_none() && names(request)
            };
            let request = self.open(conn, jobless)?;
            self.bind(conn, id, request);
            return Some(request);
        }
        let fits = |request: &Request| request.replies.is_empty() && self.fits(&request.message, reply);
        let unanswered = |request: &Request| request.replies.is_empty();
        self.open(conn, fits).or_else(|| self.open(conn, unanswered)).or_else(|| self.last(conn))
    }

    /// An id that is told first by the acknowledgement, or that a worker had already: then the request
    /// that was thought to have made the job may have been another of the same words.
    fn accepted(
        &mut self,
        conn: ConnIndex,
        id: &Bytes,
        names: impl Fn(&Request) -> bool,
    ) -> Option<RequestIndex> {
        let known = self.job_of(conn, id).and_then(|job| self.jobs[job].request);
        if let Some(request) = known
            && self.requests[request].conn == conn
            && self.requests[request].message.kind == RequestKind::Background
        {
            return Some(request);
        }
        let unanswered = |request: &Request| request.replies.is_empty() && names(request);
        let background =
            |request: &Request| unanswered(request) && request.message.kind == RequestKind::Background;
        let request = self.open(conn, background).or_else(|| self.open(conn, unanswered))?;
        if let Some(other) = known
            && self.requests[other].message.kind == RequestKind::Background
        {
            let at = self.requests[request].at;
            self.violations.push((at, Violation::SameId { request: other }));
        }
        self.bind(conn, id, request);
        Some(request)
    }

    /// Whether two connections are one client's: it may come back under its identity.
    fn same_client(&self, one: ConnIndex, other: ConnIndex) -> bool {
        one == other
            || self.identities.get(&one).is_some_and(|identity| self.identities.get(&other) == Some(identity))
    }

    fn fits(&self, asked: &ClientMessage, reply: &Reply) -> bool {
        match reply {
            Reply::Refused { name } => {
                (asked.kind != RequestKind::List) && (*name == asked.service || *name == asked.job)
            }
            Reply::Majordomo { service, .. } => *service == asked.service,
            Reply::Other => asked.kind == RequestKind::List,
            Reply::Accepted { .. } | Reply::Part { .. } | Reply::Ended { .. } => false,
        }
    }

    /// The oldest request over `conn`, of the broker's present life, that `fits`.
    fn open(&self, conn: ConnIndex, fits: impl Fn(&Request) -> bool) -> Option<RequestIndex> {
        let life = self.life(conn);
        let mut requests = self.requests.iter();
        requests.position(|request| request.conn == conn && request.life == life && fits(request))
    }

    fn last(&self, conn: ConnIndex) -> Option<RequestIndex> {
        self.requests.iter().rposition(|request| request.conn == conn)
    }

    // --- which request a job comes from

    fn bind(&mut self, conn: ConnIndex, id: &Bytes, request: RequestIndex) -> JobIndex {
        let key = (self.conns[conn].broker().to_owned(), id.clone());
        let job = match self.ids.get(&key) {
            Some(&job) => job,
            None => self.new_job(key, None),
        };
        if let Some(before) = self.jobs[job].request.replace(request)
            && before != request
        {
            self.requests[before].job = None;
        }
        self.requests[request].job = Some(job);
        job
    }

    fn new_job(&mut self, key: (String, Bytes), request: Option<RequestIndex>) -> JobIndex {
        let id = key.1.clone();
        self.jobs.push(Job { id, request, runs: Vec::new() });
        self.ids.insert(key, self.jobs.len() - 1);
        self.jobs.len() - 1
    }

    pub(super) fn job_given(
        &mut self,
        conn: ConnIndex,
        id: &Bytes,
        param: Option<&Bytes>,
        client: Option<&Bytes>,
    ) -> JobIndex {
        if let Some(job) = self.job_of(conn, id) {
            return job;
        }
        match self.maker(conn, param, client) {
            Some(request) => self.bind(conn, id, request),
            None => self.new_job((self.conns[conn].broker().to_owned(), id.clone()), None),
        }
    }

    /// The request that made a job which a worker is the first to hear of: the best likeness, and the
    /// oldest of equals.
    fn maker(&self, conn: ConnIndex, param: Option<&Bytes>, client: Option<&Bytes>) -> Option<RequestIndex> {
        let services = &self.workers[&conn].services;
        let broker = self.conns[conn].broker();
        let life = self.life(conn);
        let candidates = self.requests.iter().enumerate().filter(|(_, request)| {
            request.job.is_none()
                && request.life == life
                && request.message.is_job()
                && request.replies.is_empty()
                && self.conns[request.conn].broker() == broker
        });
        let likeness = |request: &Request| {
            let asked = &request.message;
            let of_service = services.contains_key(&asked.service);
            let same_param = match (param, &asked.param) {
                (Some(given), Some(sent)) => given == sent,
                (Some(given), None) => given.is_empty() || *given == asked.job,
                (None, sent) => sent.is_none(),
            };
            let same_client = client.is_some_and(|client| self.identity_of(request.conn) == Some(client));
            (of_service, same_client, same_param, asked.kind == RequestKind::Wait)
        };
        let best = candidates.map(|(index, request)| (likeness(request), std::cmp::Reverse(index))).max()?;
        Some(best.1.0)
    }

    /// The identity that a peer gave itself.
    pub fn own_identity(&self, conn: ConnIndex) -> Option<&Bytes> {
        self.identities.get(&conn)
    }

    /// The identity of a client: its own, or the one that zmws 1 workers were told.
    pub fn identity_of(&self, conn: ConnIndex) -> Option<&Bytes> {
        if let Some(identity) = self.identities.get(&conn) {
            return Some(identity);
        }
        let runs = self
            .jobs
            .iter()
            .filter(|job| job.request.is_some_and(|request| self.requests[request].conn == conn));
        runs.flat_map(|job| &job.runs).find_map(|run| match &run.order.frames[..] {
            [client, _, _, _] if !client.bytes.is_empty() => Some(&client.bytes),
            _ => None,
        })
    }
}
