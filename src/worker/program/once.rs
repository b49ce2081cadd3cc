//! One process a job.

use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::bounded::{Tail, log};
use super::{Answer, Group, Job, Program};

/// Does one job. Dropping the future kills the process group.
pub(super) async fn run(program: &Program, job: &Job) -> Answer {
    match try_run(program, job).await {
        Ok(answer) => answer,
        Err(why) => Answer::Failed(why),
    }
}

async fn try_run(program: &Program, job: &Job) -> Result<Answer, String> {
    let param = job.json_beside().await.map_err(|error| error.to_string())?;
    let mut command = program.command()?;
    set_environment(&mut command, job, &param);
    let mut group = program.start(&mut command)?;
    let mut output = Vec::new();
    let mut tail = Tail::default();
    let status = attend(&mut group, job, &param, program.output_max, &mut output, &mut tail).await?;
    match status.success() {
        true => result(output),
        false => Err(format!("{status}{}", tail.shown())),
    }
}

/// Feeds the process, reads what it says, and waits for its end.
async fn attend(
    group: &mut Group,
    job: &Job,
    param: &Value,
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
    tokio::select! {
        talked = &mut talk => talked?,
        status = leader.wait() => {
            // What the program wrote is in the pipes. If they stay open, a child of it has them: that
            // one may go on, but is not waited for.
            timeout(AFTER_EXIT, &mut talk).await.unwrap_or(Ok(()))?;
            return status.map_err(|error| error.to_string());
        }
    }
    leader.wait().await.map_err(|error| error.to_string())
}

async fn feed(mut stdin: ChildStdin, param: &Value) -> Result<(), String> {
    // A program need not read what it does not need: a broken pipe is no failure.
    let _ = stdin.write_all(param.to_string().as_bytes()).await;
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

fn result(output: Vec<u8>) -> Result<Answer, String> {
    if output.trim_ascii().is_empty() {
        return Ok(Answer::Nothing);
    }
    if let Ok(value) = serde_json::from_slice(&output) {
        return Ok(Answer::Value(value));
    }
    let text = String::from_utf8(output).map_err(|_| "the output is neither JSON nor UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Answer::from(text.strip_suffix('\r').unwrap_or(text)))
}

/// Members with names that a shell could not read, and values that a program could not be started
/// with, are left out: standard input has all.
fn set_environment(command: &mut Command, job: &Job, param: &Value) {
    command.env("ZMWS_JOB_ID", job.label());
    command.env("ZMWS_SERVICE", job.service().to_string().replace('\0', ""));
    let members = param.as_object().into_iter().flatten();
    let mut room = ENVIRONMENT_MAX;
    for (name, value) in members.filter(|(name, _)| is_shell_name(name)) {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
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
