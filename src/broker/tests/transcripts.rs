//! What the broker does, a sentence a test.

use super::*;

fn play(script: &str) -> String {
    play_with(Config::default(), script)
}

fn play_with(config: Config, script: &str) -> String {
    let mut world = World::new(config);
    world.play(script);
    world.log
}

macro_rules! transcript {
    ($name:ident, $script:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(play($script));
        }
    };
    ($name:ident, $config:expr, $script:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(play_with($config, $script));
        }
    };
}

transcript!(
    a_background_job_is_recorded_then_accepted_then_given,
    "
    w1 ready SLEEP
    c1 ask SLEEP a
    w1 done 0 b
"
);

transcript!(
    a_client_that_waits_gets_parts_and_then_the_result,
    "
    w1 ready SLEEP
    c1 wait SLEEP a
    w1 part 0 b
    w1 part 0 c
    w1 done 0 d
    c1 wait SLEEP
    w1 fail 1
"
);

transcript!(
    a_service_that_nobody_ever_offered_is_refused,
    "
    c1 wait SLEEP
    c1 ask SLEEP
    w1 ready SLEEP
    w1 leaves
    c1 ask SLEEP
    w2 ready SLEEP
"
);

transcript!(
    a_majordomo_request_waits_for_its_service_and_then_no_longer,
    "
    c1 hold SLEEP a
    c2 hold OTHER b
    c3 ask OTHER
    w1 ready SLEEP
    w1 done 0
    +60000
    c3 hold OTHER c
    +59999
    w2 ready OTHER
"
);

transcript!(
    jobs_are_done_in_order_and_workers_take_turns,
    "
    w1 ready S
    w2 ready S
    w3 ready S
    c1 wait S a
    c1 wait S b
    c1 wait S c
    c1 wait S d
    c1 wait S e
    w2 done 1
    w1 done 0
    w3 done 2
    w1 done 4
    w2 done 3
    c1 wait S f
    c1 wait S g
    c1 wait S h
"
);

transcript!(
    a_busy_service_does_not_hold_up_another,
    "
    w1 ready A
    w2 ready B
    c1 ask A one
    c1 ask A two
    c1 ask B three
    w1 done 0
"
);

transcript!(
    the_job_of_a_worker_that_left_goes_to_the_next_before_all_others,
    "
    w1 ready S
    c1 wait S a
    c1 wait S b
    w2 ready S
    w1 leaves
    w2 done 1
"
);

transcript!(
    a_late_answer_of_a_worker_that_came_back_counts,
    "
    w1 ready S
    c1 wait S a
    w1 leaves
    w1 done 0 late
    w1 ready S
    c1 wait S b
"
);

transcript!(
    a_late_answer_counts_while_another_worker_has_the_job,
    "
    w1 ready S
    w2 ready S
    c1 wait S a
    w1 leaves
    w1 ready S
    w1 done 0 late
    c1 wait S b
    w2 done 0 too late
    c1 wait S c
"
    .replace("too late", "too-late")
    .as_str()
);

transcript!(
    a_late_answer_of_a_worker_without_identity_counts_if_it_offers_the_service,
    "
    a1 ready S
    c1 wait S a
    a1 leaves
    a1 done 0 nameless
    a1 ready OTHER
    a1 done 0 other
    a1 ready S
    a1 done 0 again
"
);

transcript!(
    an_answer_of_somebody_who_never_had_the_job_is_ignored,
    "
    w1 ready S
    w2 ready S
    c1 wait S a
    w2 done 0 mine
    w2 done 1234-5678
    w1 done 0 yours
"
);

transcript!(
    a_job_that_takes_every_worker_down_is_failed,
    Config { attempts_max: 2, ..Config::default() },
    "
    w1 ready S
    w2 ready S
    w3 ready S
    c1 wait S poison
    w1 leaves
    w2 leaves
    c1 wait S good
"
);

transcript!(
    an_idle_worker_gets_heartbeats_and_a_silent_one_is_dropped,
    "
    w1 ready S
    w2 ready S
    +4000
    w1 heartbeat
    +4000
    +4000
    +4000
    w2 heartbeat
    m1 heartbeat
    w1 heartbeat
    +5000
"
);

transcript!(
    a_busy_worker_is_left_in_peace_however_long_it_takes,
    "
    w1 ready S
    c1 wait S a
    +3600000
    w1 done 0 at-last
    +4000
"
);

transcript!(
    a_worker_that_becomes_idle_is_not_dropped_for_the_silence_of_its_work,
    "
    w1 ready S
    c1 wait S a
    +60000
    w1 done 0
    +14000
    c1 wait S b
"
);

transcript!(
    a_job_that_runs_too_long_goes_to_another_worker,
    Config { job_timeout_default_ms: Some(60_000), ..Config::default() },
    "
    w1 ready S
    c1 wait S a
    w2 ready S
    +59999
    +1
    c1 wait S b
    w1 done 0 late
    w2 done 0 superseded
"
);

transcript!(
    a_time_limit_is_that_of_the_service,
    Config { job_timeout_ms: HashMap::from([(service("A"), 1_000)]), ..Config::default() },
    "
    w1 ready A
    w2 ready B
    c1 wait A
    c1 wait B
    +1000
    w1 ready A
    +1000000
"
);

transcript!(
    ready_of_a_busy_worker_frees_nothing_and_adds_a_service,
    "
    w1 ready A
    c1 wait A a
    w1 ready A
    c1 wait A b
    w1 ready B
    c1 wait B c
    w1 done 0
    w1 done 1
    w1 done 2
"
);

