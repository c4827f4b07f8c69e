//! What can go wrong while roles, database and schema are made.

use bearingwall_core::{Classified, ErrorKind};

/// A failure of bootstrap, migration or an operator's call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// A statement failed.
    #[error("the database refused to {what}")]
    Statement {
        /// What was being done.
        what: &'static str,
        /// The database's answer.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The database refused an operator's call for a reason that it tells.
    #[error("refused to {what}")]
    Refused {
        /// What was being done.
        what: &'static str,
        /// The database's answer.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A migration failed and was rolled back whole.
    #[error("migration {name} failed and was rolled back")]
    Migration {
        /// The migration's directory.
        name: &'static str,
        /// The database's answer.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection for migrations could not be prepared.
    #[error("the migration connection could not be prepared")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database was migrated by a newer program.
    #[error("the schema is newer than this program: it holds {versions:?}, which are not known here")]
    Newer {
        /// The versions that this program does not know.
        versions: Vec<String>,
    },
    /// The database's history differs from this program's.
    #[error("the schema is dirty: {reasons:?}")]
    Dirty {
        /// Each difference, in words.
        reasons: Vec<String>,
    },
    /// Another migration is running.
    #[error("another migration holds the lock")]
    Locked,
    /// The connection does not belong to the role that migrates.
    #[error("migrations run as bearingwall_admin, not as `{role}`")]
    WrongRole {
        /// The role that was used.
        role: String,
    },
    /// A name that would have to be quoted.
    #[error("`{name}` is not a database name of lower-case letters, digits and underscores")]
    BadName {
        /// The name.
        name: String,
    },
}

impl MigrationError {
    pub(crate) fn statement(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |source| Self::Statement { what, source }
    }

    /// As [`MigrationError::statement`], where functions of the schema answer with a rule that does not hold.
    pub(crate) fn refused(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
        // Invalid value, state that does not allow it, insufficient right, no authentic proof: what our functions raise.
        const RULES: [&str; 4] = ["22023", "55000", "42501", "28000"];
        move |source| match source.code() {
            Some(state) if RULES.contains(&state.code()) => Self::Refused { what, source },
            _ => Self::Statement { what, source },
        }
    }
}

impl Classified for MigrationError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Statement { .. } | Self::Migration { .. } | Self::Connection(_) => ErrorKind::Internal,
            Self::Newer { .. } | Self::Dirty { .. } | Self::Locked => ErrorKind::Conflict,
            Self::WrongRole { .. } | Self::Refused { .. } => ErrorKind::Forbidden,
            Self::BadName { .. } => ErrorKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Statement { .. } => "MIG-001",
            Self::Migration { .. } => "MIG-002",
            Self::Connection(_) => "MIG-003",
            Self::Newer { .. } => "MIG-004",
            Self::Dirty { .. } => "MIG-005",
            Self::Locked => "MIG-006",
            Self::WrongRole { .. } => "MIG-007",
            Self::BadName { .. } => "MIG-008",
            Self::Refused { .. } => "MIG-009",
        }
    }
}
