//! One running process: started by us, or found alive when an earlier supervisor was killed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, PidfdFlags, Signal, geteuid, kill_process_group, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Command;

use super::files;
use super::identity::{NAME_MARK, RUN_DIR_MARK};
use super::leftovers::{self, Urgency};
use super::notify_socket::{NOTIFY_MARK, NotifySocket};
use super::program::Program;

/// A process that runs, or has run.
#[derive(Debug)]
pub(super) struct Child {
    pid: u32,
    /// Names this very process, even when its number has been given to another.
    pidfd: AsyncFd<OwnedFd>,
    /// How its exit status is learned; an adopted process is not our child and tells us none.
    own: Option<tokio::process::Child>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End(Option<ExitStatus>);

/// Where what a program says goes.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// To the end of this file.
    File(PathBuf),
    /// To where the supervisor's own goes.
    Inherited,
}

impl Child {
    /// Starts a program in a process group of its own, with the marks by which it is known again.
    ///
    /// # Errors
    ///
    /// The system's, of whatever could not be done: no such program, no such user, no log, no right.
    pub(super) fn start(program: &Program, run_dir: &Path, output: &Output) -> io::Result<Self> {
        let Some((executable, arguments)) = program.command.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no command"));
        };
        let mut command = Command::new(executable);
        command
            .args(arguments)
            .envs(&program.env)
            .env(NAME_MARK, &program.name)
            .env(RUN_DIR_MARK, run_dir)
            // What the configuration says is in its flags; it must not find a file of its own choice.
            .env("ZMWS_CONFIG", "none")
            // The service manager waits for the supervisor's word, not for that of each program.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .stdin(Stdio::null())
            .process_group(0);
        match program.notifies {
            true => command.env(NOTIFY_MARK, NotifySocket::path(run_dir, &program.name)),
            false => command.env_remove(NOTIFY_MARK),
        };
        if let Output::File(path) = output {
            let log = open_log(path)?;
            command.stdout(log.try_clone()?).stderr(log);
        }
        if let Some(dir) = &program.dir {
            command.current_dir(dir);
        }
        if let Some(user) = &program.user {
            let (uid, gid) = ids(user)?;
            command.uid(uid).gid(gid);
        }
        let own = command.spawn()?;
        let pid = own.id().unwrap_or_default();
        Ok(Self { pid, pidfd: pidfd(pid)?, own: Some(own) })
    }

    /// Takes over a process that was found alive.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub(super) fn adopt(pid: u32) -> io::Result<Self> {
        Ok(Self { pid, pidfd: pidfd(pid)?, own: None })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it has ended. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> End {
        match &mut self.own {
            Some(own) => End(own.wait().await.ok()),
            None => {
                // A pidfd becomes readable when its process ends. An error could only be one of the poll itself.
                let _ = self.pidfd.ready(Interest::READABLE).await;
                End(None)
            }
        }
    }

    /// Sends a signal to the process itself. One that has ended gets none.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(self.pidfd.get_ref(), signal);
    }

    /// Kills it and what it has started, and that first: a job that goes to another worker when this one is gone must
    /// not be done by its program any more.
    pub(super) async fn kill(&self, run_dir: &Path, name: &str) {
        self.signal(Signal::STOP);
        leftovers::end(run_dir, name, Some(self.pid), Urgency::Kill).await;
        self.signal(Signal::KILL);
        self.signal_group(Signal::KILL);
    }

    /// Sends a signal to what it has left behind in its group. One without members gets none; its number is given
    /// to no other for as long as a member lives.
    pub(super) fn signal_group(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl End {
    /// Whether it ended as a program that has done its work.
    pub(super) fn is_good(self) -> bool {
        self.0.is_some_and(|status| status.success())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => f.write_str("ended, and was not started by this supervisor"),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit status {code}"),
                (None, Some(signal)) => write!(f, "signal {signal}{}", signal_name(signal)),
                (None, None) => f.write_str("ended"),
            },
        }
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        3 => " (SIGQUIT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// The end of a log; whoever writes to it appends, also after it was cut.
///
/// # Errors
///
/// The system's, or what is wrong with what is at the path: a symbolic link, another user's file.
pub fn open_log(path: &Path) -> io::Result<File> {
    files::append(path)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())))
}

fn pidfd(pid: u32) -> io::Result<AsyncFd<OwnedFd>> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    watched(pidfd_open(pid, PidfdFlags::NONBLOCK)?)
}

/// A descriptor that can be waited for: of a process, say.
pub(super) fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // What it wants to be careful with is a type that names a descriptor without owning it; this one owns it.
    #[expect(deprecated, reason = "its successor is unsafe, and an OwnedFd fulfils what it asks for")]
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// Whether programs of this user can be started by us.
///
/// # Errors
///
/// There is no such user, or only root may.
pub fn user_may_start(user: &str) -> io::Result<()> {
    ids(user).map(drop)
}

/// User and group of a name, as the system knows them.
fn ids(user: &str) -> io::Result<(u32, u32)> {
    let found = uzers::get_user_by_name(user);
    let found = found.ok_or_else(|| io::Error::other(format!("user: this machine has no user {user:?}")))?;
    if !geteuid().is_root() && found.uid() != geteuid().as_raw() {
        let what = format!("user = {user:?}: only root may start programs of other users");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    Ok((found.uid(), found.primary_group_id()))
}
