//! Keys in, requests out; and what is on the screen then.

mod screens;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::site::examples;
use super::super::status::SERVICES;
use super::super::tests::run;
use super::super::text::{Colour, printable};
use super::*;
use crate::admin::status::{Job, JobState, Status, Worker};

/// A `top` with messages in it.
struct World {
    state: State,
    requests: Vec<Request>,
}

impl World {
    fn new() -> Self {
        Self { state: State::new("127.0.0.1:5581".to_owned(), Colour::Without), requests: Vec::new() }
    }

    /// With services.
    fn running() -> Self {
        let mut world = Self::new();
        world.tell(Message::Status(Ok(examples::status(examples::services()))));
        world
    }

    /// On the page of STR-REV.
    fn on_a_page() -> Self {
        let mut world = Self::running();
        while world.state.service().is_some_and(|service| service.service != "STR-REV") {
            world.press(KeyCode::Down);
        }
        world.press(KeyCode::Enter);
        world.tell(Message::Content { service: "STR-REV".to_owned(), content: Ok(content()) });
        world.requests.clear();
        world
    }

    fn tell(&mut self, message: Message) {
        self.requests.extend(self.state.update(message));
    }

    fn press(&mut self, code: KeyCode) {
        self.tell(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    fn type_in(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.press(KeyCode::Char(key)));
    }

    fn screen(&self, width: u16, height: u16) -> String {
        self.drawn(width, height).backend().to_string()
    }

    fn drawn(&self, width: u16, height: u16) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it is memory");
        terminal.draw(|frame| draw::draw(&self.state, frame)).expect("it is memory");
        terminal
    }

    /// The last line of the screen.
    fn last_line(&self) -> String {
        let screen = self.screen(80, 12);
        let line = screen.lines().last().expect("it has lines");
        line.trim_matches('"').trim_end().to_owned()
    }

    /// The names of the services, in their order.
    fn names(&self) -> Vec<&str> {
        self.state.services().iter().map(|service| service.service.as_str()).collect()
    }
}

fn content() -> Content {
    let worker = |connection, id: &str, jobs: &[&str]| Worker {
        connection,
        id: id.to_owned(),
        address: format!("127.0.0.1:4{connection:04}"),
        dialect: "zmws2".to_owned(),
        services: vec!["STR-REV".to_owned()],
        jobs: jobs.iter().map(|&job| job.to_owned()).collect(),
        done: 41_234,
        busy_s: (!jobs.is_empty()).then_some(1.24),
        silent_s: 3.0,
        retired: false,
        jobs_max: None,
    };
    let job = |id: &str, state| Job {
        id: id.to_owned(),
        service: "STR-REV".to_owned(),
        state,
        requested_at: 1_764_000_000.0 - 12.0,
        bytes: 1_234,
        ..Job::default()
    };
    let started_at = Some(1_764_000_000.0 - 1.24);
    let failed = Job {
        started_at,
        ended_at: Some(1_764_000_000.0 - 185.0),
        worker: Some("W\x1b[2J".to_owned()),
        attempts: 3,
        ..job("0003-DEAD", JobState::Dead)
    };
    let active =
        Job { started_at, worker: Some("W-1".to_owned()), waits: true, ..job("0001-BEEF", JobState::Active) };
    Content {
        workers: vec![
            worker(7, "W-1", &["0001-BEEF"]),
            Worker { retired: true, ..worker(9, "W\x1b]0;x\x07", &[]) },
        ],
        jobs: vec![
            active,
            job("0002-C0DE", JobState::Queued),
            Job { id: "0004-FA11".to_owned(), state: JobState::Failed, ..failed.clone() },
            failed,
        ],
    }
}

#[test]
fn nothing_is_told_to_the_broker_without_a_yes() {
    let mut world = World::running();
    world.type_in("p");
    assert_eq!(world.last_line(), "pause MAIL? y/n");
    world.type_in("n");
    world.type_in("d");
    assert_eq!(world.last_line(), "drain MAIL? y/n");
    world.press(KeyCode::Enter);
    world.type_in("pqy");
    assert_eq!(world.requests, []);
    world.type_in("py");
    assert_eq!(world.requests, [Request::Give(Operation::Pause { service: "MAIL".to_owned() })]);
}

#[test]
fn what_is_held_is_let_go_by_the_same_key() {
    let mut world = World::running();
    world.press(KeyCode::Down);
    world.type_in("p");
    assert_eq!(world.last_line(), "resume NIGHTLY-REPORTS? y/n");
    world.type_in("n");
    while world.state.service().is_some_and(|service| service.service != "OLD") {
        world.press(KeyCode::Down);
    }
    world.type_in("d");
    assert_eq!(world.last_line(), "resume OLD? y/n");
}

#[test]
fn a_question_is_about_what_it_was_asked_about_though_the_table_moves() {
    let mut world = World::running();
    world.type_in("p");
    world.tell(Message::Status(Ok(examples::status(vec![examples::reverse()]))));
    world.tell(Message::Said(Ok("another order was done".to_owned())));
    assert_eq!(world.last_line(), "pause MAIL? y/n");
    world.type_in("y");
    assert_eq!(world.requests.pop(), Some(Request::Give(Operation::Pause { service: "MAIL".to_owned() })));
}

