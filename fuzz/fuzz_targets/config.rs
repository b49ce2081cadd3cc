//! A `zmws.toml`.
//!
//! What must hold: no panic, whatever the text; an error has a place within the text; what is taken makes programs,
//! each with a command and a name that can be a file's.

#![no_main]

use std::path::Path;

use clap::{Arg, ArgAction, Command, value_parser};
use libfuzzer_sys::fuzz_target;
use zmws::supervise::config::{self, Schema};

fn schema() -> Schema {
    let port =
        |name: &'static str| Arg::new(name).long(name).value_parser(value_parser!(u16)).default_value("5555");
    let list = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Append);
    let broker = Command::new("broker")
        .args([port("client-port"), port("worker-port"), port("admin-port")])
        .arg(Arg::new("handover").long("handover").action(ArgAction::SetTrue))
        .arg(list("job-timeout").value_name("[SERVICE=]SECONDS"));
    let gateway = Command::new("gateway").arg(port("client-port")).arg(list("origins").value_delimiter(','));
    let worker = Command::new("worker").args([port("backend-port"), port("service-name"), port("builtin")]);
    Schema::new(broker, gateway, worker)
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let schema = schema();
    match config::load("zmws.toml", text, &schema) {
        Err(errors) => {
            let lines = text.matches('\n').count() + 1;
            assert!(!errors.is_empty());
            assert!(
                errors.iter().all(|error| (1..=lines).contains(&error.line) && error.column > 0),
                "{errors:?}"
            );
        }
        Ok(file) => {
            let Ok(fleet) = file.fleet(&schema, Path::new("zmws"), &|_| None) else { return };
            for program in &fleet.programs {
                assert!(!program.command.is_empty());
                assert!(
                    !program.name.is_empty() && !program.name.contains(['/', '\0']),
                    "{:?}",
                    program.name
                );
            }
        }
    }
});
