//! What came of a run, for people: a table for the terminal, a page to look at.

mod diagram;
mod page;
mod table;

pub use page::page;
pub use table::table;

use crate::suite::{Case, Verdict};

/// What a recording of a gateway alone is told.
pub(crate) const NO_BROKER: &str = "a gateway recorded without its broker: what it asked, and was told, is not known, so its \
     answers cannot be compared; record the broker's port for clients together with it, in one `zmws-trace record`";

/// The name of a recording in tables: its file's.
pub(crate) fn scenario(case: &Case) -> String {
    case.path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// The version of a recording in tables.
pub(crate) fn version(case: &Case) -> String {
    case.header.as_ref().map_or_else(|| "?".into(), |header| header.upstream.clone())
}

/// A verdict in two words.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Same => "same".into(),
        Verdict::Known(count, _) => format!("known {count}"),
        Verdict::Failed(count) => format!("FAIL {count}"),
        Verdict::NoBroker => "no broker".into(),
        Verdict::Skipped(_) => "skipped".into(),
        Verdict::Broken(_) => "BROKEN".into(),
    }
}

/// Whether a run with this verdict fails.
pub fn is_bad(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Failed(_) | Verdict::Broken(_) | Verdict::NoBroker => true,
        Verdict::Same | Verdict::Known(..) | Verdict::Skipped(_) => false,
    }
}
