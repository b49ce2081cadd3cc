//! Programs as workers: shells, in the place of whatever users have.

use std::path::Path;
use std::time::Duration;

use zmws::job::PeerId;
use zmws::worker::program::{IfDies, Mode, Program};

use crate::fake::{Fake, PATIENCE, Running, demo, play};

const READY: &str = "MDPC02|3|DEMO|READY";

fn shell(script: &str) -> Program {
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
            (r#"{\n "a": [1]}\n"#, r#"PARAM-JSON: {"a":[1]}|COMPLETE"#),
            ("12", "PARAM-JSON: 12|COMPLETE"),
            ("two words\\n", r#"PARAM-JSON: "two words"|COMPLETE"#),
            ("two\\nlines\\n\\n", r#"PARAM-JSON: "two\nlines\n"|COMPLETE"#),
            ("\\n", "COMPLETE"),
            ("", "COMPLETE"),
            ("false", "PARAM-JSON: false|COMPLETE"),
            ("\\0377", "FAIL"),
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
fn another_exit_status_than_0_is_a_failure() {
    play(async {
        let stage = Stage::set(shell("echo output; echo trouble >&2; exit 3")).await;
        assert_eq!(stage.ask("").await, "FAIL");
        let stage = Stage::set(shell("kill -9 $$")).await;
        assert_eq!(stage.ask("").await, "FAIL");
        let stage = Stage::set(Program::new(["/no/such/program"])).await;
        assert_eq!(stage.ask("").await, "FAIL");
    });
}

#[test]
fn a_parameter_that_cannot_be_read_never_reaches_the_program() {
    play(async {
        let stage = Stage::set(shell("echo reached")).await;
        assert_eq!(stage.ask("PARAM-JSON: {").await, "FAIL");
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
        assert_eq!(stage.ask("").await, "FAIL");
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

#[test]
fn a_timeout_kills_the_whole_process_group() {
    play(async {
        let file = scratch("group");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let stage = Stage::set(Program { timeout: Some(Duration::from_secs(1)), ..shell(&script) }).await;
        stage.broker.say(stage.peer, "|MDPC02|1||JOB: 00C0-FFEE");
        let grandchild = pid_in(&file).await;
        assert_eq!(stage.broker.said().await.1, "MDPC02|3|DEMO|FAIL: 00C0-FFEE");
        poll("the grandchild is dead", || (!runs(&grandchild)).then_some(())).await;
        let _ = std::fs::remove_file(&file);
    });
}

#[test]
fn a_worker_that_is_dropped_takes_its_programs_along() {
    play(async {
        let file = scratch("dropped");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let stage = Stage::set(shell(&script)).await;
        stage.broker.say(stage.peer, "|MDPC02|1||JOB: 00C0-FFEE");
        let grandchild = pid_in(&file).await;
        assert!(runs(&grandchild));
        stage._worker.task.abort();
        poll("the grandchild is dead", || (!runs(&grandchild)).then_some(())).await;
        let _ = std::fs::remove_file(&file);
    });
}

#[test]
fn a_child_that_keeps_the_output_open_is_not_waited_for() {
    play(async {
        let file = scratch("orphan");
        let script = format!("sleep 600 & echo $! > {}; echo done", file.display());
        let stage = Stage::set(shell(&script)).await;
        assert_eq!(stage.ask("").await, r#"PARAM-JSON: "done"|COMPLETE"#);
        let orphan = pid_in(&file).await;
        assert!(runs(&orphan), "it may go on");
        let killed = std::process::Command::new("kill").arg(&orphan).status().expect("kill can be run");
        assert!(killed.success());
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
        assert_eq!(stage.ask("PARAM-JSON: \"error\"").await, "FAIL");
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
            assert_eq!(stage.ask(&format!("PARAM-JSON: \"{mood}\"")).await, "FAIL");
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
