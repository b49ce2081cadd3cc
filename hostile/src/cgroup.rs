//! Control groups that a stage makes for its broker, of either version, where they may be made.

use std::fs;
use std::path::PathBuf;

/// Where groups are, and the file that bounds their memory: version 2, then 1.
const PLACES: [(&str, &str); 2] =
    [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")];

/// A group of a name, with a bound; it is removed with this, when all in it have ended.
#[derive(Debug)]
pub(crate) struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// `None` where nobody may make one, or memory is not bounded by groups.
    pub(crate) fn make(name: &str, bytes: u64) -> Option<Self> {
        PLACES.iter().find_map(|(mount, file)| {
            let path = PathBuf::from(mount).join(name);
            fs::create_dir(&path).ok()?;
            let group = Self(path);
            // A file that is not there already is one that the kernel does not know.
            let bound = group.0.join(file);
            (bound.is_file() && fs::write(bound, bytes.to_string()).is_ok()).then_some(group)
        })
    }

    /// A line for a shell that goes into it.
    pub(crate) fn entry(&self) -> String {
        format!("echo $$ > {}/cgroup.procs", self.0.display())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
