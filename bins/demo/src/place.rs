//! Where the demo keeps what is not the cluster's: secrets, the server's configuration and log, the tokens' file.

use anyhow::Context as _;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The demo's own folder, held by one demo at a time.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where the cluster lives; `None` leaves that to the cluster.
    pub(crate) cluster_root: Option<PathBuf>,
    state: PathBuf,
    _lock: File,
}

impl Place {
    /// The folder of the demo that keeps its data.
    pub(crate) fn lasting(data_dir: Option<&Path>) -> anyhow::Result<Self> {
        match data_dir {
            Some(directory) => Self::below(directory),
            None => Self::open(None, default_state_dir()?),
        }
    }

    /// Everything below one folder, the cluster too.
    pub(crate) fn below(directory: &Path) -> anyhow::Result<Self> {
        let directory = std::path::absolute(directory).context("the data folder")?;
        // With the usual mode: as root, the user that runs the cluster must pass through. What is below closes itself.
        std::fs::create_dir_all(&directory).with_context(|| format!("making `{}`", directory.display()))?;
        Self::open(Some(directory.join("postgresql")), directory.join("state"))
    }

    fn open(cluster_root: Option<PathBuf>, state: PathBuf) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&state)
            .with_context(|| format!("making `{}`", state.display()))?;
        let lock = private_file(&state.join("demo.lock"), true)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => anyhow::bail!("another demo is running in `{}`", state.display()),
            Err(TryLockError::Error(error)) => return Err(error).context("locking the demo's folder"),
        }
        Ok(Self {
            cluster_root,
            state,
            _lock: lock,
        })
    }

    /// The sealed file store.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.state.join("secrets")
    }

    /// The server's configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.state.join("server.toml")
    }

    /// Where the server writes its address once it serves.
    pub(crate) fn ready_file(&self) -> PathBuf {
        self.state.join("server.url")
    }

    /// What the server process writes to standard output and error.
    pub(crate) fn log(&self) -> PathBuf {
        self.state.join("server.log")
    }

    /// Tokens and address, to be read by a shell.
    pub(crate) fn environment(&self) -> PathBuf {
        self.state.join("env.sh")
    }

    /// The issuer's port of the last start: subjects are made of issuer and name, so that a person stays the same.
    pub(crate) fn issuer_port(&self) -> PathBuf {
        self.state.join("issuer.port")
    }
}

/// Opens a file that only its owner can read, keeping or cutting what is in it.
pub(crate) fn private_file(path: &Path, keep: bool) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .append(keep)
        .truncate(!keep)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("opening `{}`", path.display()))
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = private_file(path, false)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("writing `{}`", path.display()))
}

/// One path on every platform and for every user, so that a document can name it.
#[expect(
    clippy::disallowed_methods,
    reason = "the XDG base directory specification is spoken through the environment"
)]
fn default_state_dir() -> anyhow::Result<PathBuf> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    let base = std::env::var_os("XDG_DATA_HOME")
        .and_then(|path| absolute(PathBuf::from(path)))
        .or_else(|| {
            std::env::home_dir()
                .and_then(absolute)
                .map(|home| home.join(".local/share"))
        })
        .context("there is no home directory; name a folder with --data-dir")?;
    Ok(base.join("bearingwall/demo/state"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn one_demo_at_a_time_and_nobody_else_reads_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::below(directory.path()).unwrap();
        assert!(
            Place::below(directory.path())
                .unwrap_err()
                .to_string()
                .contains("another demo")
        );
        write_private(&place.environment(), "A=1\n").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.environment()), 0o600);
        assert_eq!(mode(place.environment().parent().unwrap()), 0o700);
        drop(place);
        Place::below(directory.path()).unwrap();
    }
}
