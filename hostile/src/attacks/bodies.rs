//! HTTP bodies that are small on the wire and large in memory, or deep, or both.

use std::time::Duration;

use super::gateway::with_sink;
use super::{Reads, flood, found, hold, nothing, stuck_worker};
use crate::attack::{Attack, Findings, Ground, Group};
use crate::http::{self, Asker, request};
use crate::zmtp::connect;

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Gateway, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("php-references", "a 13 KB POST whose references expand beyond a frame", php_references),
    attack("php-references-376-kb", "376 KB of references of references", php_references_376_kb),
    attack(
        "php-beyond-a-frame",
        "references whose JSON is a few bytes longer than a frame may be",
        php_beyond_a_frame,
    ),
    attack("php-depth", "PHP values within each other, a hundred thousand deep", php_depth),
    attack("php-counts", "PHP arrays and strings that announce billions", php_counts),
    attack("json-depth", "JSON of a million brackets", json_depth),
    attack("json-array", "an array of 8 MB of empty arrays", json_array),
    attack("json-keys", "an object of 8 MB of short names", json_keys),
    attack("json-that-waits", "20 jobs of 7.8 MB of JSON that wait for a worker", json_that_waits),
    attack("query-bomb", "a query of 60 KB of nested brackets", query_bomb),
    attack("form-bomb", "a form of 8 MB of parameters", form_bomb),
    attack("multipart-bomb", "a hundred thousand parts", multipart_bomb),
    attack("chunks-of-a-byte", "a chunked body of single bytes with extensions of 1 KB", chunks_of_a_byte),
    attack("bodies-beyond", "bodies of 60 MB where 8 may be, announced or not", bodies_beyond),
];

const PHP: &str = "Content-Type: application/vnd.php.serialized\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// An array of a string and `count` references to it, and of `count` references to that array of references.
pub(super) fn references(string: usize, count: usize) -> Vec<u8> {
    let inner: String = (0..count).map(|number| format!("i:{number};R:2;")).collect();
    let outer: String = (0..count).map(|number| format!("i:{};R:3;", number + 2)).collect();
    let text = "x".repeat(string);
    let length = count + 2;
    format!("a:{length}:{{i:0;s:{string}:\"{text}\";i:1;a:{count}:{{{inner}}}{outer}}}").into_bytes()
}

/// Posts the same bodies again and again; each must be answered, and soon.
fn post(ground: &Ground, head: &str, bodies: &[Vec<u8>], path: &str) -> Findings {
    with_sink(ground, || posts(ground, head, bodies, path))
}

fn posts(ground: &Ground, head: &str, bodies: &[Vec<u8>], path: &str) -> Findings {
    let (mut posted, mut unanswered) = (0, 0);
    while !ground.is_over() && unanswered < 3 {
        for body in bodies {
            let answer = http::ask(ground.http, &request("POST", path, head, body), Duration::from_secs(8));
            posted += 1;
            // One who sends too much may be hung up on before the answer; who is kept waiting is not answered.
            unanswered +=
                usize::from(answer.is_err_and(|error| error.kind() == std::io::ErrorKind::TimedOut));
        }
    }
    found(unanswered > 0, || format!("{unanswered} of {posted} posts were not answered in 8 s"))
}

fn php_references(ground: &Ground) -> Findings {
    post(ground, PHP, &[references(8_000, 92), references(4_000, 320)], "/SYNC-SINK")
}

fn php_references_376_kb(ground: &Ground) -> Findings {
    post(ground, PHP, &[references(350_000, 80), references(1_000, 13_000)], "/SYNC-SINK")
}

/// References to one long text, and a text that fills up: so many bytes when it is written as JSON, with an index for
/// the name of each member.
fn references_of(total: usize) -> Vec<u8> {
    let (string, count) = (60_000, 1_110);
    let names: usize = (0..=count).map(|number: usize| number.to_string().len()).sum();
    let marks = 2 + 5 * (count + 1) + count;
    let fill = total - names - marks - count * string;
    let (long, short) = ("x".repeat(string), "y".repeat(fill));
    let references: String = (1..count).map(|number| format!("i:{number};R:2;")).collect();
    let length = count + 1;
    format!("a:{length}:{{i:0;s:{string}:\"{long}\";{references}i:{count};s:{fill}:\"{short}\";}}")
        .into_bytes()
}

fn php_beyond_a_frame(ground: &Ground) -> Findings {
    // The tag before the JSON is twelve bytes long.
    let bodies: Vec<Vec<u8>> = [0, 5, 11].map(|less| references_of((64 << 20) - less)).into();
    post(ground, PHP, &bodies, "/SYNC-SINK")
}

fn php_depth(ground: &Ground) -> Findings {
    let depth = 100_000;
    let arrays = format!("{}N;{}", "a:1:{i:0;".repeat(depth), "}".repeat(depth));
    let objects = format!("{}N;{}", "O:1:\"A\":1:{s:1:\"a\";".repeat(depth), "}".repeat(depth));
    post(ground, PHP, &[arrays.into_bytes(), objects.into_bytes()], "/SYNC-SINK")
}

