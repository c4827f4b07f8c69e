//! What can go wrong between "a PostgreSQL, please" and a running one.

use bearingwall_core::{Classified, ErrorKind};
use std::path::PathBuf;

/// A private cluster could not be provided or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The name would not make a safe directory name.
    #[error("cluster name `{0}` is not 1 to 32 of a-z, 0-9 and hyphen")]
    InvalidName(String),
    /// Neither an option nor the home directory says where data may live.
    #[error("no data root: set one, or give this user a home directory")]
    NoDataRoot,
    /// The file system refused.
    #[error("cannot {doing} `{path}`")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The unprivileged user that runs the server cannot reach its own directory.
    #[error("the user `{user}` that runs the server cannot enter `{path}`")]
    NotEnterable {
        /// The directory.
        path: PathBuf,
        /// The operating system's user.
        user: String,
    },
    /// Started as root, and the machine has no unprivileged user to run the server.
    #[error("no unprivileged user to run the server: neither `postgres` nor `nobody` exists")]
    NoUser,
    /// No acceptable binaries, and no way (or no leave) to install them.
    #[error(
        "no usable PostgreSQL: {}; install release {} or newer of its major version, or name the folder of its programs",
        tried.join("; "), floors()
    )]
    NoBinaries {
        /// Everything that was looked at or tried, and why it did not do.
        tried: Vec<String>,
    },
    /// A PostgreSQL program failed.
    #[error("`{program}` failed: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// The end of what it said.
        output: String,
    },
    /// The server stopped while it was starting.
    #[error("the server stopped while starting: {log}")]
    StoppedAtStart {
        /// The end of its log, which holds no data by configuration.
        log: String,
    },
    /// A server runs on this data and does not answer.
    #[error("process {pid} serves `{data}` and does not answer as it should: stop it, then try again")]
    Unresponsive {
        /// The running server.
        pid: i32,
        /// Its data directory.
        data: PathBuf,
        /// What the last connection met.
        source: Option<tokio_postgres::Error>,
    },
    /// A server of a refused release runs on this data.
    #[error("process {pid} serves this data with a refused release: stop it, then try again")]
    OldServer {
        /// The running server.
        pid: i32,
        /// What is wrong with its release.
        source: bearingwall_tenancy::floor::BelowFloor,
    },
    /// The server did not stop, not even when told to do so at once.
    #[error("process {pid} did not stop")]
    StillRunning {
        /// The running server.
        pid: i32,
    },
    /// A superuser connection failed.
    #[error("cannot {doing}")]
    Connection {
        /// What was being done.
        doing: &'static str,
        /// The server's or the driver's answer.
        source: tokio_postgres::Error,
    },
    /// The stored passwords are unreadable.
    #[error("cannot understand the credentials in `{path}`")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What the parser met; the file's content is not in it.
        source: serde_json::Error,
    },
    /// Data exists and its passwords are gone.
    #[error("`{data}` exists and its credentials are gone: remove the directory to start afresh")]
    CredentialsGone {
        /// The data directory.
        data: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[source] getrandom::Error),
}

fn floors() -> String {
    bearingwall_tenancy::floor::SecurityFloor::ALL
        .map(|floor| floor.to_string())
        .join(", ")
}

impl ClusterError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

impl Classified for ClusterError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidName(_) => ErrorKind::Invalid,
            Self::NoBinaries { .. } | Self::Unresponsive { .. } | Self::OldServer { .. } | Self::Connection { .. } => {
                ErrorKind::Unavailable
            }
            _ => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InvalidName(_) => "TST-001",
            Self::NoDataRoot => "TST-002",
            Self::Io { .. } => "TST-003",
            Self::NotEnterable { .. } => "TST-004",
            Self::NoUser => "TST-005",
            Self::NoBinaries { .. } => "TST-006",
            Self::Program { .. } => "TST-007",
            Self::StoppedAtStart { .. } => "TST-008",
            Self::Unresponsive { .. } => "TST-009",
            Self::OldServer { .. } => "TST-010",
            Self::StillRunning { .. } => "TST-011",
            Self::Connection { .. } => "TST-012",
            Self::Credentials { .. } => "TST-013",
            Self::CredentialsGone { .. } => "TST-014",
            Self::Random(_) => "TST-015",
        }
    }
}
