//! What an attack is, what it is let loose upon, and what it finds there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock::now;

/// What part of zmws an attack is aimed at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Group {
    Zmtp,
    Dialects,
    Lists,
    News,
    Gateway,
    Admin,
    Supervisor,
    Workers,
    Machine,
}

impl Group {
    /// As the table and `--only` name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zmtp => "zmtp",
            Self::Dialects => "dialects",
            Self::Lists => "lists",
            Self::News => "news",
            Self::Gateway => "gateway",
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Workers => "workers",
            Self::Machine => "machine",
        }
    }
}

/// What an attack found to be wrong by itself, beside what is measured; empty if nothing.
pub(crate) type Findings = Vec<String>;

/// One attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    /// What it does, for the table.
    pub(crate) about: &'static str,
    pub(crate) setting: Setting,
    pub(crate) run: fn(&Ground) -> Findings,
}

impl Attack {
    pub(crate) const fn new(
        group: Group,
        name: &'static str,
        about: &'static str,
        run: fn(&Ground) -> Findings,
    ) -> Self {
        Self { name, group, about, setting: Setting::PLAIN, run }
    }

    /// The same in another setting.
    pub(crate) const fn on(mut self, setting: Setting) -> Self {
        self.setting = setting;
        self
    }
}

/// Where the broker's and the gateway's log goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogTo {
    /// A file.
    File,
    /// A device on which there is never room.
    Full,
    /// A pipe that nobody reads any more.
    Nobody,
}

/// A program that is started beside broker and gateway, and watched as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    pub(crate) name: &'static str,
    /// Words after `zmws`; `{workers}`, `{clients}`, `{lair}` and `{lair2}` become ports.
    pub(crate) words: &'static [&'static str],
}

/// A site under a supervisor, in the place of broker and gateway alone.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    /// More of zmws.toml.
    pub(crate) toml: &'static str,
    /// Done in the site's directory before the start.
    pub(crate) prepare: fn(&Path),
}

/// What is started for an attack.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) broker: &'static [&'static str],
    pub(crate) gateway: &'static [&'static str],
    /// What a shell does before it becomes the broker: limits.
    pub(crate) limits: &'static str,
    /// A program that must be there, or none.
    pub(crate) needs: &'static str,
    /// Whether the broker is in a control group of so many bytes and told nothing of memory: it has to see for itself.
    pub(crate) group_bytes: u64,
    pub(crate) log: LogTo,
    pub(crate) extras: &'static [Extra],
    pub(crate) site: Option<Site>,
    /// What a process may hold above the common bound, in MiB: what settings allow beside `memory_max`.
    pub(crate) allowed_mib: u64,
    /// What may rightly stay when the attack is over, in MiB, where the broker does not tell: jobs that were taken.
    pub(crate) stays_mib: u64,
}

impl Setting {
    pub(crate) const PLAIN: Self = Self {
        broker: &[],
        gateway: &[],
        limits: "",
        needs: "",
        group_bytes: 0,
        log: LogTo::File,
        extras: &[],
        site: None,
        allowed_mib: 0,
        stays_mib: 0,
    };

    /// Jobs that were taken may stay.
    pub(crate) const JOBS_STAY: Self = Self { stays_mib: 1100, ..Self::PLAIN };
}

/// What an attack has before it: ports of 127.0.0.1, a directory, and how long it may go on.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ground {
    pub(crate) clients: u16,
    pub(crate) workers: u16,
    pub(crate) news: u16,
    pub(crate) http: u16,
    pub(crate) admin: u16,
    /// Free ports, where the attack may listen itself.
    pub(crate) lair: u16,
    pub(crate) lair2: u16,
    /// Where logs and the site are.
    pub(crate) dir: PathBuf,
    pub(crate) zmws: PathBuf,
    pub(crate) quick: bool,
    /// How long it may go on, in milliseconds.
    pub(crate) for_ms: u64,
    #[serde(skip, default = "now")]
    pub(crate) began: Instant,
}

impl Ground {
    /// A size, for the short or the long form.
    pub(crate) fn size(&self, quick: usize, long: usize) -> usize {
        if self.quick { quick } else { long }
    }

    /// How long it may go on in all.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_millis(self.for_ms)
    }

    /// How much of its time is left.
    pub(crate) fn left(&self) -> Duration {
        self.length().saturating_sub(self.began.elapsed())
    }

    /// Whether it must come to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}
