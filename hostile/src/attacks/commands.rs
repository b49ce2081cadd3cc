//! `zmws worker -- COMMAND`: programs that behave as programs do.

use std::time::Duration;

use super::found;
use crate::attack::{Attack, Extra, Findings, Ground, Group, Setting};
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::Peer;

const fn attack(
    name: &'static str,
    about: &'static str,
    run: fn(&Ground) -> Findings,
    words: &'static [Extra],
) -> Attack {
    Attack::new(Group::Workers, name, about, run).on(Setting { extras: words, ..Setting::PLAIN })
}

macro_rules! command {
    ($($word:literal),+) => {
        &[Extra { name: "worker", words: &["worker", "--service-name=COMMAND", "--grace=2", "--backend-port={workers}", $($word),+] }]
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack(
        "children-stay",
        "a command that ends and leaves a child with its output open",
        many_small,
        command!["--", "sh", "-c", "sleep 300 & echo 1"],
    ),
    attack(
        "children-by-the-dozen",
        "a command that starts twenty children and waits for them",
        times_out,
        command![
            "--timeout=1",
            "--",
            "sh",
            "-c",
            "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 300 & sleep 300 & done; wait"
        ],
    ),
    attack(
        "stderr-300-mb",
        "a command with 300 MB on its standard error",
        much_stderr,
        command![
            "--",
            "nice",
            "-n",
            "19",
            "sh",
            "-c",
            "{ yes error | head -c $ZMWS_PARAM_bytes; head -c $ZMWS_PARAM_bytes /dev/zero; } >&2; echo 1; exit $ZMWS_PARAM_status"
        ],
    ),
    attack(
        "stderr-of-controls",
        "a command whose standard error is control characters and foreign log lines",
        many_small,
        command!["--", "sh", "-c", "printf '\\033[2J\\r[E] - all is lost\\n\\000\\377\\n' >&2; exit 1"],
    ),
    attack(
        "stdout-without-end",
        "a command whose result never ends",
        times_out,
        command!["--timeout=3", "--", "nice", "-n", "19", "yes"],
    ),
    attack(
        "line-without-end",
        "a program in lines mode whose line never ends",
        times_out,
        command![
            "--mode=lines",
            "--timeout=3",
            "--",
            "nice",
            "-n",
            "19",
            "sh",
            "-c",
            "tr '\\0' x < /dev/zero"
        ],
    ),
    attack(
        "lines-of-garbage",
        "a program in lines mode that says what nobody asked",
        times_out,
        command![
            "--mode=lines",
            "--timeout=2",
            "--",
            "sh",
            "-c",
            "while read l; do echo '{'; echo '[]'; echo '{\"id\":1}'; done"
        ],
    ),
    attack(
        "reads-nothing",
        "a command that does not read its parameter of 7 MB",
        large_parameters,
        command!["--", "sh", "-c", "exec 0<&-; echo 1"],
    ),
    attack(
        "large-environment",
        "parameters beyond what an environment may hold",
        large_parameters,
        command!["--", "sh", "-c", "cat > /dev/null; echo 1"],
    ),
    attack(
        "deaf-command",
        "a command that hears no SIGTERM, and takes longer than it may",
        times_out,
        command!["--timeout=1", "--", "sh", "-c", "trap '' TERM HUP INT; while :; do sleep 300; done"],
    ),
    attack(
        "killed-command",
        "a command that is killed",
        many_small,
        command!["--", "sh", "-c", "kill -9 $$"],
    ),
];

/// Asks the command once: what is said, if it is in time.
fn ask(ground: &Ground, param: &[u8], patience: Duration) -> Option<Said> {
    let mut client = Peer::dealer(ground.clients).ok()?;
    client.send(&dialect::sync(Dialect::Zmws2, "COMMAND", param)).ok()?;
    let frames = client.receive(patience).ok()?;
    Some(dialect::answer(Dialect::Zmws2, &frames).0)
}

/// Each job has an end, soon.
fn each_ends(ground: &Ground, params: &[Vec<u8>], jobs: usize, patience: Duration) -> Findings {
    super::known(ground, "COMMAND");
    let mut unanswered = 0;
    for number in 0..jobs {
        let said = ask(ground, &params[number % params.len()], patience);
        unanswered += usize::from(!matches!(said, Some(Said::Complete | Said::Fail)));
        if unanswered > 0 || (number > 2 && ground.is_over()) {
            break;
        }
    }
    found(unanswered > 0, || format!("a job had no end in {patience:?}"))
}

fn many_small(ground: &Ground) -> Findings {
    each_ends(ground, &[b"PARAM-JSON: {\"a\":1}".to_vec()], ground.size(5, 40), Duration::from_secs(4))
}

fn times_out(ground: &Ground) -> Findings {
    each_ends(ground, &[b"PARAM-JSON: {\"a\":1}".to_vec()], 1, Duration::from_secs(10))
}

fn much_stderr(ground: &Ground) -> Findings {
    let bytes = ground.size(10_000_000, 150_000_000);
    let param = |status| format!("PARAM-JSON: {{\"bytes\":{bytes},\"status\":{status}}}").into_bytes();
    each_ends(ground, &[param(0), param(1)], 2, Duration::from_secs(12))
}

fn large_parameters(ground: &Ground) -> Findings {
    let long = format!("PARAM-JSON: {{\"a\":\"{}\"}}", "x".repeat(7 << 20));
    let many: String = (0..200_000).map(|number| format!("\"k{number}\":1,")).collect();
    let many = format!("PARAM-JSON: {{{many}\"z\":1}}");
    let odd = "PARAM-JSON: {\"\":1,\"a=b\":2,\"LD_PRELOAD\":\"x\",\"n\\u0000l\":\"a\\u0000b\"}";
    let params = [long, many, odd.to_owned()].map(String::into_bytes);
    each_ends(ground, &params, 3, Duration::from_secs(8))
}
