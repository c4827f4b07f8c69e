//! What can keep a test from its database.

use crate::cluster::ClusterError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_migrations::MigrationError;

/// A test database could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// There is no cluster to make it in.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Roles or schema could not be made.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// A statement or a connection failed.
    #[error("the test database's server refused to {doing}")]
    Statement {
        /// What was being done.
        doing: &'static str,
        /// The server's or the driver's answer.
        source: tokio_postgres::Error,
    },
    /// A key of 32 random bytes was refused.
    #[error("the new enter key was refused")]
    Key,
    /// The runtime ended while the cluster was being started.
    #[error("the start of the cluster was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl DatabaseError {
    pub(super) fn statement(doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |source| Self::Statement { doing, source }
    }
}

impl Classified for DatabaseError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Cluster(error) => error.kind(),
            Self::Migration(error) => error.kind(),
            Self::Statement { .. } => ErrorKind::Unavailable,
            Self::Key | Self::Interrupted(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Cluster(error) => error.code(),
            Self::Migration(error) => error.code(),
            Self::Statement { .. } => "TST-021",
            Self::Interrupted(_) => "TST-022",
            Self::Key => "TST-023",
        }
    }
}
