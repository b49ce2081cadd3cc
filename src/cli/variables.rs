//! Variables of the environment that look as if they were meant for zmws and are not.

use std::collections::BTreeSet;

use zmws::supervise::config::Section;

use super::layers;

/// What all of ours begin with.
const PREFIX: &str = "ZMWS_";
/// Those that are no setting of a section: flags', a supervisor's marks, and what a worker tells its program.
const OTHERS: [&str; 6] =
    ["ZMWS_CONFIG", "ZMWS_ADMIN", "ZMWS_PROGRAM", "ZMWS_RUN_DIR", "ZMWS_JOB_ID", "ZMWS_SERVICE"];
/// What the project's own tests are told.
const OF_TESTS: [&str; 15] = [
    "ZMWS_AB",
    "ZMWS_BIN",
    "ZMWS_CHAOS_SECONDS",
    "ZMWS_CHROMIUM",
    "ZMWS_CROSSTALK",
    "ZMWS_CURL",
    "ZMWS_FLEET_JOBS",
    "ZMWS_LEFT_OUT",
    "ZMWS_LONG_JOB_SECONDS",
    "ZMWS_ORACLE_SEED",
    "ZMWS_PHP",
    "ZMWS_PYTHON",
    "ZMWS_REQUIRE_PEERS",
    "ZMWS_TEST_DURABLE",
    "ZMWS_WRK",
];
/// A worker's program has one for each parameter, of any name.
const PARAMS: &str = "ZMWS_PARAM_";

/// A line for each variable that begins as ours do and means nothing. None in a program that a supervisor started:
/// the supervisor has said it.
pub(super) fn unknown() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let names: Vec<String> = names.filter(|name| name.starts_with(PREFIX)).collect();
    if names.iter().any(|name| name == "ZMWS_PROGRAM") {
        return Vec::new();
    }
    told(&names)
}

/// Says so on standard error, for a command that has no log.
pub(super) fn say() {
    unknown().iter().for_each(|line| super::log::warn(line));
}

fn told(names: &[String]) -> Vec<String> {
    let foreign = |name: &&String| {
        !name.starts_with(PARAMS) && !OTHERS.contains(&name.as_str()) && !OF_TESTS.contains(&name.as_str())
    };
    let suspects: BTreeSet<&String> = names.iter().filter(foreign).collect();
    if suspects.is_empty() {
        return Vec::new();
    }
    let known = known();
    let line = |name: &String| {
        let tip = match meant(name, &known) {
            Some(meant) => format!("; did you mean {meant}?"),
            None => "; `zmws config reference` lists those that are known".to_owned(),
        };
        format!("the variable {name} is set, and means nothing{tip}")
    };
    suspects.into_iter().filter(|name| !known.contains(*name)).map(line).collect()
}

/// What may be meant: the same but for a letter or two, or with a section that was left out.
fn meant<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a String> {
    let likeness = |other: &&String| strsim::osa_distance(name, other);
    let near = known.iter().min_by_key(likeness).filter(|other| likeness(other) <= 2);
    let key = name.strip_prefix(PREFIX.trim_end_matches('_')).unwrap_or(name);
    near.or_else(|| known.iter().find(|other| key.len() > "_X".len() && other.ends_with(key)))
}

/// Those of all settings.
fn known() -> BTreeSet<String> {
    let schema = layers::schema();
    let (worker, call) = (layers::worker(), layers::call());
    let sections = ["broker", "gateway", "supervisor"].map(|name| schema.section(name));
    let of = |section: &Section| section.keys().map(|key| key.variable()).collect::<Vec<_>>();
    let of_call = call.keys().filter(layers::is_set_for_call).map(|key| key.variable()).collect();
    let all = sections.map(of).into_iter().chain([of(&worker), of_call]).flatten();
    all.chain(OTHERS.map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str]) -> String {
        told(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).join("\n")
    }

    #[test]
    fn what_is_known_is_no_news() {
        let names = [
            "ZMWS_BROKER_CLIENT_PORT",
            "ZMWS_GATEWAY_TIMEOUT",
            "ZMWS_SUPERVISOR_RUN_DIR",
            "ZMWS_WORKER_BUILTIN",
            "ZMWS_CALL_PORT",
            "ZMWS_CONFIG",
            "ZMWS_PARAM_anything",
        ];
        assert_eq!(check(&names), "");
    }

    #[test]
    fn what_is_not_known_is_told_with_what_may_be_meant() {
        insta::assert_snapshot!(check(&["ZMWS_BROKER_CLINT_PORT", "ZMWS_X", "ZMWS_CALL_JSON", "ZMWS_CLIENT_PORT"]), @r"
        the variable ZMWS_BROKER_CLINT_PORT is set, and means nothing; did you mean ZMWS_BROKER_CLIENT_PORT?
        the variable ZMWS_CALL_JSON is set, and means nothing; `zmws config reference` lists those that are known
        the variable ZMWS_CLIENT_PORT is set, and means nothing; did you mean ZMWS_BROKER_CLIENT_PORT?
        the variable ZMWS_X is set, and means nothing; `zmws config reference` lists those that are known
        ");
    }
}
