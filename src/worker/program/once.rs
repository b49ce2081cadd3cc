//! One process a job.

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::bounded::{Tail, log};
use super::{Answer, Group, Job, Program};
use crate::params::json;

/// Does one job. Dropping the future kills the process group.
pub(super) async fn run(program: &Program, job: &Job) -> Answer {
    match try_run(program, job).await {
        Ok(answer) => answer,
        Err(why) => Answer::Failed(why),
    }
}

async fn try_run(program: &Program, job: &Job) -> Result<Answer, String> {
    let param = job.json_text_beside().await.map_err(|error| error.to_string())?;
    let limits = program.limits(job);
    let mut group = program.start(|command| set_environment(command, job, &param))?;
    let mut output = Vec::new();
    let mut tail = Tail::default();
    let attended = attend(&mut group, job, &param, program.output_max, &mut output, &mut tail);
    match limits.of(attended).await.flatten() {
        Ok(status) if status.success() => result(output),
        Ok(status) => Err(format!("{}{}", group.shown(status), tail.shown())),
        Err(why) => {
            group.end().await;
            Err(why)
        }
    }
}

/// Feeds the process, reads what it says, and waits for its end.
async fn attend(
    group: &mut Group,
    job: &Job,
    param: &[u8],
    output_max: usize,
    output: &mut Vec<u8>,
    tail: &mut Tail,
) -> Result<ExitStatus, String> {
    let leader = &mut group.leader;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (leader.stdin.take(), leader.stdout.take(), leader.stderr.take())
    else {
        return Err("the program has no standard input and output".to_owned());
    };
    let mut talk = pin!(async {
        // Ends early with the first error, which is too long an output.
        let logged = async {
            log(stderr, || job.label(), tail).await;
            Ok(())
        };
        tokio::try_join!(feed(stdin, param), collect(stdout, output, output_max), logged).map(drop)
    });
    let status = tokio::select! {
        talked = &mut talk => {
            talked?;
            group.ended().await
        }
        status = group.ended() => {
            // What was written is in the pipes, and whoever had them is dead; but what left the group may have them
            // still, if there is no guard.
            timeout(AFTER_EXIT, &mut talk).await.unwrap_or(Ok(()))?;
            status
        }
    };
    status.map_err(|error| error.to_string())
}

async fn feed(mut stdin: ChildStdin, param: &[u8]) -> Result<(), String> {
    // A program need not read what it does not need: a broken pipe is no failure.
    let _ = stdin.write_all(param).await;
    Ok(())
}

async fn collect(stdout: ChildStdout, output: &mut Vec<u8>, max: usize) -> Result<(), String> {
    let read = stdout.take(max as u64 + 1).read_to_end(output).await;
    read.map_err(|error| format!("cannot read the output: {error}"))?;
    match output.len() > max {
        true => Err(format!("more than {max} bytes of output, killed")),
        false => Ok(()),
    }
}

/// JSON is the result as it is, to the byte.
fn result(output: Vec<u8>) -> Result<Answer, String> {
    let trimmed = output.trim_ascii();
    if trimmed.is_empty() {
        return Ok(Answer::Nothing);
    }
    if json::is_valid(trimmed) {
        return Ok(Answer::JsonText(Bytes::copy_from_slice(trimmed)));
    }
    let text = String::from_utf8(output).map_err(|_| "the output is neither JSON nor UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Answer::from(text.strip_suffix('\r').unwrap_or(text)))
}

/// Members with names that a shell could not read, and values that a program could not be started
/// with, are left out: standard input has all.
fn set_environment(command: &mut Command, job: &Job, param: &[u8]) {
    command.env("ZMWS_JOB_ID", job.label());
    command.env("ZMWS_SERVICE", job.service().to_string().replace('\0', ""));
    // A parameter of another form has no members.
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(param).unwrap_or_default();
    let mut room = ENVIRONMENT_MAX;
    for (name, value) in members.iter().filter(|(name, _)| is_shell_name(name)) {
        let text = match value.get() {
            "null" => String::new(),
            text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
            text => text.to_owned(),
        };
        let size = name.len() + text.len();
        if size > VARIABLE_MAX || size > room || text.contains('\0') {
            continue;
        }
        room -= size;
        command.env(format!("ZMWS_PARAM_{name}"), text);
    }
}

fn is_shell_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// How long the pipes of an ended program are read.
const AFTER_EXIT: Duration = Duration::from_secs(1);
/// Linux takes 128 KiB a variable.
const VARIABLE_MAX: usize = 64 << 10;
/// Well under what Linux takes for all variables and arguments together.
const ENVIRONMENT_MAX: usize = 512 << 10;
