//! What a worker says to a broker, told by a broker that does what the test says.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Barrier, Notify};
use zmws::job::Body;
use zmws::message::Dialect;
use zmws::worker::{Answer, Job, Json, ParamError};

use super::fake::{Fake, Running, demo, play};

const READY: &str = "MDPC02|3|DEMO|READY";

const PANICKED: &str = r#"MDPC02|3|DEMO|PARAM-JSON: "the function panicked"|FAIL: 0000-0001"#;

#[test]
fn values_errors_and_panics_become_answers_and_the_worker_lives_on() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|job: Job| async move {
            let param = job.json().expect("the test sends JSON");
            match param["do"].as_str() {
                Some("fail") => Err("as asked".to_owned()),
                Some("panic") => panic!("as asked"),
                Some("nothing") => Ok(None),
                _ => Ok(Some(Json(json!({"got": param})))),
            }
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, identity) = broker.registered(READY).await;
        assert_eq!((identity.len(), identity[4]), (9, b'-'));
        let cases = [
            (r#"PARAM-JSON: {"a":1}"#, r#"MDPC02|3|DEMO|PARAM-JSON: {"got":{"a":1}}|COMPLETE: 0000-0001"#),
            (r#"PARAM-JSON: {"do":"fail"}"#, r#"MDPC02|3|DEMO|PARAM-JSON: "as asked"|FAIL: 0000-0001"#),
            (r#"PARAM-JSON: {"do":"panic"}"#, PANICKED),
            (r#"PARAM-JSON: {"do":"nothing"}"#, "MDPC02|3|DEMO|COMPLETE: 0000-0001"),
            ("", r#"MDPC02|3|DEMO|PARAM-JSON: {"got":{}}|COMPLETE: 0000-0001"#),
        ];
        for (param, answer) in cases {
            assert_eq!(broker.ask(peer, "0000-0001", param).await, answer);
        }
    });
}

#[test]
fn a_panic_before_the_first_await_is_a_failure_too() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|job: Job| {
            assert_ne!(job.label(), "0000-0001", "as asked");
            std::future::ready(())
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        assert_eq!(broker.ask(peer, "0000-0001", "").await, PANICKED);
        assert_eq!(broker.ask(peer, "0000-0002", "").await, "MDPC02|3|DEMO|COMPLETE: 0000-0002");
    });
}

#[test]
fn a_foreign_broker_is_spoken_to_in_zmws_1() {
    play(async {
        let broker = Fake::foreign();
        let worker = demo(&broker).handler(|job: Job| async move { job.json().map(Answer::Value) });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered("DEMO|READY").await;
        broker.say(peer, "client||PARAM-JSON: [1]|JOB: 0000-0001");
        assert_eq!(broker.said().await.1, "PARAM-JSON: [1]|DEMO|COMPLETE: 0000-0001");
        broker.say(peer, "client||PARAM-JSON: [|JOB: 0000-0002");
        let refused = broker.said().await.1;
        let why = r#"PARAM-JSON: "the parameter is tagged as JSON and is none"|DEMO|FAIL: 0000-0002"#;
        assert_eq!(refused, why);
    });
}