#[test]
fn what_the_broker_says_is_shown_until_the_next_key_and_the_screen_is_made_anew() {
    let mut world = World::running();
    world.tell(Message::Said(Ok("MAIL is paused".to_owned())));
    assert_eq!((world.requests.pop(), world.last_line().as_str()), (Some(Request::Look), "MAIL is paused"));
    world.tell(Message::Said(Err("no such\x1b[2J service".to_owned())));
    insta::assert_snapshot!(world.screen(60, 7), @r#"
    "zmws 0.1.0, running, up 3 d 04 h at 127.0.0.1:5581          "
    "– jobs/s; 12.4k queued, 4 active (1.2 MB), 10 workers, 12 c…"
    "                                                            "
    "SERVICE            STATE     QUEUED▼  ACTIVE  IDLE    OLDEST"
    "MAIL                           12.3k       0     0  2 h 07 m"
    "NIGHTLY-REPORTS    paused          4       0     2  6 m 40 s"
    "no such\u{1b}[2J service                                    "
    "#);
    world.press(KeyCode::Down);
    assert!(world.last_line().starts_with("? help"));
}

#[test]
fn workers_are_retired_and_jobs_deleted_and_tried_again() {
    let mut world = World::on_a_page();
    world.type_in("w");
    assert_eq!(world.last_line(), "retire worker W-1 (connection 7)? y/n");
    world.type_in("y");
    world.press(KeyCode::End);
    world.type_in("tyxy");
    let job = || "0003-DEAD".to_owned();
    assert_eq!(
        world.requests,
        [
            Request::Give(Operation::Retire { connection: 7, id: "W-1".to_owned() }),
            Request::Give(Operation::Retry { job: job() }),
            Request::Give(Operation::Delete { job: job() }),
        ]
    );
}

#[test]
fn keys_that_do_not_fit_say_why() {
    let mut world = World::running();
    let mut said = Vec::new();
    world.type_in("w");
    said.push(world.last_line());
    let mut world = World::on_a_page();
    for (step, key) in [(0, 't'), (0, 'x'), (2, 'w'), (0, 't'), (0, 'x'), (1, 't'), (1, 't'), (0, 'x')] {
        (0..step).for_each(|_| world.press(KeyCode::Down));
        world.press(KeyCode::Char(key));
        said.push(world.last_line());
    }
    assert!(world.requests.is_empty());
    insta::assert_snapshot!(said.join("\n"), @r"
    workers and jobs are behind Enter
    this is a worker: t tries a dead job again
    this is a worker: x deletes a job
    this is a job: w retires a worker
    only dead jobs can be tried again; a worker has this one
    a worker has it: only a job that waits, or a dead one, can be deleted
    only dead jobs can be tried again; this one waits already
    only dead jobs can be tried again; this one's worker failed it, and it is gone
    it is over already: there is nothing to delete
    ");
}

#[test]
fn a_cursor_stays_with_its_job_when_others_come_and_go() {
    let mut world = World::on_a_page();
    (0..3).for_each(|_| world.press(KeyCode::Down));
    let mut content = content();
    content.workers.remove(0);
    content.jobs.remove(0);
    world.tell(Message::Content { service: "STR-REV".to_owned(), content: Ok(content.clone()) });
    world.type_in("x");
    assert_eq!(world.last_line(), "delete job 0002-C0DE? y/n");
    world.type_in("n");
    // Its own end moves it to what is there.
    content.jobs.clear();
    world.tell(Message::Content { service: "STR-REV".to_owned(), content: Ok(content) });
    world.type_in("w");
    assert_eq!(world.last_line(), r"retire worker W\u{1b}]0;x\u{7} (connection 9)? y/n");
}

#[test]
fn an_answer_for_a_page_that_was_closed_is_left_aside() {
    let mut world = World::on_a_page();
    world.press(KeyCode::Esc);
    world.tell(Message::Content { service: "STR-REV".to_owned(), content: Ok(content()) });
    assert!(world.state.detail.is_none());
    assert_eq!(world.state.wanted(), None);
    // The cursor is where it was.
    assert_eq!(world.state.service().expect("there are some").service, "STR-REV");
}

#[test]
fn any_column_sorts_and_r_turns_it_round() {
    let mut world = World::running();
    assert_eq!(world.names()[..3], ["MAIL", "NIGHTLY-REPORTS", "STR-REV"]);
    world.type_in("r");
    assert_eq!(world.names().last(), Some(&"MAIL"));
    world.type_in("r");
    world.press(KeyCode::Left);
    assert_eq!(world.names()[..2], ["NIGHTLY-REPORTS", "OLD"]);
    world.press(KeyCode::Left);
    assert_eq!(world.names()[1..4], ["MAIL", "NIGHTLY-REPORTS", "OLD"]);
    world.press(KeyCode::Left);
    assert!(world.screen(40, 10).contains("RUN P99▼"));
    assert_eq!(world.names()[0], "STR-REV");
    let mut firsts = Vec::new();
    for _ in 0..13 {
        world.press(KeyCode::Right);
        let title = SERVICES[world.state.sort.column].title;
        firsts.push(format!("{title}: {}", printable(world.names()[0])));
    }
    insta::assert_snapshot!(firsts.join("\n"), @r"
    SERVICE: \u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}EVIL-SERVICE-WITH-A-LONG-NAME
    STATE: NIGHTLY-REPORTS
    QUEUED: MAIL
    ACTIVE: STR-REV
    IDLE: NIGHTLY-REPORTS
    BUSY: STR-REV
    DONE/MIN: STR-REV
    FAILED/MIN: THUMB
    OLDEST: MAIL
    WAIT P50: STR-REV
    WAIT P99: STR-REV
    RUN P50: STR-REV
    RUN P99: STR-REV
    ");
}

#[test]
fn jobs_a_second_are_counted_between_two_words_of_one_broker() {
    let mut world = World::running();
    let word = |completed, at, started_at| {
        let mut status: Status = examples::status(Vec::new());
        (status.totals.completed, status.totals.failed) = (completed, 0);
        (status.at, status.started_at) = (at, started_at);
        Message::Status(Ok(status))
    };
    world.tell(word(100, 10.0, 1.0));
    world.tell(word(350, 12.0, 1.0));
    assert_eq!(world.state.rate, Some(125.0));
    for (completed, at, started_at) in
        [(5, 14.0, 13.0), (4, 15.0, 13.0), (9, 15.0, 13.0), (9, f64::NAN, 13.0)]
    {
        world.tell(word(completed, at, started_at));
        assert_eq!(world.state.rate, None);
    }
}

#[test]
fn q_quits_and_control_c_quits_from_a_question_too() {
    let mut world = World::on_a_page();
    world.type_in("w");
    world.tell(Message::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    // The first answers the question.
    world.type_in("qq");
    assert_eq!(world.requests, [Request::Quit, Request::Quit]);
}

#[test]
fn a_page_is_asked_for_with_the_broker_and_its_orders_are_given() {
    run(async {
        let port = super::super::tests::Broker::start(|request| {
            let body = match request.split_whitespace().last().expect("a path") {
                "/status" => serde_json::to_string(&examples::status(Vec::new())),
                path if path.starts_with("/workers") => serde_json::to_string(&content().workers),
                path if path.starts_with("/jobs?") => serde_json::to_string(&content().jobs[..1]),
                _ => return (404, "no such job\n".to_owned()),
            };
            (200, body.expect("it is JSON"))
        })
        .await;
        let mut broker = super::Broker::new(port.admin.clone());
        broker.look(Some("A B".to_owned()));
        assert!(matches!(broker.answer().await, Message::Status(Ok(_))) && broker.asked);
        let Message::Content { service, content: Ok(shown) } = broker.answer().await else {
            panic!("a page")
        };
        assert_eq!(
            (service.as_str(), shown.workers.len(), shown.jobs.len(), broker.asked),
            ("A B", 2, 4, false)
        );
        broker.give(Operation::Delete { job: "0001-BEEF".to_owned() });
        assert!(matches!(broker.answer().await, Message::Said(Err(line)) if line == "no such job"));
        insta::assert_snapshot!(port.requests().join("\n"), @r"
        GET /status
        GET /workers?service=A%20B
        GET /jobs?service=A%20B&state=active&limit=100
        GET /jobs?service=A%20B&state=queued&limit=100
        GET /jobs?service=A%20B&state=failed&limit=100
        GET /jobs?service=A%20B&state=dead&limit=100
        DELETE /jobs/0001-BEEF
        ");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_keys_in_any_terminal_can_be_drawn(
        keys in proptest::collection::vec(0_usize..20, 0..20),
        width in 0_u16..120,
        height in 0_u16..40,
        name in any::<String>(),
    ) {
        let mut world = World::running();
        let mut strange = content();
        strange.workers[0].id.clone_from(&name);
        strange.jobs[0].requested_at = f64::MAX;
        for key in keys {
            match key {
                0..12 => world.press(KeyCode::Char("pdtxwry?hjkl".as_bytes()[key].into())),
                12 => world.press(KeyCode::Enter),
                13 => world.press(KeyCode::Esc),
                14 => world.press(KeyCode::End),
                15 => world.press(KeyCode::PageUp),
                16 => world.tell(Message::Said(Err(name.clone()))),
                17 => world.tell(Message::Status(Ok(examples::status(vec![examples::reverse()])))),
                18 => world.tell(Message::Status(Err(name.clone()))),
                _ => {
                    let service = world.state.wanted().unwrap_or_default();
                    world.tell(Message::Content { service, content: Ok(strange.clone()) });
                }
            }
            world.drawn(width, height);
        }
    }
}
