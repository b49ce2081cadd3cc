//! The files of a site, in directories where others may be able to write: opened so that nothing of theirs is written
//! to, read, or asked in place of ours.
//!
//! A symbolic link is never followed, a file with a second name or of another user never used. So a directory may be
//! another's, if only not everybody can take files out of it.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// Pid files and logs: others of the group may read them.
const SHOWN: u32 = 0o640;
/// The lock.
const OWN: u32 = 0o600;

/// Makes a directory if there is none. In it nobody else may be able to replace our files.
pub(super) fn dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)?;
    let found = std::fs::metadata(path)?;
    let (others_write, sticky) = (found.mode() & 0o002 != 0, found.mode() & 0o1000 != 0);
    match others_write && !sticky {
        true => Err(io::Error::other("everybody may write there; chmod o-w")),
        false => Ok(()),
    }
}

/// A log, to be written at its end.
pub(super) fn append(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().create(true).append(true).mode(SHOWN))
}

/// A file that is there, to be read, and to be written if `write`.
pub(super) fn existing(path: &Path, write: bool) -> io::Result<File> {
    open(path, OpenOptions::new().read(true).write(write))
}

/// A new file in place of what was there.
pub(super) fn replace(path: &Path) -> io::Result<File> {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    OpenOptions::new().write(true).create_new(true).mode(SHOWN).open(path)
}

/// The lock, made if it is not there.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().create(true).truncate(false).write(true).mode(OWN))
}

/// The text of a small file.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    existing(path, false)?.take(64 << 10).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes the way free for a socket of ours.
pub(super) fn clear_socket(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(io::Error::other("something else than a socket is there; remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a socket may be asked: a link could lead to somebody else's. Root may ask everybody's.
pub(super) fn check_socket(path: &Path) -> io::Result<()> {
    let found = std::fs::symlink_metadata(path)?;
    if found.is_symlink() {
        return Err(io::Error::other("it is a symbolic link, which is not followed"));
    }
    match is_trusted(found.uid()) || geteuid().is_root() {
        true => Ok(()),
        false => Err(denied(found.uid())),
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // A pipe in place of the file must not make us wait.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
            io::Error::other("it is a symbolic link, which is not followed; remove it")
        }
        _ => error,
    })?;
    check(&file.metadata()?)?;
    Ok(file)
}

fn check(found: &Metadata) -> io::Result<()> {
    if !found.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if !is_trusted(found.uid()) {
        return Err(denied(found.uid()));
    }
    match found.nlink() {
        0 | 1 => Ok(()),
        _ => Err(io::Error::other("it has another name elsewhere; remove it")),
    }
}

/// Ours, or of who could do anything anyway.
fn is_trusted(owner: u32) -> bool {
    owner == geteuid().as_raw() || owner == 0
}

fn denied(owner: u32) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("it belongs to {}", user(owner)))
}

/// A user by name, if there is one.
fn user(uid: u32) -> String {
    uzers::get_user_by_uid(uid)
        .map_or_else(|| format!("user {uid}"), |user| format!("user {}", user.name().to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::scratch;
    use super::*;

    fn why<T: std::fmt::Debug>(outcome: io::Result<T>) -> String {
        outcome.expect_err("it is refused").to_string()
    }

    #[test]
    fn a_link_is_never_followed() {
        let place = scratch("links");
        let (victim, link) = (place.path().join("victim"), place.path().join("link"));
        std::fs::write(&victim, "precious").expect("room");
        std::os::unix::fs::symlink(&victim, &link).expect("room");
        let refusal = "it is a symbolic link, which is not followed; remove it";
        assert_eq!(why(append(&link)), refusal);
        assert_eq!(why(existing(&link, true)), refusal);
        assert_eq!(why(lock(&link)), refusal);
        assert_eq!(why(read(&link)), refusal);
        assert_eq!(why(clear_socket(&link)), "something else than a socket is there; remove it");
        assert_eq!(why(check_socket(&link)), "it is a symbolic link, which is not followed");
        drop(replace(&link).expect("the link goes, not what it leads to"));
        assert_eq!(std::fs::read_to_string(&victim).expect("it is there"), "precious");
    }

    #[test]
    fn a_file_with_two_names_and_what_is_no_file_are_refused() {
        let place = scratch("names");
        let (victim, other) = (place.path().join("victim"), place.path().join("other"));
        std::fs::write(&victim, "precious").expect("room");
        std::fs::hard_link(&victim, &other).expect("room");
        assert_eq!(why(append(&other)), "it has another name elsewhere; remove it");
        assert_eq!(why(existing(Path::new("/dev/null"), true)), "it is not a file");
    }

    #[test]
    fn a_directory_where_everybody_may_write_is_refused() {
        let place = scratch("open");
        let set = |mode| {
            std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode))
                .expect("it is ours");
        };
        set(0o777);
        assert_eq!(why(dir(place.path())), "everybody may write there; chmod o-w");
        set(0o1777);
        assert!(dir(place.path()).is_ok(), "nobody can replace another's files there");
    }

    #[test]
    fn new_files_are_not_for_everybody() {
        let place = scratch("modes");
        let mode = |file: File| file.metadata().expect("it is open").mode() & 0o777;
        assert_eq!(mode(lock(&place.path().join("lock")).expect("room")), 0o600);
        assert_eq!(mode(append(&place.path().join("log")).expect("room")) & 0o007, 0);
        assert_eq!(mode(replace(&place.path().join("pid")).expect("room")) & 0o007, 0);
    }
}
