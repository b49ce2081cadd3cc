//! The table, on the terminal and in the book.

use std::fmt::Write;
use std::time::Duration;

use crate::attack::Attack;
use crate::bystander::{Served, Who};
use crate::suite::Ended;
use crate::verdict::{Measured, ms};

/// One row.
pub(crate) struct Row {
    pub(crate) attack: &'static Attack,
    pub(crate) ended: Ended,
}

impl Row {
    /// Whether it is no reason to fail.
    pub(crate) fn is_good(&self) -> bool {
        match &self.ended {
            Ended::Judged(_, verdict) => verdict.is_good(),
            Ended::LeftOut(_) => true,
            Ended::Broken(_) => false,
        }
    }

    /// A line for the terminal.
    pub(crate) fn line(&self) -> String {
        let name = format!("{:<11} {:<28}", self.attack.group.name(), self.attack.name);
        match &self.ended {
            Ended::LeftOut(why) => format!("{name} LEFT OUT  {why}"),
            Ended::Broken(why) => format!("{name} BROKEN  {}", one_line(why)),
            Ended::Judged(measured, verdict) => {
                let [pair, http, news, admin] = Who::ALL.map(|who| waits(measured, who, " → "));
                let memory = memory(measured);
                let turn = turn(measured);
                format!(
                    "{name} pair {pair}  HTTP {http}  news {news}  admin {admin}  {memory} MiB  turn {turn}  {}",
                    verdict.text()
                )
            }
        }
    }

    fn cells(&self) -> String {
        let name = format!("`{}`: {}", self.attack.name, self.attack.about);
        match &self.ended {
            Ended::LeftOut(why) => format!("| {name} | | | | | | | left out: {why} |"),
            Ended::Broken(why) => format!("| {name} | | | | | | | broken: {} |", one_line(why)),
            Ended::Judged(measured, verdict) => {
                let [pair, http, news, admin] = Who::ALL.map(|who| waits(measured, who, " → "));
                let (memory, turn) = (memory(measured), turn(measured));
                format!(
                    "| {name} | {pair} | {http} | {news} | {admin} | {memory} | {turn} | {} |",
                    verdict.text().replace('|', "\\|")
                )
            }
        }
    }
}

fn of(served: &[(Who, Served)], who: Who) -> Served {
    served.iter().find(|(known, _)| *known == who).map(|(_, served)| *served).unwrap_or_default()
}

/// p50/p99 quiet, and under attack.
fn waits(measured: &Measured, who: Who, arrow: &str) -> String {
    let both = |served: Served| format!("{}/{}", ms(served.p50), ms(served.p99));
    format!("{}{arrow}{}", both(of(&measured.quiet, who)), both(of(&measured.under_attack, who)))
}

/// The beginning of a text, for a table.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect()
}

/// The most of one process, and what all have after it above what they had before.
fn memory(measured: &Measured) -> String {
    let more = measured.after.resident.saturating_sub(measured.before.resident);
    format!("{}, +{}", measured.seen.peak >> 20, more >> 20)
}

fn turn(measured: &Measured) -> String {
    measured.turns.map_or("n/a".to_owned(), |turns| format!("≤ {:.1} ms", turns.longest * 1000.0))
}

const HEAD: &str = "\
# Under attack

What becomes of somebody honest while somebody else means harm: measured by

    cargo xtask hostile               # all of it; --quick for the short form, --only NAME or GROUP for a part
    cargo xtask hostile --list        # what there is
    cargo xtask hostile --write       # writes this page
    cargo xtask hostile faults        # no malice but misfortune: proxies that cut, workers that are killed

Each attack has a fresh broker and gateway (or a site, or workers) of the release build, and four bystanders: a client with a
worker over ZeroMQ, a client over HTTP, a subscriber of the news, an operator who asks `/healthz`. The attacker is a process
of its own that yields the processors to all others. A row holds if

- nobody's p99 is above three times what it was in quiet, and 5 ms; no answer is lost or wrong;
- no process holds more than 256 MiB and what the settings allow, and the sums of the broker's and the gateway's accounts are
  within a quarter (and 96 MiB, which an allocator may keep) of what they took;
- no turn of the broker's loop is longer than 50 ms;
- no process ends, none panics, all hear SIGTERM afterwards;
- the logs grow by less than 4 MiB, and have no control characters in them;
- descriptors, memory and processes are afterwards what they were before.

What is only slow is measured again, and counts if it is slow twice of three times. Times are milliseconds, p50/p99, quiet →
under attack; memory is MiB, the most of one process, and what stays of all.
";

/// The page.
pub(crate) fn page(rows: &[Row], program: &str, took: Duration) -> String {
    let mut page = HEAD.to_owned();
    let good = rows.iter().filter(|row| row.is_good()).count();
    let _ = write!(
        page,
        "\n{} attacks with {program}, {} hold, in {} min {:02} s.\n",
        rows.len(),
        good,
        took.as_secs() / 60,
        took.as_secs() % 60
    );
    let mut group = None;
    for row in rows {
        if group != Some(row.attack.group) {
            group = Some(row.attack.group);
            let _ = write!(page, "\n## {}\n\n", row.attack.group.name());
            page.push_str("| attack | pair | HTTP | news | admin | memory | longest turn | |\n");
            page.push_str("|---|---|---|---|---|---|---|---|\n");
        }
        page.push_str(&row.cells());
        page.push('\n');
    }
    page
}
