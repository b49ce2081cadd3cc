//! PHP's `etc/config.php`: read or refused, in bounded depth and memory; what is read can be started and imported.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use zmws::supervise::php_config::{Own, fleet, import, read};

fuzz_target!(|data: &[u8]| {
    match read(data, "etc/config.php", Path::new("/srv/zmws/etc/config.php")) {
        Ok(config) => {
            let own = Own {
                program: "zmws".to_owned(),
                broker: Vec::new(),
                gateway: Vec::new(),
                inherited: Vec::new(),
            };
            let fleet = fleet(&config, &own);
            assert_eq!(fleet.programs.len(), config.servers.len() + config.workers.len());
            assert!(!import(&config, &own).contains('\0'));
        }
        Err(error) => {
            let lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
            assert!((1..=lines).contains(&error.line), "{error}");
        }
    }
});
