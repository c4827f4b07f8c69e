//! What can go wrong with sealing, exporting and verifying.

use bearingwall_core::{Classified, ErrorKind};

/// A failure of the sealer, of an export or of a verification.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealingError {
    /// The database did not answer as it should.
    #[error("the record or its trees could not be read")]
    Unreadable(#[source] tokio_postgres::Error),
    /// The database did not take what was sealed.
    #[error("what was sealed could not be written")]
    Unwritten(#[source] tokio_postgres::Error),
    /// A row is not of the form that the schema promises.
    #[error("the record holds something else than {what}")]
    Malformed {
        /// What should stand there.
        what: &'static str,
    },
    /// The tree's stored state contradicts itself.
    #[error("the tree of tenant {customer} contradicts itself: {what}")]
    Inconsistent {
        /// The tenant.
        customer: uuid::Uuid,
        /// What does not fit.
        what: &'static str,
    },
    /// A log has another name, or its keys are others, than the configuration says.
    #[error("{what}")]
    Identity {
        /// What differs.
        what: &'static str,
    },
    /// A key, note or proof could not be made or read.
    #[error("a note or proof is unusable")]
    Note(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such event, log or checkpoint.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// Writing a file failed.
    #[error("a file could not be written")]
    File(#[source] std::io::Error),
}

impl SealingError {
    pub(crate) fn note(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Note(Box::new(error))
    }
}

impl Classified for SealingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreadable(_) | Self::Unwritten(_) => ErrorKind::Unavailable,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Identity { .. } => ErrorKind::Invalid,
            Self::Malformed { .. } | Self::Inconsistent { .. } | Self::Note(_) | Self::File(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "SEA-001",
            Self::Unwritten(_) => "SEA-002",
            Self::Malformed { .. } => "SEA-003",
            Self::Inconsistent { .. } => "SEA-004",
            Self::Identity { .. } => "SEA-005",
            Self::Note(_) => "SEA-006",
            Self::NotFound { .. } => "SEA-007",
            Self::File(_) => "SEA-008",
        }
    }
}
