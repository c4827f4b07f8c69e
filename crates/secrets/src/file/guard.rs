//! The file system's part of the sealed file store: nobody else reads or replaces a file, and no write is half done.

use super::Bytes;
use crate::SecretError;
use nix::fcntl::OFlag;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Files of a store are small; a larger one is not read into memory.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

pub(super) fn make_directory(dir: &Path) -> Result<(), SecretError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(io_error("make", dir))
}

/// Refuses a directory in which somebody else could put, swap or list files.
// CONTROL: SEC-1
pub(super) fn check_directory(dir: &Path) -> Result<(), SecretError> {
    let metadata = std::fs::symlink_metadata(dir).map_err(io_error("inspect", dir))?;
    if !metadata.is_dir() {
        return Err(exposed(
            dir,
            "is not a directory of its own (a symbolic link is refused)",
        ));
    }
    check_owner_and_mode(dir, &metadata)
}

/// Reads a file of the store, judging the very file that was opened, so that it cannot be swapped in between.
pub(super) fn read(path: &Path) -> Result<Bytes, SecretError> {
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(path)
        .map_err(io_error("open", path))?;
    let metadata = file.metadata().map_err(io_error("inspect", path))?;
    if !metadata.is_file() {
        return Err(exposed(path, "is not a regular file"));
    }
    check_owner_and_mode(path, &metadata)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(SecretError::Corrupt { path: path.to_owned() });
    }
    // One allocation of the final size: growing would leave unwiped copies behind.
    let size = usize::try_from(metadata.len()).unwrap_or_default();
    let mut bytes = Bytes::new(vec![0; size]);
    file.read_exact(&mut bytes).map_err(io_error("read", path))?;
    Ok(bytes)
}

/// Writes beside, syncs, renames over, syncs the directory: a reader and a crash see the old file or the new one.
/// The caller holds the lock.
pub(super) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), SecretError> {
    let path = dir.join(name);
    let beside = dir.join(format!("{name}.new"));
    match std::fs::remove_file(&beside) {
        // What an interrupted write left behind.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("remove", &beside)(error)),
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlag::O_CLOEXEC.bits())
        .open(&beside)
        .map_err(io_error("create", &beside))?;
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(io_error("protect", &beside))?;
    file.write_all(bytes).map_err(io_error("write", &beside))?;
    file.sync_all().map_err(io_error("sync", &beside))?;
    std::fs::rename(&beside, &path).map_err(io_error("replace", &path))?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(io_error("sync", dir))
}

/// Waits for the other writer, if any. The lock ends with the returned file, or with the process.
pub(super) fn lock(path: &Path) -> Result<File, SecretError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(path)
        .map_err(io_error("open", path))?;
    file.lock().map_err(io_error("lock", path))?;
    Ok(file)
}

fn check_owner_and_mode(path: &Path, metadata: &Metadata) -> Result<(), SecretError> {
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(exposed(path, "belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(exposed(
            path,
            "is open to its group or to everybody (expected mode 0700 or 0600)",
        ));
    }
    Ok(())
}

fn exposed(path: &Path, exposure: &'static str) -> SecretError {
    SecretError::Exposed {
        path: path.to_owned(),
        exposure,
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecretError {
    let path = path.to_owned();
    move |source| SecretError::Io { action, path, source }
}