transcript!(
    a_worker_of_two_services_takes_what_has_waited_longest,
    "
    w1 ready A
    w1 ready B
    c1 wait A a
    c1 wait B b
    c1 wait A c
    c1 wait B d
    w1 done 0
    w1 done 1
    w1 done 2
"
);

transcript!(
    several_frames_go_to_majordomo_workers_only,
    "
    w1 ready S
    c1 hold S one|two
    m1 ready S
    c1 hold S one|two
    c1 hold S three|four
    c1 hold S five
    m1 done 0 six|seven
    m1 leaves
    c1 hold S eight|nine
"
);

transcript!(
    several_frames_that_wait_for_a_majordomo_worker_in_vain_are_failed,
    "
    m1 ready S
    m1 leaves
    c1 hold S one|two
    w1 ready S
    +60000
    m1 ready S
    c1 hold S three|four
    m1 leaves
    +60000
"
);

transcript!(
    a_majordomo_worker_may_give_back_another_address,
    "
    m1 ready S
    c1 hold S a
    m1 done-it b
    m1 done-it c
"
);

transcript!(
    a_majordomo_worker_that_is_not_known_is_told_to_register,
    "
    m1 heartbeat
    m1 done 1234-5678
    m1 ready S
    m1 goes
    m1 goes
    m1 heartbeat
"
);

transcript!(
    mmi_service_tells_whether_a_worker_is_there,
    "
    c1 mmi mmi.service S
    w1 ready S
    c1 mmi mmi.service S
    c1 mmi mmi.other S
    w1 leaves
    c1 mmi mmi.service S
"
);

transcript!(
    a_service_in_the_brokers_own_names_is_refused,
    "
    m1 ready mmi.service
    w1 ready mmi.mine
    w1 ready S
    w1 ready mmi.mine
    c1 mmi mmi.service mmi.mine
"
);

transcript!(
    an_answer_at_the_clients_port_counts_and_frees_the_worker,
    "
    z1 ready S
    c1 wait S a
    c1 wait S b
    f1 done 0 S answer
    f1 done 0 S again
    f1 done 1 S answer
"
);

transcript!(
    an_answer_at_the_clients_port_of_anybody_else_is_ignored,
    "
    w1 ready S
    c1 wait S a
    f1 done 0 S not-of-zmws-1
    w1 leaves
    f1 done 0 S nobody-has-it
    z1 ready S
    f1 done 0 OTHER of-another-service
    c2 done 0 S with-an-identity
    f1 done 0 S right
    c1 wait S b
    f2 done 1 S of-another-connection
    z2 ready T
    c1 wait T c
    f1 done 2 T of-another-worker
    f2 done 2 T right
    f1 leaves
    f3 done 1 S right
"
);

transcript!(
    limits_are_told_to_the_client,
    Config { queued_per_service_max: 2, queued_max: 3, bytes_max: 10, ..Config::default() },
    "
    w1 ready A
    w1 leaves
    w2 ready B
    w2 leaves
    c1 ask A 1
    c1 ask A 2
    c1 ask A 3
    c1 ask B 12345678901
    c1 ask B 4
    c1 ask B 5
"
);

transcript!(
    held_services_are_bounded_and_keep_no_worker_out,
    Config { services_max: 2, ..Config::default() },
    "
    w1 ready A
    c1 hold B x
    c1 hold C x
    c1 hold D x
    w2 ready C
    m3 ready E
    +60000
    c1 hold F y
"
);

transcript!(
    a_drain_ends_what_runs_and_begins_nothing,
    "
    w1 ready S
    c1 wait S a
    c1 wait S b
    c1 ask S c
    drain
    c1 wait S d
    w1 done 0
"
);

transcript!(
    a_waiting_job_whose_worker_dies_in_a_drain_is_failed,
    "
    w1 ready S
    w2 ready S
    c1 wait S a
    drain
    w1 leaves
"
);

#[test]
fn jobs_of_an_earlier_process_are_done_first_and_only_recorded_when_over() {
    let mut world = World::new(Config::default());
    let job = Restored::Job(StoredJob {
        job: JobId::from_bits(7),
        service: service("S"),
        body: body(&["kept"]),
        client: Bytes::from_static(b"c9"),
        requested_at: START,
        attempts: 0,
    });
    assert!(world.broker.restore(job.clone(), &mut Vec::new()));
    assert!(!world.broker.restore(job, &mut Vec::new()), "it is there already");
    world.play("c1 ask S new\n w1 ready S\n w1 done 0000-0007");
    insta::assert_snapshot!(world.log);
}

#[test]
fn a_ready_in_another_dialect_changes_the_form_of_what_follows() {
    let mut world = World::new(Config::default());
    world.play("w1 ready S\n c1 hold S a|b");
    let from = Address { origin: Origin::plain(Dialect::Mdp02), ..world.address("w1") };
    let command = WorkerCommand::Ready { service: service("S") };
    world.event(Event::Worker { from: from.clone(), command });
    let mut actions = Vec::new();
    let command = client_command(&["hold", "S", "a|b"], &[]);
    world.broker.handle(START, Event::Client { from: world.address("c1"), command }, &mut actions);
    world.broker.check();
    let why = "refused S (PARAM-JSON: \"no worker of the service takes several frames\")\n";
    assert!(world.log.ends_with(why), "zmws has no word for two frames: {}", world.log);
    assert!(matches!(&actions[..], [Action::Order { to, .. }] if *to == from), "{actions:?}");
}
