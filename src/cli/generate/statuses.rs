//! What the exit status of each command means: a promise to scripts, which `tests/exit_status.rs` holds.

use std::fmt::Write;

/// A command, and what 0 and 1 mean.
type Row = (&'static str, &'static str, &'static str);

/// In the order of the commands.
pub(super) const ROWS: [Row; 30] = [
    ("broker", "it was stopped", "it could not start, or not go on"),
    ("gateway", "it was stopped", "it could not start, or not go on"),
    ("worker", "it was stopped", "it could not start, or not go on"),
    (
        "call",
        "the job is done; with `--async`, it was taken",
        "it failed or was refused, no answer came in time, or no broker answers",
    ),
    ("up", "it was stopped", "it could not start, or not go on"),
    (
        "start",
        "all that was asked for runs; with `--foreground`, it was stopped",
        "something does not run, or the configuration is wrong",
    ),
    ("stop", "nothing that was asked for runs any more", "not all was done as asked"),
    (
        "restart",
        "all that was asked for runs again",
        "not all was done as asked, or nothing is supervised here",
    ),
    (
        "reload",
        "what the configuration says runs",
        "not all was done as asked, the configuration is wrong, or nothing is supervised here",
    ),
    ("config init", "the file is written", "it is there already, or cannot be written"),
    ("config check", "the configuration is fine", "it is wrong, or there is none"),
    ("config show", "it is shown", "the configuration is wrong, or there is none"),
    ("config import", "it is printed", "PHP's configuration cannot be read"),
    ("config reference", "it is printed", "it cannot be printed"),
    (
        "status",
        "all is well, or only worth a look",
        "the broker or the supervisor does not answer, a program is down, or jobs wait for a service without a worker",
    ),
    ("top", "it was ended", "there is no terminal that it can draw on"),
    ("tail", "it was ended, or its reader has read enough", "its output cannot be written"),
    ("pause", "the broker has done it", "the broker refuses, or does not answer"),
    ("resume", "the broker has done it", "the broker refuses, or does not answer"),
    (
        "drain",
        "the broker has done it; with `--wait`, nothing is left to do",
        "the broker refuses, or does not answer",
    ),
    ("jobs", "they are listed", "the broker does not answer"),
    ("jobs list", "they are listed", "the broker does not answer"),
    ("jobs retry", "the broker has done it", "the broker refuses, or does not answer"),
    ("jobs delete", "the broker has done it", "the broker refuses, or does not answer"),
    ("store check", "all of it can be read", "something is damaged, or a broker has it"),
    ("store dump", "all is printed", "it cannot be read, or a broker has it"),
    ("store load", "all of it is on disk", "a line is wrong, jobs are there already, or the disk fails"),
    (
        "store compact",
        "the file is as small as it can be",
        "it cannot be read or written, or a broker has it",
    ),
    ("trace", "as `zmws-trace` ends", "as `zmws-trace` ends, or it is not installed"),
    ("completions", "they are printed", "they cannot be printed"),
];

/// The chapter of the reference.
pub(super) fn chapter() -> String {
    let mut text = String::from(
        "\n## Exit statuses\n\n\
         0 is success, 1 a failure that a line on standard error tells, and 2 wrong usage: a word or flag that is \
         not known, a value that is none. Statuses above 128 are signals that ended the program.\n\n\
         | command | 0 | 1 |\n|---|---|---|\n",
    );
    for (command, success, failure) in ROWS {
        let _ = writeln!(text, "| `zmws {command}` | {success} | {failure} |");
    }
    text
}
