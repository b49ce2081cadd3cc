//! The tables of original.md §2 and of RFC 7 and 18, both ways; and the law that what is written is read.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::job::{Body, JobId, ServiceName};
use crate::message::{IfUnknown, JobRef, Mode, Outcome, View};

fn frames(text: &str) -> Frames {
    text.split('|').map(|frame| Bytes::from(unescaped(frame))).collect()
}

fn unescaped(frame: &str) -> Vec<u8> {
    match frame.strip_prefix("\\x") {
        Some(hex) => vec![u8::from_str_radix(hex, 16).expect("a byte in hexadecimal")],
        None => frame.as_bytes().to_vec(),
    }
}

fn show(frames: &[Bytes]) -> String {
    let one = |frame: &Bytes| match frame[..] {
        [byte] if byte < b' ' => format!("\\x{byte:02x}"),
        _ => String::from_utf8_lossy(frame).into_owned(),
    };
    frames.iter().map(one).collect::<Vec<_>>().join("|")
}

/// What a client's frames mean, in a few words.
fn request(text: &str) -> String {
    match decode_client_command(frames(text)) {
        Ok((origin, command)) => {
            let delimiter = if origin.delimiter { "" } else { " bare" };
            let envelope = origin.envelope.as_deref().map_or(String::new(), |e| format!(" [{}]", show(e)));
            format!("{:?}{delimiter}{envelope}: {}", origin.dialect, describe(&command))
        }
        Err(rejected) => {
            let reply = rejected.reply.and_then(|(origin, reply)| encode_client_reply(&origin, &reply));
            format!("{} -> {}", rejected.error, show(&reply.unwrap_or_default()))
        }
    }
}

fn describe(command: &ClientCommand) -> String {
    match command {
        ClientCommand::Submit { service, body, mode, if_unknown } => {
            format!("{service} ({}) {mode:?} {if_unknown:?}", show(body.frames()))
        }
        ClientCommand::Inspect { view, echo } => format!("{view:?} echo ({})", show(echo)),
        ClientCommand::Manage { name, query } => format!("{name} ({})", String::from_utf8_lossy(query)),
        ClientCommand::Finish { job, service, outcome, body } => {
            format!("{outcome:?} {job} of {} ({})", show(std::slice::from_ref(service)), show(body.frames()))
        }
    }
}

fn requests(all: &[&str]) -> String {
    all.iter().map(|text| format!("{text}\n    {}\n", request(text))).collect()
}

#[test]
fn zmws_1_requests_have_the_job_last_and_the_parameter_first() {
    insta::assert_snapshot!(requests(&[
        r#"|PARAM-JSON: {"str":"abc"}|JOB: SYNC-STR-REV"#,
        "PARAM-JSON: {}|JOB: SYNC-DEMO",
        "|DEMO",
        "|JOB: DEMO",
        "DEMO",
        "|0|between|ignored|JOB: DEMO",
        "|JOB: JOB: SYNC-SYNC-DEMO",
        "|SYNC-JOB: DEMO",
        "|job: DEMO",
        "|SERVER-JOBS",
        "|a param|JOB: SYNC-SERVER-WORKERS",
        "SERVER-HIST",
        "|JOB: ",
        "",
        "MDPC02|DEMO",
        "MDPC02",
    ]));
}

#[test]
fn zmws_2_requests_have_a_header_and_a_digit() {
    insta::assert_snapshot!(requests(&[
        r#"|MDPC02|1|PARAM-JSON: {"str":"abc"}|SYNC-STR-REV"#,
        "|MDPC02|1|STR-REV",
        "MDPC02|1|STR-REV",
        "|MDPC02|1||STR-REV",
        "|MDPC02|1|0|DEMO|surplus",
        "|MDPC02| 1|DEMO",
        "|MDPC02|+1|DEMO",
        "|MDPC02|1x|DEMO",
        "|MDPC02|1.9|DEMO",
        "|MDPC02|01|DEMO",
        "|MDPC02|1e0|DEMO",
        "|MDPC02|1e1|P|SYNC-DEMO",
        "|MDPC02|2|P|SYNC-DEMO",
        "|MDPC02||P|SYNC-DEMO",
        "|MDPC02|0|SYNC-DEMO",
        "|MDPC02|1",
        "|MDPC02|\\x01",
        "|MDPC02|1|SERVER-ACTIVE",
        "tag|more||MDPC02|1|DEMO",
        r#"|MDPC02|3|STR-REV|PARAM-JSON: "cba"|COMPLETE: 00C0-FFEE"#,
        "|MDPC02|3|STR-REV|FAIL: nonsense",
    ]));
}

