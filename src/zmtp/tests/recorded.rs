//! Streams of libzmq 4.3.4, as recorded between PHP programs (`fixtures/recorded/*/zmtp-*.jsonl`).
//!
//! Each direction of each connection is read by an engine in the place of the one that read it then;
//! what that engine would have sent is compared with what was sent then, to the octet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;

const VERSIONS: [&str; 3] = ["1.0.0", "2.0.0-rc4", "master"];

/// One TCP connection.
#[derive(Default)]
struct Connection {
    /// The peer's socket type; the broker's follows from it.
    peer_type: String,
    to_broker: Stream,
    to_peer: Stream,
}

/// One direction of a connection.
#[derive(Clone, Default)]
struct Stream {
    pieces: Vec<Vec<u8>>,
    /// Flags and length of each message frame, as the recorder's own decoder saw them.
    frames: Vec<(bool, u64)>,
}

impl Stream {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Vec::as_slice)
    }
}

fn traces() -> Vec<PathBuf> {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recorded");
    let mut paths = Vec::new();
    for version in VERSIONS {
        for entry in std::fs::read_dir(recorded.join(version)).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("zmtp-") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
}

/// The connections of a trace, by the peer's name and the port.
fn connections(path: &Path) -> BTreeMap<String, Connection> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    let mut connections = BTreeMap::<String, Connection>::new();
    for line in lines {
        let peer = line["peer"].as_str().unwrap();
        let port = line["port"].as_str().unwrap_or("");
        let connection = connections.entry(format!("{peer} {} {port}", line["conn"])).or_default();
        connection.peer_type = header["peers"][peer]["socket"].as_str().unwrap().to_owned();
        let to_broker = line["to"] == "broker";
        let stream = if to_broker { &mut connection.to_broker } else { &mut connection.to_peer };
        if let Some(hex) = line["hex"].as_str() {
            stream.pieces.push(unhex(hex));
        }
        if let Value::Object(frame) = &line["zmtp"]["frame"] {
            stream.frames.push((frame["more"].as_bool().unwrap(), frame["len"].as_u64().unwrap()));
        }
    }
    connections
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The broker's socket that such a peer connects to, and the other way round.
fn counterpart(socket_type: SocketType) -> SocketType {
    match socket_type {
        SocketType::Sub => SocketType::Pub,
        SocketType::Pub => SocketType::Sub,
        SocketType::Req | SocketType::Dealer | SocketType::Router => SocketType::Router,
        other => panic!("no {other:?} was recorded"),
    }
}

/// Every direction of every connection: the type of the socket that reads it, what came, and what that
/// socket sent.
fn directions() -> Vec<(String, SocketType, Stream, Stream)> {
    let mut directions = Vec::new();
    for path in traces() {
        for (name, connection) in connections(&path) {
            let peer = SocketType::from_name(connection.peer_type.as_bytes()).unwrap();
            let broker = counterpart(peer);
            let name = format!("{} {name}", path.display());
            let (to_broker, to_peer) = (connection.to_broker, connection.to_peer);
            directions.push((format!("{name} to the broker"), broker, to_broker.clone(), to_peer.clone()));
            directions.push((format!("{name} to the peer"), peer, to_peer, to_broker));
        }
    }
    directions
}

/// The identity that the reader of a direction announced: it is in what it sent.
fn announced_identity(socket_type: SocketType, sent: &Stream) -> Bytes {
    let mut engine = Engine::new(&config(counterpart(socket_type)));
    let mut input = BytesMut::from(&sent.pieces.concat()[..]);
    match engine.receive(&mut input).unwrap() {
        Some(Event::Ready(peer)) => peer.identity,
        other => panic!("{other:?}"),
    }
}

#[test]
fn there_are_recorded_streams() {
    let directions = directions();
    assert_eq!(directions.len(), 2 * 12);
    assert_eq!(directions.iter().map(|(_, _, stream, _)| stream.frames.len()).sum::<usize>(), 635);
}

#[test]
fn libzmqs_streams_give_the_recorded_frames() {
    for (name, socket_type, stream, _) in directions() {
        let mut engine = Engine::new(&config(socket_type));
        let mut input = BytesMut::from(&stream.pieces.concat()[..]);
        let mut frames = Vec::new();
        for event in events(&mut engine, &mut input).unwrap() {
            if let Event::Message(message) = event {
                let last = message.len() - 1;
                frames.extend(message.iter().enumerate().map(|(at, frame)| (at < last, frame.len() as u64)));
            }
        }
        assert_eq!(frames, stream.frames, "{name}");
        assert!(input.is_empty(), "{name}");
    }
}

#[test]
fn libzmqs_streams_may_be_cut_anywhere() {
    for (name, socket_type, stream, _) in directions() {
        let all = stream.pieces.concat();
        let as_recorded = said_in_pieces(&mut Engine::new(&config(socket_type)), stream.pieces());
        assert!(as_recorded.starts_with("ready: V3_1"), "{name}: {as_recorded}");
        for size in [1, 2, 3, 7, 64, all.len()] {
            let says = said_in_pieces(&mut Engine::new(&config(socket_type)), all.chunks(size));
            assert_eq!(says, as_recorded, "{name} in pieces of {size}");
        }
    }
}

/// Greeting, READY, subscriptions and messages have the very octets of libzmq.
#[test]
fn our_octets_are_those_of_libzmq() {
    for (name, socket_type, stream, answers) in directions() {
        let identity = announced_identity(socket_type, &answers);
        let mut engine = Engine::new(&Config { identity, ..config(socket_type) });
        said_in_pieces(&mut engine, stream.pieces());
        let mut input = BytesMut::from(&answers.pieces.concat()[..]);
        let mut reader = Engine::new(&config(counterpart(socket_type)));
        for event in events(&mut reader, &mut input).unwrap() {
            match event {
                Event::Message(frames) => engine.send(&frames),
                Event::Subscribe(topic) => engine.subscribe(&topic),
                Event::Ready(_) => {}
                Event::Cancel(_) | Event::Ping | Event::Pong | Event::Ignored => {
                    panic!("not in the recordings: {event:?}")
                }
            }
        }
        assert_eq!(
            drain(&mut engine).escape_ascii().to_string(),
            answers.pieces.concat().escape_ascii().to_string(),
            "{name}"
        );
    }
}

/// One connection of each kind, both ways (`1.0.0/zmtp-kinds`).
#[test]
fn one_connection_of_each_kind() {
    let path = traces().into_iter().find(|path| path.ends_with("1.0.0/zmtp-kinds.jsonl")).unwrap();
    let mut transcript = String::new();
    for (name, connection) in connections(&path) {
        let peer = SocketType::from_name(connection.peer_type.as_bytes()).unwrap();
        let broker = counterpart(peer);
        for (to, socket_type, stream) in
            [("broker", broker, connection.to_broker), ("peer", peer, connection.to_peer)]
        {
            writeln!(transcript, "{} to {to}", name.trim()).unwrap();
            transcript.push_str(&said_in_pieces(&mut Engine::new(&config(socket_type)), stream.pieces()));
        }
    }
    insta::assert_snapshot!(transcript, @r##"
    c1 1 to broker
    ready: V3_1 REQ b""
    message:  | PARAM-JSON: {\"do\":\"echoarr\",\"x\":\"… (335 bytes) | JOB: SYNC-DEMO
    c1 1 to peer
    ready: V3_1 ROUTER b""
    message:  | COMPLETE: DEMO [6701-14B6] | PARAM-JSON: {\"do\":\"echoarr\",\"x\":\"… (335 bytes)
    d1 1 to broker
    ready: V3_1 DEALER b"DEAL-1"
    message:  | PARAM-JSON: {\"do\":\"string\"} | JOB: SYNC-DEMO
    message: JOB: DEMO
    d1 1 to peer
    ready: V3_1 ROUTER b""
    message:  | COMPLETE: DEMO [7CB5-3A9B] | PARAM-JSON: \"hello \\\"world\\\" \\/slash\\/\"
    message:  | JOB: F4B4-2058 DEMO
    s1 1 to broker
    ready: V3_1 SUB b""
    subscribe: 
    s1 1 to peer
    ready: V3_1 PUB b""
    w1 1 backend to broker
    ready: V3_1 DEALER b"999D-993F"
    message: DEMO | READY
    message: PARAM-JSON: {\"do\":\"echoarr\",\"x\":\"… (335 bytes) | DEMO | COMPLETE: 6701-14B6
    message: PARAM-JSON: \"hello \\\"world\\\" \\/slash\\/\" | DEMO | COMPLETE: 7CB5-3A9B
    message: PARAM-JSON: [] | DEMO | COMPLETE: F4B4-2058
    message: HEARTBEAT
    w1 1 backend to peer
    ready: V3_1 ROUTER b""
    message: HEARTBEAT
    message: \x00k\x8bEg |  | PARAM-JSON: {\"do\":\"echoarr\",\"x\":\"… (335 bytes) | JOB: 6701-14B6
    message: DEAL-1 |  | PARAM-JSON: {\"do\":\"string\"} | JOB: 7CB5-3A9B
    message: DEAL-1 |  | JOB: DEMO | JOB: F4B4-2058
    message: HEARTBEAT
    "##);
}
