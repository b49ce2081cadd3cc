//! Where lines go.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// When a file begins anew: the old one becomes `<file>.1`, that one `<file>.2`, and so on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// Bytes from which on it does. Default 10 MiB; 0 never.
    pub bytes: u64,
    /// Old ones that are kept. Default 5.
    pub keep: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { bytes: 10 << 20, keep: 5 }
    }
}

/// A stream or a file, and how it went with it.
#[derive(Debug)]
pub(super) struct Target {
    out: File,
    /// What opened it; `None` for a stream.
    file: Option<(PathBuf, Rotation)>,
    /// Bytes in it, if it is a file that rotates.
    length: u64,
    /// A line was written in part: the next one begins a line of its own.
    torn: bool,
    failed: bool,
}

impl Target {
    pub(super) fn stream(out: File) -> Self {
        Self { out, file: None, length: 0, torn: false, failed: false }
    }

    pub(super) fn file(path: PathBuf, rotation: Rotation) -> io::Result<Self> {
        let out = open(&path)?;
        let length = length(&out);
        Ok(Self { file: Some((path, rotation)), length, ..Self::stream(out) })
    }

    /// Whether the last line could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Writes a line, if possible in one piece: other processes may write to the same place.
    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        self.rotate_if_full();
        let result = match self.torn {
            true => self.write_all(format!("\n{line}").as_bytes()),
            false => self.write_all(line.as_bytes()),
        };
        self.failed = result.is_err();
        result
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.torn = bytes[written - 1] != b'\n';
                    self.length += written as u64;
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Opens the file anew. If that does not work, the old one goes on.
    pub(super) fn reopen(&mut self) {
        let Some((path, _)) = &self.file else { return };
        if let Ok(out) = open(path) {
            self.length = length(&out);
            (self.out, self.torn) = (out, false);
        }
    }

    fn rotate_if_full(&mut self) {
        let Some((path, rotation)) = &self.file else { return };
        if rotation.bytes == 0 || self.length < rotation.bytes {
            return;
        }
        // If a file cannot be moved, this one goes on for as many bytes again before it is tried once more.
        self.length = 0;
        if make_room(path, rotation.keep).is_ok() {
            self.reopen();
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// A device or a pipe has no length, and so never rotates.
fn length(file: &File) -> u64 {
    file.metadata().ok().filter(std::fs::Metadata::is_file).map_or(0, |metadata| metadata.len())
}

/// The file becomes `.1`, `.1` becomes `.2`, and so on; the last is overwritten.
fn make_room(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return std::fs::remove_file(path);
    }
    for number in (0..keep).rev() {
        match std::fs::rename(numbered(path, number), numbered(path, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// `<path>.<number>`; the path itself is number 0.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}
