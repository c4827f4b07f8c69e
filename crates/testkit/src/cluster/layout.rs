//! Where a cluster keeps its things, who owns them, and the passwords that outlive a start.
//!
//! ```text
//! <data root>/binaries/<version>/     downloaded programs, shared by the clusters
//! <data root>/<name>/                 owned by whoever started it
//!     data-<major>/                   0700, owned by the user that runs the server
//!     run/                            the Unix socket
//!     users/                          one mark for each handle that uses the cluster
//!     credentials.json                0600
//!     start.lock  port  server.log  watchdog.pid
//! ```

use super::ClusterError;
use bearingwall_core::Sensitive;
use nix::unistd::{Gid, Uid, User, getegid, geteuid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Unix socket's path has 104 bytes on macOS and 108 on Linux, its NUL included.
const SOCKET_PATH_MAX_BYTES: usize = 103;
const SOCKET_NAME: &str = "/.s.PGSQL.65535.lock";

/// The operating system's user that runs the server.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) name: String,
    switches: bool,
}

impl Owner {
    /// Oneself, or, as root, whoever owns the data already, else `postgres`, else `nobody`: PostgreSQL refuses root.
    fn choose(existing_data: Option<&Path>) -> Result<Self, ClusterError> {
        if !geteuid().is_root() {
            return Ok(Self {
                uid: geteuid(),
                gid: getegid(),
                name: geteuid().to_string(),
                switches: false,
            });
        }
        let owner = existing_data
            .and_then(|data| fs::metadata(data).ok())
            .map(|metadata| metadata.uid());
        let of_data = owner.and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
        let user = of_data
            .or_else(|| User::from_name("postgres").ok().flatten())
            .or_else(|| User::from_name("nobody").ok().flatten())
            .filter(|user| !user.uid.is_root())
            .ok_or(ClusterError::NoUser)?;
        Ok(Self {
            uid: user.uid,
            gid: user.gid,
            name: user.name,
            switches: true,
        })
    }

    /// A command that runs as this user, with none of the caller's environment and away from the caller's directory.
    ///
    /// The environment is dropped because what stands in it is not the server's business, and `PG*` variables would
    /// change what the programs do.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        command.current_dir("/").stdin(Stdio::null());
        if self.switches {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        command
    }

    pub(super) fn own(&self, path: &Path) -> Result<(), ClusterError> {
        if self.switches {
            chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
                .map_err(ClusterError::io("give away", path))?;
        }
        Ok(())
    }

    /// Whether this user may pass through every directory down to `path`, by mode bits.
    pub(super) fn can_enter(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        path.ancestors().all(|directory| {
            fs::metadata(directory).is_ok_and(|metadata| {
                let needed = if metadata.uid() == self.uid.as_raw() {
                    0o100
                } else if metadata.gid() == self.gid.as_raw() {
                    0o010
                } else {
                    0o001
                };
                metadata.mode() & needed != 0
            })
        })
    }
}

/// The directories of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) owner: Owner,
}

impl Layout {
    /// Makes what is missing of the directories, with the modes that keep other users out.
    pub(super) fn prepare(data_root: Option<&Path>, name: &str) -> Result<Self, ClusterError> {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 32 || !name.bytes().all(valid) {
            return Err(ClusterError::InvalidName(name.to_owned()));
        }
        let root = data_root.map_or_else(default_data_root, |root| Ok(root.to_owned()))?;
        // As root the server's user must pass through; alone, nobody else has business here.
        let mode = if geteuid().is_root() { 0o755 } else { 0o700 };
        directory(&root, mode)?;
        let root = root.canonicalize().map_err(ClusterError::io("resolve", &root))?;
        let cluster = root.join(name);
        directory(&cluster, mode)?;
        directory(&cluster.join("users"), 0o700)?;
        let existing = data_directories(&cluster).into_iter().next().map(|(_, data)| data);
        let owner = Owner::choose(existing.as_deref())?;
        let layout = Self {
            root,
            directory: cluster,
            owner,
        };
        if !layout.owner.can_enter(&layout.directory) {
            return Err(ClusterError::NotEnterable {
                path: layout.directory,
                user: layout.owner.name,
            });
        }
        Ok(layout)
    }

