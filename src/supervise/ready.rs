//! How a program of ours tells that it serves: a datagram to a socket that its environment names.
//!
//! That a process lives does not say that its ports are bound. Only a start that somebody waits for listens; the
//! socket is gone afterwards.

use std::io;
use std::path::{Path, PathBuf};

use tokio::net::UnixDatagram;

/// Names the socket, in the program's environment.
pub const READY_MARK: &str = "ZMWS_READY";

/// Waits for the word of one program.
#[derive(Debug)]
pub(super) struct Ready {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Ready {
    /// Listens at `run/<name>.ready`.
    pub(super) fn listen(run_dir: &Path, name: &str) -> io::Result<Self> {
        let path = run_dir.join(format!("{name}.ready"));
        super::files::clear_socket(&path)?;
        Ok(Self { socket: UnixDatagram::bind(&path)?, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns when the program says that it serves.
    pub(super) async fn said(&self) {
        if self.socket.recv(&mut [0; 16]).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // It may have been removed before, which is what is wanted.
        let _ = std::fs::remove_file(&self.path);
    }
}
