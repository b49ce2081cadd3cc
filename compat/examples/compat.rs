//! `compat`: replays recordings to zmws and says where it differs from what was recorded.

use std::process::ExitCode;

fn main() -> ExitCode {
    zmws_compat::cli::compat()
}
