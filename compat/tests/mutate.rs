//! Recordings changed at random: the comparison must notice.

use std::path::Path;

use zmws_compat::known_differences::{KnownDifferences, OURS};
use zmws_compat::mutate::{Mutation, Mutator, Outcome, is_enough};
use zmws_compat::suite::recordings;

fn mutations(folder: &str, count: usize, seed: u64) -> Vec<Mutation> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder);
    let known = KnownDifferences::read(OURS).expect("sound JSON");
    Mutator::of(&recordings(&fixtures).expect("readable folders"), &known).run(count, seed, &known)
}

/// The short form of `cargo xtask compat --mutate 1000`.
#[test]
fn changed_recordings_are_noticed() {
    let mutations = mutations(".", 210, 11);
    assert_eq!(mutations.len(), 210);
    let unnoticed: Vec<String> = mutations
        .iter()
        .filter(|mutation| mutation.outcome != Outcome::Noticed)
        .map(ToString::to_string)
        .collect();
    assert!(is_enough(&mutations), "{}", unnoticed.join("\n"));
    let broken = mutations.iter().find(|mutation| matches!(mutation.outcome, Outcome::Broken(_)));
    assert!(broken.is_none(), "{}", broken.map_or_else(String::new, ToString::to_string));
}

#[test]
fn the_same_seed_makes_the_same_changes() {
    let words =
        |seed| mutations("written/original", 15, seed).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(words(3), words(3));
    assert_ne!(words(3), words(4));
}
