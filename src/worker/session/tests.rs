//! Transcripts of sessions in virtual time.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::job::JobId;

/// A session of two servers, interval 1 s, 3 tries, and what it did, with the milliseconds.
struct Play {
    session: Session,
    now: Timestamp,
    identities: Vec<Bytes>,
    running: bool,
    log: Vec<String>,
}

impl Play {
    fn new() -> Self {
        let service = ServiceName::new("DEMO").expect("a name");
        let config = Config { heartbeat_us: 1_000_000, ..Config::new(service, 2, 7) };
        let mut actions = Vec::new();
        let session = Session::new(config, Timestamp(0), &mut actions);
        let mut play =
            Self { session, now: Timestamp(0), identities: Vec::new(), running: false, log: Vec::new() };
        play.note(actions);
        play
    }

    fn note(&mut self, actions: Vec<Action>) {
        for action in actions {
            let line = match action {
                Action::Connect { server, identity } => {
                    assert!(!self.identities.contains(&identity), "an identity comes twice");
                    self.identities.push(identity);
                    format!("connect to {server} as #{}", self.identities.len())
                }
                Action::Send(WorkerCommand::Finish { job: JobRef::Named(id), outcome, .. }) => {
                    format!("send {outcome:?} {id}")
                }
                Action::Send(WorkerCommand::Ready { service }) => {
                    assert!(!self.running, "READY while a job runs");
                    format!("send READY {service}")
                }
                Action::Send(WorkerCommand::Partial { job: JobRef::Named(id), .. }) => {
                    format!("send CONT {id}")
                }
                Action::Send(command) => format!("send {command:?}"),
                Action::Start(Order { job: JobRef::Named(id), .. }) => {
                    assert!(!std::mem::replace(&mut self.running, true), "two jobs run");
                    format!("start {id}")
                }
                other => format!("{other:?}").to_lowercase(),
            };
            self.log.push(format!("{} {line}", self.now.0 / 1_000));
        }
    }

    fn step(&mut self, words: &str) {
        match words.strip_prefix('+') {
            Some(ms) => self.wait(ms.parse().expect("milliseconds")),
            // The driver reports an end only of what runs.
            None if matches!(words, "done" | "back") && !self.running => {}
            None => self.tell(event(words)),
        }
    }

    fn tell(&mut self, event: Event) {
        self.running &= !matches!(event, Event::Finished { .. } | Event::GivenBack);
        let mut actions = Vec::new();
        self.session.handle(self.now, event, &mut actions);
        self.note(actions);
    }

    /// Lets time go by, with a tick at each deadline.
    fn wait(&mut self, ms: u64) {
        let end = self.now.plus_micros(ms * 1_000);
        while let Some(at) = self.session.deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.tell(Event::Tick);
        }
        self.now = end;
    }
}

fn event(words: &str) -> Event {
    let body = Body::One(Bytes::from_static(b"PARAM-JSON: 1"));
    match words.split_once(' ').unwrap_or((words, "")) {
        ("up", "") => Event::Connected(Dialect::Zmws2),
        ("up", _) => Event::Connected(Dialect::Mdp02),
        ("down", _) => Event::Disconnected,
        ("run", id) => Event::Order(WorkerOrder::Run {
            job: JobRef::Named(JobId::parse(id.as_bytes()).expect("an id")),
            client: Bytes::new(),
            body,
        }),
        ("hb", _) => Event::Order(WorkerOrder::Heartbeat),
        ("dismiss", _) => Event::Order(WorkerOrder::Disconnect),
        ("noise", _) => Event::Unreadable,
        ("part", _) => Event::Partial(body),
        ("done", _) => Event::Finished { outcome: Outcome::Complete, body },
        ("back", _) => Event::GivenBack,
        ("drain", _) => Event::Drain,
        (word, _) => panic!("no such event: {word}"),
    }
}

/// Events parted by commas, `+n` for n milliseconds; what the session did, line by line.
fn play(script: &str) -> String {
    let mut play = Play::new();
    script.split(',').for_each(|words| play.step(words.trim()));
    play.log.join("\n")
}

