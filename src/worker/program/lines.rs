//! One process for many jobs, a line of JSON each way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::timeout;
use tracing::warn;

use super::bounded::{BoundedLines, Tail, log};
use super::{Answer, Group, IfDies, Job, Limits, Program};

/// Processes that wait for a job.
#[derive(Default)]
pub(super) struct Processes(Mutex<Vec<Process>>);

struct Process {
    group: Group,
    stdin: ChildStdin,
    stdout: BoundedLines<ChildStdout>,
    /// The job whose log standard error is.
    current: Arc<Mutex<String>>,
    /// Whether it has done a job.
    has_served: bool,
}

/// What a program says. Values stay the text that they are.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Saying {
    Partial(Box<RawValue>),
    Result(Box<RawValue>),
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
    let line = match job.json_text_beside().await {
        Ok(param) => line(job, &param),
        Err(error) => return Answer::Failed(error.to_string()),
    };
    let limits = program.limits(job);
    loop {
        let mut process = match processes.with_line(program, &limits, &line).await {
            Ok(process) => process,
            Err(why) => return Answer::Failed(why),
        };
        let listened = limits.of(process.listen(program.output_max, job)).await;
        match listened.unwrap_or_else(|why| Err(Trouble::Failed(why))) {
            Ok(answer) => {
                processes.put(process);
                return answer;
            }
            Err(Trouble::Failed(why)) => {
                process.group.end().await;
                return Answer::Failed(why);
            }
            Err(Trouble::Died) if process.died_before(&line) => process.group.end().await,
            Err(Trouble::Died) => return died(program, job, process.group).await,
        }
    }
}

/// The line that asks for a job. Between the words of JSON a line end is a blank like others.
fn line(job: &Job, param: &[u8]) -> Vec<u8> {
    let name = |text: String| Value::String(text).to_string();
    let (label, service) = (name(job.label()), name(job.service().to_string()));
    let mut line = format!(r#"{{"job":{label},"service":{service},"param":"#).into_bytes();
    line.extend(param.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    line.extend(b"}\n");
    line
}

async fn died(program: &Program, job: &Job, mut group: Group) -> Answer {
    let end = match timeout(AFTER_END, group.ended()).await {
        Ok(Ok(status)) => group.shown(status),
        Ok(Err(error)) => error.to_string(),
        Err(_) => {
            group.end().await;
            "it closed its output and lives on, killed".to_owned()
        }
    };
    warn!(job = job.label(), end, "the program died");
    match program.if_dies {
        IfDies::Fail => Answer::Failed(format!("the program died: {end}")),
        IfDies::GiveBack => Answer::GiveBack,
    }
}

impl Processes {
    /// A process that was given the line: one that waits, or a new one. Those that died while they
    /// waited cost no job.
    async fn with_line(
        &self,
        program: &Program,
        limits: &Limits<'_>,
        line: &[u8],
    ) -> Result<Process, String> {
        loop {
            let waited = self.take();
            let is_new = waited.is_none();
            let mut process = waited.map_or_else(|| Process::start(program), Ok)?;
            if !process.is_alive() {
                continue;
            }
            let told = limits.of(process.tell(limits.job, line)).await;
            let why = match told {
                Ok(Ok(())) => return Ok(process),
                Ok(Err(_)) if !is_new => continue,
                Ok(Err(error)) => format!("the program does not listen: {error}"),
                Err(why) => why,
            };
            process.group.end().await;
            return Err(why);
        }
    }

    fn take(&self) -> Option<Process> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, mut process: Process) {
        process.has_served = true;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }
}

impl Process {
    fn start(program: &Program) -> Result<Self, String> {
        let mut group = program.start(|_| ())?;
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
        Ok(Self { group, stdin, stdout, current, has_served: false })
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.group.leader.try_wait(), Ok(None))
    }

    /// Whether it had ended between two jobs, which was not known yet: its guard outlives it for a moment. All of the line
    /// is still in the pipe then, and the job has cost nothing.
    fn died_before(&self, line: &[u8]) -> bool {
        let unread = rustix::io::ioctl_fionread(&self.stdin).unwrap_or_default();
        self.has_served && unread >= line.len() as u64
    }

    async fn tell(&mut self, job: &Job, line: &[u8]) -> std::io::Result<()> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = job.label();
        self.stdin.write_all(line).await?;
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
                    let _ = job.partial_text(value.get()).await;
                }
                Ok(Saying::Result(value)) => {
                    return Ok(Answer::JsonText(Bytes::copy_from_slice(value.get().as_bytes())));
                }
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
