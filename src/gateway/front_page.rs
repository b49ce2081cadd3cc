//! What is said at `/`: what this is, and how to ask. Pure.

use hyper::Response;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, VARY};
use serde_json::json;

use crate::gateway::payload::Payload;

/// The page, or the same in JSON for who names it.
pub(crate) fn page(headers: &HeaderMap) -> Response<Payload> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
    let base = format!("http://{}", host.unwrap_or("127.0.0.1:5580"));
    let wants_json = headers.get_all(ACCEPT).iter().any(|accept| names_json(accept.as_bytes()));
    let (body, kind) = match wants_json {
        true => (as_json(&base), "application/json"),
        false => (as_html(&base), "text/html; charset=utf-8"),
    };
    let mut response = Response::new(Payload::whole(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// A host goes into the page: letters, digits and what an address or a port needs.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn names_json(accept: &[u8]) -> bool {
    let accept = String::from_utf8_lossy(accept).to_ascii_lowercase();
    accept
        .split(',')
        .any(|range| range.split(';').next().is_some_and(|kind| kind.trim() == "application/json"))
}

fn as_json(base: &str) -> String {
    let page = json!({
        "name": "zmws",
        "version": env!("CARGO_PKG_VERSION"),
        "result": format!("{base}/SYNC-SERVICE?name=value"),
        "job": format!("{base}/SERVICE?name=value"),
        "workers": format!("{base}/SERVER-WORKERS"),
        "api": format!("{base}/v1/openapi.json"),
    });
    format!("{page}\n")
}

fn as_html(base: &str) -> String {
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>zmws</title>
<style>body {{ font: 16px/1.5 sans-serif; max-width: 44em; margin: 3em auto; padding: 0 1em }}</style>
<h1>zmws {version}</h1>
<p>A work server: named jobs over HTTP and ZeroMQ, done by workers in any language. This is its gateway for HTTP.</p>

<p>Have a job done and wait for its result:</p>
<pre>curl '{base}/SYNC-STR-REV?str=Hello,+world'</pre>

<p>Have it done in the background; the answer is its id:</p>
<pre>curl '{base}/STR-REV?str=Hello,+world'</pre>

<p>See who works:</p>
<pre>curl '{base}/SERVER-WORKERS'</pre>

<p>The same in JSON: <code>POST {base}/v1/jobs/SERVICE?wait=30s</code>.</p>
<ul>
<li><a href="/v1/openapi.json">The description of the API</a>, for programs that read OpenAPI
<li><a href="/SERVER-WORKERS">Workers</a>, <a href="/SERVER-JOBS">queued jobs</a>,
<a href="/SERVER-ACTIVE">active jobs</a>, <a href="/SERVER-HIST">the last jobs that ended</a>
<li>The book: <code>docs/</code> in the source; <code>zmws help</code>
</ul>
"#,
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_the_request_is_in_the_page_if_it_is_one() {
        for (host, shown) in [
            ("[::1]:80", "http://[::1]:80/SYNC-STR-REV"),
            ("\"><script>", "http://127.0.0.1:5580/SYNC-STR-REV"),
        ] {
            let base = format!("http://{}", if is_host(host) { host } else { "127.0.0.1:5580" });
            assert!(as_html(&base).contains(shown), "{host}");
        }
    }

    #[test]
    fn json_is_for_those_who_name_it() {
        assert!(names_json(b"text/html, application/JSON;q=0.5"));
        assert!(!names_json(b"text/html, */*"));
    }
}
