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
use crate::differ::{About, Comparison, Difference};
use crate::original::{Version, refusals};
use crate::trace::Frame;

/// A kind of deliberate difference: one of the table of rules.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Rule(usize);

type Explains = fn(Case<'_>) -> bool;

/// By their names in the known differences. What each is about stands at its function.
const RULES: &[(&str, Explains)] = &[
    ("no-param-is-empty", frames::no_param_is_empty),
    ("zero-is-data", frames::zero_is_data),
    ("hex-is-not-decoded", frames::hex_is_not_decoded),
    ("long-names-are-cut", frames::long_names_are_cut),
    ("results-pass-as-they-are", frames::results_pass),
    ("client-zero", frames::client_zero),
    ("zmws1-served", dialects::zmws1_served),
    ("zmws2-served", dialects::zmws2_served),
    ("majordomo-served", dialects::majordomo_served),
    ("majordomo-worker-served", dialects::majordomo_worker_served),
    ("odd-header-refused", dialects::odd_header_refused),
    ("plain-request-served", dialects::plain_request_served),
    ("foreign-worker-counts", workers::foreign_worker_counts),
    ("lists-answered", lists::answered),
    ("lists-are-json", lists::are_json),
    ("no-bare-history", lists::no_bare_history),
    ("workers-listed-by-their-life", lists::workers_by_life),
    ("lists-follow-lives", lists::follow_lives),
    ("busy-workers-listed", lists::busy_workers),
    ("first-come-first-served", workers::first_come),
    ("long-jobs-run", workers::long_jobs),
    ("orphans-go-on", workers::orphans),
    ("several-services", workers::several_services),
    ("only-ready-makes-a-service", workers::only_ready),
    ("partial-is-a-part", workers::partial),
    ("answer-at-the-clients-port", workers::answer_at_clients_port),
    ("http-status-line", http::status_line),
    ("fnf-is-data", http::fnf_is_data),
    ("front-page", http::front_page),
    ("no-request-is-refused", http::no_request),
    ("head-has-no-body", http::head),
    ("options-do-no-job", http::options),
    ("colon-is-data", http::colon_is_data),
    ("names-are-decoded", http::names_are_decoded),
    ("end-not-part", http::end_not_part),
    ("foreign-broker", http::foreign_broker),
    ("workers-answer-jobs-only", workers::answers_jobs_only),
];

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let place = RULES.iter().position(|(rule, _)| *rule == name);
        place.map(Self).ok_or_else(|| format!("no rule is called {name:?}"))
    }
}

impl Rule {
    pub fn all() -> impl Iterator<Item = Self> {
        (0..RULES.len()).map(Self)
    }

    pub fn name(self) -> &'static str {
        RULES[self.0].0
    }

    /// Whether this rule says why `difference` is there.
    pub fn explains(self, comparison: Comparison<'_>, difference: &Difference) -> bool {
        RULES[self.0].1(Case { comparison, difference })
    }
}

#[derive(Clone, Copy)]
struct Case<'a> {
    comparison: Comparison<'a>,
    difference: &'a Difference,
}

impl<'a> Case<'a> {
    fn request(self) -> Option<&'a Request> {
        match self.difference.about {
            About::Request(request) => self.comparison.recorded().requests.get(request),
            About::Conn(_) => None,
        }
    }

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