    /// Waits for, and holds, the right to start, stop or initialise this cluster.
    pub(super) fn lock(&self) -> Result<File, ClusterError> {
        let path = self.directory.join("start.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(ClusterError::io("open", &path))?;
        file.lock().map_err(ClusterError::io("lock", &path))?;
        Ok(file)
    }

    /// The data directories that exist, newest major first.
    pub(super) fn data_directories(&self) -> Vec<(u32, PathBuf)> {
        data_directories(&self.directory)
    }

    pub(super) fn data_directory(&self, major: u32) -> PathBuf {
        self.directory.join(format!("data-{major}"))
    }

    /// An empty directory that only the server's user may enter.
    pub(super) fn make_data_directory(&self, path: &Path) -> Result<(), ClusterError> {
        if path.exists() {
            fs::remove_dir_all(path).map_err(ClusterError::io("remove", path))?;
        }
        directory(path, 0o700)?;
        self.owner.own(path)
    }

    /// The directory of the Unix socket, made and owned by the server's user.
    pub(super) fn socket_directory(&self) -> Result<PathBuf, ClusterError> {
        let mut path = self.directory.join("run");
        if path.as_os_str().len() + SOCKET_NAME.len() > SOCKET_PATH_MAX_BYTES {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, path.as_os_str().as_encoded_bytes());
            let short: String = digest
                .as_ref()
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            path = Path::new("/tmp").join(format!("bearingwall-{short}"));
        }
        directory(&path, 0o755)?;
        // SECURITY: in a world-writable directory somebody else may have made it first.
        let metadata = fs::symlink_metadata(&path).map_err(ClusterError::io("look at", &path))?;
        let ours = [geteuid().as_raw(), self.owner.uid.as_raw()].contains(&metadata.uid());
        if !metadata.is_dir() || !ours {
            return Err(ClusterError::NotEnterable {
                path,
                user: self.owner.name.clone(),
            });
        }
        self.owner.own(&path)?;
        Ok(path)
    }

    /// A file that only the server's user may read, for `initdb --pwfile`.
    pub(super) fn owner_file(&self, name: &str, content: &[u8]) -> Result<PathBuf, ClusterError> {
        let path = self.directory.join(name);
        write_private(&path, content)?;
        self.owner.own(&path)?;
        Ok(path)
    }

    /// The passwords, or `None` where none were ever stored.
    pub(super) fn credentials(&self) -> Result<Option<Credentials>, ClusterError> {
        let path = self.directory.join("credentials.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| ClusterError::Credentials { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ClusterError::Io {
                doing: "read",
                path,
                source,
            }),
        }
    }

    pub(super) fn store_credentials(&self, credentials: &Credentials) -> Result<(), ClusterError> {
        let path = self.directory.join("credentials.json");
        let bytes = serde_json::to_vec_pretty(credentials).map_err(|source| ClusterError::Credentials {
            path: path.clone(),
            source,
        })?;
        write_private(&path, &bytes)
    }
}

/// What must survive between two starts. Without `Debug`, because it is all secrets.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    pub(super) superuser: String,
    #[serde(default)]
    pub(super) roles: BTreeMap<String, String>,
}

/// 192 random bits as 32 characters that need no escaping anywhere.
pub(super) fn random_password() -> Result<Sensitive<String>, ClusterError> {
    use base64::Engine as _;
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(ClusterError::Random)?;
    Ok(Sensitive::new(
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes),
    ))
}

/// Replaces a file in one step, readable by its owner alone, durable before it has its name.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), ClusterError> {
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let write = || -> std::io::Result<()> {
        let mut file = options.open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(ClusterError::io("write", path))
}

/// Makes a directory with its parents; an existing one keeps its mode.
pub(super) fn directory(path: &Path, mode: u32) -> Result<(), ClusterError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(ClusterError::io("make", path))?;
    // The umask may have taken away what the server's user needs.
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(ClusterError::io("set the mode of", path))
}

fn data_directories(cluster: &Path) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(cluster).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let major: u32 = entry.file_name().to_str()?.strip_prefix("data-")?.parse().ok()?;
            Some((major, entry.path()))
        })
        .collect();
    found.sort_unstable_by_key(|(major, _)| std::cmp::Reverse(*major));
    found
}

#[expect(
    clippy::disallowed_methods,
    reason = "the XDG base directory specification is spoken through the environment"
)]
fn default_data_root() -> Result<PathBuf, ClusterError> {
    if geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/bearingwall"));
    }
    let from_environment = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let below_home = if cfg!(target_os = "macos") {
        "Library/Application Support"
    } else {
        ".local/share"
    };
    let base = from_environment.or_else(|| {
        std::env::home_dir()
            .filter(|home| home.is_absolute())
            .map(|home| home.join(below_home))
    });
    base.map(|base| base.join("bearingwall"))
        .ok_or(ClusterError::NoDataRoot)
}
