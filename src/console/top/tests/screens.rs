//! What is on the screen.

use super::*;

#[test]
fn services_are_there_with_those_that_have_the_most_to_do_first() {
    insta::assert_snapshot!(World::running().screen(100, 14), @r#"
    "zmws 0.1.0, running, up 3 d 04 h at 127.0.0.1:5581                                                  "
    "– jobs/s; 12.4k queued, 4 active (1.2 MB), 10 workers, 12 clients; 120k done, 42 failed, 3 requeued…"
    "                                                                                                    "
    "SERVICE              STATE     QUEUED▼  ACTIVE  IDLE  BUSY  DONE/MIN  FAILED/MIN    OLDEST  WAIT P99"
    "MAIL                             12.3k       0     0     0         0           0  2 h 07 m         –"
    "NIGHTLY-REPORTS      paused          4       0     2     0         0           0  6 m 40 s         –"
    "STR-REV                              2       3     1     3      1234           0    250 ms   12.0 ms"
    "\u{1b}[2J\u{1b}]0;…                  0       0     1     0         0           0         –         –"
    "OLD                  draining        0       1     0     1         0           0         –         –"
    "THUMB                                0       0     1     0         3           7         –         –"
    "翻訳サービス                         0       0     1     0         0           0         –         –" Hidden by multi-width symbols: [(1, " "), (3, " "), (5, " "), (7, " "), (9, " "), (11, " ")]
    "                                                                                                    "
    "                                                                                                    "
    "? help  q quit  ↑↓ choose  Enter open  p pause  d drain  ←→ sort by  r reverse                      "
    "#);
}

#[test]
fn the_page_of_a_service_has_its_workers_and_jobs() {
    insta::assert_snapshot!(World::on_a_page().screen(100, 18), @r#"
    "zmws 0.1.0, running, up 3 d 04 h at 127.0.0.1:5581                                                  "
    "– jobs/s; 12.4k queued, 4 active (1.2 MB), 10 workers, 12 clients; 120k done, 42 failed, 3 requeued…"
    "                                                                                                    "
    "STR-REV: 2 queued, the oldest for 250 ms, 3 active; 119k done, 2 failed                             "
    "                                                                                                    "
    "WORKER            STATE    BUSY FOR  SILENT FOR   DONE  ADDRESS          SPEAKS                     "
    "W-1               busy        1.2 s       3.0 s  41.2k  127.0.0.1:40007  zmws2                      "
    "W\u{1b}]0;x\u{7}  retired         –       3.0 s  41.2k  127.0.0.1:40009  zmws2                      "
    "                                                                                                    "
    "JOB        STATE      SINCE  WORKER      ATTEMPTS   BYTES  CLIENT                                   "
    "0001-BEEF  active     1.2 s  W-1                0  1.2 kB  waits                                    "
    "0002-C0DE  queued      12 s  –                  0  1.2 kB                                           "
    "0004-FA11  failed  3 m 05 s  W\u{1b}[2J         3  1.2 kB                                           "
    "0003-DEAD  dead    3 m 05 s  W\u{1b}[2J         3  1.2 kB                                           "
    "                                                                                                    "
    "                                                                                                    "
    "                                                                                                    "
    "? help  q quit  Esc back  ↑↓ choose  w retire  t try again  x delete  p pause  d drain              "
    "#);
}

#[test]
fn a_small_terminal_has_what_matters_most() {
    insta::assert_snapshot!(World::running().screen(40, 10), @r#"
    "zmws 0.1.0, running, up 3 d 04 h at 127…"
    "– jobs/s; 12.4k queued, 4 active (1.2 M…"
    "                                        "
    "SERVICE                STATE     QUEUED▼"
    "MAIL                               12.3k"
    "NIGHTLY-REPORTS        paused          4"
    "STR-REV                                2"
    "\u{1b}[2J\u{1b}]0;ow…                  0"
    "OLD                    draining        0"
    "? help  q quit  ↑↓ choose  Enter open  …"
    "#);
    insta::assert_snapshot!(World::on_a_page().screen(40, 10), @r#"
    "zmws 0.1.0, running, up 3 d 04 h at 127…"
    "– jobs/s; 12.4k queued, 4 active (1.2 M…"
    "                                        "
    "STR-REV: 2 queued, the oldest for 250 m…"
    "                                        "
    "WORKER            STATE    BUSY FOR     "
    "W-1               busy        1.2 s     "
    "W\u{1b}]0;x\u{7}  retired         –     "
    "                                        "
    "? help  q quit  Esc back  ↑↓ choose  w …"
    "#);
}

#[test]
fn keys_are_explained() {
    let mut world = World::running();
    world.type_in("?");
    insta::assert_snapshot!(world.screen(64, 20), @r#"
    "zmws 0.1.0, running, up 3 d 04 h at 127.0.0.1:5581              "
    "– jobs/s; 12.4k queued, 4 active (1.2 MB), 10 workers, 12 clien…"
    "                                                                "
    "↑ ↓ j k  choose; also Page Up, Page Down, Home, End             "
    "← → h l  services: choose the column to sort by                 "
    "r        services: the other way round                          "
    "Enter    services: the workers and jobs of one                  "
    "Esc      back to the services                                   "
    "p        pause a service, or resume it                          "
    "d        drain a service, or resume it                          "
    "t        try a dead job again: one that the broker gave up      "
    "x        delete a job                                           "
    "w        retire a worker: no more jobs for it                   "
    "q        quit; Ctrl-C, too                                      "
    "                                                                "
    "A paused service takes jobs and hands none out; a draining      "
    "one takes none. What changes something is asked first.          "
    "                                                                "
    "                                                                "
    "? help  q quit  ↑↓ choose  Enter open  p pause  d drain  ←→ sor…"
    "#);
    // Any key closes it, and does nothing else.
    world.type_in("q");
    assert!(world.requests.is_empty() && !world.state.help);
}

#[test]
fn before_the_first_answer_it_asks_and_then_says_why_there_is_none() {
    let mut world = World::new();
    assert!(world.screen(80, 12).contains("asking the broker at 127.0.0.1:5581 …"));
    world.type_in("pdtxwr");
    for key in [KeyCode::Enter, KeyCode::Down, KeyCode::End, KeyCode::Left, KeyCode::Esc] {
        world.press(key);
    }
    assert!(world.requests.is_empty());
    world.tell(Message::Status(Err("no broker answers at 127.0.0.1:5581: refused".to_owned())));
    insta::assert_snapshot!(world.screen(60, 6), @r#"
    "no broker answers at 127.0.0.1:5581: refused                "
    "                                                            "
    "                                                            "
    "SERVICE  STATE▲  QUEUED  ACTIVE  IDLE  BUSY  OLDEST         "
    "                                                            "
    "? help  q quit  ↑↓ choose  Enter open  p pause  d drain  ←→…"
    "#);
}

#[test]
fn a_broker_that_goes_leaves_its_last_word_and_comes_back() {
    let mut world = World::running();
    world.tell(Message::Status(Err("no broker answers".to_owned())));
    insta::assert_snapshot!(world.screen(90, 7), @r#"
    "no broker answers; at 16:00:00 UTC it was:                                                "
    "– jobs/s; 12.4k queued, 4 active (1.2 MB), 10 workers, 12 clients; 120k done, 42 failed, …"
    "                                                                                          "
    "SERVICE              STATE     QUEUED▼  ACTIVE  IDLE  BUSY  DONE/MIN  FAILED/MIN    OLDEST"
    "MAIL                             12.3k       0     0     0         0           0  2 h 07 m"
    "NIGHTLY-REPORTS      paused          4       0     2     0         0           0  6 m 40 s"
    "? help  q quit  ↑↓ choose  Enter open  p pause  d drain  ←→ sort by  r reverse            "
    "#);
    world.tell(Message::Status(Ok(examples::status(vec![examples::reverse()]))));
    assert!(world.screen(90, 7).contains("zmws 0.1.0, running"));
}

#[test]
fn a_long_name_leaves_room_for_the_answer() {
    let mut world = World::running();
    world.press(KeyCode::End);
    while world.state.service().is_some_and(|service| !service.service.starts_with('\x1b')) {
        world.press(KeyCode::Up);
    }
    world.type_in("p");
    let screen = world.screen(30, 10);
    assert_eq!(screen.lines().last(), Some(r#""pause \u{1b}[2J\u{1b}]0;o… y/n""#));
}
