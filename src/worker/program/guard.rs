//! Stands between a worker and a program, so that nothing of the program outlives its job.
//!
//! A process a program: the worker starts it, it starts the program and ends as the program ended. What the program
//! has started becomes the guard's child as soon as its own parent is gone, in whatever group or session it is (the
//! guard is a "child subreaper"). When the program has ended, or the worker lets go of a pipe, which it does in its own
//! death, too, the guard kills all of it. So a job that is given to another worker does not go on here, and no process
//! stays behind a job that is done, even if the worker was killed by SIGKILL or for want of memory.
//!
//! The pipe is opened by way of `/proc`, so that the program does not inherit it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, getppid, kill_process, kill_process_group, pidfd_open,
    set_child_subreaper, wait, waitpid,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use tokio::signal::unix::{SignalKind, signal};

/// The first argument of a program that is to be a guard: with it, its `main` has nothing to do but [`run`].
pub const WORD: &str = "guard-program";

/// What a guard ends with if it cannot start the program, as shells have it.
const CANNOT_START: u8 = 127;

/// Guards a program until it has ended. `args` are those behind [`WORD`].
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    match guard(args) {
        Ok(status) => ended_as(status),
        Err(why) => {
            // It goes to the log of the worker, if there still is one.
            let _ = writeln!(io::stderr(), "{why}");
            ExitCode::from(CANNOT_START)
        }
    }
}

/// The exit status of a program, or of a shell that tells of a signal.
fn ended_as(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn guard(mut args: impl Iterator<Item = OsString>) -> Result<ExitStatus, String> {
    let mut number = || args.next()?.to_str()?.parse::<i32>().ok();
    let (Some(worker), Some(pipe)) = (number(), number()) else {
        return Err("no worker is named".to_owned());
    };
    let worker_lives = || getppid().is_some_and(|parent| parent.as_raw_nonzero().get() == worker);
    let pipe = File::open(format!("/proc/{worker}/fd/{pipe}")).ok().filter(|_| worker_lives());
    let pipe = pipe.ok_or("the worker is gone")?;
    let program = args.next().ok_or("there is no program to start")?;
    let _deaf = be_deaf();
    // Who kills all processes called zmws means the workers: it is for us to see to the programs.
    let _ = std::fs::write("/proc/self/comm", "job-guard");
    set_child_subreaper(Some(getpid())).map_err(|error| format!("cannot guard a program: {error}"))?;
    let shown = program.display().to_string();
    let spawned = Command::new(program).args(args).process_group(0).spawn();
    let mut program = spawned.map_err(|error| format!("cannot start {shown}: {error}"))?;
    let status = attend(&mut program, &pipe);
    end_the_rest();
    status.map_err(|error| format!("cannot guard {shown}: {error}"))
}

/// Hears no signal to end: those are for the worker, and while it lives its programs do. What is returned keeps it so.
fn be_deaf() -> Option<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let entered = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        // To listen is enough: the signal does not end us any more.
        let _ = signal(kind);
    }
    drop(entered);
    Some(runtime)
}

/// Waits until the program ends or the worker lets go of it, and kills what is in its group.
fn attend(program: &mut Child, pipe: &File) -> io::Result<ExitStatus> {
    let pid = Pid::from_child(program);
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    let watched = let_go_of_streams().and_then(|()| watch(pid, &ended, pipe));
    // The leader is not reaped yet, so the number is still that of its group.
    let _ = kill_process_group(pid, Signal::KILL);
    watched?;
    program.wait()
}

/// The program's streams end with the program.
fn let_go_of_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    Ok(dup2_stderr(&null)?)
}

fn watch(program: Pid, ended: &OwnedFd, pipe: &File) -> io::Result<()> {
    loop {
        let mut watched = [PollFd::new(ended, PollFlags::IN), PollFd::new(pipe, PollFlags::IN)];
        match poll(&mut watched, Some(&BURY_EVERY)) {
            Ok(0) => bury_orphans(program),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reaps children that we have inherited from a program that goes on.
fn bury_orphans(program: Pid) {
    for orphan in children().into_iter().filter(|&child| child != program) {
        let _ = waitpid(Some(orphan), WaitOptions::NOHANG);
    }
}

/// Kills what is left, level by level: whoever loses its parent becomes our child.
fn end_the_rest() {
    // The usual case: there is nothing, and no list to be read.
    let mut reaped = wait(WaitOptions::NOHANG);
    while !matches!(reaped, Err(Errno::CHILD)) {
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        reaped = wait(WaitOptions::empty());
    }
}

fn children() -> Vec<Pid> {
    let me = getpid().as_raw_nonzero();
    let text = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// How often orphans are reaped.
const BURY_EVERY: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
