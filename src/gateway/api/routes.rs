//! The table of what is served.

use hyper::Method;

use crate::gateway::api::lists::STATES;
use crate::gateway::request::percent_decode;

/// What a route does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operation {
    Submit,
    Job,
    Jobs,
    Services,
    Workers,
    OpenApi,
}

/// A method and a path, and what is to be known of them.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Segments in braces stand for any.
    pub(crate) path: &'static str,
    pub(crate) operation: Operation,
    pub(crate) summary: &'static str,
    pub(crate) params: &'static [Param],
    /// Whether it takes a JSON body.
    pub(crate) takes_json: bool,
    pub(crate) responses: &'static [Answer],
}

/// A parameter in the path, the query or the head.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    /// `path`, `query` or `header`.
    pub(crate) place: &'static str,
    pub(crate) about: &'static str,
    /// The values it may have; any if there are none.
    pub(crate) values: &'static [&'static str],
}

/// A status that may be answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) about: &'static str,
    pub(crate) schema: Schema,
}

/// The shapes of answers, by their names in the document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Schema {
    Accepted,
    Result,
    Job,
    Jobs,
    Services,
    Workers,
    Document,
    Problem,
}

const fn problem(status: u16, about: &'static str) -> Answer {
    Answer { status, about, schema: Schema::Problem }
}

const fn value(status: u16, about: &'static str, schema: Schema) -> Answer {
    Answer { status, about, schema }
}

const UNAUTHORIZED: Answer = problem(401, "A bearer token is expected");
const FORBIDDEN: Answer = problem(403, "The token may not do this");
const BUSY: Answer = problem(429, "Too many requests are in flight");
const LOST: Answer =
    problem(502, "The broker gave no answer to this, or was lost on the way, or the result is too large");
const UNAVAILABLE: Answer = problem(503, "No broker can be reached, or there is no room");
const TIMEOUT: Answer = problem(504, "No answer came in time; `job` names the job, which goes on");

const SERVICE: Param =
    Param { name: "service", place: "path", about: "The service, percent-encoded", values: &[] };

/// All of it.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/v1/jobs/{service}",
        operation: Operation::Submit,
        summary: "Have a job done, in the background or while the client waits",
        params: &[
            SERVICE,
            Param {
                name: "wait",
                place: "query",
                about: "Wait this long for the result: `30s`, `500ms`, or seconds",
                values: &[],
            },
            Param {
                name: "Idempotency-Key",
                place: "header",
                about: "With the same key the job is done once, and its answer given again",
                values: &[],
            },
        ],
        takes_json: true,
        responses: &[
            value(200, "The job is over", Schema::Result),
            value(202, "The job was taken", Schema::Accepted),
            problem(400, "The request cannot be read"),
            UNAUTHORIZED,
            FORBIDDEN,
            problem(404, "No worker ever offered the service, or the broker is full"),
            problem(408, "The body did not come in time"),
            problem(409, "A request with this key is running"),
            problem(413, "The body is too large, or the parameter for the broker"),
            problem(415, "The body is not JSON by its type"),
            problem(422, "The key was used for another request"),
            BUSY,
            LOST,
            UNAVAILABLE,
            TIMEOUT,
        ],
    },
    Route {
        method: "GET",
        path: "/v1/jobs/{service}/{id}",
        operation: Operation::Job,
        summary: "What became of a job, as far as the broker remembers",
        params: &[
            SERVICE,
            Param { name: "id", place: "path", about: "The job's id: `00C0-FFEE`", values: &[] },
        ],
        takes_json: false,
        responses: &[
            value(200, "The job", Schema::Job),
            UNAUTHORIZED,
            FORBIDDEN,
            problem(404, "The broker does not know it, or no more"),
            BUSY,
            LOST,
            UNAVAILABLE,
            TIMEOUT,
        ],
    },
    Route {
        method: "GET",
        path: "/v1/jobs",
        operation: Operation::Jobs,
        summary: "The jobs in a state",
        params: &[Param {
            name: "state",
            place: "query",
            about: "Default `active`; of those that are over the broker remembers the last hundred",
            values: &STATES,
        }],
        takes_json: false,
        responses: &[
            value(200, "The jobs, the oldest first", Schema::Jobs),
            problem(400, "There is no such state"),
            UNAUTHORIZED,
            FORBIDDEN,
            BUSY,
            LOST,
            UNAVAILABLE,
            TIMEOUT,
        ],
    },
    Route {
        method: "GET",
        path: "/v1/services",
        operation: Operation::Services,
        summary: "The services that have workers or jobs",
        params: &[],
        takes_json: false,
        responses: &[
            value(200, "The services, by name", Schema::Services),
            UNAUTHORIZED,
            FORBIDDEN,
            BUSY,
            LOST,
            UNAVAILABLE,
            TIMEOUT,
        ],
    },
    Route {
        method: "GET",
        path: "/v1/workers",
        operation: Operation::Workers,
        summary: "The workers",
        params: &[],
        takes_json: false,
        responses: &[
            value(200, "The workers, one entry a service", Schema::Workers),
            UNAUTHORIZED,
            FORBIDDEN,
            BUSY,
            LOST,
            UNAVAILABLE,
            TIMEOUT,
        ],
    },
    Route {
        method: "GET",
        path: "/v1/openapi.json",
        operation: Operation::OpenApi,
        summary: "This document",
        params: &[],
        takes_json: false,
        responses: &[value(200, "The document", Schema::Document)],
    },
];

/// What a method and a path lead to.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// This, with what stood in place of the braces, percent-decoded.
    Operation(Operation, Vec<Vec<u8>>),
    /// A path that takes other methods: these, as in an Allow header.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// Looks a method and a path up.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let mut allowed = Vec::new();
    for route in ROUTES {
        let Some(names) = matched(route.path, path) else { continue };
        if route.method == method.as_str() {
            return Found::Operation(route.operation, names);
        }
        allowed.push(route.method);
        if route.method == "GET" {
            allowed.push("HEAD");
        }
    }
    match allowed.is_empty() {
        true => Found::Nothing,
        false => Found::OtherMethods(format!("{}, OPTIONS", allowed.join(", "))),
    }
}

/// Segments are held against each other before they are decoded, so that `%2F` is no slash.
fn matched(template: &str, path: &str) -> Option<Vec<Vec<u8>>> {
    let (wanted, given) = (template.split('/'), path.split('/'));
    if wanted.clone().count() != given.clone().count() {
        return None;
    }
    let mut names = Vec::new();
    for (wanted, given) in wanted.zip(given) {
        match wanted.starts_with('{') {
            true if given.is_empty() => return None,
            true => names.push(percent_decode(given.as_bytes())),
            false if wanted == given => {}
            false => return None,
        }
    }
    Some(names)
}