#[test]
fn a_majordomo_broker_gets_bodies_and_may_ask_for_a_new_socket() {
    play(async {
        let broker = Fake::foreign();
        let worker = demo(&broker).dialect(Dialect::Mdp02).heartbeat(Duration::from_millis(50), 100).handler(
            |job: Job| async move {
                job.partial("part").await.expect("the worker runs");
                job.json()
            },
        );
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, first) = broker.registered(r"MDPW02|\x01|DEMO").await;
        broker.say(peer, "MDPW02|\u{2}|client||hello");
        assert_eq!(ordinary(&broker).await, r#"MDPW02|\x03|client||"part""#);
        assert_eq!(ordinary(&broker).await, r#"MDPW02|\x04|client||"hello""#);
        broker.say(peer, "MDPW02|\u{6}");
        assert_eq!(broker.left().await, peer);
        let (_, second) = broker.registered(r"MDPW02|\x01|DEMO").await;
        assert_ne!(first, second);
    });
}

/// RFC 7 has no word for a part, nor for a failure.
#[test]
fn a_majordomo_0_1_broker_gets_whole_answers() {
    play(async {
        let broker = Fake::foreign();
        let worker = demo(&broker).dialect(Dialect::Mdp01).handler(|job: Job| async move {
            job.partial("part").await.expect("the worker runs");
            match job.body().frames().len() {
                1 => Ok(Answer::Frames(job.body().clone())),
                frames => Err(format!("{frames} frames")),
            }
        });
        let mut worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(r"|MDPW01|\x01|DEMO").await;
        broker.say(peer, "|MDPW01|\u{2}|client||hello");
        assert_eq!(broker.said().await.1, r"|MDPW01|\x03|client||hello");
        broker.say(peer, "|MDPW01|\u{2}|client||two|frames");
        assert_eq!(broker.said().await.1, r"|MDPW01|\x03|client||FAIL: DEMO");
        worker.stop();
        assert_eq!(broker.said().await.1, r"|MDPW01|\x05");
        worker.ended().await;
    });
}

/// The next message that is no heartbeat of Majordomo 0.2.
async fn ordinary(broker: &Fake) -> String {
    loop {
        let (_, said) = broker.said().await;
        if said != r"MDPW02|\x05" {
            return said;
        }
    }
}

#[test]
fn parts_go_before_the_end_in_their_order() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|job: Job| async move {
            for number in 0..100 {
                job.partial(number).await.expect("the worker runs");
            }
            "end"
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        broker.say(peer, "|MDPC02|1||JOB: 0000-0001");
        for number in 0..100 {
            let part = format!("MDPC02|3|DEMO|PARAM-JSON: {number}|CONT: 0000-0001");
            assert_eq!(broker.said().await.1, part);
        }
        assert_eq!(broker.said().await.1, r#"MDPC02|3|DEMO|PARAM-JSON: "end"|COMPLETE: 0000-0001"#);
    });
}

#[test]
fn blocking_functions_send_parts_and_may_panic() {
    const WHY: &str = r#"PARAM-JSON: "the function panicked"|FAIL"#;
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).blocking(|job: Job| {
            job.partial_blocking("part").expect("the worker runs");
            let number: i64 = job.param().expect("as asked");
            number + 1
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        for (param, end) in [("PARAM-JSON: 1", "PARAM-JSON: 2|COMPLETE"), ("PARAM-JSON: {}", WHY)] {
            let part = broker.ask(peer, "0000-0001", param).await;
            assert_eq!(part, r#"MDPC02|3|DEMO|PARAM-JSON: "part"|CONT: 0000-0001"#);
            assert_eq!(broker.said().await.1, format!("MDPC02|3|DEMO|{end}: 0000-0001"));
        }
    });
}

#[test]
fn frames_pass_as_they_are() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|job: Job| async move { Answer::Frames(job.body().clone()) });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        let answer = broker.ask(peer, "0000-0001", "PARAM-X: \u{1}").await;
        assert_eq!(answer, r"MDPC02|3|DEMO|PARAM-X: \x01|COMPLETE: 0000-0001");
    });
}

#[test]
fn an_answer_that_the_dialect_cannot_carry_is_a_failure() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker)
            .handler(|_| async { Answer::Frames(Body::from_frames(vec!["a".into(), "b".into()])) });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        assert_eq!(broker.ask(peer, "0000-0001", "").await, "MDPC02|3|DEMO|FAIL: 0000-0001");
    });
}

