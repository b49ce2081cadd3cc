//! From settings to programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::FromArgMatches;

use super::super::OWN_LOG;
use super::super::admin::Place;
use super::super::program::{
    Fleet, Kind, Limits, MARGIN, Program, RestartLimit, Rotation, own_data, own_socket,
};
use super::keys::{Bytes, SupervisorKeys, WorkerKeys};
use super::layers::{Environment, layered};
use super::schema::{Schema, Section};
use super::{Entry, File, Settings};
use crate::duration;

/// What the programs of one file are made with.
struct Maker<'a> {
    file: &'a File,
    schema: &'a Schema,
    /// The program `zmws`.
    zmws: &'a Path,
    environment: Environment<'a>,
    /// Flags of the broker that its peers follow, with their values.
    broker: BTreeMap<String, String>,
}

impl File {
    /// The programs that the file describes. `zmws` is the program that runs broker, gateway and workers.
    ///
    /// Each command line has the values that file and environment set, so that it says all, and two that are equal
    /// mean the same.
    ///
    /// # Errors
    ///
    /// A variable of the environment that is wrong; two programs of one name.
    pub fn fleet(
        &self,
        schema: &Schema,
        zmws: &Path,
        environment: Environment<'_>,
    ) -> Result<Fleet, Vec<String>> {
        let mut maker = Maker { file: self, schema, zmws, environment, broker: BTreeMap::new() };
        maker.fleet().map_err(|what| vec![what]).and_then(|fleet| self.judge(fleet))
    }

    /// Names are files', so no two are one.
    fn judge(&self, fleet: Fleet) -> Result<Fleet, Vec<String>> {
        let mut seen = BTreeMap::new();
        let mut wrong = Vec::new();
        for program in &fleet.programs {
            if program.name == OWN_LOG {
                wrong.push(format!(
                    "{}: {OWN_LOG:?} is the supervisor's own name; give the worker another",
                    self.name
                ));
            }
            if seen.insert(program.name.clone(), ()).is_some() {
                wrong.push(format!(
                    "{}: two programs are called {:?}; give one another name",
                    self.name, program.name
                ));
            }
        }
        if wrong.is_empty() { Ok(fleet) } else { Err(wrong) }
    }
}

impl Maker<'_> {
    fn fleet(&mut self) -> Result<Fleet, String> {
        let supervisor = self.supervisor()?;
        let mut programs = Vec::new();
        let mut admin = supervisor.admin.map(Place::Port);
        if let Some(settings) = &self.file.broker {
            let mut args = self.args(&self.schema.broker, Some(settings))?;
            let flags = values(&args);
            let (place, flag) = own_socket(&supervisor.run_dir, |flag| flags.get(flag).map(String::as_str));
            args.extend(flag.map(|(flag, path)| format!("--{flag}={path}")));
            args.extend(own_data(|name| flags.contains_key(name)));
            admin = Some(place);
            self.broker = values(&args);
            programs.push(self.server("broker", args));
        }
        if let Some(settings) = &self.file.gateway {
            let mut args = self.args(&self.schema.gateway, Some(settings))?;
            self.follow(&mut args, &[("client-port", "client-port")]);
            rotate_alike(&mut args, &supervisor);
            programs.push(self.server("gateway", args));
        }
        for entry in &self.file.workers {
            programs.extend(self.workers(entry)?);
        }
        Ok(Fleet {
            programs,
            admin,
            run_dir: supervisor.run_dir,
            log_dir: supervisor.log_dir,
            rotation: Rotation {
                bytes: supervisor.log_max_mb.saturating_mul(1 << 20),
                keep: supervisor.log_keep,
            },
            restart_limit: RestartLimit { ends: supervisor.give_up_ends, within: supervisor.give_up_seconds },
            warnings: Vec::new(),
            config: None,
        })
    }

    fn supervisor(&self) -> Result<SupervisorKeys, String> {
        let args = self.args(&self.schema.supervisor, Some(&self.file.supervisor))?;
        let matches = self.schema.supervisor.matches(&args).map_err(|error| error.to_string())?;
        SupervisorKeys::from_arg_matches(&matches).map_err(|error| error.to_string())
    }

    /// What environment and file set, as a command line.
    fn args(&self, section: &Section, settings: Option<&Settings>) -> Result<Vec<String>, String> {
        Ok(layered(section, settings, self.environment)?.into_iter().flat_map(|one| one.args).collect())
    }

    /// Sets flags that are not set to what the broker has for them.
    fn follow(&self, args: &mut Vec<String>, flags: &[(&str, &str)]) {
        let own = values(args);
        for (flag, brokers) in flags {
            if let Some(value) = self.broker.get(*brokers).filter(|_| !own.contains_key(*flag)) {
                args.push(format!("--{flag}={value}"));
            }
        }
    }

    fn server(&self, name: &str, args: Vec<String>) -> Program {
        let flags = values(&args);
        Program::of_ours(name, self.zmws_command(name, args), |flag| flags.get(flag).map(String::as_str))
    }

    fn zmws_command(&self, command: &str, args: Vec<String>) -> Vec<String> {
        let zmws = self.zmws.to_string_lossy().into_owned();
        [zmws, command.to_owned()].into_iter().chain(args).collect()
    }

    // --- workers

    fn workers(&self, entry: &Entry) -> Result<Vec<Program>, String> {
        let place = |what: String| format!("{}:{}: {what}", self.file.name, entry.line);
        let keys = self.schema.worker.matches(&entry.own.args()).map_err(|error| place(error.to_string()))?;
        let keys = WorkerKeys::from_arg_matches(&keys).map_err(|error| place(error.to_string()))?;
        let group = name_of(&keys);
        let command = self.worker_command(&keys, entry);
        let mut env: BTreeMap<String, String> = self.heartbeats().into_iter().collect();
        env.extend(keys.env.iter().cloned());
        let one = Program {
            group: group.clone(),
            env,
            dir: keys.dir.clone(),
            user: keys.user.clone(),
            restart: keys.restart,
            grace: keys.grace,
            margin: if is_ours(&keys) { MARGIN } else { Duration::ZERO },
            // Another user has no way into our run directory.
            notifies: is_ours(&keys) && keys.user.is_none(),
            limits: Limits {
                max_jobs: keys.max_jobs,
                max_lifetime: keys.max_lifetime,
                max_memory: keys.max_memory.map(|Bytes(bytes)| bytes),
            },
            files: files_of(&keys),
            ..Program::new(&group, Kind::Worker, command)
        };
        Ok(match keys.processes {
            1 => vec![one],
            many => (1..=many).map(|n| Program { name: format!("{group}-{n}"), ..one.clone() }).collect(),
        })
    }

    fn worker_command(&self, keys: &WorkerKeys, entry: &Entry) -> Vec<String> {
        if !keys.program.is_empty() {
            return keys.program.clone();
        }
        let ports = [("backend-port", "worker-port"), ("frontend-port", "client-port")];
        if let Some(php) = &keys.php {
            let mut args: Vec<String> =
                keys.flags.iter().map(|(flag, value)| format!("--{flag}={value}")).collect();
            args.extend(keys.service.iter().map(|service| format!("--service-name={service}")));
            self.follow(&mut args, &ports);
            return ["php".to_owned(), php.display().to_string()].into_iter().chain(args).collect();
        }
        let mut args = entry.labour.args();
        args.extend(keys.service.iter().map(|service| format!("--service-name={service}")));
        args.extend(keys.builtin.iter().map(|builtin| format!("--builtin={builtin}")));
        let heartbeats =
            [("heartbeat-interval", "heartbeat-interval"), ("heartbeat-maxtries", "heartbeat-maxtries")];
        self.follow(&mut args, &ports[..1]);
        self.follow(&mut args, &heartbeats);
        args.push(format!("--grace={}", keys.grace.as_secs_f64()));
        args.extend(keys.max_jobs.map(|jobs| format!("--max-jobs={jobs}")));
        if !keys.command.is_empty() {
            args.push("--".to_owned());
            args.extend(keys.command.iter().cloned());
        }
        self.zmws_command("worker", args)
    }

    /// What PHP's workers read from their environment.
    fn heartbeats(&self) -> Vec<(String, String)> {
        let names =
            [("heartbeat-interval", "HEARTBEAT_INTERVAL"), ("heartbeat-maxtries", "HEARTBEAT_MAXTRIES")];
        let set = names
            .iter()
            .filter_map(|(flag, name)| Some(((*name).to_owned(), whole_seconds(self.broker.get(*flag)?))));
        set.collect()
    }
}

