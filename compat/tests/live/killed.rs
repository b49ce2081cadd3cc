//! A recorder that is killed has on disk what it had decoded a second before.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use zmws_compat::trace::{Trace, What, read, read_file};

/// A running `zmws-trace record`, killed when dropped.
struct Recorder {
    child: Child,
    address: SocketAddr,
    file: PathBuf,
}

impl Recorder {
    fn start(name: &str, to: SocketAddr) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut child = Command::new(env!("CARGO_BIN_EXE_zmws-trace"))
            .args(["record", "--listen", "0", "--as", "frontend", "--to", &to.to_string(), "--output"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.split_whitespace().nth(1).and_then(|word| word.parse().ok());
        Self { child, address: address.unwrap_or_else(|| panic!("{line:?}")), file }
    }

    /// SIGKILL.
    fn kill(&mut self) -> Trace {
        self.child.kill().expect("it is our own child");
        self.child.wait().expect("it is our own child");
        read_file(&self.file).expect("a sound trace")
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a promise about real time is held against real time")]
fn now() -> Instant {
    Instant::now()
}

/// ZMTP's greeting and READY of a peer (RFC 23).
fn hello() -> Vec<u8> {
    let mut hello = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0];
    hello.extend_from_slice(b"NULL");
    hello.resize(64, 0);
    let ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER";
    hello.extend_from_slice(&[4, u8::try_from(ready.len()).expect("short")]);
    hello.extend_from_slice(ready);
    hello
}

/// A message that names its number.
fn message(number: u32) -> Vec<u8> {
    let text = format!("message {number:8}");
    [&[0, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat()
}

/// The numbers of the messages in a trace.
fn numbers(trace: &Trace) -> Vec<u32> {
    let number = |what: &What| match what {
        What::Message { frames, .. } => {
            let text = std::str::from_utf8(&frames[0].bytes).expect("text");
            Some(text.trim_start_matches("message").trim().parse().expect("a number"))
        }
        _ => None,
    };
    trace.events.iter().filter_map(|event| number(&event.what)).collect()
}

#[test]
fn what_was_decoded_a_second_ago_survives_a_kill_in_the_midst_of_traffic() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut recorder = Recorder::start("killed.jsonl", listener.local_addr().expect("bound"));
    let mut peer = TcpStream::connect(recorder.address).expect("it listens");
    peer.set_nodelay(true).expect("a TCP socket");
    let (mut broker, _) = listener.accept().expect("the recorder connects");
    peer.write_all(&hello()).expect("it reads");
    let mut greeting = hello();
    broker.read_exact(&mut greeting).expect("the greeting passes");
    let start = now();
    let mut passed: Vec<Instant> = Vec::new();
    let mut bytes = message(0);
    // Traffic without a pause, so that no idle moment is there to write in.
    while start.elapsed() < Duration::from_millis(2_500) {
        let next = message(u32::try_from(passed.len()).expect("few"));
        peer.write_all(&next).expect("it reads");
        broker.read_exact(&mut bytes).expect("it passes on");
        assert_eq!(bytes, next, "no byte is altered");
        passed.push(now());
    }
    let killed = now();
    let trace = recorder.kill();
    let on_disk = numbers(&trace);
    let due = passed.iter().filter(|at| killed - **at > Duration::from_secs(1)).count();
    assert!(due > 100, "{due} messages are no test");
    assert!(on_disk.iter().copied().eq(0..u32::try_from(on_disk.len()).expect("few")), "in order, none lost");
    assert!(on_disk.len() >= due, "{} of {due} messages are on disk", on_disk.len());
}

#[test]
fn a_last_line_that_breaks_off_is_left_out_and_any_other_is_refused() {
    let header =
        r#"{"scenario":"x","upstream":"zmws","heartbeat_interval":1,"heartbeat_maxtries":3,"peers":{}}"#;
    let note = r#"{"t":0.1,"note":"one"}"#;
    let torn = format!("{header}\n{note}\n{}", &note[..12]);
    assert_eq!(read(&torn).expect("sound but for its end").events.len(), 1);
    assert!(read(&format!("{torn}\n{note}\n")).is_err());
    assert!(read(&header[..40]).is_err());
}
