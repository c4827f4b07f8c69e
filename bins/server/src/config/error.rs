//! Why a configuration was refused; never with a value of it.

use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::document::DocumentError;

/// A configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read, is malformed, or holds a credential.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The file is of another version of the format.
    #[error("the configuration is of version {found}, this program reads version 1")]
    Version {
        /// The version that the file names.
        found: u32,
    },
    /// Settings that cannot be used, or that the profile refuses.
    #[error("the configuration is refused: {}", refusals.join("; "))]
    Refused {
        /// Each reason.
        refusals: Vec<String>,
    },
}

impl Classified for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::Version { .. } => "CFG-003",
            Self::Refused { .. } => "CFG-004",
        }
    }
}