/// A duration as PHP's programs read it: they take the digits that it begins with, and so `1m` for a second. A plain
/// number is itself.
fn whole_seconds(value: &str) -> String {
    let whole = duration::parse(value).map_or(1, |time| time.as_millis().div_ceil(1_000));
    whole.max(1).to_string()
}

/// The flags of a command line with their values; that of a flag without one is empty.
fn values(args: &[String]) -> BTreeMap<String, String> {
    let pair = |arg: &String| {
        let arg = arg.strip_prefix("--")?;
        let (flag, value) = arg.split_once('=').unwrap_or((arg, ""));
        Some((flag.to_owned(), value.to_owned()))
    };
    args.iter().filter_map(pair).collect()
}

/// The gateway's access log, if it has one, begins anew as the other logs do, unless its own section says otherwise.
fn rotate_alike(args: &mut Vec<String>, supervisor: &SupervisorKeys) {
    let own = values(args);
    let alike = [
        ("access-log-max-mb", supervisor.log_max_mb.to_string()),
        ("access-log-keep", supervisor.log_keep.to_string()),
    ];
    let missing =
        alike.into_iter().filter(|(flag, _)| own.contains_key("access-log") && !own.contains_key(*flag));
    args.extend(missing.map(|(flag, value)| format!("--{flag}={value}")));
}

/// Whether `zmws worker` runs it.
fn is_ours(keys: &WorkerKeys) -> bool {
    keys.program.is_empty() && keys.php.is_none()
}

/// A worker's name: given, or made of its service.
fn name_of(keys: &WorkerKeys) -> String {
    if let Some(name) = &keys.name {
        return name.clone();
    }
    let from = [keys.service.clone(), keys.builtin.clone()].into_iter().flatten().next();
    let from = from.or_else(|| Some(keys.php.as_ref()?.file_stem()?.to_string_lossy().into_owned()));
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() || letter == '_' => letter,
        _ => '-',
    };
    from.unwrap_or_else(|| "worker".to_owned()).chars().map(plain).collect()
}

/// The files a worker is made of: those it names, and those words of its command that are files' names.
fn files_of(keys: &WorkerKeys) -> Vec<PathBuf> {
    let words = keys.command.iter().chain(&keys.program).map(PathBuf::from);
    let is_script = |path: &PathBuf| path.extension().is_some() && path.components().count() > 0;
    let dir = keys.dir.clone().unwrap_or_default();
    let scripts = words.filter(is_script).filter(|path| dir.join(path).is_file());
    keys.php.iter().cloned().chain(scripts).chain(keys.files.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn php_s_workers_are_told_whole_seconds() {
        let told = ["5", "3", "1m", "250ms", "1500ms", "0.5"].map(whole_seconds);
        assert_eq!(told, ["5", "3", "60", "1", "2", "1"]);
    }
}
