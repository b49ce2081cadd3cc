//! One attack after the other: the stage, the quiet before, the attack, and what is left behind.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::attack::{Attack, Findings};
use crate::bystander::Bystanders;
use crate::cgroup::MemoryGroup;
use crate::clock::{now, poll};
use crate::metrics::{self, Metrics};
use crate::proc;
use crate::stage::{Program, Stage};
use crate::verdict::{Census, Measured, Verdict, is_settled, judge};
use crate::watch::Watch;

/// How long the parts of an attack are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) quick: bool,
    quiet: Duration,
    attack: Duration,
    settle: Duration,
}

impl Times {
    pub(crate) fn of(quick: bool) -> Self {
        let [quiet, attack, settle] = if quick { [250, 450, 2500] } else { [1200, 3000, 10_000] };
        let [quiet, attack, settle] = [quiet, attack, settle].map(Duration::from_millis);
        Self { quick, quiet, attack, settle }
    }
}

/// What an attack may need beyond its time, to come to its end.
const GRACE: Duration = Duration::from_secs(25);

/// How an attack ended.
pub(crate) enum Ended {
    /// It was carried out.
    Judged(Box<Measured>, Verdict),
    /// What it needs is not on this machine.
    LeftOut(String),
    /// It could not be carried out.
    Broken(String),
}

/// Carries an attack out; again, if the verdict is nothing but slow: an unlucky moment is not a bug. What is slow twice
/// of three times is slow.
pub(crate) fn run(attack: &Attack, program: &Program, times: Times) -> Ended {
    let needs = attack.setting.needs;
    if !needs.is_empty() && !is_here(needs) {
        return Ended::LeftOut(format!("{needs} is not here"));
    }
    if attack.setting.group_bytes > 0 && MemoryGroup::make("zmws-hostile-try", 1 << 30).is_none() {
        return Ended::LeftOut("no control group of memory may be made here".to_owned());
    }
    let (mut good, mut slow) = (0, 0);
    loop {
        let measured = match play(attack, program, times) {
            Ok(measured) => measured,
            Err(error) => return Ended::Broken(error.to_string()),
        };
        let verdict = judge(&measured);
        match verdict.is_good() {
            true => good += 1,
            false => slow += 1,
        }
        let is_clear = !verdict.wrong.is_empty() || slow == 2 || good == 2 || slow == 0;
        if is_clear {
            return Ended::Judged(Box::new(measured), verdict);
        }
    }
}

fn is_here(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|dir| dir.join(program).is_file())
}

fn play(attack: &Attack, program: &Program, times: Times) -> io::Result<Measured> {
    let mut stage = Stage::start(&attack.setting, program)?;
    let bystanders = Bystanders::start(stage.ports)?;
    // The first answers open connections and warm caches.
    std::thread::sleep(times.quiet / 4);
    let quiet_from = now();
    std::thread::sleep(times.quiet);
    bystanders.catch_up();
    let attacked_from = now();
    let before = census(&stage);
    let read = |stage: &Stage| metrics::read(stage.ports.admin, Duration::from_secs(3)).unwrap_or_default();
    let metrics_before = read(&stage);

    let mut attacker = Attacker::start(attack, &stage, times)?;
    let watch = Watch::start(&stage.watched, &stage.shows_books(), attacker.child.id());
    let findings = attacker.finish(times.attack + GRACE);
    bystanders.catch_up();
    let attacked_to = now();
    let seen = watch.finish();

    let metrics_after = read(&stage);
    let mut measured = Measured {
        quiet: bystanders.served(quiet_from, attacked_from),
        under_attack: bystanders.served(attacked_from, attacked_to),
        seen,
        turns: metrics::turns(&metrics_before, &metrics_after),
        before,
        ended: stage.ended(),
        findings,
        shares_machine: times.quick,
        allowed: (attack.setting.allowed_mib << 20)
            + program.memory_max.as_ref().map_or(0, |(_, bytes)| *bytes),
        stays: attack.setting.stays_mib << 20,
        ..Measured::default()
    };
    settle(&stage, &mut measured, times.settle, &read);
    drop(bystanders);
    measured.unstoppable =
        if measured.ended.is_empty() { stage.stop(Duration::from_secs(6)) } else { Vec::new() };
    let logs = stage.logs();
    measured.panicked = logs.contains("panicked at");
    measured.raw_controls_in_log = logs.chars().any(|letter| letter.is_control() && !"\n\t".contains(letter));
    Ok(measured)
}

/// Waits until nothing of the attack is left, or the time is over.
fn settle(stage: &Stage, measured: &mut Measured, patience: Duration, read: &impl Fn(&Stage) -> Metrics) {
    let _ = poll(patience, || {
        measured.after = census(stage);
        measured.accounts_after = read(stage).accounts;
        is_settled(measured).then_some(()).or_else(|| {
            std::thread::sleep(Duration::from_millis(90));
            None
        })
    });
}

fn census(stage: &Stage) -> Census {
    let sum = |figure: fn(u32) -> usize| stage.watched.iter().map(|one| figure(one.pid)).sum();
    Census {
        descriptors: sum(proc::descriptors),
        resident: stage.watched.iter().map(|one| proc::resident(one.pid)).sum(),
        processes: stage.processes().len(),
        log: stage.log_bytes(),
    }
}

/// The attack in a process of its own, which yields to all others.
struct Attacker {
    child: Child,
    began: Instant,
}

impl Attacker {
    fn start(attack: &Attack, stage: &Stage, times: Times) -> io::Result<Self> {
        let ground = stage.ground(times.quick, times.attack);
        let ground = serde_json::to_string(&ground).map_err(io::Error::other)?;
        let mut command = Command::new(std::env::current_exe()?);
        let (name, value) = stage.mark();
        command.args(["attack", attack.name, &ground]).env(name, value);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Ok(Self { child: command.spawn()?, began: now() })
    }

    /// Waits for its end; what it found.
    fn finish(&mut self, patience: Duration) -> Findings {
        let stdout = self.child.stdout.take();
        let reader = std::thread::spawn(move || {
            let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
            lines
                .map_while(Result::ok)
                .filter_map(|line| Some(line.strip_prefix("found: ")?.to_owned()))
                .collect()
        });
        let left = patience.saturating_sub(self.began.elapsed());
        let ended = poll(left, || self.child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let mut findings: Findings = reader.join().unwrap_or_default();
        match ended {
            None => findings.push("the attack was held up and had to be ended".to_owned()),
            Some(status) if !status.success() => findings.push(format!("the attack broke: {status}")),
            Some(_) => {}
        }
        findings
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