#[test]
fn an_idle_worker_beats_and_is_idle_once_until_the_next_job() {
    assert_snapshot!(play("up, hb, +1500, hb, +1000, hb, +1000, hb, +1000, hb, run 0001-0001, done, +1100"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    1000 send Heartbeat
    2000 send Heartbeat
    3000 send Heartbeat
    3000 idle
    4000 send Heartbeat
    4500 start 0001-0001
    4500 send Complete 0001-0001
    5500 send Heartbeat
    ");
}

#[test]
fn a_silent_server_is_left_for_the_next_under_a_new_identity() {
    assert_snapshot!(play("up, hb, +3000, up, +1000, noise, +3000, up, hb"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    1000 send Heartbeat
    2000 send Heartbeat
    3000 connect to 1 as #2
    3000 send READY DEMO
    4000 send Heartbeat
    4000 idle
    5000 send Heartbeat
    6000 send Heartbeat
    7000 connect to 0 as #3
    7000 send READY DEMO
    ");
}

#[test]
fn a_server_that_cannot_be_reached_is_left_as_well() {
    assert_snapshot!(play("down, +1000, down, +2500, up"), @r"
    0 connect to 0 as #1
    3000 connect to 1 as #2
    3500 send READY DEMO
    ");
}

#[test]
fn a_connection_that_returns_keeps_its_identity_and_registers_at_once() {
    assert_snapshot!(play("up, hb, +2500, down, +300, up, +2900"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    1000 send Heartbeat
    2000 send Heartbeat
    2800 send READY DEMO
    3800 send Heartbeat
    3800 idle
    4800 send Heartbeat
    ");
}

#[test]
fn a_server_that_lets_us_in_and_says_nothing_gains_no_time() {
    assert_snapshot!(play("up, +900, down, up, +900, down, up, +900, down, up, +900"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    900 send READY DEMO
    1800 send READY DEMO
    2700 send READY DEMO
    3000 connect to 1 as #2
    ");
}

#[test]
fn an_answer_goes_before_ready_when_the_connection_was_lost_meanwhile() {
    assert_snapshot!(play("up, run 0001-0001, down, up, +100, part, done"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    100 send CONT 0001-0001
    100 send Complete 0001-0001
    100 send READY DEMO
    ");
    assert_snapshot!(play("up, run 0001-0001, down, +100, done, +100, up"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    100 send Complete 0001-0001
    200 send READY DEMO
    ");
}

#[test]
fn a_worker_that_returns_to_a_majordomo_broker_does_not_repeat_ready() {
    assert_snapshot!(play("up mdp, hb, +1500, down, up mdp, +100, dismiss, up mdp"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    1000 send Heartbeat
    1500 send Heartbeat
    1600 connect to 0 as #2
    1600 send READY DEMO
    ");
    assert_snapshot!(play("up mdp, run 0001-0001, down, up mdp, +100, done, +1000"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    100 send Complete 0001-0001
    1100 send Heartbeat
    ");
}

#[test]
fn a_busy_worker_beats_and_does_not_mind_silence() {
    assert_snapshot!(play("up, run 0001-0001, +4500, done, +1000"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    1000 send Heartbeat
    2000 send Heartbeat
    3000 send Heartbeat
    4000 send Heartbeat
    4500 send Complete 0001-0001
    5500 send Heartbeat
    ");
}

#[test]
fn a_job_whose_server_is_given_up_is_abandoned_and_ready_waits_for_its_end() {
    assert_snapshot!(play("up, run 0001-0001, down, +3000, up, +500, part, done, run 0002-0002"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    3000 connect to 1 as #2
    3000 abandon
    3500 send READY DEMO
    3500 start 0002-0002
    ");
}

/// RFC 18: "When the worker receives DISCONNECT it must send no further commands to the broker; it MUST
/// close its socket, and reconnect to the broker on a new socket."
#[test]
fn a_worker_that_is_told_to_go_comes_anew() {
    assert_snapshot!(play("up, +1500, dismiss, up, +1000, run 0001-0001, dismiss, up, done"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    1000 send Heartbeat
    1500 connect to 0 as #2
    1500 send READY DEMO
    2500 send Heartbeat
    2500 start 0001-0001
    2500 connect to 0 as #3
    2500 abandon
    2500 send READY DEMO
    ");
}

#[test]
fn a_broker_that_does_not_want_us_is_asked_once_an_interval() {
    assert_snapshot!(play("up, dismiss, run 0001-0001, +1000, up, dismiss, down, up, +1000, up"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    1000 connect to 0 as #2
    1000 send READY DEMO
    2000 connect to 0 as #3
    2000 send READY DEMO
    ");
}

#[test]
fn orders_that_come_while_a_job_runs_are_done_after_it_each_once() {
    assert_snapshot!(play("up, run 0001-0001, run 0001-0001, run 0002-0002, done, done"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    0 send Complete 0001-0001
    0 start 0002-0002
    0 send Complete 0002-0002
    ");
}

#[test]
fn orders_that_wait_are_bounded_in_bytes_too() {
    let mut play = Play::new();
    play.tell(Event::Connected(Dialect::Zmws2));
    for id in 1..=3 {
        let body = Body::One(Bytes::from(vec![0; WAITING_BYTES_MAX / 2 + 1]));
        let job = JobRef::Named(JobId::from_bits(id));
        play.tell(Event::Order(WorkerOrder::Run { job, client: Bytes::new(), body }));
    }
    assert_eq!(play.log[2..], ["0 start 0000-0001", "0 send Fail 0000-0003"]);
}

#[test]
fn a_job_is_given_back_by_a_new_connection() {
    assert_snapshot!(play("up, run 0001-0001, back, up"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    0 connect to 0 as #2
    0 send READY DEMO
    ");
}

#[test]
fn a_worker_that_stops_answers_what_runs_and_takes_nothing_new() {
    assert_snapshot!(play("up, run 0001-0001, drain, run 0002-0002, done, run 0003-0003, +5000"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    0 send Complete 0001-0001
    0 send Disconnect
    0 close
    ");
    assert_snapshot!(play("up, drain"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 send Disconnect
    0 close
    ");
}

#[test]
fn a_worker_that_stops_waits_for_the_connection_to_take_its_answer() {
    assert_snapshot!(play("up, run 0001-0001, down, drain, done, +100, up"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    0 send Complete 0001-0001
    100 send Disconnect
    100 close
    ");
    assert_snapshot!(play("up, run 0001-0001, down, drain, done, +4000"), @r"
    0 connect to 0 as #1
    0 send READY DEMO
    0 start 0001-0001
    0 send Complete 0001-0001
    3000 close
    ");
}

fn any_event() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("up".to_owned()),
        Just("up mdp".to_owned()),
        Just("down".to_owned()),
        (1..4u32).prop_map(|id| format!("run 0000-000{id}")),
        prop_oneof![Just("hb"), Just("dismiss"), Just("noise"), Just("back")].prop_map(str::to_owned),
        Just("done".to_owned()),
        (1..4_000u32).prop_map(|ms| format!("+{ms}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// `Play` asserts on its way that one job runs at a time, and that READY is never said of a busy
    /// worker, whatever comes.
    #[test]
    fn no_order_of_events_makes_a_worker_run_two_jobs_or_offer_itself_while_busy(
        script in prop::collection::vec(any_event(), 1..60),
    ) {
        let mut play = Play::new();
        script.iter().for_each(|words| play.step(words));
    }
}
