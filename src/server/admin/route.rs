//! What a request wants: method, path, query and headers to a [`AdminQuery`].

use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Request, Version};

use super::host::is_of_this_machine;
use super::{AdminQuery, Reply};
use crate::broker::Operation;
use crate::broker::snapshot::{JobFilter, JobState};
use crate::job::{JobId, PeerId, ServiceName};

/// A browser sends it only if we allowed it to, which we do not: no page can do what an operator can.
const MARK: &str = "X-Zmws";
/// Jobs that are listed if the request does not say how many.
const LIMIT: usize = 100;

/// What the request wants, or what is wrong with it. `local`: the port is on the loopback.
pub(super) fn question<B>(request: &Request<B>, local: bool) -> Result<AdminQuery, Reply> {
    check_host(request, local)?;
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or(""));
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if let Some(read) = reading(&segments, query) {
        return match *request.method() {
            Method::GET | Method::HEAD => read,
            _ => Err(Reply::wrong_method("GET, HEAD")),
        };
    }
    let (method, operation) = changing(request.method(), &segments, query)?;
    if request.method() != method {
        return Err(Reply::wrong_method(method));
    }
    if !request.headers().contains_key(MARK) {
        return Err(Reply::line(403, "what changes something needs the header X-Zmws, with any value"));
    }
    operation.map(AdminQuery::Operate)
}

/// HTTP/1.1 demands a Host; on the loopback it must be ours.
fn check_host<B>(request: &Request<B>, local: bool) -> Result<(), Reply> {
    let hosts: Vec<Option<&str>> = hosts(request.headers()).collect();
    let host = match hosts.as_slice() {
        [Some(host)] => request.uri().authority().map_or(*host, |authority| authority.as_str()),
        [] if request.version() < Version::HTTP_11 => return Ok(()),
        [] | [None] | [_, _, ..] => return Err(Reply::line(400, "one Host is needed")),
    };
    match local && !is_of_this_machine(host) {
        true => Err(Reply::line(403, "the Host is not this machine: use an address or localhost")),
        false => Ok(()),
    }
}

fn hosts(headers: &HeaderMap) -> impl Iterator<Item = Option<&str>> {
    headers.get_all(HOST).iter().map(|value| value.to_str().ok())
}

/// `None`: the path is none that is read.
fn reading(segments: &[&str], query: &str) -> Option<Result<AdminQuery, Reply>> {
    match segments {
        ["healthz"] => Some(Ok(AdminQuery::Alive)),
        ["readyz"] => Some(Ok(AdminQuery::Ready)),
        ["metrics"] => Some(Ok(AdminQuery::Metrics)),
        ["status"] => Some(Ok(AdminQuery::Status)),
        ["workers"] => Some(workers(query)),
        ["jobs"] => Some(jobs(query)),
        _ => None,
    }
}

fn workers(query: &str) -> Result<AdminQuery, Reply> {
    let mut service = None;
    for (key, value) in pairs(query) {
        match key {
            "service" => service = Some(service_name(value)?),
            _ => return Err(unknown_parameter(key)),
        }
    }
    Ok(AdminQuery::Workers(service))
}

fn jobs(query: &str) -> Result<AdminQuery, Reply> {
    let mut filter = JobFilter { service: None, state: None, limit: LIMIT };
    for (key, value) in pairs(query) {
        match key {
            "service" => filter.service = Some(service_name(value)?),
            "state" => filter.state = Some(job_state(value)?),
            "limit" => {
                let limit = value.parse();
                filter.limit = limit.map_err(|_| Reply::line(400, "limit is a number of jobs"))?;
            }
            _ => return Err(unknown_parameter(key)),
        }
    }
    Ok(AdminQuery::Jobs(filter))
}

fn job_state(text: &str) -> Result<JobState, Reply> {
    match text {
        "queued" => Ok(JobState::Queued),
        "active" => Ok(JobState::Active),
        "completed" => Ok(JobState::Completed),
        "failed" => Ok(JobState::Failed),
        "dead" => Ok(JobState::Dead),
        _ => Err(Reply::line(400, "state is queued, active, completed, failed or dead")),
    }
}

