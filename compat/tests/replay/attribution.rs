//! Which reply answers which request.

use zmws_compat::script::Script;
use zmws_compat::trace::read;

use crate::HEADER;

/// How many replies each request of `c` has, in order. A line is who, to whom, and the frames.
fn replies(said: &[(&str, &str, &str)]) -> Vec<usize> {
    let line = |(turn, (peer, to, frames)): (usize, &(&str, &str, &str))| {
        format!(r#"{{"t":{turn},"peer":"{peer}","conn":1,"to":"{to}","frames":{frames}}}"#)
    };
    let lines: Vec<String> = said.iter().enumerate().map(line).collect();
    let trace = read(&format!("{HEADER}\n{}", lines.join("\n"))).expect("a sound trace");
    Script::of(&trace).recorded.requests.iter().map(|request| request.replies.len()).collect()
}

#[test]
fn a_question_that_was_refused_gets_no_answer_more() {
    let counted = replies(&[
        ("c", "broker", r#"["","p","JOB: SYNC-DEMO"]"#),
        ("c", "peer", r#"["","FAIL: DEMO"]"#),
        ("c", "broker", r#"["","p","JOB: SYNC-DEMO"]"#),
        ("c", "broker", r#"["","p","JOB: SYNC-DEMO"]"#),
        ("c", "peer", r#"["","COMPLETE: DEMO [0001-0001]","1"]"#),
        ("c", "peer", r#"["","COMPLETE: DEMO [0001-0002]","2"]"#),
    ]);
    assert_eq!(counted, [1, 1, 1]);
}

#[test]
fn parts_and_their_end_are_of_one_question() {
    let counted = replies(&[
        ("c", "broker", r#"["","p","JOB: SYNC-DEMO"]"#),
        ("c", "broker", r#"["","p","JOB: SYNC-DEMO"]"#),
        ("c", "peer", r#"["","CONT: DEMO [0001-0001]","a"]"#),
        ("c", "peer", r#"["","CONT: DEMO [0001-0002]","b"]"#),
        ("c", "peer", r#"["","COMPLETE: DEMO [0001-0001]","c"]"#),
        ("c", "peer", r#"["","COMPLETE: DEMO [0001-0002]","d"]"#),
    ]);
    assert_eq!(counted, [2, 2]);
}

#[test]
fn an_answer_names_the_service_that_was_asked() {
    let counted = replies(&[
        ("c", "broker", r#"["","p","JOB: SYNC-ONE"]"#),
        ("c", "broker", r#"["","p","JOB: SYNC-TWO"]"#),
        ("c", "peer", r#"["","COMPLETE: TWO [0001-0002]","2"]"#),
        ("c", "peer", r#"["","JOB: 0001-0003 THREE"]"#),
    ]);
    assert_eq!(counted, [0, 1], "an acknowledgement of what nobody asked is nobody's");
}
