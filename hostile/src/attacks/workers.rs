//! Parameters and orders that a worker of ours gets from somebody whom its broker serves, too.

use std::time::Duration;

use super::bodies::references;
use super::found;
use crate::attack::{Attack, Extra, Findings, Ground, Group, Setting};
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::Peer;

const COMMAND: &[Extra] = &[Extra {
    name: "worker",
    words: &[
        "worker",
        "--service-name=PARAMS",
        "--backend-port={workers}",
        "--",
        "sh",
        "-c",
        "cat >/dev/null; echo 1",
    ],
}];

const BUILTIN: &[Extra] = &[Extra {
    name: "worker",
    words: &["worker", "--service-name=PARAMS", "--builtin=reverse", "--backend-port={workers}"],
}];

const fn attack(
    name: &'static str,
    about: &'static str,
    run: fn(&Ground) -> Findings,
    extras: &'static [Extra],
) -> Attack {
    Attack::new(Group::Workers, name, about, run).on(Setting { extras, ..Setting::PLAIN })
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("php-references-to-a-worker", "376 KB of references for a command", php, COMMAND),
    attack("php-references-to-a-builtin", "the same for a builtin", php, BUILTIN),
    attack("json-to-a-worker", "brackets, commas and keys by the million for a command", json, COMMAND),
    attack("json-to-a-builtin", "the same for a builtin", json, BUILTIN),
];

/// Whoever asks beside must be answered between two bombs, and the bombs have an end, too.
fn bombs(ground: &Ground, params: &[Vec<u8>]) -> Findings {
    super::known(ground, "PARAMS");
    let (mut asked, mut late) = (0, 0);
    while (asked == 0 || !ground.is_over()) && late < 2 {
        for param in params {
            asked += 1;
            late += usize::from(!ends(ground, param, Duration::from_secs(8)));
        }
    }
    let serves = ends(ground, b"PARAM-JSON: {\"str\":\"abc\"}", Duration::from_secs(5));
    let mut findings = found(late > 0, || format!("{late} of {asked} jobs had no end in 8 s"));
    findings.extend(found(!serves, || "the worker serves nobody any more".to_owned()));
    findings
}

fn ends(ground: &Ground, param: &[u8], patience: Duration) -> bool {
    let Ok(mut client) = Peer::dealer(ground.clients) else { return false };
    let sent = client.send(&dialect::sync(Dialect::Zmws2, "PARAMS", param));
    let answer = sent.and_then(|()| client.receive(patience)).unwrap_or_default();
    matches!(dialect::answer(Dialect::Zmws2, &answer).0, Said::Complete | Said::Fail)
}

fn php(ground: &Ground) -> Findings {
    let tagged = |body: Vec<u8>| [b"PARAM-PHP: ".as_slice(), &body].concat();
    let deep = format!("{}N;{}", "a:1:{i:0;".repeat(100_000), "}".repeat(100_000)).into_bytes();
    bombs(ground, &[references(350_000, 80), references(1_000, 13_000), deep].map(tagged))
}

fn json(ground: &Ground) -> Findings {
    let tagged = |body: String| format!("PARAM-JSON: {body}").into_bytes();
    let keys: String = (0..400_000).map(|number| format!("\"{number:x}\":0,")).collect();
    let bodies =
        ["[".repeat(1_000_000), format!("[{}[]]", "[],".repeat(2_600_000)), format!("{{{keys}\"z\":0}}")];
    bombs(ground, &bodies.map(tagged))
}
