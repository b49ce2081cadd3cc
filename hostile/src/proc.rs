//! What the kernel tells of processes, in `/proc`.

use std::collections::HashMap;
use std::fs;

/// Bytes of memory that are resident now; 0 if it is gone.
pub(crate) fn resident(pid: u32) -> u64 {
    status_kib(pid, "VmRSS") << 10
}

/// The most bytes that ever were resident.
pub(crate) fn resident_peak(pid: u32) -> u64 {
    status_kib(pid, "VmHWM") << 10
}

fn status_kib(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

/// Descriptors that are open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Whether it runs, and is not only waiting to be buried.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// All processes in whose environment this variable has this value.
pub(crate) fn marked(variable: &str) -> Vec<u32> {
    let all = with_variable(variable).into_iter();
    all.filter(|(_, rest)| rest.is_empty()).map(|(pid, _)| pid).collect()
}

/// All processes in whose environment a variable and its value begin so, and how it goes on.
pub(crate) fn with_variable(beginning: &str) -> Vec<(u32, String)> {
    let rest = |pid: u32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut entries = environ.split(|byte| *byte == 0);
        let rest = entries.find_map(|entry| entry.strip_prefix(beginning.as_bytes()))?;
        Some((pid, String::from_utf8_lossy(rest).into_owned()))
    };
    all().into_iter().filter_map(rest).collect()
}

/// All that descend from a process.
pub(crate) fn descendants(of: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in all() {
        children.entry(parent(pid)).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut open = vec![of];
    while let Some(pid) = open.pop() {
        let more = children.remove(&pid).unwrap_or_default();
        found.extend(&more);
        open.extend(more);
    }
    found
}

fn parent(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// SIGKILL, to a process that we started, or one of its children.
pub(crate) fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

/// A signal. It may have ended meanwhile.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
