//! What may differ, and how: the rules that entries of the known differences name.
//!
//! A rule looks at what differs, never at a file's name. It looks at both sides: at what the recorded broker
//! did that its version does (all else is refused by `original` before), and at what we do instead.

mod dialects;
mod frames;
mod http;
mod lists;
mod workers;

use bytes::Bytes;
use serde::Deserialize;

use crate::classify::{ClientMessage, Generation};
use crate::conversation::{Job, Request, Run};
use crate::differ::{About, Comparison, Difference, Kind};
use crate::original::{Version, refusals};
use crate::trace::Frame;

/// A kind of deliberate difference.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A job without a parameter gives the worker an empty frame, not the job frame.
    NoParamIsEmpty,
    /// The frame `0` is data, not nothing.
    ZeroIsData,
    /// A parameter or identity of `@` and 32 or 34 characters is not taken for hexadecimal.
    HexIsNotDecoded,
    /// A refusal names a service whose name is too long by its beginning.
    LongNamesAreCut,
    /// A result passes as it is, whatever it begins with.
    ResultsPassAsTheyAre,
    /// A client may be called `0`.
    ClientZero,
    /// A zmws 1 message is served in zmws 1 by a broker that follows the original's 2.x.
    Zmws1Served,
    /// A zmws 2 message is served in zmws 2 by a broker that follows the original's 1.x.
    Zmws2Served,
    /// A Majordomo client is served in Majordomo.
    MajordomoServed,
    /// A Majordomo worker is served in Majordomo.
    MajordomoWorkerServed,
    /// A header that is none is refused, though the original took it.
    OddHeaderRefused,
    /// A zmws 2 request is served although the original refused all of them.
    PlainRequestServed,
    /// A worker of another dialect than the original's version counts.
    ForeignWorkerCounts,
    /// A list is answered where the original said nothing.
    ListsAnswered,
    /// A list is JSON where the original sent an empty frame.
    ListsAreJson,
    /// No history of jobs that never were.
    NoBareHistory,
    /// A worker is listed, or not, by our time of giving it up.
    WorkersListedByTheirLife,
    /// A list shows a job whose life differs for a reason of its own.
    ListsFollowLives,
    /// A busy worker is listed.
    BusyWorkersListed,
    /// Jobs begin in the order of their requests.
    FirstComeFirstServed,
    /// A long job is not given to a second worker, and its late answer counts.
    LongJobsRun,
    /// The job of a worker that left is given out again.
    OrphansGoOn,
    /// A worker may offer several services.
    SeveralServices,
    /// A service is made by READY alone.
    OnlyReadyMakesAService,
    /// A worker does not answer what is no job of its dialect.
    WorkersAnswerJobsOnly,
    /// `PARTIAL` is a part like `CONT`.
    PartialIsAPart,
    /// An answer at the clients' port counts.
    AnswerAtTheClientsPort,
    /// A response begins with a status line of HTTP.
    HttpStatusLine,
    /// `FNF` in a name or a value is no word for 404.
    FnfIsData,
    /// The path `/` has a page.
    FrontPage,
    /// What is no request of HTTP is refused.
    NoRequestIsRefused,
    /// The answer to HEAD has no body.
    HeadHasNoBody,
    /// OPTIONS does no job.
    OptionsDoNoJob,
    /// A colon in a URL is data.
    ColonIsData,
    /// A service's name in a URL is percent-decoded.
    NamesAreDecoded,
    /// A job that gives parts is answered with its end.
    EndNotPart,
    /// A gateway in front of a broker of another generation keeps its own form, or says that there is none.
    ForeignBroker,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 35] = [
        Self::NoParamIsEmpty,
        Self::ZeroIsData,
        Self::HexIsNotDecoded,
        Self::ResultsPassAsTheyAre,
        Self::ClientZero,
        Self::Zmws1Served,
        Self::Zmws2Served,
        Self::MajordomoServed,
        Self::MajordomoWorkerServed,
        Self::OddHeaderRefused,
        Self::PlainRequestServed,
        Self::ForeignWorkerCounts,
        Self::ListsAnswered,
        Self::ListsAreJson,
        Self::NoBareHistory,
        Self::WorkersListedByTheirLife,
        Self::ListsFollowLives,
        Self::BusyWorkersListed,
        Self::FirstComeFirstServed,
        Self::LongJobsRun,
        Self::OrphansGoOn,
        Self::SeveralServices,
        Self::OnlyReadyMakesAService,
        Self::WorkersAnswerJobsOnly,
        Self::PartialIsAPart,
        Self::AnswerAtTheClientsPort,
        Self::HttpStatusLine,
        Self::FnfIsData,
        Self::NoRequestIsRefused,
        Self::HeadHasNoBody,
        Self::OptionsDoNoJob,
        Self::ColonIsData,
        Self::NamesAreDecoded,
        Self::EndNotPart,
        Self::ForeignBroker,
    ];

    /// Whether this rule says why `difference` is there.
    pub fn explains(self, comparison: Comparison<'_>, difference: &Difference) -> bool {
        let case = Case { comparison, difference };
        match self {
            Self::NoParamIsEmpty => frames::no_param_is_empty(case),
            Self::ZeroIsData => frames::zero_is_data(case),
            Self::HexIsNotDecoded => frames::hex_is_not_decoded(case),
            Self::LongNamesAreCut => frames::long_names_are_cut(case),
            Self::ResultsPassAsTheyAre => frames::results_pass(case),
            Self::ClientZero => frames::client_zero(case),
            Self::Zmws1Served => dialects::zmws1_served(case),
            Self::Zmws2Served => dialects::zmws2_served(case),
            Self::MajordomoServed => dialects::majordomo_served(case),
            Self::MajordomoWorkerServed => dialects::majordomo_worker_served(case),
            Self::OddHeaderRefused => dialects::odd_header_refused(case),
            Self::PlainRequestServed => dialects::plain_request_served(case),
            Self::ForeignWorkerCounts => workers::foreign_worker_counts(case),
            Self::ListsAnswered => lists::answered(case),
            Self::ListsAreJson => lists::are_json(case),
            Self::NoBareHistory => lists::no_bare_history(case),
            Self::WorkersListedByTheirLife => lists::workers_by_life(case),
            Self::ListsFollowLives => lists::follow_lives(case),
            Self::BusyWorkersListed => lists::busy_workers(case),
            Self::FirstComeFirstServed => workers::first_come(case),
            Self::LongJobsRun => workers::long_jobs(case),
            Self::OrphansGoOn => workers::orphans(case),
            Self::SeveralServices => workers::several_services(case),
            Self::OnlyReadyMakesAService => workers::only_ready(case),
            Self::WorkersAnswerJobsOnly => difference.kind == Kind::Worker { silent: true, sound: false },
            Self::PartialIsAPart => workers::partial(case),
            Self::AnswerAtTheClientsPort => workers::answer_at_clients_port(case),
            Self::HttpStatusLine => http::status_line(case),
            Self::FnfIsData => http::fnf_is_data(case),
            Self::FrontPage => http::front_page(case),
            Self::NoRequestIsRefused => http::no_request(case),
            Self::HeadHasNoBody => http::head(case),
            Self::OptionsDoNoJob => http::options(case),
            Self::ColonIsData => http::colon_is_data(case),
            Self::NamesAreDecoded => http::names_are_decoded(case),
            Self::EndNotPart => http::end_not_part(case),
            Self::ForeignBroker => http::foreign_broker(case),
        }
    }
}

