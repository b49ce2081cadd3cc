//! Whether the files of a program have changed since it was started.

use std::path::Path;
use std::time::SystemTime;

use super::super::identity::PidFile;
use super::super::program::Program;

/// What a program's files looked like. Two that differ are two versions of the program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fingerprint(Vec<Option<Face>>);

/// A file from outside. A deployment that keeps the time still changes length or number.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Face {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

impl Fingerprint {
    /// As the files are now.
    pub(super) fn of(program: &Program) -> Self {
        Self(program.files.iter().map(|file| face(&program.path(file))).collect())
    }

    /// As they were when a process was started that an earlier supervisor has left: as now, but those that have
    /// changed since its pid file was written.
    pub(super) fn at_adoption(program: &Program, run_dir: &Path) -> Self {
        let started = PidFile::of(run_dir, &program.name).written_at();
        let Self(mut faces) = Self::of(program);
        for face in &mut faces {
            let changed = face.as_ref().is_some_and(|face| face.modified > started);
            if changed {
                *face = None;
            }
        }
        Self(faces)
    }
}

fn face(path: &Path) -> Option<Face> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some(Face { modified: metadata.modified().ok(), length: metadata.len(), number: metadata.ino() })
}
