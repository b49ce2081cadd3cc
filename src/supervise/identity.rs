//! Which process is a program's own: pid files, and the marks by which a process is known again.
//!
//! A number in a pid file may be old, and the system may have given it to anybody since. A process counts as
//! ours only if it carries the marks that the supervisor gave it at its start: name and run directory in its
//! environment, and a process group of its own. Nothing else is ever signalled.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use procfs::process::{Process, all_processes};

use super::files;

/// The name of the program, in its environment.
pub const NAME_MARK: &str = "ZMWS_PROGRAM";
/// The absolute run directory of its supervisor, in its environment.
pub const RUN_DIR_MARK: &str = "ZMWS_RUN_DIR";

/// `run/<name>.pid`: the process id and a line feed, as PHP's scripts write it (original.md §7).
#[derive(Clone, Debug)]
pub(super) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    pub(super) fn of(run_dir: &Path, name: &str) -> Self {
        Self { path: run_dir.join(format!("{name}.pid")) }
    }

    /// The number in it; `None` if there is no file or no number.
    pub(super) fn read(&self) -> Option<u32> {
        files::read(&self.path).ok()?.trim().parse().ok()
    }

    /// When it was written.
    pub(super) fn written_at(&self) -> Option<SystemTime> {
        std::fs::symlink_metadata(&self.path).ok()?.modified().ok()
    }

    pub(super) fn write(&self, pid: u32) -> io::Result<()> {
        // Whole or not at all: whoever reads it never sees half a number.
        let new = self.path.with_extension("pid.new");
        files::replace(&new)?.write_all(format!("{pid}\n").as_bytes())?;
        std::fs::rename(&new, &self.path)
    }

    pub(super) fn remove(&self) {
        // It may be gone already, which is what was wanted.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Living processes that an earlier supervisor of this run directory has started: name, id and command line.
///
/// Processes that they have started themselves inherit the marks. Those in a group of their own are told apart by
/// their command line, or by the pid file.
pub(super) fn survivors(run_dir: &Path) -> Vec<Survivor> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    let survivor = |process: Process| {
        let name = marks(&process, run_dir)?;
        let pid = u32::try_from(process.pid()).ok()?;
        Some(Survivor { name, pid, command: process.cmdline().unwrap_or_default() })
    };
    processes.filter_map(Result::ok).filter_map(survivor).collect()
}

/// The programs of which anything lives that they have started, or they themselves.
pub(super) fn marked(run_dir: &Path) -> HashSet<String> {
    let processes = all_processes().into_iter().flatten().filter_map(Result::ok);
    processes.filter_map(|process| name_in(&process, run_dir)).collect()
}

/// A process that an earlier supervisor has started.
#[derive(Clone, Debug)]
pub(super) struct Survivor {
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) command: Vec<String>,
}

/// The survivor that is the program `name` itself, not something it has started.
pub(super) fn own_process<'a>(
    survivors: &'a [Survivor],
    name: &str,
    command: &[String],
    written: Option<u32>,
) -> Option<&'a Survivor> {
    let mut candidates = survivors.iter().filter(|survivor| survivor.name == name);
    let written = candidates.clone().find(|survivor| Some(survivor.pid) == written);
    written.or_else(|| candidates.find(|survivor| survivor.command == command))
}

/// The name that a living process in a group of its own is marked with.
fn marks(process: &Process, run_dir: &Path) -> Option<String> {
    let stat = process.stat().ok()?;
    if stat.pgrp != process.pid() || matches!(stat.state, 'Z' | 'X') {
        return None;
    }
    name_in(process, run_dir)
}

/// The program's name in the environment of a process of this run directory: it is the program, or was started by it.
pub(super) fn name_in(process: &Process, run_dir: &Path) -> Option<String> {
    let environment: HashMap<_, _> = process.environ().ok()?;
    let value = |key: &str| environment.get(OsStr::new(key));
    let same_dir = value(RUN_DIR_MARK).is_some_and(|dir| dir == run_dir.as_os_str());
    let name = value(NAME_MARK)?;
    same_dir.then(|| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survivor(pid: u32, command: &[&str]) -> Survivor {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        Survivor { name: "mail".to_owned(), pid, command }
    }

    #[test]
    fn the_pid_file_has_the_word_over_the_command_line() {
        let survivors = [survivor(7, &["php", "mail.php"]), survivor(8, &["/usr/bin/php", "mail.php"])];
        let command = ["php".to_owned(), "mail.php".to_owned()];
        let found = |written| own_process(&survivors, "mail", &command, written).map(|found| found.pid);
        assert_eq!(found(Some(8)), Some(8));
        assert_eq!(found(Some(9)), Some(7));
        assert_eq!(found(None), Some(7));
        assert_eq!(own_process(&survivors, "other", &command, Some(7)).map(|found| found.pid), None);
    }

    #[test]
    fn a_process_without_the_marks_is_none_of_ours() {
        let here = std::env::current_dir().expect("a directory");
        assert!(survivors(&here).is_empty());
    }
}
