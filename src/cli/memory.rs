//! How much memory a command may hold for others: what is said, or half of what the system has for it.

use std::path::Path;

use zmws::memory::Memory;

use super::Failure;

/// A size in bytes, written as 512M or 4G.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Size(pub(super) usize);

impl std::str::FromStr for Size {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let shift = match text[number.len()..].to_ascii_uppercase().as_str() {
            "" => Some(0),
            "K" => Some(10),
            "M" => Some(20),
            "G" => Some(30),
            _ => None,
        };
        let size = shift.and_then(|shift| number.parse::<usize>().ok()?.checked_mul(1 << shift));
        let size = size.filter(|&size| size >= MIN);
        size.map(Self).ok_or_else(|| format!("a size from {}M on is expected, as 512M or 4G", MIN >> 20))
    }
}

/// Less serves nobody.
const MIN: usize = 16 << 20;

/// The books of a command: with the maximum that was said, or half of the machine's memory, or of the control group's.
pub(super) fn books(said: Option<Size>) -> Memory {
    let half = || available(Path::new("/")).map(|bytes| (bytes / 2).max(MIN));
    said.map(|size| size.0).or_else(half).map_or_else(Memory::default, Memory::new)
}

/// Bytes that the system has for this process, as far as it tells; `root` is where its files begin.
fn available(root: &Path) -> Option<usize> {
    let machine = std::fs::read_to_string(root.join("proc/meminfo")).ok();
    let machine = machine.as_deref().and_then(machine_bytes);
    machine.into_iter().chain(group_limits(root)).min()
}

fn machine_bytes(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The limits of the process's control groups and of those that they are in. In a container the group's own path is not
/// there, and its limit is at the top.
fn group_limits(root: &Path) -> Vec<usize> {
    let groups = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let places: &[(&str, &str)] = match controllers {
            "" => &[("sys/fs/cgroup", "memory.max"), ("sys/fs/cgroup/unified", "memory.max")],
            _ if controllers.split(',').any(|name| name == "memory") => {
                &[("sys/fs/cgroup/memory", "memory.limit_in_bytes")]
            }
            _ => continue,
        };
        for (mount, file) in places {
            let own = Path::new(path.trim_start_matches('/'));
            let limit = |group: &Path| {
                // `max` is no number, and v1's "none" one that is larger than any machine.
                std::fs::read_to_string(root.join(mount).join(group).join(file))
                    .ok()?
                    .trim()
                    .parse::<usize>()
                    .ok()
            };
            limits.extend(own.ancestors().filter_map(limit));
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A tree of files that is gone with it.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("zmws-memory-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a temporary folder");
                std::fs::write(path, text).expect("a temporary file");
            }
            Self(root)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_smallest_of_machine_and_groups_holds() {
        let machine = Tree::new("machine", &[MACHINE]);
        assert_eq!(available(&machine.0), Some(8 << 30));

        let v2 = [
            MACHINE,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
        ];
        assert_eq!(
            available(&Tree::new("v2", &v2).0),
            Some(1 << 30),
            "a group's limit holds for those in it"
        );

        let v1 = [
            MACHINE,
            ("proc/self/cgroup", "4:memory,cpu:/gone\n3:cpuset:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
        ];
        assert_eq!(available(&Tree::new("v1", &v1).0), Some(512 << 20), "a container's is at the top");

        let unlimited = [
            MACHINE,
            ("proc/self/cgroup", "4:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(available(&Tree::new("unlimited", &unlimited).0), Some(8 << 30));
        assert_eq!(available(Path::new("/nowhere")), None);
    }

    #[test]
    fn sizes_have_units() {
        let size = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!((size("512M"), size("4g"), size("16777216")), (Ok(512 << 20), Ok(4 << 30), Ok(16 << 20)));
        for wrong in ["", "M", "0", "1M", "4T", "-1G", "1.5G", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
