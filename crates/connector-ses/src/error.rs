//! Why there is no transport.

use crate::SetName;
use bearingwall_connectors::mail::Reason;
use bearingwall_core::{Classified, ErrorKind};
use std::error::Error;

/// Amazon SES is not as sending needs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SesError {
    /// A text is no name of a configuration set.
    #[error("not the name of a configuration set")]
    Name,
    /// There is no such configuration set.
    #[error("there is no configuration set `{set}`")]
    NoSuchSet {
        /// Its name.
        set: SetName,
    },
    /// The configuration set for health information lets messages go on without TLS, or does not say.
    #[error("the configuration set `{set}` does not require TLS")]
    TlsNotRequired {
        /// Its name.
        set: SetName,
    },
    /// The configuration sets cannot be looked at.
    #[error("the configuration sets cannot be looked at")]
    Unreachable {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SesError {
    pub(crate) fn reason(&self) -> Reason {
        Reason::of(match self {
            Self::Name | Self::NoSuchSet { .. } => "NoSuchSet",
            Self::TlsNotRequired { .. } => "TlsNotRequired",
            Self::Unreachable { .. } => "Unreachable",
        })
    }
}

impl Classified for SesError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Name => ErrorKind::Invalid,
            Self::NoSuchSet { .. } | Self::TlsNotRequired { .. } => ErrorKind::Internal,
            Self::Unreachable { .. } => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Name => "SES-001",
            Self::NoSuchSet { .. } => "SES-002",
            Self::TlsNotRequired { .. } => "SES-003",
            Self::Unreachable { .. } => "SES-004",
        }
    }
}
