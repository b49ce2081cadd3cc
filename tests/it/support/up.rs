//! The whole of it in one process, as a newcomer starts it.

use std::process::Command;

use super::PATIENCE;
use super::broker::zmws;
use super::program::Program;

/// `zmws up` on ports that the system chose.
pub(crate) struct Up {
    pub(crate) program: Program,
    pub(crate) http: u16,
    pub(crate) clients: u16,
    pub(crate) workers: u16,
    pub(crate) news: u16,
    pub(crate) admin: u16,
}

impl Up {
    /// Starts it with these flags beside, and waits for its screen.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(zmws());
        let ports =
            ["--client-port=0", "--worker-port=0", "--news-port=0", "--admin-port=0", "--http-port=0"];
        // Its directory would be ./data, in the middle of the sources.
        command.arg("up").args(ports).arg("--memory").args(flags);
        let program = Program::start("zmws up", &mut command);
        let port = |name: &str| {
            program.wait_for(name, PATIENCE, |line| {
                let address = line.trim().strip_prefix(name)?.split_whitespace().next()?;
                address.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
            })
        };
        let (http, clients, workers, news) = (port("HTTP"), port("clients"), port("workers"), port("news"));
        let admin = port("admin");
        // The screen is whole when it has said what to try.
        program.wait_for("what to try", PATIENCE, |line| line.contains("SERVER-WORKERS").then_some(()));
        Self { program, http, clients, workers, news, admin }
    }
}

/// `COMPLETE: STR-REV [6279-5626]` with the id taken away.
pub(crate) fn without_id(text: &str) -> String {
    let is_id = |word: &str| word.len() == 9 && word.as_bytes()[4] == b'-';
    text.split_inclusive(['\n', ' ', '['])
        .map(|word| {
            let bare = word.trim_end_matches([']', '\n', ' ']);
            if is_id(bare) { word.replace(bare, "<id>") } else { word.to_owned() }
        })
        .collect()
}
