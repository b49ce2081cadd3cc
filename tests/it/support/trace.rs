//! `zmws-trace`, which is another package's program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, built if it is not.
pub(crate) fn zmws_trace() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(built).clone()
}

fn built() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_zmws")).with_file_name("zmws-trace");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "zmws-compat", "--bin", "zmws-trace"]);
    if program.components().any(|part| part.as_os_str() == "release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo starts");
    assert!(status.success() && program.exists(), "zmws-trace cannot be built: {status}");
    program
}
