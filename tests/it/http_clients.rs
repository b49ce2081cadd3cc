//! The gateway to clients of HTTP that others wrote: curl, requests, ApacheBench, wrk, and a browser.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::broker::zmws;
use crate::support::peers::{Found, Peer};
use crate::support::program::Program;
use crate::support::up::{Up, without_id};
use crate::support::{PATIENCE, http, poll};

fn output(found: &Found, words: &[&str]) -> String {
    let Output { status, stdout, stderr } =
        Command::new(&found.program).args(words).output().expect("it starts");
    let (said, log) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{words:?}: {status}\n{said}\n{log}");
    said.into_owned()
}

#[test]
fn curl_sends_forms_files_json_and_large_bodies() {
    let Some(curl) = Peer::Curl.or_leave_out() else { return };
    let up = Up::start(&[]);
    let url = format!("http://127.0.0.1:{}/SYNC-STR-REV", up.http);
    let file = format!("str=<{}/tests/it/support/up.rs;type=text/plain", env!("CARGO_MANIFEST_DIR"));
    let large = format!("str={}", "ab".repeat(10_000));
    let cases: [&[&str]; 5] = [
        &["-d", "str=abc"],
        &["-F", "str=abc"],
        &["-H", "Content-Type: application/json", "-d", r#"{"str":"abc"}"#],
        &["-G", "-d", "str=abc"],
        &["-H", "Transfer-Encoding: chunked", "-d", "str=abc"],
    ];
    for words in cases {
        let said = output(&curl, &[&["-sS", "--fail", "-m", "20", &url], words].concat());
        assert_eq!(without_id(&said), "PARAM-JSON: \"cba\"\nCOMPLETE: STR-REV [<id>]", "{words:?}");
    }
    // With a body this long, curl waits to be told to go on.
    let said =
        output(&curl, &["-sS", "--fail", "-m", "20", &url, "-H", "Expect: 100-continue", "-d", &large]);
    assert!(said.starts_with(&format!("PARAM-JSON: \"{}\"\n", "ba".repeat(10_000))), "{said:.80}");
    let said = output(&curl, &["-sS", "--fail", "-m", "20", &url, "-F", &file]);
    assert!(said.contains("COMPLETE: STR-REV ["), "{said:.80}");
}

#[test]
fn requests_keeps_its_connection_over_many_requests() {
    let Some(python) = Peer::Requests.or_leave_out() else { return };
    let up = Up::start(&[]);
    let script = r#"
import sys, requests
url = sys.argv[1]
with requests.Session() as session:
    for n in range(50):
        answer = session.get(url, params={"str": f"n{n}"}, timeout=20)
        assert answer.status_code == 200 and answer.text.startswith(f'PARAM-JSON: "{str(n)[::-1]}n"'), answer.text
        answer = session.post(url, json={"str": f"é{n}"}, timeout=20)
        assert answer.text.startswith("PARAM-JSON: "), answer.text
        assert session.head(url, timeout=20).content == b""
    pools = session.get_adapter("http://").poolmanager.pools
    print(sum(pools[key].num_connections for key in pools.keys()))
"#;
    let url = format!("http://127.0.0.1:{}/SYNC-STR-REV", up.http);
    assert_eq!(output(&python, &["-c", script, &url]).trim(), "1", "connections");
}

#[test]
fn ab_and_wrk_see_no_failure() {
    let up = Up::start(&[]);
    let url = format!("http://127.0.0.1:{}/SYNC-STR-REV?str=abc", up.http);
    if let Some(ab) = Peer::Ab.or_leave_out() {
        for words in [&["-k"][..], &[]] {
            let said = output(&ab, &[words, &["-q", "-s", "20", "-n", "500", "-c", "20", &url]].concat());
            let number = |name: &str| -> Option<u64> {
                let line = said.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim().parse().ok()
            };
            let done =
                (number("Complete requests:"), number("Failed requests:"), number("Non-2xx responses:"));
            assert_eq!(done, (Some(500), Some(0), None), "{said}");
        }
    }
    if let Some(wrk) = Peer::Wrk.or_leave_out() {
        let said = output(&wrk, &["-t1", "-c20", "-d1s", &url]);
        assert!(said.contains("requests in ") && !said.contains(" requests in 0"), "{said}");
        assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
    }
}

/// What the page of another origin does: CORS, events, a script. It shows what came of each, then asks for
/// `/ready`; its picture, for which its load waits, comes only then.
const PAGE: &str = r#"<!doctype html><title>zmws</title>
<h1>zmws in a browser</h1><pre id=fetch></pre><pre id=post></pre><pre id=events></pre><pre id=jsonp></pre>
<script>
const gateway = "http://127.0.0.1:PORT", show = (id, text) => document.getElementById(id).textContent = text;
const fetched = async () => show("fetch", await (await fetch(gateway + "/SYNC-STR-REV?str=fetch")).text());
const posted = async () => show("post", await (await fetch(gateway + "/SYNC-STR-REV", {method: "POST",
  headers: {"Content-Type": "application/json"}, body: JSON.stringify({str: "post"})})).text());
const events = () => new Promise(done => {
  let parts = 0, source = new EventSource(gateway + "/SYNC-RANDOM");
  source.addEventListener("partial", () => parts++);
  source.addEventListener("complete", () => { source.close(); show("events", parts + " parts"); done(); });
  source.onerror = () => { source.close(); show("events", "broken after " + parts); done(); };
});
// A body of the old paths is no expression of JavaScript: it arrives, and cannot be run.
const called = () => new Promise(done => {
  const script = document.createElement("script"), end = text => { show("jsonp", text); done(); };
  script.src = gateway + "/SYNC-STR-REV?str=jsonp&jsonp=back";
  script.onload = () => end("arrived");
  script.onerror = () => end("broken");
  document.head.append(script);
});
Promise.allSettled([fetched(), posted(), events(), called()]).then(all => {
  all.filter(one => one.reason).forEach(one => document.body.append(String(one.reason)));
  return fetch("/ready");
});
</script><img src=/picture>"#;

/// Serves the page. Its threads end with their connections, or at the deadline.
fn serve_page(gateway: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let page = PAGE.replace("PORT", &gateway.to_string());
    let (ready, until_ready) = mpsc::channel();
    let until_ready = Arc::new(Mutex::new(until_ready));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (page, ready, until_ready) = (page.clone(), ready.clone(), Arc::clone(&until_ready));
            std::thread::spawn(move || answer(stream, &page, &ready, &until_ready));
        }
    });
    port
}

