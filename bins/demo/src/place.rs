//! Where the demo keeps what is not the cluster's: secrets, the server's configuration and log, the tokens' file.

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::fs::{DirBuilder, DirEntry, File, OpenOptions, Permissions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The name of a check's cluster, before the check's process number.
const CHECK: &str = "check-";

/// The demo's own folder, held by one demo at a time.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where the cluster lives; `None` leaves that to the cluster.
    pub(crate) cluster_root: Option<PathBuf>,
    pub(crate) cluster_name: String,
    state: PathBuf,
    _lock: File,
}

impl Place {
    /// The folder of the demo that keeps its data.
    pub(crate) fn lasting(data_dir: Option<&Path>) -> anyhow::Result<Self> {
        match data_dir {
            Some(directory) => Self::below(directory, "demo"),
            None => Self::open(None, "demo", default_state_dir()?),
        }
    }

    /// The folder of a check. Its cluster lives among the others, where downloaded programs are shared, unless a folder
    /// was named for all of it.
    pub(crate) fn passing(folder: &Path, all_of_it: bool) -> anyhow::Result<Self> {
        let name = format!("{CHECK}{}", std::process::id());
        if all_of_it {
            Self::below(folder, &name)
        } else {
            Self::open(None, &name, folder.join("state"))
        }
    }

    /// Everything below one folder, the cluster too.
    fn below(directory: &Path, name: &str) -> anyhow::Result<Self> {
        let directory = std::path::absolute(directory).context("the data folder")?;
        // With the usual mode: as root, the user that runs the cluster must pass through. What is below closes itself.
        std::fs::create_dir_all(&directory).with_context(|| format!("making `{}`", directory.display()))?;
        Self::open(Some(directory.join("postgresql")), name, directory.join("state"))
    }

    fn open(cluster_root: Option<PathBuf>, name: &str, state: PathBuf) -> anyhow::Result<Self> {
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
            cluster_name: name.to_owned(),
            state,
            _lock: lock,
        })
    }

    /// Removes the stopped cluster of a check, and those that killed checks have left beside it.
    pub(crate) fn forget_cluster(&self, folder: Option<&Path>) -> anyhow::Result<()> {
        let Some(folder) = folder.filter(|folder| folder.ends_with(&self.cluster_name)) else {
            return Ok(());
        };
        std::fs::remove_dir_all(folder).with_context(|| format!("removing `{}`", folder.display()))?;
        let beside = folder.parent().and_then(|root| std::fs::read_dir(root).ok());
        for entry in beside
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| is_left_over(&entry.path()))
        {
            std::fs::remove_dir_all(entry.path()).with_context(|| format!("removing `{}`", entry.path().display()))?;
        }
        Ok(())
    }

    /// The sealed file store.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.state.join("secrets")
    }

    /// The server's configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.state.join("server.toml")
    }

    /// The sealer's configuration.
    pub(crate) fn sealer_config(&self) -> PathBuf {
        self.state.join("sealer.toml")
    }

    /// The directory that stands for a witness.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.state.join("checkpoints")
    }

    /// Exports that a check makes and removes.
    pub(crate) fn exports(&self) -> PathBuf {
        self.state.join("exports")
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

/// Whether a folder is a check's cluster whose check has gone and whose server does not run.
fn is_left_over(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    let pid = name.and_then(|name| name.strip_prefix(CHECK)?.parse().ok());
    let gone = pid.is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH));
    let runs = |data: &DirEntry| data.path().join("postmaster.pid").exists();
    gone && std::fs::read_dir(folder).is_ok_and(|entries| !entries.flatten().any(|entry| runs(&entry)))
}

/// A folder for a check, to be removed after it.
pub(crate) fn temporary_folder(parent: Option<&Path>) -> anyhow::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("bearingwall-check-");
    let made = match parent {
        Some(parent) => {
            std::fs::create_dir_all(parent).with_context(|| format!("making `{}`", parent.display()))?;
            // As root, the user that runs the cluster must pass through; what holds secrets below closes itself.
            builder.permissions(Permissions::from_mode(0o755)).tempdir_in(parent)
        }
        None => builder.tempdir(),
    };
    made.context("making a temporary folder")
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

    #[test]
    fn one_demo_at_a_time_and_nobody_else_reads_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Place::lasting(Some(directory.path()));
        let place = open().unwrap();
        assert!(open().unwrap_err().to_string().contains("another demo"));
        write_private(&place.environment(), "A=1\n").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.environment()), 0o600);
        assert_eq!(mode(place.environment().parent().unwrap()), 0o700);
        drop(place);
        open().unwrap();
    }

    #[test]
    fn only_stopped_clusters_of_checks_that_have_gone_are_left_over() {
        let root = tempfile::tempdir().unwrap();
        // Above the largest process number that Linux and macOS give.
        let gone = root.path().join("check-999999999");
        let alive = root.path().join(format!("check-{}", std::process::id()));
        let other = root.path().join("demo");
        for folder in [&gone, &alive, &other] {
            std::fs::create_dir_all(folder.join("data-15")).unwrap();
        }
        assert_eq!(
            [&gone, &alive, &other].map(|folder| is_left_over(folder)),
            [true, false, false]
        );
        std::fs::write(gone.join("data-15/postmaster.pid"), "1").unwrap();
        assert!(!is_left_over(&gone));
    }
}