#[test]
fn concurrency_is_so_many_peers_with_jobs_at_once() {
    play(async {
        let broker = Fake::ours();
        let all = Arc::new(Barrier::new(3));
        let worker = demo(&broker).concurrency(3).handler(move |_| {
            let all = Arc::clone(&all);
            async move {
                all.wait().await;
            }
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (mut peers, mut identities) = (Vec::new(), Vec::new());
        while identities.len() < 3 || peers.len() < 3 {
            // Their coming and their READY are interwoven.
            match broker.came_or_said().await {
                Ok(identity) => identities.push(identity),
                Err((peer, said)) => {
                    assert_eq!(said, READY);
                    peers.push(peer);
                }
            }
        }
        identities.dedup();
        assert_eq!(identities.len(), 3);
        for (number, peer) in peers.iter().enumerate() {
            broker.say(*peer, &format!("|MDPC02|1||JOB: 0000-000{number}"));
        }
        // None ends before all have begun.
        for _ in 0..3 {
            assert!(broker.said().await.1.starts_with("MDPC02|3|DEMO|COMPLETE: "));
        }
    });
}

#[test]
fn what_is_no_job_gets_no_answer() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|_| async {});
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        for frames in
            ["garbage", "", "|HEARTBEAT", "client|||JOB: 0000-0001", "|MDPC02|1||JOB: ", "MDPW02|\u{1}"]
        {
            broker.say(peer, frames);
        }
        assert_eq!(broker.ask(peer, "0000-0002", "").await, "MDPC02|3|DEMO|COMPLETE: 0000-0002");
    });
}

#[test]
fn after_a_lost_connection_the_answer_comes_first_then_ready_under_the_same_identity() {
    play(async {
        let broker = Fake::ours();
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (began, gone) = (Arc::clone(&begun), Arc::clone(&go));
        let worker = demo(&broker).handler(move |_| {
            let (began, gone) = (Arc::clone(&began), Arc::clone(&gone));
            async move {
                began.notify_one();
                gone.notified().await;
                "late"
            }
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, first) = broker.registered(READY).await;
        broker.say(peer, "|MDPC02|1||JOB: 0000-0001");
        begun.notified().await;
        let port = broker.port();
        drop(broker);
        let broker = Fake::at(port).await;
        let (_, second) = broker.came().await;
        assert_eq!(first, second);
        go.notify_one();
        assert_eq!(broker.said().await.1, r#"MDPC02|3|DEMO|PARAM-JSON: "late"|COMPLETE: 0000-0001"#);
        assert_eq!(broker.said().await.1, READY);
    });
}

#[test]
fn a_silent_server_is_left_for_the_next() {
    play(async {
        let (first, second) = (Fake::ours(), Fake::ours());
        let worker = demo(&first)
            .servers([first.address(), second.address()])
            .heartbeat(Duration::from_millis(100), 3)
            .handler(|_| async {});
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, here) = first.registered(READY).await;
        let (_, there) = second.registered(READY).await;
        assert_ne!(here, there);
        assert_eq!(first.left().await, peer);
    });
}

#[test]
fn a_worker_that_is_told_to_stop_finishes_what_runs() {
    play(async {
        let broker = Fake::ours();
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (began, gone) = (Arc::clone(&begun), Arc::clone(&go));
        let worker = demo(&broker).handler(move |_| {
            let (began, gone) = (Arc::clone(&began), Arc::clone(&gone));
            async move {
                began.notify_one();
                gone.notified().await;
            }
        });
        let mut worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        broker.say(peer, "|MDPC02|1||JOB: 0000-0001");
        begun.notified().await;
        worker.stop();
        // In the socket before the answer is: not taken.
        broker.say(peer, "|MDPC02|1||JOB: 0000-0002");
        go.notify_one();
        assert_eq!(broker.said().await.1, "MDPC02|3|DEMO|COMPLETE: 0000-0001");
        assert_eq!(broker.left().await, peer);
        worker.ended().await;
    });
}

#[test]
fn a_job_that_outlives_the_time_of_grace_is_left_behind() {
    play(async {
        let broker = Fake::ours();
        let (begun, cancelled) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (began, was_cancelled) = (Arc::clone(&begun), Arc::clone(&cancelled));
        let worker = demo(&broker).grace(Duration::ZERO).handler(move |job: Job| {
            let (began, was_cancelled) = (Arc::clone(&began), Arc::clone(&was_cancelled));
            // On a task of its own, as a program that must hear of it would be.
            let cancellation = job.cancellation().clone();
            tokio::spawn(async move {
                cancellation.cancelled().await;
                was_cancelled.notify_one();
            });
            began.notify_one();
            std::future::pending::<()>()
        });
        let mut worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        broker.say(peer, "|MDPC02|1||JOB: 0000-0001");
        begun.notified().await;
        worker.stop();
        assert_eq!(broker.left().await, peer);
        cancelled.notified().await;
        worker.ended().await;
    });
}

#[test]
fn a_worker_without_work_idles() {
    play(async {
        let broker = Fake::ours();
        let idle = Arc::new(Notify::new());
        let idled = Arc::clone(&idle);
        let worker = demo(&broker)
            .heartbeat(Duration::from_millis(20), 1_000)
            .idle(move || idled.notify_one())
            .handler(|_| async {});
        let _worker = Running::start(worker.expect("DEMO is a name"));
        broker.registered(READY).await;
        idle.notified().await;
    });
}

#[test]
fn a_panic_of_the_idle_hook_is_not_hidden() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker)
            .heartbeat(Duration::from_millis(20), 1_000)
            .idle(|| panic!("as asked"))
            .handler(|_| async {});
        let worker = Running::start(worker.expect("DEMO is a name"));
        broker.registered(READY).await;
        let error = worker.task.await.expect_err("the panic comes out");
        assert!(error.is_panic());
    });
}

