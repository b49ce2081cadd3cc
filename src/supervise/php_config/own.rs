//! Entries that are programs of ours: PHP's broker and gateway, whose places `zmws` takes.

use std::path::Path;

use super::{Entry, PhpConfig};

/// What must be known of the program `zmws` to start it in the place of PHP's.
#[derive(Clone, Debug)]
pub struct Own {
    /// How to start it.
    pub program: String,
    /// The flags of `zmws broker`.
    pub broker: Vec<OwnFlag>,
    /// The flags of `zmws gateway`.
    pub gateway: Vec<OwnFlag>,
    /// Those of `HEARTBEAT_INTERVAL` and `HEARTBEAT_MAXTRIES` that the supervisor's own environment has, neither
    /// empty nor 0: as with PHP, they win over the file's constants.
    pub inherited: Vec<String>,
}

/// A flag of a command of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnFlag {
    /// Its name, without dashes.
    pub long: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Its value if it is not given.
    pub default: Option<String>,
    /// Whether it has a value, or is given or not.
    pub takes_value: bool,
}

impl OwnFlag {
    /// The flags of a command.
    pub fn all_of(command: &clap::Command) -> Vec<Self> {
        let flag = |arg: &clap::Arg| {
            let aliases = arg.get_all_aliases().unwrap_or_default().into_iter().map(str::to_owned).collect();
            let default = arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
            let takes_value = arg.get_action().takes_values();
            Some(Self { long: arg.get_long()?.to_owned(), aliases, default, takes_value })
        };
        command.get_arguments().filter_map(flag).filter(|flag| flag.long != "help").collect()
    }
}

/// Which program of ours takes a script's place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Broker,
    Gateway,
}

impl Role {
    /// PHP's scripts have had these names.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        match Path::new(&entry.file).file_name()?.to_str()? {
            "server_run.php" | "server.php" => Some(Self::Broker),
            "http_gateway.php" => Some(Self::Gateway),
            _ => None,
        }
    }

    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Gateway => "gateway",
        }
    }

    pub(super) fn flags(self, own: &Own) -> &[OwnFlag] {
        match self {
            Self::Broker => &own.broker,
            Self::Gateway => &own.gateway,
        }
    }

    fn ports(self) -> &'static [&'static str] {
        match self {
            Self::Broker => &["client-port", "worker-port", "news-port"],
            Self::Gateway => &["http-port"],
        }
    }
}

/// The flags of an entry that is ours.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    /// Those that have an effect, by their first names, with their values; a flag without values has `None`.
    pub(super) flags: Vec<(&'a str, Option<String>)>,
    /// What the owner should know, without file and line.
    pub(super) warnings: Vec<String>,
    /// What to say of the ports if they are open because PHP's are: `port 5580 is open to the network, as with PHP`.
    pub(super) open: Option<String>,
}

impl Taken<'_> {
    /// The value of a flag.
    pub(super) fn value(&self, long: &str) -> Option<&str> {
        self.flags.iter().find(|(flag, _)| *flag == long).and_then(|(_, value)| value.as_deref())
    }

    /// Whether a flag is given.
    pub(super) fn has(&self, long: &str) -> bool {
        self.flags.iter().any(|(flag, _)| *flag == long)
    }
}

/// The flags of `entry` that `zmws` knows, and `address`, which PHP's programs did without.
pub(super) fn taken<'a>(entry: &Entry, role: Role, own: &'a Own) -> Taken<'a> {
    let mut taken = Taken { flags: Vec::new(), warnings: Vec::new(), open: None };
    let mut unknown = Vec::new();
    for (name, value) in &entry.flags {
        let known = role
            .flags(own)
            .iter()
            .find(|flag| flag.long == *name || flag.aliases.iter().any(|alias| alias == name));
        match known {
            None => unknown.push(format!("--{name}")),
            Some(flag) if flag.takes_value && value.is_empty() => {
                taken.warnings.push(format!("{}: --{name} is left out: it has no value", entry.name));
            }
            Some(flag) if !flag.takes_value && matches!(value.as_str(), "" | "0") => {}
            Some(flag) => put(&mut taken, flag, name, value),
        }
    }
    if !unknown.is_empty() {
        let (command, unknown) = (role.command(), unknown.join(", "));
        taken
            .warnings
            .push(format!("{}: left out, since zmws {command} has no such flags: {unknown}", entry.name));
    }
    if !taken.has("address") {
        taken.flags.push(("address", Some("0.0.0.0".to_owned())));
        taken.open = Some(open_ports(&taken, role, own));
    }
    taken
}

/// Of two names of one flag, PHP lets that with the other name win, unless it has the default value.
fn put<'a>(taken: &mut Taken<'a>, flag: &'a OwnFlag, name: &str, value: &str) {
    let new = flag.takes_value.then(|| value.to_owned());
    let is_default = |value: &Option<String>| *value == flag.default;
    match taken.flags.iter_mut().find(|(long, _)| *long == flag.long) {
        None => taken.flags.push((&flag.long, new)),
        Some((_, old)) if (name != flag.long && !is_default(&new)) || is_default(old) => *old = new,
        Some(_) => {}
    }
}

/// PHP's programs listen at all addresses, which is kept; its owner should know.
fn open_ports(taken: &Taken<'_>, role: Role, own: &Own) -> String {
    let port = |long: &str| {
        let default = || role.flags(own).iter().find(|flag| flag.long == long)?.default.clone();
        taken.value(long).map(str::to_owned).or_else(default).unwrap_or_else(|| long.to_owned())
    };
    let ports: Vec<String> = role.ports().iter().map(|long| port(long)).collect();
    let (noun, verb) = if ports.len() == 1 { ("port", "is") } else { ("ports", "are") };
    format!("{noun} {} {verb} open to the network, as with PHP", ports.join(", "))
}

/// The file's constants that have an effect, by the names that they have in the environment.
pub(super) fn heartbeats<'a>(config: &'a PhpConfig, own: &Own) -> Vec<(&'static str, &'a str)> {
    [("HEARTBEAT_INTERVAL", &config.heartbeat_interval), ("HEARTBEAT_MAXTRIES", &config.heartbeat_maxtries)]
        .into_iter()
        .filter(|(name, _)| !own.inherited.iter().any(|inherited| inherited == name))
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect()
}

/// Whether a program of ours takes this for a number of heartbeats or seconds.
pub(super) fn is_beat(value: &str) -> bool {
    value.trim().parse::<u32>().is_ok_and(|beats| beats > 0)
}
