//! `zmws-trace`: records, shows and replays what passes between peers and a broker.

use std::process::ExitCode;

fn main() -> ExitCode {
    zmws_compat::cli::trace()
}
