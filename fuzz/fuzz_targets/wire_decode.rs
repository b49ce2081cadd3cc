//! The frames of one message, to every decoder.
//!
//! The input is frames, each behind one byte with its length, as the recorded seeds are. What must hold: no
//! panic; what a client said can be refused in its dialect; what was understood and has a word in the
//! dialect it came in is understood the same when it is written anew.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zmws::message::{ClientCommand, ClientReply, Dialect, Origin};
use zmws::wire::{self, Frames};

const DIALECTS: [Dialect; 4] = [Dialect::Zmws1, Dialect::Zmws2, Dialect::Mdp01, Dialect::Mdp02];

fuzz_target!(|data: &[u8]| {
    let frames = frames(data);
    client_command(&frames);
    worker_command(&frames);
    for dialect in DIALECTS {
        client_reply(dialect, &frames);
        worker_order(dialect, &frames);
    }
});

fn frames(mut data: &[u8]) -> Frames {
    let mut frames = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (frame, rest) = rest.split_at(usize::from(length).min(rest.len()));
        frames.push(Bytes::copy_from_slice(frame));
        data = rest;
    }
    frames
}

fn client_command(frames: &Frames) {
    match wire::decode_client_command(frames.clone()) {
        Ok((origin, command)) => {
            if !sayable(&command) {
                return;
            }
            let Some(again) = wire::encode_client_command(&origin, &command) else { return };
            let (origin_again, command_again) =
                wire::decode_client_command(again).expect("it was understood");
            assert_eq!(origin_again.dialect, origin.dialect);
            assert_eq!(command_again, command);
        }
        Err(rejected) => {
            let (origin, reply) = rejected.reply.expect("every dialect can refuse");
            assert!(wire::encode_client_reply(&origin, &reply).is_some());
        }
    }
}

/// Prefixes are stripped once, so that `JOB: JOB: X` asks for a service that cannot be asked for otherwise. A
/// zmws 1 request without a parameter, or with a header for one, may be taken for another dialect's.
fn sayable(command: &ClientCommand) -> bool {
    match command {
        ClientCommand::Submit { service, body, .. } => {
            let strange = |text: &[u8]| text.starts_with(b"MDPC") || text.is_empty();
            let name = service.as_bytes();
            ![b"JOB: ".as_slice(), b"SYNC-", b"SERVER-", b"MDPC"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
                && !strange(body.first())
        }
        ClientCommand::Inspect { echo, .. } => echo.is_empty(),
        ClientCommand::Manage { .. } | ClientCommand::Finish { .. } => true,
    }
}

fn worker_command(frames: &Frames) {
    let Ok((origin, command)) = wire::decode_worker_command(frames.clone()) else { return };
    let Some(again) = wire::encode_worker_command(origin.dialect, &command) else { return };
    // A zmws 1 worker's service, which stands first if it has nothing else to say, is any bytes; those of a
    // header are taken for one.
    let is_header = |frame: &Bytes| [&b"MDPW01"[..], b"MDPW02", b"MDPC02"].contains(&&frame[..]);
    if origin.dialect == Dialect::Zmws1 && again.first().is_some_and(is_header) {
        return;
    }
    let (_, command_again) = wire::decode_worker_command(again).expect("it was understood");
    assert_eq!(command_again, command);
}

fn client_reply(dialect: Dialect, frames: &Frames) {
    let Ok((origin, reply)) = wire::decode_client_reply(dialect, frames.clone()) else { return };
    let again = wire::encode_client_reply(&origin, &reply).expect("a reply that came has words");
    let (origin_again, reply_again) = wire::decode_client_reply(dialect, again).expect("it was understood");
    assert_eq!(origin_again.envelope, origin.envelope);
    assert_eq!(reply_again, without_echo(reply));
}

/// Which list it is, only who asked knows, so that it is written as that of jobs, which has no echo.
fn without_echo(reply: ClientReply) -> ClientReply {
    match reply {
        ClientReply::Snapshot { view, json, .. } => ClientReply::Snapshot { view, json, echo: Vec::new() },
        other => other,
    }
}

fn worker_order(dialect: Dialect, frames: &Frames) {
    let Ok(order) = wire::decode_worker_order(dialect, frames.clone()) else { return };
    let origin = Origin::plain(dialect);
    let again = wire::encode_worker_order(&origin, &order).expect("an order that came has words");
    assert_eq!(wire::decode_worker_order(dialect, again), Ok(order));
}
