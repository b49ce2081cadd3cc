//! `compat run --mutate N`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::known_differences::KnownDifferences;
use crate::mutate::{Change, Mutation, Mutator, Outcome, is_enough};

/// Changes recordings and says what of it was noticed. Fails if that is not enough.
pub(super) fn run(files: &[PathBuf], known: &KnownDifferences, count: usize, seed: u64) -> ExitCode {
    let mutations = Mutator::of(files, known).run(count, seed, known);
    let unnoticed = mutations.iter().filter(|mutation| mutation.outcome != Outcome::Noticed);
    unnoticed.for_each(|mutation| println!("{mutation}"));
    print!("{}", table(&mutations));
    if is_enough(&mutations) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn table(mutations: &[Mutation]) -> String {
    let mut counts: BTreeMap<Option<Change>, (usize, usize)> = BTreeMap::new();
    for mutation in mutations {
        for key in [Some(mutation.change), None] {
            let (made, noticed) = counts.entry(key).or_default();
            *made += 1;
            *noticed += usize::from(mutation.outcome == Outcome::Noticed);
        }
    }
    let row = |(change, (made, noticed)): (&Option<Change>, &(usize, usize))| {
        let name = change.map_or_else(|| "all".to_owned(), |change| format!("{change:?}"));
        format!("{name:<14} {noticed:>5} of {made:>5} noticed\n")
    };
    counts.iter().filter(|(change, _)| change.is_some()).map(row).collect::<String>()
        + &counts.iter().filter(|(change, _)| change.is_none()).map(row).collect::<String>()
}