fn unknown_parameter(key: &str) -> Reply {
    Reply::line(400, format_args!("no parameter {key:?} is known"))
}

/// The method that the path takes, and what it then does. Names that cannot be read are told of only to those who
/// may change something.
type Change = (&'static str, Result<Operation, Reply>);

fn changing(method: &Method, segments: &[&str], query: &str) -> Result<Change, Reply> {
    let post = |operation| Ok(("POST", operation));
    match segments {
        ["drain"] => post(Ok(Operation::DrainAll)),
        ["resume"] => post(Ok(Operation::ResumeAll)),
        ["services", service, "pause"] => post(service_name(service).map(Operation::Pause)),
        ["services", service, "resume"] => post(service_name(service).map(Operation::Resume)),
        ["services", service, "drain"] => post(service_name(service).map(Operation::Drain)),
        ["workers", connection, "retire"] => post(peer(connection).map(Operation::Retire)),
        ["workers", connection, "limit"] => post(limit(connection, query)),
        ["jobs", job, "retry"] => post(job_id(job).map(Operation::Retry)),
        ["jobs", job] => Ok(("DELETE", job_id(job).map(Operation::Delete))),
        _ => Err(Reply::line(404, format_args!("{method} finds nothing here"))),
    }
}

fn limit(connection: &str, query: &str) -> Result<Operation, Reply> {
    let peer = peer(connection)?;
    match pairs(query).collect::<Vec<_>>()[..] {
        [("jobs", jobs)] => {
            let jobs = jobs.parse().map_err(|_| Reply::line(400, "jobs is a number of jobs"))?;
            Ok(Operation::Limit { peer, jobs })
        }
        _ => Err(Reply::line(400, "how many jobs? jobs=5")),
    }
}

fn peer(text: &str) -> Result<PeerId, Reply> {
    text.parse().map(PeerId).map_err(|_| Reply::line(400, "a connection is a number"))
}

fn job_id(text: &str) -> Result<JobId, Reply> {
    JobId::parse(text.as_bytes()).ok_or_else(|| Reply::line(400, "a job's id is like 00C0-FFEE"))
}

fn service_name(text: &str) -> Result<ServiceName, Reply> {
    let name = percent_decoded(text).and_then(ServiceName::new);
    name.ok_or_else(|| {
        Reply::line(400, "the service's name cannot be read: %2F is a slash, %25 a per cent sign")
    })
}

/// `a=1&b=2`, the values as they stand.
fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// The bytes that a text means; `None` if a `%` is not followed by two hexadecimal digits. A `+` is a `+`.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            _ => byte,
        });
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> String {
        let (method, uri) = text.split_once(' ').expect("METHOD PATH");
        let request =
            Request::builder().method(method).uri(uri).header("Host", "localhost").header(MARK, "1");
        match question(&request.body(()).expect("a request"), true) {
            Ok(question) => format!("{question:?}"),
            Err(reply) => format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body).trim_end()),
        }
    }

    #[test]
    fn paths_are_questions_and_operations() {
        let asked = [
            "GET /metrics",
            "HEAD /status",
            "GET /workers?service=A%2FB",
            "GET /jobs?state=failed&limit=3&service=S",
            "POST /drain",
            "POST /services/%F0/pause",
            "POST /services/a+b/resume",
            "POST /workers/7/retire",
            "POST /workers/7/limit?jobs=5",
            "POST /jobs/00C0-FFEE/retry",
            "DELETE /jobs/00C0-FFEE",
        ];
        insta::assert_snapshot!(asked.map(|text| format!("{text}: {}", ask(text))).join("\n"), @r#"
        GET /metrics: Metrics
        HEAD /status: Status
        GET /workers?service=A%2FB: Workers(Some(b"A/B"))
        GET /jobs?state=failed&limit=3&service=S: Jobs(JobFilter { service: Some(b"S"), state: Some(Failed), limit: 3 })
        POST /drain: Operate(DrainAll)
        POST /services/%F0/pause: Operate(Pause(b"\xf0"))
        POST /services/a+b/resume: Operate(Resume(b"a+b"))
        POST /workers/7/retire: Operate(Retire(PeerId(7)))
        POST /workers/7/limit?jobs=5: Operate(Limit { peer: PeerId(7), jobs: 5 })
        POST /jobs/00C0-FFEE/retry: Operate(Retry(JobId(824633786350)))
        DELETE /jobs/00C0-FFEE: Operate(Delete(JobId(824633786350)))
        "#);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_line() {
        let asked = [
            "GET /",
            "GET /nothing",
            "POST /metrics",
            "GET /drain",
            "GET /services/S/pause",
            "POST /services//pause",
            "POST /services/%F/pause",
            "POST /services/%+1/pause",
            "POST /services/S/dance",
            "POST /workers/none/retire",
            "POST /workers/7/limit",
            "POST /workers/7/limit?jobs=few",
            "POST /jobs/1",
            "DELETE /jobs/1",
            "GET /jobs?state=lost",
            "GET /jobs?limit=many",
            "GET /jobs?page=2",
            "GET /workers?service=",
        ];
        insta::assert_snapshot!(asked.map(|text| format!("{text}: {}", ask(text))).join("\n"), @r#"
        GET /: 404 GET finds nothing here
        GET /nothing: 404 GET finds nothing here
        POST /metrics: 405 this path takes GET, HEAD
        GET /drain: 405 this path takes POST
        GET /services/S/pause: 405 this path takes POST
        POST /services//pause: 400 the service's name cannot be read: %2F is a slash, %25 a per cent sign
        POST /services/%F/pause: 400 the service's name cannot be read: %2F is a slash, %25 a per cent sign
        POST /services/%+1/pause: 400 the service's name cannot be read: %2F is a slash, %25 a per cent sign
        POST /services/S/dance: 404 POST finds nothing here
        POST /workers/none/retire: 400 a connection is a number
        POST /workers/7/limit: 400 how many jobs? jobs=5
        POST /workers/7/limit?jobs=few: 400 jobs is a number of jobs
        POST /jobs/1: 405 this path takes DELETE
        DELETE /jobs/1: 400 a job's id is like 00C0-FFEE
        GET /jobs?state=lost: 400 state is queued, active, completed, failed or dead
        GET /jobs?limit=many: 400 limit is a number of jobs
        GET /jobs?page=2: 400 no parameter "page" is known
        GET /workers?service=: 400 the service's name cannot be read: %2F is a slash, %25 a per cent sign
        "#);
    }

    fn status(request: Request<()>, local: bool) -> u16 {
        question(&request, local).map_or_else(|reply| reply.status, |_| 200)
    }

    #[test]
    fn what_changes_something_needs_the_mark() {
        let drain = |mark: Option<&str>| {
            let request = Request::post("/drain").header("Host", "localhost");
            let request = mark.into_iter().fold(request, |request, mark| request.header(mark, ""));
            request.body(()).expect("a request")
        };
        assert_eq!((status(drain(None), true), status(drain(Some("x-zmws")), true)), (403, 200));
    }

    #[test]
    fn a_name_from_elsewhere_is_refused_on_the_loopback_only() {
        let named = |host| Request::get("/status").header("Host", host).body(()).expect("a request");
        assert_eq!(status(named("evil.example"), true), 403);
        assert_eq!(status(named("broker.example"), false), 200);
        let absolute = Request::get("http://evil.example/status").header("Host", "localhost").body(());
        assert_eq!(status(absolute.expect("a request"), true), 403);
    }

    #[test]
    fn there_is_one_host() {
        let none = Request::get("/status").body(()).expect("a request");
        assert_eq!(status(none, true), 400);
        let old = Request::get("/status").version(Version::HTTP_10).body(()).expect("a request");
        assert_eq!(status(old, true), 200);
        let two = Request::get("/status").header("Host", "localhost").header("Host", "localhost").body(());
        assert_eq!(status(two.expect("a request"), true), 400);
    }
}
