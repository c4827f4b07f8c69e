//! Why a configuration was refused; never with a value of it.

use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::scan::ScanError;
use std::path::PathBuf;

/// A configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file `{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The text is no TOML, or not of the expected shape.
    #[error("line {line} of the configuration: {what}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong, without the value.
        what: String,
    },
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
    /// A credential stands where only a reference may.
    #[error("the configuration holds credentials")]
    Credentials(#[source] ScanError),
}

impl ConfigError {
    pub(super) fn malformed(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        Self::Malformed {
            line,
            what: without_value(error.message()),
        }
    }
}

/// SECURITY: serde's own messages repeat the value that they refuse, and it may be a secret in the wrong place.
fn without_value(message: &str) -> String {
    let repeats = ["invalid type", "invalid value", "invalid length", "unknown variant"];
    if !repeats.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "the value is not of the expected kind".to_owned(),
    }
}

impl Classified for ConfigError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "CFG-001",
            Self::Malformed { .. } => "CFG-002",
            Self::Version { .. } => "CFG-003",
            Self::Refused { .. } => "CFG-004",
            Self::Credentials(_) => "CFG-005",
        }
    }
}
