//! `zmws start`: the programs of a site, and the supervisor that keeps them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;
use zmws::supervise::control::{AskError, Report, Request};
use zmws::supervise::program::Fleet;
use zmws::supervise::{
    Load, Logs, NAME_MARK, NOTIFY_MARK, OWN_LOG, Phase, RUN_DIR_MARK, Signalled, Supervisor, open_log,
};

use super::log::{self, LogArgs};
use super::site::{self, Target};
use super::{Failure, notify, process, variables};

/// Start the programs of this site, and keep them running
///
/// Reads zmws.toml, or PHP's etc/config.php, and starts what it describes: broker, gateway, workers. A supervisor
/// stays in the background: it starts again what dies, keeps the logs (logs/NAME.txt) and the pid files
/// (run/NAME.pid), and answers stop, restart, reload and status. The exit status is 0 if all that was asked for runs.
#[derive(Debug, clap::Args)]
// What the supervisor does is worth a line each, unless less is asked for.
#[command(mut_arg("log_level", |level| level.default_value("I")))]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,

    /// Stay in the foreground, with the output of all programs: for containers and service managers
    #[arg(long)]
    foreground: bool,

    /// Be the supervisor that another zmws start has asked for
    #[arg(long, hide = true, conflicts_with = "foreground")]
    detached: bool,

    #[command(flatten)]
    log: LogArgs,
}

/// Starts, or supervises until stopped.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    if args.detached {
        // It was checked by who asks for it.
        return detached(&args, in_form(args.target.config.fleet()?, &args.log));
    }
    let fleet = in_form(args.target.config.fleet_to_start()?, &args.log);
    if !args.foreground {
        variables::say();
    }
    for warning in &fleet.warnings {
        log::warn(warning);
    }
    if args.foreground {
        log::start_as(&args.log);
        return supervise(&args, fleet, Logs::Inherited, true, || Ok(()));
    }
    let request = Request::Start(args.target.filter.which());
    let ask = || process::on_one_thread(async { Ok(site::said(&fleet, &request).await) });
    let mut asked = ask()?;
    if let Err(AskError::Away { .. }) = asked {
        detach(&args, &fleet)?;
        asked = ask()?;
    }
    site::all_done(asked.map_err(|error| error.to_string())?)
}

/// The programs of ours have the supervisor's form of the log, unless the configuration says otherwise: its word is in
/// their flags, which are stronger than the environment.
fn in_form(mut fleet: Fleet, log: &LogArgs) -> Fleet {
    if let Some(form) = log.form_of_others() {
        for program in &mut fleet.programs {
            for command in ["BROKER", "GATEWAY", "WORKER"] {
                program.env.entry(format!("ZMWS_{command}_LOG_FORM")).or_insert_with(|| form.clone());
            }
        }
    }
    fleet
}

// --- the supervisor in the background

/// Starts a supervisor that outlives us, and waits until it listens.
fn detach(args: &Args, fleet: &Fleet) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| format!("cannot start a supervisor: {error}");
    let log = own_log(fleet)?;
    let mut child = Command::new(process::this_program()?)
        .args(["start", "--detached"])
        .args(args.log.flags())
        .arg("--config")
        .arg(args.target.config.absolute()?)
        // A program of a site may start one: what it starts is not the program's.
        .env_remove(NAME_MARK)
        .env_remove(RUN_DIR_MARK)
        .env_remove(NOTIFY_MARK)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(cannot)?;
    let mut said = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut said).map_err(cannot)?;
    match said.trim_end() {
        READY => Ok(()),
        "" => {
            // It has ended, or closed its output, which it does only in its end.
            let end = child.wait().map_err(cannot)?;
            Err(format!("the supervisor ended at once ({end}); see {}", log_path(fleet).display()))
        }
        line => Err(line.to_owned()),
    }
}

/// What the supervisor says when it listens.
const READY: &str = "ready";

/// The supervisor in the background: in a session of its own, so that no terminal ends it.
fn detached(args: &Args, fleet: Fleet) -> Result<(), Failure> {
    log::start_as(&args.log);
    if let Err(error) = rustix::process::setsid() {
        tracing::warn!(%error, "cannot leave the terminal's session");
    }
    let log = own_log(&fleet)?;
    let outcome = supervise(args, fleet, Logs::Files, false, move || {
        // If nobody listens any more, it supervises all the same.
        let _ = writeln!(std::io::stdout(), "{READY}");
        // Whoever started us goes on; what is printed from now on belongs into the log.
        rustix::stdio::dup2_stdout(&log).map_err(|error| format!("cannot write the log: {error}"))
    });
    if let Err(failure) = &outcome {
        // If nobody listens any more, the log has it.
        let _ = writeln!(std::io::stdout(), "{failure}");
    }
    outcome
}

fn log_path(fleet: &Fleet) -> PathBuf {
    fleet.log_dir.join(format!("{OWN_LOG}.txt"))
}

fn own_log(fleet: &Fleet) -> Result<std::fs::File, Failure> {
    let path = log_path(fleet);
    let opened = std::fs::create_dir_all(&fleet.log_dir).and_then(|()| open_log(&path));
    opened.map_err(|error| format!("{error}; see log_dir of the configuration"))
}

// --- the supervisor

/// Supervises until stopped. `ready` is called when it listens.
fn supervise(
    args: &Args,
    fleet: Fleet,
    logs: Logs,
    starts: bool,
    ready: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let path = args.target.config.absolute()?;
    let log = args.log.clone();
    process::raise_descriptor_limit();
    process::on_one_thread(async {
        let supervisor = Supervisor::claim(fleet, logs).map_err(|error| site::cannot_claim(&error))?;
        let load: Load = Box::new(move || Ok(in_form(site::load_to_start(&path)?, &log)));
        let signals = signals()?;
        let first = starts.then(|| (Request::Start(args.target.filter.which()), printed()));
        spawn_local(tell_service_manager(supervisor.phase()));
        let running = supervisor.listen().map_err(|error| site::cannot_claim(&error))?;
        ready()?;
        running.run(load, signals, first).await;
        Ok(())
    })
}

/// Lets the service manager know what the supervisor is at.
async fn tell_service_manager(mut phase: watch::Receiver<Phase>) {
    notify::watchdog();
    loop {
        match *phase.borrow_and_update() {
            Phase::Starting => {}
            Phase::Failing => notify::status("not all runs that should: zmws status says what does not"),
            Phase::Running => notify::ready("supervising"),
            Phase::Reloading => notify::reloading(),
            Phase::Stopping => notify::stopping(),
        }
        if phase.changed().await.is_err() {
            return;
        }
    }
}

/// Prints what is reported.
fn printed() -> mpsc::UnboundedSender<Report> {
    let (reports, mut come) = mpsc::unbounded_channel();
    spawn_local(async move {
        while let Some(report) = come.recv().await {
            site::heard(report);
        }
    });
    reports
}

/// SIGINT and SIGTERM stop, SIGHUP reloads.
fn signals() -> Result<mpsc::Receiver<Signalled>, Failure> {
    let (sender, receiver) = mpsc::channel(8);
    let kinds = [
        (SignalKind::interrupt(), Signalled::Stop),
        (SignalKind::terminate(), Signalled::Stop),
        (SignalKind::hangup(), Signalled::Reload),
    ];
    for (kind, meaning) in kinds {
        let mut stream = signal(kind).map_err(|error| format!("cannot listen to signals: {error}"))?;
        let sender = sender.clone();
        spawn_local(async move {
            while stream.recv().await.is_some() {
                if sender.send(meaning).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}
