//! A broker that means ill, against our worker and our client.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::support::broker::zmws;
use crate::support::program::Program;
use crate::support::raw::{frame, greeting, ready};
use crate::support::{PATIENCE, http, now};

const MORE: u8 = 1;

/// What a worker or a gateway may take that holds nothing for anybody, in MiB.
const ROOM: u64 = 64;

/// A port, and what comes there.
struct Ill {
    listener: TcpListener,
}

impl Ill {
    fn new() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port") }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("it is bound").port()
    }

    /// The next who comes; its reading and writing end in time.
    fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().expect("somebody comes");
        stream.set_read_timeout(Some(PATIENCE)).expect("a TCP socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a TCP socket");
        stream
    }

    /// The same, let in.
    fn welcome(&self) -> TcpStream {
        let mut stream = self.accept();
        stream.write_all(&[greeting(0), ready("ROUTER", b"")].concat()).expect("it reads");
        stream.read_exact(&mut [0; 64]).expect("it greets");
        stream
    }
}

/// A message.
fn message(frames: &[&[u8]]) -> Vec<u8> {
    let last = frames.len() - 1;
    let more = |index| if index < last { MORE } else { 0 };
    frames.iter().enumerate().flat_map(|(index, body)| frame(more(index), body)).collect()
}

/// Waits until the other end hangs up, whatever it says before.
fn hangs_up(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("it holds on: {error}"),
        }
    }
}

/// Announces a frame of a gigabyte, and begins with it.
fn announce_a_gigabyte(mut stream: TcpStream) {
    let head = [&[2][..], &(1_u64 << 30).to_be_bytes()].concat();
    // It may hang up in the middle of it.
    let _ = stream.write_all(&head).and_then(|()| stream.write_all(&[b'x'; 100_000]));
    hangs_up(stream);
}

fn is_well(program: &Program) {
    let (peak, log) = (program.memory_kib("VmHWM") / 1024, program.log());
    assert!(peak < ROOM, "{peak} MiB");
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.len() < 100_000, "{} bytes of log", log.len());
}

#[test]
fn a_worker_withstands_its_broker() {
    let ill = Ill::new();
    let port = ill.port();
    let mut command = Command::new(zmws());
    command.args(["worker", "--service-name=REVERSE", "--builtin=reverse", "--log-level=D"]);
    command
        .arg(format!("--backend-port={port}"))
        .env("HEARTBEAT_INTERVAL", "1")
        .env("HEARTBEAT_MAXTRIES", "3");
    let worker = Program::start("zmws worker", command.env_remove("RUST_LOG"));

    // Hangs up at once, and after the handshake: it comes again, later and later.
    let began = now();
    for _ in 0..4 {
        drop(ill.accept());
    }
    for _ in 0..4 {
        drop(ill.welcome());
    }
    assert!(now() - began > Duration::from_secs(1), "eight connections in {:?}", now() - began);

    // Is something else, says nothing at all, and half of something.
    ill.accept().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("it reads");
    let silent = ill.accept();
    hangs_up(silent);
    announce_a_gigabyte(ill.welcome());
    let mut half = ill.welcome();
    half.write_all(&[&[0_u8, 200][..], b"half a frame"].concat()).expect("it reads");
    hangs_up(half);

    // Says what nobody understands, and orders more than one can do.
    let mut babbling = ill.welcome();
    let nonsense =
        [message(&[b"what", b"is", b"this"]), message(&[b""]), message(&[b"", b"MDPW02", b"\x09"])];
    babbling.write_all(&nonsense.concat().repeat(3_000)).expect("it reads");
    let param = [b"PARAM-JSON: \"".to_vec(), vec![b'x'; 20_000], b"\"".to_vec()].concat();
    let order = message(&[b"client", b"", &param, b"JOB: 0001-0001"]);
    let _all_or_less = babbling.write_all(&order.repeat(3_000));
    drop(babbling);
    is_well(&worker);

    // And then it behaves.
    let mut good = ill.welcome();
    let param = b"PARAM-JSON: {\"str\":\"are you there\"}";
    good.write_all(&message(&[b"client", b"", param, b"JOB: 0001-0002"])).expect("it reads");
    let mut said = Vec::new();
    let answer = b"COMPLETE: 0001-0002";
    while !said.windows(answer.len()).any(|part| part == answer) {
        let mut bytes = [0; 4096];
        let count = good.read(&mut bytes).expect("it answers in time");
        assert_ne!(count, 0, "it has left");
        said.extend_from_slice(&bytes[..count]);
    }
    assert!(String::from_utf8_lossy(&said).contains("ereht uoy era"));
    is_well(&worker);
}

#[test]
fn a_client_withstands_its_broker() {
    let ill = Ill::new();
    let mut command = Command::new(zmws());
    command.args(["gateway", "--http-port=0", "--timeout=2", "--log-level=D", "--no-api"]);
    command.arg(format!("--client-port={}", ill.port())).env_remove("RUST_LOG");
    let gateway = Program::start("zmws gateway", &mut command);
    let port = gateway.wait_for("its port", PATIENCE, |line| {
        line.strip_prefix("HTTP http://127.0.0.1:")?.trim_end_matches('/').parse().ok()
    });
    let ask = || std::thread::spawn(move || http::get(port, "/SYNC-SERVICE").status);

    drop(ill.accept());
    announce_a_gigabyte(ill.welcome());
    let asked = ask();
    let mut babbling = ill.welcome();
    let stray = message(&[b"", b"MDPC02", b"3", b"SERVICE", b"COMPLETE: SERVICE [0001-0001]", b"x"]);
    let part = message(&[b"", b"CONT: SERVICE [0001-0001]", b"PARAM-JSON: 1"]);
    let nonsense = message(&[b"what", b"is", b"this"]);
    let _all_or_less = babbling.write_all(&[stray, part, nonsense].concat().repeat(5_000));
    let status = asked.join().expect("it is answered");
    assert!((502..=504).contains(&status), "{status}");
    is_well(&gateway);

    // It asks again, whoever is there.
    drop(babbling);
    let asked = ask();
    announce_a_gigabyte(ill.welcome());
    let status = asked.join().expect("it is answered");
    assert!((502..=504).contains(&status), "{status}");
    is_well(&gateway);
}
