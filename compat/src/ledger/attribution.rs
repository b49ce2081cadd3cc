//! Which question a reply answers, and which a job comes from.

use bytes::Bytes;

use super::{Job, JobIndex, Ledger, Offence, Question, QuestionIndex};
use crate::glance::{Asked, Kind, Reply};
use crate::trace::ConnIndex;

impl Ledger {
    // --- which question a reply answers

    pub(super) fn question_of(&mut self, conn: ConnIndex, reply: &Reply) -> Option<QuestionIndex> {
        let service = reply.service().cloned();
        let names = |question: &Question| service.as_ref().is_none_or(|name| *name == question.asked.service);
        if let Reply::Accepted { id, .. } = reply {
            return self.accepted(conn, id, names);
        }
        if let Some(id) = reply.id() {
            let known = self.job_of(conn, id).and_then(|job| self.jobs[job].question);
            if let Some(question) = known {
                return self.same_client(conn, self.questions[question].conn).then_some(question);
            }
            // One that was refused is over.
            let jobless = |question: &Question| {
                let waits = question.asked.kind == Kind::Wait && question.replies.is_empty();
                waits && question.job.is_none() && names(question)
            };
            let question = self.open(conn, jobless)?;
            self.bind(conn, id, question);
            return Some(question);
        }
        let fits = |question: &Question| question.replies.is_empty() && self.fits(&question.asked, reply);
        let unanswered = |question: &Question| question.replies.is_empty();
        self.open(conn, fits).or_else(|| self.open(conn, unanswered)).or_else(|| self.last(conn))
    }

    /// An id that is told first by the acknowledgement, or that a worker had already: then the question
    /// that was thought to have made the job may have been another of the same words.
    fn accepted(
        &mut self,
        conn: ConnIndex,
        id: &Bytes,
        names: impl Fn(&Question) -> bool,
    ) -> Option<QuestionIndex> {
        let known = self.job_of(conn, id).and_then(|job| self.jobs[job].question);
        if let Some(question) = known
            && self.questions[question].conn == conn
            && self.questions[question].asked.kind == Kind::Background
        {
            return Some(question);
        }
        let unanswered = |question: &Question| question.replies.is_empty() && names(question);
        let background =
            |question: &Question| unanswered(question) && question.asked.kind == Kind::Background;
        let question = self.open(conn, background).or_else(|| self.open(conn, unanswered))?;
        if let Some(other) = known
            && self.questions[other].asked.kind == Kind::Background
        {
            let at = self.questions[question].at;
            self.offences.push((at, Offence::SameId { question: other }));
        }
        self.bind(conn, id, question);
        Some(question)
    }

    /// Whether two connections are one client's: it may come back under its identity.
    fn same_client(&self, one: ConnIndex, other: ConnIndex) -> bool {
        one == other
            || self.identities.get(&one).is_some_and(|identity| self.identities.get(&other) == Some(identity))
    }

    fn fits(&self, asked: &Asked, reply: &Reply) -> bool {
        match reply {
            Reply::Refused { name } => {
                (asked.kind != Kind::List) && (*name == asked.service || *name == asked.job)
            }
            Reply::Majordomo { service, .. } => *service == asked.service,
            Reply::Other => asked.kind == Kind::List,
            Reply::Accepted { .. } | Reply::Part { .. } | Reply::Ended { .. } => false,
        }
    }

    /// The oldest question over `conn`, of the broker's present life, that `fits`.
    fn open(&self, conn: ConnIndex, fits: impl Fn(&Question) -> bool) -> Option<QuestionIndex> {
        let life = self.life(conn);
        let mut questions = self.questions.iter();
        questions.position(|question| question.conn == conn && question.life == life && fits(question))
    }

    fn last(&self, conn: ConnIndex) -> Option<QuestionIndex> {
        self.questions.iter().rposition(|question| question.conn == conn)
    }

    // --- which question a job comes from

    fn bind(&mut self, conn: ConnIndex, id: &Bytes, question: QuestionIndex) -> JobIndex {
        let key = (self.conns[conn].broker().to_owned(), id.clone());
        let job = match self.ids.get(&key) {
            Some(&job) => job,
            None => self.new_job(key, None),
        };
        if let Some(before) = self.jobs[job].question.replace(question)
            && before != question
        {
            self.questions[before].job = None;
        }
        self.questions[question].job = Some(job);
        job
    }

    fn new_job(&mut self, key: (String, Bytes), question: Option<QuestionIndex>) -> JobIndex {
        let id = key.1.clone();
        self.jobs.push(Job { id, question, runs: Vec::new() });
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
            Some(question) => self.bind(conn, id, question),
            None => self.new_job((self.conns[conn].broker().to_owned(), id.clone()), None),
        }
    }

    /// The question that made a job which a worker is the first to hear of: the best likeness, and the
    /// oldest of equals.
    fn maker(&self, conn: ConnIndex, param: Option<&Bytes>, client: Option<&Bytes>) -> Option<QuestionIndex> {
        let services = &self.workers[&conn].services;
        let broker = self.conns[conn].broker();
        let life = self.life(conn);
        let candidates = self.questions.iter().enumerate().filter(|(_, question)| {
            question.job.is_none()
                && question.life == life
                && question.asked.is_job()
                && question.replies.is_empty()
                && self.conns[question.conn].broker() == broker
        });
        let likeness = |question: &Question| {
            let asked = &question.asked;
            let of_service = services.contains_key(&asked.service);
            let same_param = match (param, &asked.param) {
                (Some(given), Some(sent)) => given == sent,
                (Some(given), None) => given.is_empty() || *given == asked.job,
                (None, sent) => sent.is_none(),
            };
            let same_client = client.is_some_and(|client| self.identity_of(question.conn) == Some(client));
            (of_service, same_client, same_param, asked.kind == Kind::Wait)
        };
        let best =
            candidates.map(|(index, question)| (likeness(question), std::cmp::Reverse(index))).max()?;
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
            .filter(|job| job.question.is_some_and(|question| self.questions[question].conn == conn));
        runs.flat_map(|job| &job.runs).find_map(|run| match &run.order.frames[..] {
            [client, _, _, _] if !client.bytes.is_empty() => Some(&client.bytes),
            _ => None,
        })
    }
}
