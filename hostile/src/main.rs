//! Attacks on the real program while somebody honest is being served, and faults under load: `cargo xtask hostile`.
//!
//! Black box: it knows nothing of the library. Everything is bounded, on 127.0.0.1, and ends by itself.

mod attack;
mod attacks;
mod bystander;
mod cgroup;
mod clock;
mod crash;
mod dialect;
mod faults;
mod http;
mod metrics;
mod proc;
mod report;
mod stage;
mod suite;
mod verdict;
mod watch;
mod zmtp;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use attack::{Attack, Ground};
use clock::now;
use report::Row;
use stage::Program;
use suite::Times;

const USAGE: &str = "\
usage: cargo xtask hostile [--quick] [--only NAME|GROUP]… [--list] [--write]
       cargo xtask hostile faults [--seconds N] [--seed N]
       cargo xtask crash [--rounds N] [--seed N]

  --quick   small sizes and short times, for continuous integration: on a machine that others use, too, so that only waits
            and turns of half a second are too long
  --only    an attack, or a group of them; may be repeated
  --list    what there is
  --write   writes docs/src/hostile.md, of all attacks

ZMWS_BIN names the program; without it, it is the one in target/release, or target/debug.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["attack", name, ground] => carry_out(name, ground),
        ["faults", rest @ ..] => faults::run(rest, &zmws()),
        ["crash", rest @ ..] => crash::run(rest, &zmws()),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        words => Wanted::read(words).and_then(|wanted| wanted.run()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(what) => {
            eprintln!("{what}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What is asked for.
#[derive(Default)]
struct Wanted {
    quick: bool,
    write: bool,
    list: bool,
    only: Vec<String>,
}

impl Wanted {
    fn read(words: &[&str]) -> Result<Self, String> {
        let mut wanted = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => wanted.quick = true,
                "--write" => wanted.write = true,
                "--list" => wanted.list = true,
                "--only" => wanted.only.extend(words.next().map(|name| (*name).to_owned())),
                other => return Err(format!("hostile does not know {other:?}")),
            }
        }
        match wanted.write && !wanted.only.is_empty() {
            true => Err("the page is of all attacks: --write goes without --only".to_owned()),
            false => Ok(wanted),
        }
    }

    fn attacks(&self) -> Result<Vec<&'static Attack>, String> {
        let is_named = |attack: &&Attack| {
            self.only.is_empty()
                || self.only.iter().any(|one| one == attack.name || one == attack.group.name())
        };
        let found: Vec<_> = attacks::all().filter(is_named).collect();
        if found.is_empty() { Err(format!("no attack is called {:?}", self.only)) } else { Ok(found) }
    }

    fn run(&self) -> Result<bool, String> {
        let attacks = self.attacks()?;
        if self.list {
            for attack in &attacks {
                println!("{:<11} {:<28} {}", attack.group.name(), attack.name, attack.about);
            }
            println!("{} attacks", attacks.len());
            return Ok(true);
        }
        raise_descriptor_limit();
        stage::sweep();
        let program = program(self.quick);
        let began = now();
        let mut rows = Vec::new();
        for attack in attacks {
            let row = Row { attack, ended: suite::run(attack, &program, Times::of(self.quick)) };
            println!("{}", row.line());
            rows.push(row);
        }
        let bad = rows.iter().filter(|row| !row.is_good()).count();
        println!("{} attacks, {bad} do not hold, {:.0} s", rows.len(), began.elapsed().as_secs_f64());
        if self.write {
            let version = says(&program.path, &["--version"]);
            let page = report::page(&rows, version.trim(), began.elapsed());
            let path = root().join("docs/src/hostile.md");
            std::fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(bad == 0)
    }
}

/// In the process of the attack: nobody waits for it.
fn carry_out(name: &str, ground: &str) -> Result<bool, String> {
    let ground: Ground = serde_json::from_str(ground).map_err(|error| error.to_string())?;
    let attack = attacks::all().find(|attack| attack.name == name).ok_or("no such attack")?;
    // A process may always make itself nicer; if not, the measure is only stricter.
    let _ = rustix::process::nice(19);
    for finding in (attack.run)(&ground) {
        println!("found: {finding}");
    }
    Ok(true)
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is a folder of the repository")
}

/// The program under attack.
fn zmws() -> PathBuf {
    if let Some(named) = std::env::var_os("ZMWS_BIN") {
        return named.into();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let release = root().join(&target).join("release/zmws");
    if release.is_file() { release } else { root().join(target).join("debug/zmws") }
}

/// The program, and how much memory it is told to take: half of what would be noticed as too much by itself.
fn program(quick: bool) -> Program {
    let path = zmws();
    let help = says(&path, &["broker", "--help"]);
    let flag = help.split_whitespace().find(|word| word.starts_with("--memory-max"));
    let mib: u64 = if quick { 256 } else { 512 };
    let memory_max = flag.map(|flag| {
        let value = if flag.ends_with("-mb") { format!("{flag}={mib}") } else { format!("{flag}={mib}M") };
        (value, mib << 20)
    });
    Program { path, memory_max }
}

fn says(program: &Path, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Thousands of connections are more than a process may have by default.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
