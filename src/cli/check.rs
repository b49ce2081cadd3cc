//! What can be known of a site's programs without starting them: that their words are understood, that what they
//! name is there, that no two want one port.
//!
//! A program of ours is judged by the reader of its own command line, so that nothing is known twice.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use zmws::supervise::program::{Fleet, Program};
use zmws::supervise::user_may_start;

use super::{Cli, Command, Failure, process};

/// All that is wrong, a line each.
pub(super) fn check(fleet: &Fleet) -> Vec<String> {
    let mut check = Check::default();
    for program in &fleet.programs {
        check.program(program);
    }
    check.two_of_one_port();
    for (key, dir) in [("run_dir", &fleet.run_dir), ("log_dir", &fleet.log_dir)] {
        if dir.exists() && !dir.is_dir() {
            check.wrong.push(format!("{key}: {} is no directory", dir.display()));
        }
    }
    check.wrong
}

#[derive(Default)]
struct Check {
    wrong: Vec<String>,
    ports: Vec<Listens>,
}

/// A port, and the program that will listen at it.
struct Listens {
    program: String,
    port: Port,
}

/// A port that a command listens at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    /// Its key.
    pub(super) key: &'static str,
    /// Where.
    pub(super) address: IpAddr,
    /// Its number; 0 for another each time.
    pub(super) number: u16,
    /// Whether the command does without it, if another of its ports has the number.
    pub(super) may_lack: bool,
}

impl Port {
    /// Whether two cannot be listened at by one machine.
    fn collides(&self, other: &Self) -> bool {
        let overlap =
            self.address == other.address || self.address.is_unspecified() || other.address.is_unspecified();
        overlap && self.number == other.number && self.number != 0
    }
}

impl Check {
    fn wrong(&mut self, program: &Program, what: &str) {
        self.wrong.push(format!("{}: {what}", program.name));
    }

    fn program(&mut self, program: &Program) {
        if let Some(dir) = program.dir.as_ref().filter(|dir| !dir.is_dir()) {
            // What it names is looked for there.
            return self.wrong(program, &format!("dir: there is no directory {}", dir.display()));
        }
        if let Some(Err(error)) = program.user.as_deref().map(user_may_start) {
            self.wrong(program, &error.to_string());
        }
        for file in &program.files {
            if !within(program, file).is_file() {
                self.wrong(program, &format!("Cannot read {}", file.display()));
            }
        }
        match is_ours(program) {
            true => self.of_ours(program),
            false => self.startable(program, program.command.first().map_or("", String::as_str)),
        }
    }

    /// Lets the command read its words.
    fn of_ours(&mut self, program: &Program) {
        let command = match Cli::try_parse_from(&program.command) {
            Ok(cli) => cli.command,
            Err(error) => {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
                return self.wrong(program, line);
            }
        };
        match command {
            Command::Broker(args) => self.listens(program, args.ports.all()),
            Command::Gateway(args) => {
                self.listens(program, args.ports());
                if let Err(failure) = args.options.check() {
                    self.wrong(program, &failure);
                }
            }
            Command::Worker(args) => {
                if let Err(failure) = args.check_service() {
                    self.wrong(program, &failure);
                }
                if let Some(word) = args.program() {
                    self.startable(program, &word.to_string_lossy());
                }
            }
            // No other is one of a site's programs.
            _ => {}
        }
    }

    fn startable(&mut self, program: &Program, word: &str) {
        let is_path = word.contains('/');
        let word = if is_path { within(program, Path::new(word)) } else { PathBuf::from(word) };
        if let Err(failure) = process::check_program(OsStr::new(&word)) {
            self.wrong(program, &failure);
        }
    }

    fn listens(&mut self, program: &Program, ports: impl IntoIterator<Item = Port>) {
        self.ports.extend(ports.into_iter().map(|port| Listens { program: program.name.clone(), port }));
    }

    fn two_of_one_port(&mut self) {
        for (at, one) in self.ports.iter().enumerate() {
            for other in &self.ports[at + 1..] {
                let is_forgiven = one.program == other.program && other.port.may_lack;
                if one.port.collides(&other.port) && !is_forgiven {
                    let name = |listens: &Listens| format!("{}: {}", listens.program, listens.port.key);
                    self.wrong.push(format!(
                        "{} and {} are both {}",
                        name(one),
                        name(other),
                        one.port.number
                    ));
                }
            }
        }
    }
}

/// Fails if two ports of one command are one.
pub(super) fn ports_differ(ports: impl IntoIterator<Item = Port>) -> Result<(), Failure> {
    let ports: Vec<Port> = ports.into_iter().collect();
    for (at, one) in ports.iter().enumerate() {
        if let Some(other) = ports[at + 1..].iter().find(|other| one.collides(other) && !other.may_lack) {
            let flag = |port: &Port| format!("--{}", port.key.replace('_', "-"));
            return Err(format!("{} and {} are both {}: choose another", flag(one), flag(other), one.number));
        }
    }
    Ok(())
}

/// Whether it is a command of this very program.
fn is_ours(program: &Program) -> bool {
    let own = process::this_program()
        .is_ok_and(|own| program.command.first().is_some_and(|word| own == Path::new(word)));
    own && program.command.len() > 1
}

/// Where a path leads that the program names.
fn within(program: &Program, path: &Path) -> PathBuf {
    program.dir.as_deref().unwrap_or_else(|| Path::new("")).join(path)
}
