//! One process for many jobs, a line of JSON each way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::timeout;
use tracing::warn;

use super::bounded::{BoundedLines, Tail, log};
use super::{Answer, Group, IfDies, Job, Program};

/// Processes that wait for a job.
#[derive(Default)]
pub(super) struct Processes(Mutex<Vec<Process>>);

struct Process {
    group: Group,
    stdin: ChildStdin,
    stdout: BoundedLines<ChildStdout>,
    /// The job whose log standard error is.
    current: Arc<Mutex<String>>,
}

/// What a program says.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Saying {
    Partial(Value),
    Result(Value),
    Error(String),
}

/// Why there is no answer.
enum Trouble {
    /// The process cannot be used any more, and the job failed.
    Failed(String),
    /// The process is gone.
    Died,
}

/// Does one job. Dropping the future kills the process.
pub(super) async fn run(program: &Program, processes: &Processes, job: &Job) -> Answer {
    let param = match job.json_beside().await {
        Ok(param) => param,
        Err(error) => return Answer::Failed(error.to_string()),
    };
    let mut line =
        json!({"job": job.label(), "service": job.service().to_string(), "param": param}).to_string();
    line.push('\n');
    let mut process = match processes.with_line(program, job, &line).await {
        Ok(process) => process,
        Err(why) => return Answer::Failed(why),
    };
    match process.listen(program.output_max, job).await {
        Ok(answer) => {
            processes.put(process);
            answer
        }
        Err(Trouble::Failed(why)) => Answer::Failed(why),
        Err(Trouble::Died) => {
            let end = match timeout(AFTER_END, process.group.leader.wait()).await {
                Ok(Ok(status)) => status.to_string(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it closed its output and lives on, killed".to_owned(),
            };
            warn!(job = job.label(), end, "the program died");
            match program.if_dies {
                IfDies::Fail => Answer::Failed(format!("the program died: {end}")),
                IfDies::GiveBack => Answer::GiveBack,
            }
        }
    }
}

impl Processes {
    /// A process that was given the line: one that waits, or a new one. Those that died while they
    /// waited cost no job.
    async fn with_line(&self, program: &Program, job: &Job, line: &str) -> Result<Process, String> {
        while let Some(mut process) = self.take() {
            if process.is_alive() && process.tell(job, line).await.is_ok() {
                return Ok(process);
            }
        }
        let mut process = Process::start(program)?;
        process.tell(job, line).await.map_err(|error| format!("the program does not listen: {error}"))?;
        Ok(process)
    }

    fn take(&self) -> Option<Process> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, process: Process) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }
}

impl Process {
    fn start(program: &Program) -> Result<Self, String> {
        let mut group = program.start(&mut program.command()?)?;
        let leader = &mut group.leader;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (leader.stdin.take(), leader.stdout.take(), leader.stderr.take())
        else {
            return Err("the program has no standard input and output".to_owned());
        };
        let current = Arc::new(Mutex::new(String::new()));
        let job = Arc::clone(&current);
        // Ends with the program's standard error.
        tokio::spawn(async move {
            let job = || job.lock().unwrap_or_else(PoisonError::into_inner).clone();
            log(stderr, job, &mut Tail::default()).await;
        });
        let stdout = BoundedLines::new(stdout, program.output_max);
        Ok(Self { group, stdin, stdout, current })
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.group.leader.try_wait(), Ok(None))
    }

    async fn tell(&mut self, job: &Job, line: &str) -> std::io::Result<()> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = job.label();
        self.stdin.write_all(line.as_bytes()).await?;
        self.stdin.flush().await
    }

    /// Passes parts on until the job's end.
    async fn listen(&mut self, output_max: usize, job: &Job) -> Result<Answer, Trouble> {
        loop {
            let line = match self.stdout.next().await {
                Ok(Some(line)) => line,
                Ok(None) => return Err(Trouble::Died),
                Err(error) => return Err(Trouble::Failed(format!("cannot read the output: {error}"))),
            };
            if line.cut {
                return Err(Trouble::Failed(format!("a line of more than {output_max} bytes, killed")));
            }
            match serde_json::from_slice(&line.bytes) {
                Ok(Saying::Partial(value)) => {
                    // An error says that nobody listens: the end will say so, too.
                    let _ = job.partial(value).await;
                }
                Ok(Saying::Result(value)) => return Ok(Answer::Value(value)),
                Ok(Saying::Error(why)) => return Ok(Answer::Failed(why)),
                Err(error) => {
                    let line =
                        String::from_utf8_lossy(&line.bytes[..line.bytes.len().min(SHOWN)]).into_owned();
                    return Err(Trouble::Failed(format!("no answer but {line:?} ({error}), killed")));
                }
            }
        }
    }
}

/// How long a program may live after the end of its output.
const AFTER_END: Duration = Duration::from_secs(1);
/// Bytes of a wrong line that are shown.
const SHOWN: usize = 200;