fn php_counts(ground: &Ground) -> Findings {
    let bodies = [
        "a:2147483647:{i:0;",
        "s:8000000000:\"x\";",
        "O:999999999:\"A\":0:{}",
        "a:-1:{}",
        "C:1:\"A\":9999999:{}",
    ];
    let bodies: Vec<Vec<u8>> = bodies.iter().map(|body| body.as_bytes().to_vec()).collect();
    post(ground, PHP, &bodies, "/SYNC-SINK")
}

fn json_depth(ground: &Ground) -> Findings {
    let open = "[".repeat(1_000_000).into_bytes();
    let objects = "{\"a\":".repeat(1_000_000).into_bytes();
    let whole = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)).into_bytes();
    post(ground, JSON, &[open, objects, whole], "/SYNC-SINK")
}

fn json_array(ground: &Ground) -> Findings {
    let body = format!("[{}[]]", "[],".repeat(2_700_000)).into_bytes();
    let numbers = format!("[{}1]", "1,".repeat(4_000_000)).into_bytes();
    post(ground, JSON, &[body.clone(), numbers, body], "/v1/jobs/SINK?wait=5s")
}

fn json_keys(ground: &Ground) -> Findings {
    let keys: String = (0..600_000).map(|number| format!("\"{number:x}\":0,")).collect();
    let same = "\"a\":{},".repeat(1_000_000);
    let bodies = [keys, same].map(|text| format!("{{{text}\"z\":0}}").into_bytes());
    post(ground, JSON, &bodies, "/SYNC-SINK")
}

fn json_that_waits(ground: &Ground) -> Findings {
    let worker = stuck_worker(ground, "STUCK");
    let body = format!("[{}[]]", "[],".repeat(2_600_000)).into_bytes();
    let bytes = request("POST", "/v1/jobs/STUCK?wait=30s", JSON, &body);
    let crowd: Vec<_> = (0..20).map_while(|_| connect(ground.http).ok()).collect();
    let (_, left) = flood(ground, crowd, &bytes, bytes.len(), Reads::No);
    hold(ground, (left, worker));
    nothing()
}

fn query_bomb(ground: &Ground) -> Findings {
    with_sink(ground, || queries(ground))
}

fn queries(ground: &Ground) -> Findings {
    let nested = format!("/SYNC-SINK?a{}=1", "[]".repeat(20_000));
    let many = format!("/SYNC-SINK?{}", "a[]=1&".repeat(9_000));
    let keys = format!("/SYNC-SINK?{}", (0..5000).map(|number| format!("k{number}=1&")).collect::<String>());
    let mut late = 0;
    while !ground.is_over() && late < 3 {
        for path in [&nested, &many, &keys] {
            let answer = http::get(ground.http, path, Duration::from_secs(5));
            late += usize::from(answer.is_err_and(|error| error.kind() == std::io::ErrorKind::TimedOut));
        }
    }
    found(late > 0, || format!("{late} queries were not answered in 5 s"))
}

fn form_bomb(ground: &Ground) -> Findings {
    let many: String = (0..500_000).map(|number| format!("a[{number:x}][]=&")).collect();
    let nested = format!("a{}=1&", "[b]".repeat(30)).repeat(80_000);
    post(ground, FORM, &[many.into_bytes(), nested.into_bytes()], "/SYNC-SINK")
}

fn multipart_bomb(ground: &Ground) -> Findings {
    let head = "Content-Type: multipart/form-data; boundary=B\r\n";
    let part = "--B\r\nContent-Disposition: form-data; name=\"a[][][]\"; filename=\"f\"\r\n\r\n\r\n";
    let many = format!("{}--B--\r\n", part.repeat(100_000)).into_bytes();
    let heads = format!("--B\r\n{}\r\n\r\n--B--\r\n", "X-Part: x\r\n".repeat(500_000)).into_bytes();
    let boundaries = "--B\r\n".repeat(1_500_000).into_bytes();
    post(ground, head, &[many, heads, boundaries], "/SYNC-SINK")
}

fn chunks_of_a_byte(ground: &Ground) -> Findings {
    let head = "POST /SYNC-SINK HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("1;{}\r\n1\r\n", "e".repeat(1000)).repeat(1000);
    while !ground.is_over() {
        let Ok(mut asker) = Asker::connect(ground.http) else { break };
        if asker.send(head.as_bytes()).is_err() {
            continue;
        }
        let (_, left) = flood(ground, vec![asker.stream], &chunks, 32 << 20, Reads::Yes);
        drop(left);
    }
    nothing()
}

fn bodies_beyond(ground: &Ground) -> Findings {
    let announced = "POST /SYNC-SINK HTTP/1.1\r\nHost: x\r\nContent-Length: 62914560\r\n\r\n";
    let chunked = "POST /SYNC-SINK HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = [b"100000\r\n".to_vec(), vec![b'1'; 1 << 20], b"\r\n".to_vec()].concat();
    while !ground.is_over() {
        for head in [announced, chunked] {
            let mut crowd = Vec::new();
            for _ in 0..10 {
                let Ok(mut asker) = Asker::connect(ground.http) else { return nothing() };
                let _ = asker.send(head.as_bytes());
                crowd.push(asker.stream);
            }
            drop(flood(ground, crowd, &chunk, 60 << 20, Reads::Yes));
        }
    }
    nothing()
}