/// A difference and where it is.
#[derive(Clone, Copy)]
struct Case<'a> {
    comparison: Comparison<'a>,
    difference: &'a Difference,
}

impl<'a> Case<'a> {
    /// The recorded request it is about.
    fn request(self) -> Option<&'a Request> {
        match self.difference.about {
            About::Request(request) => self.comparison.recorded().requests.get(request),
            About::Conn(_) => None,
        }
    }

    /// Our request.
    fn our_request(self) -> Option<&'a Request> {
        match self.difference.about {
            About::Request(request) => self
                .comparison
                .played
                .requests
                .get(&request)
                .map(|&ours| &self.comparison.ours().requests[ours]),
            About::Conn(_) => None,
        }
    }

    /// What the request meant to the recorded broker.
    fn their_reading(self) -> Option<ClientMessage> {
        Some(Version::of(self.comparison).reads(self.generation(), self.request()?))
    }

    /// What the request means to a broker that tells the dialects apart.
    fn our_reading(self) -> Option<&'a ClientMessage> {
        self.our_request().map(|request| &request.message)
    }

    fn our_job(self) -> Option<&'a Job> {
        self.our_request()?.job.map(|job| &self.comparison.ours().jobs[job])
    }

    fn our_last_run(self) -> Option<&'a Run> {
        self.our_job()?.runs.last()
    }

    /// Whether the recorded broker refused it, in words that its version has, and said no more.
    fn is_refused_there(self) -> bool {
        let Some(request) = self.request() else { return false };
        let version = Version::of(self.comparison);
        let Some(asked) = self.their_reading() else { return false };
        let known = refusals(version, self.generation(), &asked);
        let is = |frames: &[Frame], refusal: &[Bytes]| {
            frames.len() == refusal.len()
                && frames.iter().zip(refusal).all(|(frame, bytes)| frame.admits(bytes))
        };
        request.replies.len() == 1 && known.iter().any(|refusal| is(&request.replies[0].frames, refusal))
    }

    /// Whether what our client got is an answer to what it asked.
    fn is_answered_here(self) -> bool {
        let ours = self.difference.ours.as_ref();
        self.our_reading().zip(ours).is_some_and(|(asked, ours)| dialects::is_answer(asked, ours))
    }

    fn generation(self) -> Generation {
        self.comparison.recorded().generation()
    }
}
