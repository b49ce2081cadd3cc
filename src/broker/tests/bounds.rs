//! What may be held, and what becomes of the rest.

use proptest::prelude::*;

use super::laws::{Watched, name_of, short_tempered, step};
use super::*;
use crate::memory::Purpose;

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
    a_name_that_is_too_long_is_refused_and_not_remembered,
    &format!(
        "
        w1 ready S
        w1 ready {long}
        m1 ready {long}
        c1 ask {long}
        c1 hold {long}
        c1 hold {right}
    ",
        long = "n".repeat(ServiceName::BYTES_MAX + 1),
        right = "n".repeat(ServiceName::BYTES_MAX),
    )
);

transcript!(
    what_the_memory_has_no_room_for_is_refused,
    Config { memory: Memory::new(12_000), history_max: 0, ..Config::default() },
    &format!(
        "
        m1 ready S
        c1 wait S a
        c1 ask S {large}
        c1 ask S {larger}
        c1 hold OTHER {larger}
        m1 done 0
        c1 ask S {larger}
        m1 done 1
        c1 ask S {larger}
        m1 done 2
        c1 ask S {larger}
    ",
        large = "x".repeat(2_000),
        larger = "x".repeat(4_000),
    )
);

transcript!(
    a_worker_that_the_memory_has_no_room_for_is_sent_away,
    Config { memory: Memory::new(2_000), ..Config::default() },
    "
    w1 ready S
    m2 ready S
    m3 ready S
    w1 leaves
    m3 ready S
"
);

/// Workers that come and go as fast as they can leave nothing: no timer, no name, no weight.
#[test]
fn workers_that_come_and_go_leave_nothing_behind() {
    let memory = Memory::default();
    let mut world = Watched::new(7, Config { memory: memory.clone(), ..Config::default() });
    world.say(1, WorkerCommand::Ready { service: name_of(0) });
    let before = memory.held();
    for _ in 0..1_000 {
        world.say(2, WorkerCommand::Ready { service: name_of(0) });
        world.say(2, WorkerCommand::Disconnect);
    }
    assert_eq!((memory.held(), world.broker.timers.len()), (before, 1));
}

proptest! {
    /// Where the books are full there are refusals and no growth, and what was promised is kept all the same.
    #[test]
    fn full_books_refuse_and_nothing_is_lost(
        steps in prop::collection::vec(step(), 0..120),
        seed in any::<u64>(),
        max in 2_000..20_000_usize,
    ) {
        let memory = Memory::new(max);
        let config = Config { memory: memory.clone(), history_bytes_max: 1_000, ..short_tempered() };
        let mut world = Watched::new(seed, config);
        for step in &steps {
            world.take(step);
            world.check_conservation();
            let promised = memory.account(Purpose::History).held()
                + memory.account(Purpose::DeadLetters).held()
                + world.broker.services.iter().filter_map(|service| service.statistics.as_deref()).map(weights::statistics).sum::<usize>()
                + world.broker.jobs.values().map(|job| job.former.as_ref().map_or(0, |former| former.len())).sum::<usize>()
                    * weights::OWNER;
            prop_assert!(memory.held() <= max + promised, "{} are held, {max} + {promised} may be", memory.held());
        }
        world.pass(1_000_000);
        world.check_conservation();
    }
}

#[test]
fn a_drain_tells_those_who_wait_in_pieces() {
    let mut world = World::new(Config::default());
    world.play("w1 ready S\nop pause S");
    for number in 0..3_000 {
        world.step(if number % 3 == 0 { "c1 ask S x" } else { "c1 wait S x" });
    }
    let ended = |world: &World| world.broker.counters().jobs_failed;
    world.step("drain");
    let at_once = ended(&world);
    assert!((1..=512).contains(&at_once), "{at_once} in one turn");
    assert!(!world.broker.is_idle());
    while !world.broker.is_idle() {
        let before = ended(&world);
        world.now = world.broker.deadline().expect("there is more to tell");
        world.event(Event::Tick);
        assert!(ended(&world) - before <= 512);
    }
    assert_eq!((ended(&world), world.broker.totals().queued), (2_000, 1_000));
}

/// A flood of one service: whoever has another is served as if there were none.
#[test]
fn a_service_has_no_more_than_four_fifths_of_what_all_share() {
    let flooded = |config: Config, job: &str| {
        let mut world = World::new(config);
        world.play("w1 ready FLOOD\nw1 leaves\nw2 ready HONEST\nw2 leaves");
        (0..1_000).for_each(|_| world.step(job));
        let refused = world.broker.counters().refused_share_full;
        world.step("c2 wait HONEST a");
        assert!(!world.log.contains("refused HONEST"), "{}", &world.log[world.log.len() - 300..]);
        (world, refused)
    };
    let (world, refused) = flooded(Config { queued_max: 500, ..Config::default() }, "c1 ask FLOOD x");
    assert_eq!((world.broker.totals().queued, refused), (402, 599));
    let (world, refused) = flooded(Config { bytes_max: 1_000, ..Config::default() }, "c1 ask FLOOD x|y");
    assert!((790..=810).contains(&world.broker.totals().bytes) && refused > 500, "{refused}");
    let memory = Memory::new(1 << 20);
    let (_world, refused) = flooded(
        Config { memory: memory.clone(), ..Config::default() },
        &format!("c1 ask FLOOD {}", "x".repeat(2_000)),
    );
    assert!(memory.held() < (1 << 20) * 9 / 10 && refused > 500, "{} held, {refused} refused", memory.held());
}
