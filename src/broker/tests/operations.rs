//! What operators do, a sentence a test.

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
    a_paused_service_takes_jobs_and_hands_none_out,
    "
    w1 ready S
    c1 ask S a
    op pause S
    c1 ask S b
    c2 wait S c
    m1 ready S
    c3 hold S d
    w1 done 0
    op resume S
"
);

transcript!(
    a_paused_service_does_not_hold_up_another_of_the_same_worker,
    "
    w1 ready A
    w1 ready B
    c1 ask A a
    op pause A
    c1 ask A b
    c1 ask B c
    w1 done 0
    w1 done 2
    op resume A
"
);

transcript!(
    requests_held_for_a_paused_service_wait_until_it_goes_on,
    "
    c1 hold S a
    op pause S
    +200000
    op resume S
    +60000
    op resume S
"
);

transcript!(
    nobody_pauses_what_is_not_known,
    "
    op pause S
    op drain S
    op resume S
"
);

transcript!(
    a_drained_service_does_what_is_queued_and_takes_no_more,
    "
    w1 ready S
    w2 ready T
    c1 wait S a
    c1 ask S b
    op drain S
    c1 ask S c
    c1 hold S d
    c1 ask T e
    w1 done 0
    w1 done 1
    op resume S
    c1 ask S f
"
);

transcript!(
    a_drained_broker_does_what_is_queued_and_takes_no_more,
    "
    w1 ready S
    c1 ask S a
    c1 wait S b
    op drain
    c1 ask S c
    c1 hold T d
    w1 done 0
    w1 done 1
    op pause S
    op resume
    c1 ask S e
    op resume S
"
);

transcript!(
    an_operator_cannot_undo_the_end,
    Config { attempts_max: 1, ..Config::default() },
    "
    w1 ready S
    c1 ask S a
    w1 leaves
    w2 ready S
    c1 ask S b
    drain
    op resume
    op retry 0
    op retry 1
"
);

transcript!(
    a_retired_worker_ends_its_job_and_gets_no_other,
    "
    w1 ready S
    c1 wait S a
    op retire w1
    c1 ask S b
    w1 done 0
    w1 heartbeat
    +4000
    w1 ready S
    w1 ready T
    w2 ready S
    w1 leaves
    w1 ready S
    c1 ask S c
"
);

transcript!(
    an_idle_worker_that_is_retired_gets_nothing_and_still_its_heartbeats,
    "
    w1 ready S
    op retire w1
    c1 ask S a
    +5000
    w1 heartbeat
    +5000
    op retire w2
"
);

transcript!(
    a_worker_says_ready_anew_over_a_retired_connection_in_vain,
    "
    m1 ready S
    op retire m1
    m1 goes
    m1 ready S
    c1 hold S a
    m1 leaves
    m1 ready S
"
);

transcript!(
    a_job_that_took_its_workers_down_is_kept_and_tried_again,
    Config { attempts_max: 2, ..Config::default() },
    "
    w1 ready S
    c1 wait S poison
    w1 leaves
    w1 ready S
    w1 leaves
    op retry 0
    w2 ready S
    op retry 0
    w2 done 0 cured
    op retry 0
    op delete 0
"
);

transcript!(
    a_retried_job_has_all_its_attempts_again,
    Config { attempts_max: 2, ..Config::default() },
    "
    w1 ready S
    c1 ask S poison
    w1 leaves
    w1 ready S
    w1 leaves
    op retry 0
    w1 ready S
    w1 leaves
    w1 ready S
    w1 leaves
    op delete 0
    op retry 0
"
);

transcript!(
    the_oldest_of_too_many_kept_jobs_is_forgotten,
    Config { attempts_max: 1, dead_max: 2, history_max: 0, ..Config::default() },
    "
    w1 ready S
    c1 ask S a
    w1 leaves
    w1 ready S
    c1 ask S b
    w1 leaves
    w1 ready S
    c1 ask S c
    w1 leaves
    op retry 0
    op delete 1
    op delete 2
    op delete 2
"
);

transcript!(
    a_job_larger_than_all_that_is_kept_is_not_kept,
    Config { attempts_max: 1, dead_bytes_max: 10, ..Config::default() },
    "
    w1 ready S
    c1 ask S far-too-long-for-that
    w1 leaves
    op retry 0
"
);

transcript!(
    a_kept_job_comes_back_only_if_there_is_room,
    Config { attempts_max: 1, queued_max: 1, ..Config::default() },
    "
    w1 ready S
    c1 ask S a
    w1 leaves
    c1 ask S b
    op retry 0
    op delete 1
    op retry 0
"
);

transcript!(
    an_active_job_that_is_retried_leaves_its_worker_busy,
    "
    w1 ready S
    c1 wait S a
    c1 ask S b
    op retry 0
    w2 ready S
    op retry 1
    w1 done 0 late
"
);

transcript!(
    a_queued_job_is_deleted_and_its_client_told,
    "
    w1 ready S
    c1 wait S a
    w1 leaves
    c3 ask S c
    op delete 0
    w2 ready S
    op delete 1
    w2 done 1
    op delete 1
    op delete ABCD-0123
"
);

#[test]
fn stages_are_announced_to_those_who_listen() {
    let mut world = World::new(Config::default());
    world.play("w1 ready S\n c1 ask S a");
    assert!(!world.log.contains("news"), "{}", world.log);
    world.log.clear();
    world.broker.set_subscriptions(Subscriptions { accepted: true, started: true });
    world.play("c1 wait S b\n w1 leaves\n w2 ready S");
    insta::assert_snapshot!(world.log, @r"
    c1 wait S b
        news: #1 of S Accepted
    w1 leaves
        record #0 lost 1
    w2 ready S
        w2 < run #0 (a)
        news: #0 of S Started
    ");
}
