//! Programs as workers: shells, in the place of whatever users have.

use std::path::Path;
use std::time::Duration;

use zmws::job::PeerId;
use zmws::worker::program::{IfDies, Mode, Program};

use super::fake::{Fake, PATIENCE, Running, demo, play};

const READY: &str = "MDPC02|3|DEMO|READY";

/// As `zmws worker` has it: with a guard.
fn shell(script: &str) -> Program {
    Program { guard: Some(env!("CARGO_BIN_EXE_zmws").into()), ..unguarded(script) }
}

/// As a worker of another make has it.
fn unguarded(script: &str) -> Program {
    Program::new(["sh", "-c", script])
}

fn lines(script: &str) -> Program {
    Program { mode: Mode::Lines, ..shell(script) }
}

/// A broker with one worker, which is a program.
struct Stage {
    broker: Fake,
    peer: PeerId,
    _worker: Running,
}

impl Stage {
    async fn set(program: Program) -> Self {
        let broker = Fake::ours();
        let worker = Running::start(program.worker(demo(&broker)).expect("DEMO is a name"));
        let (peer, _) = broker.registered(READY).await;
        Self { broker, peer, _worker: worker }
    }

    /// A job's outcome: what comes between `DEMO|` and the id.
    async fn ask(&self, param: &str) -> String {
        let answer = self.broker.ask(self.peer, "00C0-FFEE", param).await;
        let answer = answer.strip_prefix("MDPC02|3|DEMO|").expect("an answer of DEMO");
        answer.strip_suffix(": 00C0-FFEE").expect("to this job").to_owned()
    }
}