fn answer(mut stream: TcpStream, page: &str, ready: &Sender<()>, until_ready: &Mutex<Receiver<()>>) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a TCP socket");
    let head = BufReader::new(stream.try_clone().expect("a socket")).lines().map_while(Result::ok);
    let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
    let target = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let body = match target {
        "/" => page,
        "/ready" => {
            // The picture may have been given up.
            let _ = ready.send(());
            ""
        }
        "/picture" => {
            // Without a word, what the page has by then is looked at.
            let _ = until_ready.lock().expect("no reader panics").recv_timeout(PATIENCE);
            ""
        }
        _ => "",
    };
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n");
    // A browser opens connections that it does not use.
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
}

/// The words for a browser without a screen, that writes nothing where others would find it.
fn headless(found: &Found, profile: &str) -> Command {
    let mut command = Command::new(&found.program);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-dev-shm-usage",
    ]);
    command.args(["--disable-background-networking", "--disable-component-update"]);
    command.arg(format!("--user-data-dir={profile}"));
    command
}

#[test]
fn page_of_another_origin_fetches_listens_and_loads_a_script() {
    let Some(chromium) = Peer::Chromium.or_leave_out() else { return };
    let up = Up::start(&[]);
    let mut command = Command::new(zmws());
    command.args(["worker", "--builtin=random", &format!("--backend-port={}", up.workers)]);
    let _random = Program::start("zmws worker", &mut command);
    poll("the worker RANDOM is known", PATIENCE, || {
        http::get(up.http, "/SERVER-WORKERS").body.contains("\"RANDOM\"").then_some(())
    });
    let page = format!("http://127.0.0.1:{}/", serve_page(up.http));
    let profile = std::env::temp_dir().join(format!("zmws-browser-{}", std::process::id()));
    let profile_name = profile.to_str().expect("a path in UTF-8");
    let browser = Program::start("chromium", headless(&chromium, profile_name).args(["--dump-dom", &page]));
    let mut dom = String::new();
    while let Some(line) = browser.line(Duration::from_secs(60)) {
        dom += &line;
        dom.push('\n');
    }
    drop(browser);
    let _best_effort = std::fs::remove_dir_all(&profile);
    let shown = |id: &str| {
        let (_, behind) = dom.split_once(&format!("<pre id=\"{id}\">")).unwrap_or_else(|| panic!("{dom}"));
        without_id(behind.split("</pre>").next().unwrap_or_default())
    };
    assert_eq!(shown("fetch"), "PARAM-JSON: \"hctef\"\nCOMPLETE: STR-REV [<id>]", "{dom}");
    assert_eq!(shown("post"), "PARAM-JSON: \"tsop\"\nCOMPLETE: STR-REV [<id>]", "{dom}");
    assert_eq!(shown("events"), "100 parts", "{dom}");
    assert_eq!(shown("jsonp"), "arrived", "{dom}");
}
