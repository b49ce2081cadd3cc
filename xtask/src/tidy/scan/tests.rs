//! What the scanner finds in small sources.

use super::*;

fn uses(path: &str, text: &str) -> Vec<String> {
    let source = scan(path, text).expect("the source is Rust");
    source.uses.iter().map(|found| found.segments.join("::")).collect()
}

#[test]
fn imports_are_taken_apart() {
    assert_eq!(
        uses("src/wire/mod.rs", "use crate::{job::{self, Body}, message::*, zmtp as z};"),
        ["crate::job::self", "crate::job::Body", "crate::message", "crate::zmtp"]
    );
}

#[test]
fn paths_in_expressions_types_and_macros_are_found() {
    let text = "fn f(x: crate::job::Body) -> Vec<crate::zmtp::Event> { println!(\"{}\", crate::broker::X) }";
    assert_eq!(uses("src/wire/mod.rs", text), ["crate::job::Body", "crate::zmtp::Event", "crate::broker::X"]);
}

#[test]
fn self_and_super_are_resolved_from_where_they_stand() {
    assert_eq!(uses("src/wire/mdp.rs", "use super::Reader;"), ["crate::wire::Reader"]);
    assert_eq!(uses("src/wire/mdp.rs", "use super::super::broker::X;"), ["crate::broker::X"]);
    assert_eq!(uses("src/wire/mdp.rs", "mod inner { use super::super::X; }"), ["crate::wire::X"]);
    assert_eq!(uses("src/wire/mod.rs", "pub use self::mdp::X;"), ["crate::wire::mdp::X"]);
}

#[test]
fn strings_comments_and_visibilities_are_no_paths() {
    let text = "/// [`crate::broker`]\npub(crate) fn f() { let s = \"crate::broker\"; } // crate::broker";
    assert_eq!(uses("src/wire/mod.rs", text), [""; 0]);
}

#[test]
fn test_code_is_left_out_and_what_follows_is_not() {
    let text = "#[cfg(test)] mod tests { use crate::broker::X; } #[cfg(test)] use crate::zmtp::Y; use crate::job::Z;";
    assert_eq!(uses("src/wire/mod.rs", text), ["crate::job::Z"]);
    assert_eq!(uses("src/wire/mod.rs", "#[cfg(not(test))] use crate::job::Z;"), ["crate::job::Z"]);
}

#[test]
fn files_of_test_modules_are_test() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let files = [
        file("src/wire/mod.rs", "#[cfg(test)]\nmod tests;"),
        file("src/wire/tests.rs", "mod laws;"),
        file("src/wire/tests/laws.rs", ""),
        file("src/wire/testsuite.rs", ""),
    ];
    let sources = sources(&files, &mut Vec::new());
    let test: Vec<bool> = sources.iter().map(|source| source.test).collect();
    assert_eq!(test, [false, true, true, false]);
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let text = "impl X {\n  pub fn a(\n    x: fn(u8),\n  ) {\n    fn b() {}\n  }\n}\ntrait T { fn c(); }";
    let source = scan("src/wire/mod.rs", text).expect("the source is Rust");
    let found: Vec<_> = source.functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
    assert_eq!(found, [("a", 2, 5), ("b", 5, 1)]);
}