#[test]
fn a_job_that_is_given_back_costs_the_connection_and_nothing_else() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|_| async { Answer::GiveBack });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, first) = broker.registered(READY).await;
        broker.say(peer, "|MDPC02|1||JOB: 0000-0001");
        assert_eq!(broker.left().await, peer);
        let (_, second) = broker.registered(READY).await;
        assert_ne!(first, second);
    });
}

#[test]
fn a_parameter_of_another_shape_is_the_workers_error_to_tell() {
    play(async {
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|job: Job| async move {
            let error = job.param::<Vec<Value>>().expect_err("the test sends an object");
            matches!(error, ParamError::Shape(_)).then(|| error.to_string())
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        let answer = broker.ask(peer, "0000-0001", "PARAM-JSON: {}").await;
        assert!(answer.contains("the parameter has another shape: invalid type: map"), "{answer}");
    });
}

#[test]
fn parameters_of_php_are_values_like_those_of_json() {
    play(async {
        #[derive(serde::Deserialize)]
        struct Param {
            n: i64,
            list: Vec<String>,
        }
        let broker = Fake::ours();
        let worker = demo(&broker).handler(|job: Job| async move {
            let Param { n, list } = job.param()?;
            let class = job.php()?.is_some();
            Ok::<_, ParamError>(json!([n, list, class, job.json()?["n"]]))
        });
        let _worker = Running::start(worker.expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        let php = r#"PARAM-PHP: O:8:"stdClass":2:{s:1:"n";i:5;s:4:"list";a:1:{i:0;s:1:"x";}}"#;
        let answer = |class| format!(r#"MDPC02|3|DEMO|PARAM-JSON: [5,["x"],{class},5]|COMPLETE: 0000-0001"#);
        assert_eq!(broker.ask(peer, "0000-0001", php).await, answer("true"));
        let json = r#"PARAM-JSON: {"n":5,"list":["x"]}"#;
        assert_eq!(broker.ask(peer, "0000-0001", json).await, answer("false"));
        let garbage = broker.ask(peer, "0000-0001", "PARAM-PHP: garbage").await;
        let why = "PARAM-JSON: \\\"the parameter is tagged as PHP and cannot be read: ".replace('\\', "");
        assert!(garbage.starts_with(&format!("MDPC02|3|DEMO|{why}")), "{garbage}");
        assert!(garbage.ends_with("|FAIL: 0000-0001"), "{garbage}");
    });
}
