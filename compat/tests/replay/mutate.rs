//! Recordings changed at random: the comparison must notice.

use zmws_compat::mutate::{Mutation, Mutator, Outcome, is_enough};

use crate::{known, recordings_of};

fn mutations(folder: &str, count: usize, seed: u64) -> Vec<Mutation> {
    Mutator::of(&recordings_of(folder), &known()).run(count, seed, &known())
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
