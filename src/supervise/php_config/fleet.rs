//! The programs that PHP's start script would start, as the supervisor starts them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::own::{self, Own, Role};
use super::{Entry, PhpConfig};
use crate::supervise::program::{Fleet, Kind, Program, RestartLimit, Rotation, own_data, own_socket};

/// The programs of a PHP site: servers, then workers, each in the order of its list.
///
/// PHP's broker and gateway become `zmws broker` and `zmws gateway`, with those of their flags that ours know;
/// they listen at all addresses, as PHP's do, which is warned of. All other scripts are started as
/// `php FILE --flag=value …`, whether they are there or not: the supervisor looks for its `files`.
pub fn fleet(config: &PhpConfig, own: &Own) -> Fleet {
    let mut fleet = Fleet {
        programs: Vec::new(),
        run_dir: PathBuf::from("run"),
        log_dir: PathBuf::from("logs"),
        rotation: Rotation::default(),
        restart_limit: RestartLimit::default(),
        admin: None,
        warnings: config.warnings.clone(),
        config: None,
    };
    for (kind, entries) in [(Kind::Server, &config.servers), (Kind::Worker, &config.workers)] {
        for entry in entries {
            let program = match Role::of(entry) {
                Some(role) => of_ours(&mut fleet, config, entry, role, own),
                None => of_php(&mut fleet, config, entry),
            };
            let env = environment(&mut fleet, config, entry, own);
            fleet.programs.push(Program { kind, env, ..program });
        }
    }
    fleet
}

fn of_ours(fleet: &mut Fleet, config: &PhpConfig, entry: &Entry, role: Role, own: &Own) -> Program {
    let taken = own::taken(entry, role, own);
    let flag = |name: &str| taken.has(name).then(|| taken.value(name).unwrap_or_default());
    let (mut socket, mut data) = (None, None);
    if role == Role::Broker && fleet.admin.is_none() {
        let (place, flag) = own_socket(&fleet.run_dir, flag);
        (fleet.admin, socket) = (Some(place), flag);
        data = own_data(|name| taken.has(name));
    }
    let name = &entry.name;
    let open = taken.open.iter();
    let open =
        open.map(|open| format!("{name}: {open}; 'address' => '127.0.0.1' among its flags closes that"));
    for warning in taken.warnings.iter().cloned().chain(open) {
        fleet.warnings.push(format!("{}: {warning}", config.file));
    }
    let mut command = vec![own.program.clone(), role.command().to_owned()];
    command.extend(taken.flags.iter().map(|(flag, value)| match value {
        Some(value) => format!("--{flag}={value}"),
        None => format!("--{flag}"),
    }));
    command.extend(socket.map(|(flag, path)| format!("--{flag}={path}")));
    command.extend(data);
    Program::of_ours(name, command, flag)
}

fn of_php(fleet: &mut Fleet, config: &PhpConfig, entry: &Entry) -> Program {
    let mut command = vec!["php".to_owned(), entry.file.clone()];
    for (flag, value) in &entry.flags {
        command.push(format!("--{flag}={value}"));
        if value.contains(is_special_to_a_shell) || flag.contains(is_special_to_a_shell) {
            let (file, name) = (&config.file, &entry.name);
            fleet
                .warnings
                .push(format!("{file}: {name}: --{flag} is given as it is, where PHP has a shell read it"));
        }
    }
    Program { files: vec![PathBuf::from(&entry.file)], ..Program::new(&entry.name, Kind::Server, command) }
}

/// PHP's start script puts flags into a line for a shell, without quotes.
fn is_special_to_a_shell(letter: char) -> bool {
    letter.is_whitespace() || "$`;&|<>*?[](){}'\"\\#~!".contains(letter)
}

fn environment(fleet: &mut Fleet, config: &PhpConfig, entry: &Entry, own: &Own) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, value) in own::heartbeats(config, own) {
        if Role::of(entry).is_none() || own::is_beat(value) {
            env.insert(name.to_owned(), value.to_owned());
        } else {
            let (file, program) = (&config.file, &entry.name);
            fleet
                .warnings
                .push(format!("{file}: {program}: {name} is left out: {value:?} is no whole number above 0"));
        }
    }
    env
}
