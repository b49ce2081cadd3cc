//! Laws and cases of the matching.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use crate::client::session::{Progress, Received, Session, Verdict};
use crate::job::{Body, JobId, ServiceName};
use crate::message::{ClientCommand, ClientReply, IfUnknown, Mode, Origin, Outcome, View};

fn name(text: &str) -> ServiceName {
    ServiceName::new(Bytes::copy_from_slice(text.as_bytes())).expect("not empty")
}

fn submit(service: &str, mode: Mode) -> ClientCommand {
    ClientCommand::Submit { service: name(service), body: Body::EMPTY, mode, if_unknown: IfUnknown::Refuse }
}

fn finished(service: &str, job: u32, value: &str) -> ClientReply {
    ClientReply::Finished {
        job: Some(JobId::from_bits(job)),
        service: name(service),
        outcome: Outcome::Complete,
        body: Body::One(Bytes::copy_from_slice(value.as_bytes())),
    }
}

fn partial(service: &str, job: u32) -> ClientReply {
    ClientReply::Partial { job: Some(JobId::from_bits(job)), service: name(service), body: Body::EMPTY }
}

fn accepted(service: &str) -> ClientReply {
    ClientReply::Accepted { job: JobId::from_bits(1), service: name(service) }
}

fn is_stray<W>(received: &Received<'_, W>) -> bool {
    matches!(received, Received::Stray)
}

#[test]
fn reply_finds_its_request_among_others_of_the_same_service() {
    let mut session = Session::new(7);
    let first = session.open(1, &submit("A", Mode::Wait), "first");
    let second = session.open(2, &submit("A", Mode::Wait), "second");
    assert_ne!(first, second);
    let Received::Final("second", _) = session.receive(&second, finished("A", 5, "x")) else {
        panic!("the second request's reply went astray");
    };
    let Received::Final("first", _) = session.receive(&first, finished("A", 6, "y")) else {
        panic!("the first request's reply went astray");
    };
}

#[test]
fn late_reply_to_a_request_given_up_finds_nobody() {
    let mut session = Session::new(7);
    let origin = session.open(1, &submit("A", Mode::Wait), ());
    assert_eq!(session.close(1), Some(()));
    let _other = session.open(2, &submit("A", Mode::Wait), ());
    assert!(is_stray(&session.receive(&origin, finished("A", 5, "late"))));
}

#[test]
fn second_final_reply_finds_nobody() {
    let mut session = Session::new(7);
    let origin = session.open(1, &submit("A", Mode::Wait), ());
    assert!(matches!(session.receive(&origin, finished("A", 5, "")), Received::Final((), _)));
    assert!(is_stray(&session.receive(&origin, finished("A", 5, ""))));
}

#[test]
fn reply_of_an_earlier_connection_finds_nobody() {
    let mut earlier = Session::new(7);
    let origin = earlier.open(1, &submit("A", Mode::Wait), ());
    let mut session = Session::new(8);
    let _open = session.open(1, &submit("A", Mode::Wait), ());
    assert!(is_stray(&session.receive(&origin, finished("A", 5, ""))));
}

#[test]
fn envelope_that_is_no_tag_finds_nobody() {
    let mut session = Session::new(7);
    let tagged = session.open(1, &submit("A", Mode::Wait), ());
    let tag = tagged.envelope.as_deref().expect("a tag")[0].clone();
    let envelopes: [Option<Box<[Bytes]>>; 4] =
        [None, Some(Box::new([])), Some(Box::new([tag.slice(1..)])), Some(Box::new([tag.clone(), tag]))];
    for envelope in envelopes {
        let origin = Origin { envelope, ..tagged.clone() };
        assert!(is_stray(&session.receive(&origin, finished("A", 5, ""))));
    }
}

#[test]
fn reply_of_another_kind_ends_its_request_undelivered() {
    let strangers = [
        (submit("A", Mode::Wait), accepted("A")),
        (submit("A", Mode::Wait), finished("B", 1, "")),
        (submit("A", Mode::Background), finished("A", 1, "")),
        (submit("A", Mode::Background), accepted("B")),
        (ClientCommand::Inspect { view: View::Jobs, echo: Vec::new() }, accepted("A")),
    ];
    for (id, (command, reply)) in (0..).zip(strangers) {
        let mut session = Session::new(7);
        let origin = session.open(id, &command, ());
        assert!(matches!(session.receive(&origin, reply), Received::Mismatch(())), "{command:?}");
        assert_eq!(session.close(id), None);
    }
}

#[test]
fn parts_keep_the_request_open_and_name_its_job() {
    let mut progress = Progress::new(&submit("A", Mode::Wait));
    assert_eq!(progress.judge(&partial("A", 1)), Verdict::Partial);
    assert_eq!(progress.judge(&partial("A", 2)), Verdict::Mismatch);
    assert_eq!(progress.judge(&finished("A", 2, "")), Verdict::Mismatch);
    assert_eq!(progress.judge(&finished("A", 1, "")), Verdict::Final);
}

#[test]
fn refusal_answers_whatever_it_names() {
    for named in ["A", "SYNC-A", ""] {
        let refused =
            ClientReply::Refused { service: Bytes::copy_from_slice(named.as_bytes()), body: Body::EMPTY };
        assert_eq!(Progress::new(&submit("A", Mode::Wait)).judge(&refused), Verdict::Final);
    }
}

#[test]
fn those_who_wait_at_the_end_are_told_in_the_order_of_their_requests() {
    let mut session = Session::new(7);
    for id in [3, 1, 2] {
        session.open(id, &submit("A", Mode::Wait), id);
    }
    assert_eq!(session.into_waiting(), [1, 2, 3]);
}

/// What may happen to the requests of one connection.
#[derive(Clone, Debug)]
enum Step {
    Open,
    GiveUp(usize),
    /// The broker answers a request, perhaps not for the first time.
    Answer(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Open),
        (0..64_usize).prop_map(Step::GiveUp),
        (0..64_usize).prop_map(Step::Answer),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is opened, given up and answered in whatever order: an answer is delivered to the
    /// request that it was made for, at most once, and to none that gave up.
    #[test]
    fn no_answer_reaches_another_request(steps in steps()) {
        let mut session = Session::new(99);
        let mut origins: Vec<Origin> = Vec::new();
        let mut open: BTreeMap<usize, ()> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Open => {
                    let number = origins.len();
                    origins.push(session.open(number as u64, &submit("A", Mode::Wait), number));
                    open.insert(number, ());
                }
                Step::GiveUp(number) => {
                    prop_assert_eq!(session.close(number as u64), open.remove(&number).map(|()| number));
                }
                Step::Answer(number) if number < origins.len() => {
                    let reply = finished("A", 1, &number.to_string());
                    match session.receive(&origins[number], reply.clone()) {
                        Received::Final(waiter, delivered) => {
                            prop_assert_eq!(waiter, number);
                            prop_assert_eq!(delivered, reply);
                            prop_assert!(open.remove(&number).is_some());
                        }
                        Received::Stray => prop_assert!(!open.contains_key(&number)),
                        Received::Partial(..) | Received::Mismatch(_) => prop_assert!(false),
                    }
                }
                Step::Answer(_) => {}
            }
        }
    }
}