#[test]
fn standard_output_is_the_result_as_json_or_as_text() {
    play(async {
        let stage = Stage::set(shell(r#"printf '%b' "$ZMWS_PARAM_say""#)).await;
        let cases = [
            (r#"{"a": [1]}\n"#, r#"PARAM-JSON: {"a": [1]}|COMPLETE"#),
            (r"437742.85714285716\n", "PARAM-JSON: 437742.85714285716|COMPLETE"),
            ("[6.66782e+30,-0.0,1e999]", "PARAM-JSON: [6.66782e+30,-0.0,1e999]|COMPLETE"),
            ("12", "PARAM-JSON: 12|COMPLETE"),
            ("two words\\n", r#"PARAM-JSON: "two words"|COMPLETE"#),
            ("two\\nlines\\n\\n", r#"PARAM-JSON: "two\nlines\n"|COMPLETE"#),
            ("\\n", "COMPLETE"),
            ("", "COMPLETE"),
            ("false", "PARAM-JSON: false|COMPLETE"),
            ("\\0377", r#"PARAM-JSON: "the output is neither JSON nor UTF-8"|FAIL"#),
        ];
        for (say, answer) in cases {
            let param = format!("PARAM-JSON: {}", serde_json::json!({"say": say}));
            let answer = answer.replace("\\n", r"\\n");
            assert_eq!(stage.ask(&param).await, answer, "{say}");
        }
    });
}

#[test]
fn the_parameter_is_on_standard_input_and_its_members_in_the_environment() {
    play(async {
        // The tests have variables of their own.
        let script = r#"cat; echo; env | grep -E '^ZMWS_(PARAM_|JOB_ID|SERVICE)' | LC_ALL=C sort"#;
        let stage = Stage::set(shell(script)).await;
        let param =
            r#"PARAM-JSON: {"text":"a b","number":1.5,"list":[1],"none":null,"odd-name":1,"PATH":"x"}"#;
        let expected = [
            r#"{"text":"a b","number":1.5,"list":[1],"none":null,"odd-name":1,"PATH":"x"}"#,
            "ZMWS_JOB_ID=00C0-FFEE",
            "ZMWS_PARAM_PATH=x",
            "ZMWS_PARAM_list=[1]",
            "ZMWS_PARAM_none=",
            "ZMWS_PARAM_number=1.5",
            "ZMWS_PARAM_text=a b",
            "ZMWS_SERVICE=DEMO",
        ];
        let answer = stage.ask(param).await.replace("\\\\", "\\");
        let json = answer.strip_prefix("PARAM-JSON: ").and_then(|rest| rest.strip_suffix("|COMPLETE"));
        let text: String = serde_json::from_str(json.expect("a value")).expect("which is JSON");
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_parameter_keeps_its_digits() {
    play(async {
        let stage = Stage::set(shell(r#"printf '%s %s ' "$ZMWS_PARAM_n" "$ZMWS_PARAM_list"; cat"#)).await;
        let answer = stage.ask(r#"PARAM-JSON: {"n":437742.85714285716,"list":[-0.0, 6.66782e+30]}"#).await;
        let text = r#"437742.85714285716 [-0.0, 6.66782e+30] {\"n\":437742.85714285716,\"list\":[-0.0, 6.66782e+30]}"#;
        assert_eq!(answer.replace("\\\\", "\\"), format!("PARAM-JSON: \"{text}\"|COMPLETE"));
        let stage = Stage::set(lines(r#"read -r line; printf '{"result":%s}\n' "$line""#)).await;
        let answer = stage.ask("PARAM-JSON: [437742.85714285716,\n-0.0]").await;
        assert!(answer.contains(r#""param":[437742.85714285716, -0.0]}|COMPLETE"#), "{answer}");
    });
}

#[test]
fn another_exit_status_than_0_is_a_failure_that_says_why() {
    play(async {
        let stage = Stage::set(shell("echo output; echo oh >&2; echo trouble >&2; exit 3")).await;
        assert_eq!(stage.ask("").await, r#"PARAM-JSON: "exit status: 3: oh | trouble"|FAIL"#);
        let stage = Stage::set(shell("kill -9 $$")).await;
        assert_eq!(stage.ask("").await, r#"PARAM-JSON: "signal: 9"|FAIL"#);
        let stage = Stage::set(unguarded("kill -9 $$")).await;
        assert_eq!(stage.ask("").await, r#"PARAM-JSON: "signal: 9 (SIGKILL)"|FAIL"#);
        let stage = Stage::set(Program::new(["/no/such/program"])).await;
        assert!(stage.ask("").await.starts_with("PARAM-JSON: \"cannot start"));
    });
}

#[test]
fn a_flood_on_standard_error_is_read_and_not_kept() {
    play(async {
        let script = "yes 'so much to say' | head -c 300000000 >&2; echo the end >&2; exit 1";
        let stage = Stage::set(shell(script)).await;
        let answer = stage.ask("").await;
        assert!(answer.starts_with("PARAM-JSON: \"exit status: 1: "), "{answer}");
        assert!(answer.ends_with("| the end\"|FAIL") && answer.len() < 1_000, "{answer}");
    });
}

#[test]
fn a_parameter_that_cannot_be_read_never_reaches_the_program() {
    play(async {
        let stage = Stage::set(shell("echo reached")).await;
        let why = "the parameter is tagged as JSON and is none";
        assert_eq!(stage.ask("PARAM-JSON: {").await, format!("PARAM-JSON: \"{why}\"|FAIL"));
    });
}

#[test]
fn a_program_that_reads_nothing_and_one_that_is_fed_much_do_well() {
    play(async {
        let much = format!("PARAM-JSON: \"{}\"", "x".repeat(1 << 20));
        let stage = Stage::set(shell("echo 1")).await;
        assert_eq!(stage.ask(&much).await, "PARAM-JSON: 1|COMPLETE");
        let stage = Stage::set(shell("cat >&2; wc -c < /dev/null")).await;
        assert_eq!(stage.ask(&much).await, "PARAM-JSON: 0|COMPLETE");
    });
}

#[test]
fn too_much_output_is_a_failure() {
    play(async {
        let stage = Stage::set(Program { output_max: 1_000, ..shell("yes") }).await;
        assert_eq!(stage.ask("").await, r#"PARAM-JSON: "more than 1000 bytes of output, killed"|FAIL"#);
    });
}

/// The number that a script writes into a file, once it is there.
async fn pid_in(file: &Path) -> String {
    poll("the script says its number", || {
        let text = std::fs::read_to_string(file).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    })
    .await
}

async fn poll<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Whether a process runs; one that is dead and not yet buried does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn scratch(name: &str) -> std::path::PathBuf {
    let file = std::env::temp_dir().join(format!("zmws-{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    file
}

/// Starts two that would go on, one of them in a session of its own, and says their numbers; then `end`.
fn that_leaves_children(file: &Path, end: &str) -> String {
    let file = file.display();
    format!(
        "sleep 600 >&- 2>&- & a=$!; setsid sleep 600 >&- 2>&- & b=$!; echo $a $b > {file}.new; \
         mv {file}.new {file}; {end}"
    )
}

/// The numbers of those, once they are there.
async fn children_in(file: &Path) -> Vec<String> {
    let pids = pid_in(file).await;
    let _ = std::fs::remove_file(file);
    pids.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_timeout_kills_all_that_the_program_has_started_before_the_answer() {
    play(async {
        let file = scratch("timeout");
        let script = that_leaves_children(&file, "sleep 600");
        let stage = Stage::set(Program { timeout: Some(Duration::from_secs(1)), ..shell(&script) }).await;
        stage.broker.say(stage.peer, "|MDPC02|1||JOB: 00C0-FFEE");
        let children = children_in(&file).await;
        let why = r#"MDPC02|3|DEMO|PARAM-JSON: "not done within 1s, killed"|FAIL: 00C0-FFEE"#;
        assert_eq!(stage.broker.said().await.1, why);
        assert!(!children.iter().any(|pid| runs(pid)), "{children:?}");
    });
}

#[test]
fn a_worker_that_is_dropped_takes_its_programs_along() {
    play(async {
        for program in [shell, unguarded] {
            let file = scratch("dropped");
            let script = format!("sleep 600 & echo $! > {}; wait", file.display());
            let stage = Stage::set(program(&script)).await;
            stage.broker.say(stage.peer, "|MDPC02|1||JOB: 00C0-FFEE");
            let grandchild = pid_in(&file).await;
            assert!(runs(&grandchild));
            stage._worker.task.abort();
            poll("the grandchild is dead", || (!runs(&grandchild)).then_some(())).await;
            let _ = std::fs::remove_file(&file);
        }
    });
}

#[test]
fn nothing_stays_behind_a_job_that_is_done() {
    play(async {
        let file = scratch("done");
        let stage = Stage::set(shell(&that_leaves_children(&file, "echo done"))).await;
        assert_eq!(stage.ask("").await, r#"PARAM-JSON: "done"|COMPLETE"#);
        let children = children_in(&file).await;
        assert!(children.len() == 2 && !children.iter().any(|pid| runs(pid)), "{children:?}");
    });
}

#[test]
fn without_a_guard_the_process_group_ends_with_the_job() {
    play(async {
        let file = scratch("group");
        let script = format!("sleep 600 & echo $! > {}; echo done", file.display());
        let stage = Stage::set(unguarded(&script)).await;
        assert_eq!(stage.ask("").await, r#"PARAM-JSON: "done"|COMPLETE"#);
        let orphan = pid_in(&file).await;
        poll("the orphan is dead", || (!runs(&orphan)).then_some(())).await;
        let _ = std::fs::remove_file(&file);
    });
}

/// `zmws worker` with this script, at a broker.
fn worker_process(broker: &Fake, script: &str) -> std::process::Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_zmws"));
    command.args([
        "worker",
        "--service-name=DEMO",
        "--grace=2",
        &format!("--backend-port={}", broker.port()),
    ]);
    command.args(["--", "sh", "-c", script]).spawn().expect("it is built")
}

fn signal(pid: &str, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, pid]).status();
    assert!(sent.expect("kill can be run").success());
}

#[test]
fn the_program_of_a_worker_that_is_killed_dies_with_it() {
    play(async {
        let (broker, file) = (Fake::ours(), scratch("killed"));
        let mut worker = worker_process(&broker, &that_leaves_children(&file, "sleep 600"));
        let (peer, _) = broker.registered(READY).await;
        broker.say(peer, "|MDPC02|1||JOB: 00C0-FFEE");
        let children = children_in(&file).await;
        assert!(children.iter().all(|pid| runs(pid)));
        worker.kill().expect("it is our own child");
        let dying = poll("they are dead", || (!children.iter().any(|pid| runs(pid))).then_some(()));
        tokio::time::timeout(Duration::from_secs(1), dying).await.expect("within a second");
        worker.wait().expect("it is our own child");
    });
}

#[test]
fn a_job_goes_back_only_when_its_program_is_dead() {
    play(async {
        let (broker, file) = (Fake::ours(), scratch("grace"));
        let mut worker = worker_process(&broker, &that_leaves_children(&file, "trap '' TERM; sleep 600"));
        let (peer, _) = broker.registered(READY).await;
        broker.say(peer, "|MDPC02|1||JOB: 00C0-FFEE");
        let children = children_in(&file).await;
        signal(&worker.id().to_string(), "-TERM");
        assert_eq!(broker.left().await, peer);
        assert!(!children.iter().any(|pid| runs(pid)), "the next worker would begin beside them");
        assert_eq!(worker.wait().expect("it is our own child").code(), Some(1), "it was cut off");
    });
}

#[test]
fn a_guard_that_is_told_to_end_goes_on_guarding() {
    play(async {
        let file = scratch("deaf");
        let script = format!("echo $PPID > {}; read -r line; sleep 0.2; echo done", file.display());
        let stage = Stage::set(shell(&script)).await;
        stage.broker.say(stage.peer, "|MDPC02|1||JOB: 00C0-FFEE");
        let guard = pid_in(&file).await;
        for kind in ["-TERM", "-INT", "-HUP"] {
            signal(&guard, kind);
        }
        assert_eq!(stage.broker.said().await.1, r#"MDPC02|3|DEMO|PARAM-JSON: "done"|COMPLETE: 00C0-FFEE"#);
        let _ = std::fs::remove_file(&file);
    });
}

#[test]
fn a_program_of_lines_does_many_jobs_with_parts_and_errors() {
    play(async {
        let script = r#"while read -r line; do
            case $line in
            *parts*) echo '{"partial":1}'; echo '{"partial":"two"}'; echo '{"result":null}';;
            *error*) echo '{"error":"as asked"}';;
            *) printf '{"result":%s}\n' "$line";;
            esac
        done"#;
        let stage = Stage::set(lines(script)).await;
        let echoed = stage.ask(r#"PARAM-JSON: {"a":1}"#).await;
        assert_eq!(echoed, r#"PARAM-JSON: {"job":"00C0-FFEE","service":"DEMO","param":{"a":1}}|COMPLETE"#);
        assert_eq!(stage.ask("PARAM-JSON: \"parts\"").await, "PARAM-JSON: 1|CONT");
        assert_eq!(stage.broker.said().await.1, r#"MDPC02|3|DEMO|PARAM-JSON: "two"|CONT: 00C0-FFEE"#);
        assert_eq!(stage.broker.said().await.1, "MDPC02|3|DEMO|COMPLETE: 00C0-FFEE");
        assert_eq!(stage.ask("PARAM-JSON: \"error\"").await, r#"PARAM-JSON: "as asked"|FAIL"#);
    });
}

/// Says its process number, or dies, hangs or babbles as the parameter says.
const MOODY: &str = r#"while read -r line; do
    case $line in
    *die*) exit 1;;
    *last*) echo "{\"result\":$$}"; exit 0;;
    *hang*) sleep 600;;
    *close*) exec >&-; sleep 600;;
    *babble*) echo hello;;
    *) echo "{\"result\":$$}";;
    esac
done"#;

#[test]
fn a_program_of_lines_is_kept_while_it_behaves_and_started_again_when_not() {
    play(async {
        let stage = Stage::set(Program { timeout: Some(Duration::from_secs(2)), ..lines(MOODY) }).await;
        let mut pid = stage.ask("").await;
        for mood in ["die", "babble", "hang", "close"] {
            assert_eq!(stage.ask("").await, pid, "kept");
            let failed = stage.ask(&format!("PARAM-JSON: \"{mood}\"")).await;
            assert!(failed.starts_with("PARAM-JSON: \"") && failed.ends_with("|FAIL"), "{failed}");
            let next = stage.ask("").await;
            assert_ne!(next, pid, "started again after {mood}");
            pid = next;
        }
    });
}

#[test]
fn a_program_that_died_between_two_jobs_costs_none() {
    play(async {
        let stage = Stage::set(lines(MOODY)).await;
        let first = stage.ask("PARAM-JSON: \"last\"").await;
        let pid = first.trim_start_matches("PARAM-JSON: ").trim_end_matches("|COMPLETE").to_owned();
        poll("the program is gone", || (!runs(&pid)).then_some(())).await;
        let second = stage.ask("").await;
        assert!(second.ends_with("|COMPLETE") && second != first, "{second}");
    });
}

#[test]
fn the_job_of_a_program_that_dies_may_be_given_back() {
    play(async {
        let stage = Stage::set(Program { if_dies: IfDies::GiveBack, ..lines(MOODY) }).await;
        stage.broker.say(stage.peer, "|MDPC02|1|PARAM-JSON: \"die\"|JOB: 00C0-FFEE");
        assert_eq!(stage.broker.left().await, stage.peer);
        let (peer, _) = stage.broker.registered(READY).await;
        let answer = stage.broker.ask(peer, "00C0-FFEF", "").await;
        assert!(answer.ends_with("|COMPLETE: 00C0-FFEF"), "{answer}");
    });
}
