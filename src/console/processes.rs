//! What the supervisor says of its programs.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::supervise::control::{self, AskError, Process, Report, Request};

/// Why the supervisor gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProcessesError {
    /// A socket is there and nobody behind it: the supervisor was killed.
    #[error("the supervisor is gone, but its socket {socket} is still there")]
    Gone {
        /// The socket.
        socket: String,
    },
    /// The system does not let us ask.
    #[error("cannot ask the supervisor at {socket}: {source}")]
    Socket {
        /// The socket.
        socket: String,
        /// The system's word.
        source: io::Error,
    },
    /// The answer did not come in time.
    #[error("the supervisor at {socket} does not answer")]
    Silent {
        /// The socket.
        socket: String,
    },
    /// The answer is none.
    #[error("the supervisor at {socket} answers with something else than its programs")]
    Strange {
        /// The socket.
        socket: String,
    },
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the supervisor whose socket is in `run_dir` for its programs, in their order. `None`: there is no socket,
/// so nobody supervises here.
///
/// # Errors
///
/// The socket is there and gives no answer.
pub async fn ask(run_dir: &Path) -> Result<Option<Vec<Process>>, ProcessesError> {
    let mut processes = None;
    let hear = |report| {
        if let Report::Processes { processes: told } = report {
            processes = Some(told);
        }
    };
    let socket = control::socket(run_dir).display().to_string();
    match tokio::time::timeout(PATIENCE, control::ask(run_dir, None, &Request::Status, hear)).await {
        Ok(Ok(())) if processes.is_some() => Ok(processes),
        Ok(Ok(())) => Err(ProcessesError::Strange { socket }),
        Ok(Err(
            AskError::Away { source, .. } | AskError::Denied { source, .. } | AskError::Broken { source, .. },
        )) => match source.kind() {
            io::ErrorKind::NotFound => Ok(None),
            io::ErrorKind::ConnectionRefused => Err(ProcessesError::Gone { socket }),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Err(ProcessesError::Strange { socket })
            }
            _ => Err(ProcessesError::Socket { socket, source }),
        },
        Err(_) => Err(ProcessesError::Silent { socket }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::UnixListener;

    use super::*;
    use crate::console::tests::{run, scratch};

    /// A supervisor that reads a line and says `answer`.
    async fn asked(answer: &'static str) -> Result<Option<Vec<Process>>, ProcessesError> {
        let dir = scratch();
        let listener = UnixListener::bind(control::socket(dir.path())).expect("the folder is new");
        let supervisor = async {
            let (stream, _) = listener.accept().await.expect("somebody asks");
            let mut stream = BufReader::new(stream);
            let mut question = String::new();
            stream.read_line(&mut question).await.expect("somebody asks");
            assert_eq!(question, "{\"ask\":\"status\"}\n");
            stream.write_all(answer.as_bytes()).await.expect("somebody listens");
        };
        tokio::join!(ask(dir.path()), supervisor).0
    }

    #[test]
    fn the_programs_are_told() {
        let answer = concat!(
            r#"{"say":"line","text":"one moment"}"#,
            "\n",
            r#"{"say":"processes","processes":[{"name":"mail-1","group":"mail","state":"given_up","pid":null,"#,
            r#""up_s":null,"restarts":5,"memory":null,"last_end":"exit status 1","new":1}]}"#,
            "\n"
        );
        let processes = run(asked(answer)).expect("it answers").expect("it is there");
        assert_eq!((processes[0].name.as_str(), processes[0].restarts), ("mail-1", 5));
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for answer in ["", "{\"say\":\"done\",\"ok\":true}\n", "HTTP/1.1 400 Bad Request\r\n"] {
            let error = run(asked(answer)).expect_err("it is no answer").to_string();
            assert!(error.ends_with("answers with something else than its programs"), "{error}");
        }
    }

    #[test]
    fn nobody_there_is_no_error_but_a_supervisor_that_was_killed_is() {
        run(async {
            let dir = scratch();
            assert_eq!(ask(dir.path()).await.expect("no socket is no error"), None);
            drop(UnixListener::bind(control::socket(dir.path())).expect("the folder is new"));
            let error = ask(dir.path()).await.expect_err("nobody listens").to_string();
            assert!(error.starts_with("the supervisor is gone"), "{error}");
        });
    }
}