#[test]
fn majordomo_requests_have_their_own_headers() {
    insta::assert_snapshot!(requests(&[
        "|MDPC01|DEMO|body",
        "|MDPC01|DEMO|one|two",
        "|MDPC01|DEMO",
        "|MDPC01||body",
        "|MDPC01|mmi.service|DEMO",
        "MDPC02|\\x01|DEMO|body",
        "|MDPC02|\\x01|DEMO|body",
        "tag||MDPC02|\\x01|mmi.service|DEMO",
        "MDPC02|\\x01|SERVER-JOBS|body",
    ]));
}

fn service() -> ServiceName {
    ServiceName::new("STR-REV").expect("it has a name")
}

fn replies() -> Vec<ClientReply> {
    let job = JobId::from_bits(0x00C0_FFEE);
    let body = Body::One(Bytes::from_static(b"PARAM-JSON: \"cba\""));
    let json = Bytes::from_static(b"[]");
    let snapshot = |view| ClientReply::Snapshot { view, json: json.clone(), echo: frames("a param") };
    vec![
        ClientReply::Accepted { job, service: service() },
        ClientReply::Refused { service: Bytes::from_static(b"STR-REV"), body: Body::EMPTY },
        ClientReply::Refused { service: Bytes::from_static(b"STR-REV"), body: Body::text("it is full") },
        ClientReply::Partial { job: Some(job), service: service(), body: body.clone() },
        ClientReply::Finished { job: Some(job), service: service(), outcome: Outcome::Complete, body },
        ClientReply::Finished {
            job: Some(job),
            service: service(),
            outcome: Outcome::Fail,
            body: Body::EMPTY,
        },
        snapshot(View::Jobs),
        snapshot(View::Workers),
        ClientReply::Managed { name: ServiceName::new("mmi.service").expect("a name"), code: "200".into() },
    ]
}

#[test]
fn each_dialect_has_its_own_replies() {
    let mut all = String::new();
    for dialect in [Dialect::Zmws1, Dialect::Zmws2, Dialect::Mdp01, Dialect::Mdp02] {
        for delimiter in [true, false] {
            let origin = Origin { dialect, delimiter, envelope: None };
            all += &format!("{dialect:?}{}\n", if delimiter { "" } else { " bare" });
            for reply in replies() {
                let frames = encode_client_reply(&origin, &reply);
                all += &format!("    {}\n", frames.map_or("-".to_owned(), |frames| show(&frames)));
            }
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn an_envelope_comes_back_in_front_of_every_reply_that_has_a_header_or_none() {
    let envelope = Some(frames("tag|more").into_boxed_slice());
    let origin = Origin { dialect: Dialect::Zmws2, delimiter: true, envelope };
    for reply in replies().into_iter().filter(|reply| !matches!(reply, ClientReply::Managed { .. })) {
        let frames = encode_client_reply(&origin, &reply).expect("zmws 2 has the word");
        assert_eq!(show(&frames[..3]), "tag|more|", "{reply:?}");
    }
}

#[test]
fn a_list_may_come_as_an_empty_frame() {
    for (text, dialect) in [("|", Dialect::Zmws1), ("|", Dialect::Zmws2), ("|[]", Dialect::Zmws1)] {
        let (_, reply) = decode_client_reply(dialect, frames(text)).expect("a list");
        assert!(matches!(reply, ClientReply::Snapshot { .. }), "{reply:?}");
    }
}

fn said(text: &str) -> String {
    match decode_worker_command(frames(text)) {
        Ok((origin, command)) => format!("{:?} {command:?}", origin.dialect),
        Err(error) => error.to_string(),
    }
}

#[test]
fn workers_of_all_dialects_are_understood() {
    let all = [
        "STR-REV|READY",
        "|STR-REV|READY",
        "HEARTBEAT",
        "STR-REV|COMPLETE: 00C0-FFEE",
        "PARAM-JSON: 1|STR-REV|COMPLETE: 00C0-FFEE",
        "0|STR-REV|FAIL: 00C0-FFEE",
        "PARAM-JSON: 1|STR-REV|CONT: 00C0-FFEE",
        "STR-REV|complete: 00C0-FFEE",
        "STR-REV|COMPLETE: 1234",
        "|READY",
        "MDPC02|3|STR-REV|READY",
        "MDPC02|3||READY",
        "MDPC02|3|STR-REV|PARAM-JSON: 1|COMPLETE: 00C0-FFEE",
        "MDPC02|3|STR-REV|FAIL: 10000-FFEE",
        "MDPC02|2|STR-REV|PARAM-JSON: 1|PARTIAL: 00C0-FFEE",
        "MDPC02|3|JOB: 00C0-FFEE|FAIL: JOB: 00C0-FFEE",
        "|MDPW01|\\x01|DEMO",
        "|MDPW01|\\x03|00C0-FFEE||one|two",
        "|MDPW01|\\x03|somebody||one",
        "|MDPW01|\\x04",
        "|MDPW01|\\x05",
        "|MDPW01|\\x06",
        "MDPW02|\\x01|DEMO",
        "MDPW02|\\x03|00C0-FFEE||part",
        "MDPW02|\\x04|00C0-FFEE||all",
        "MDPW02|\\x04|00C0-FFEE",
        "MDPW02|\\x05",
        "MDPW02|\\x06",
        "a|b|c|d|e",
        "",
    ];
    insta::assert_snapshot!(all.map(|text| format!("{text}\n    {}\n", said(text))).concat());
}

#[test]
fn orders_have_the_form_of_the_worker() {
    let job = JobRef::Named(JobId::from_bits(0x00C0_FFEE));
    let run = WorkerOrder::Run {
        job,
        client: Bytes::from_static(b"CLIENT"),
        body: Body::One(Bytes::from_static(b"PARAM-JSON: {}")),
    };
    let mut all = String::new();
    for dialect in [Dialect::Zmws1, Dialect::Zmws2, Dialect::Mdp01, Dialect::Mdp02] {
        for order in [&run, &WorkerOrder::Heartbeat, &WorkerOrder::Disconnect] {
            let frames = encode_worker_order(&Origin { delimiter: false, ..Origin::plain(dialect) }, order);
            all += &format!("{dialect:?} {}\n", frames.map_or("-".to_owned(), |frames| show(&frames)));
        }
    }
    insta::assert_snapshot!(all);
}

// --- laws

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![Dialect::Zmws1, Dialect::Zmws2, Dialect::Mdp01, Dialect::Mdp02])
}

/// Names without what a dialect means something else by.
fn name() -> impl Strategy<Value = ServiceName> {
    "[A-Z][A-Z0-9-]{0,12}"
        .prop_filter("no prefix and no list", |name| {
            !["SYNC-", "SERVER-", "JOB", "MDP"].iter().any(|prefix| name.starts_with(prefix))
        })
        .prop_map(|name| ServiceName::new(name).expect("at least one letter"))
}

fn frame() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn job_id() -> impl Strategy<Value = JobId> {
    any::<u32>().prop_map(JobId::from_bits)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![Outcome::Complete, Outcome::Fail])
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were_written(
        dialect in dialect(),
        tag in prop::option::of(prop::collection::vec(1u8..=255, 1..9)),
        service in name(),
        param in frame(),
        wait in any::<bool>(),
    ) {
        let zmws = matches!(dialect, Dialect::Zmws1 | Dialect::Zmws2);
        let envelope = tag.filter(|_| dialect != Dialect::Zmws1).map(|tag| Box::from([Bytes::from(tag)]));
        let origin = Origin { dialect, delimiter: true, envelope };
        let command = ClientCommand::Submit {
            service,
            body: Body::One(param),
            mode: if wait || !zmws { Mode::Wait } else { Mode::Background },
            if_unknown: if zmws { IfUnknown::Refuse } else { IfUnknown::Hold },
        };
        let frames = encode_client_command(&origin, &command).expect("every dialect has the word");
        prop_assert_eq!(decode_client_command(frames).expect("it was written so"), (origin, command));
    }

    #[test]
    fn replies_are_read_as_they_were_written(
        dialect in dialect(),
        service in name(),
        job in job_id(),
        outcome in outcome(),
        value in frame(),
    ) {
        let zmws = matches!(dialect, Dialect::Zmws1 | Dialect::Zmws2);
        let outcome = if zmws { outcome } else { Outcome::Complete };
        let (job, body) = (zmws.then_some(job), Body::One(value));
        let origin = Origin::plain(dialect);
        for reply in [
            ClientReply::Finished { job, service: service.clone(), outcome, body: body.clone() },
            ClientReply::Partial { job, service: service.clone(), body: body.clone() },
            ClientReply::Refused { service: service.as_bytes().clone(), body },
        ] {
            if !zmws && matches!(reply, ClientReply::Refused { .. }) {
                continue; // a result like any other there
            }
            let Some(frames) = encode_client_reply(&origin, &reply) else { continue };
            prop_assert_eq!(decode_client_reply(dialect, frames).expect("it was written so"), (origin.clone(), reply));
        }
    }

    #[test]
    fn what_workers_say_is_read_as_it_was_written(
        dialect in dialect(),
        service in name(),
        job in job_id(),
        outcome in outcome(),
        value in frame(),
    ) {
        let zmws = matches!(dialect, Dialect::Zmws1 | Dialect::Zmws2);
        let outcome = if zmws { outcome } else { Outcome::Complete };
        let (job, body) = (JobRef::Named(job), Body::One(value));
        let named = zmws.then(|| service.clone());
        for command in [
            WorkerCommand::Ready { service },
            WorkerCommand::Heartbeat,
            WorkerCommand::Partial { job: job.clone(), service: named.clone(), body: body.clone() },
            WorkerCommand::Finish { job, service: named, outcome, body },
            WorkerCommand::Disconnect,
        ] {
            let Some(frames) = encode_worker_command(dialect, &command) else { continue };
            let (origin, read) = decode_worker_command(frames).expect("it was written so");
            prop_assert_eq!(&read, &command);
            prop_assert!(origin.dialect == dialect || read == WorkerCommand::Heartbeat);
        }
    }

    #[test]
    fn orders_are_read_as_they_were_written(
        dialect in dialect(),
        delimiter in any::<bool>(),
        job in job_id(),
        client in frame(),
        param in frame(),
    ) {
        let client = if dialect == Dialect::Zmws1 { client } else { Bytes::new() };
        let origin = Origin { dialect, delimiter, envelope: None };
        for order in [
            WorkerOrder::Run { job: JobRef::Named(job), client, body: Body::One(param) },
            WorkerOrder::Heartbeat,
            WorkerOrder::Disconnect,
        ] {
            let Some(frames) = encode_worker_order(&origin, &order) else { continue };
            prop_assert_eq!(decode_worker_order(dialect, frames).expect("it was written so"), order);
        }
    }

    #[test]
    fn no_frames_are_too_strange(
        dialect in dialect(),
        frames in prop::collection::vec(
            prop_oneof![
                frame(),
                prop::sample::select(vec!["", "MDPC01", "MDPC02", "MDPW01", "MDPW02", "1", "3", "JOB: ", "READY", "COMPLETE: ", "SYNC-", "\u{1}", "\u{3}", "HEARTBEAT"])
                    .prop_map(Bytes::from),
            ],
            0..8,
        ),
    ) {
        match decode_client_command(frames.clone()) {
            Ok((_, command)) => drop(command),
            Err(rejected) => {
                let (origin, reply) = rejected.reply.expect("every dialect can refuse");
                prop_assert!(encode_client_reply(&origin, &reply).is_some());
            }
        }
        let _ = decode_worker_command(frames.clone());
        let _ = decode_client_reply(dialect, frames.clone());
        let _ = decode_worker_order(dialect, frames);
    }
}
