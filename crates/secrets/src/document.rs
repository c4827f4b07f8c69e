//! Reading a configuration file: credentials in it are refused, and no error repeats what stands there.

use crate::scan::{self, ScanError};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Why a configuration file cannot be used; never with a value of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("the configuration file `{}` cannot be read", path.display())]
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
    /// A credential stands where only a reference may.
    #[error("the configuration holds credentials")]
    Credentials(#[source] ScanError),
}

impl bearingwall_core::Classified for DocumentError {
    fn kind(&self) -> bearingwall_core::ErrorKind {
        bearingwall_core::ErrorKind::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "CFG-001",
            Self::Malformed { .. } => "CFG-002",
            Self::Credentials(_) => "CFG-005",
        }
    }
}

/// Reads a TOML file, as [`parse`] does.
///
/// # Errors
/// [`DocumentError`].
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, DocumentError> {
    let text = std::fs::read_to_string(path).map_err(|source| DocumentError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text)
}

/// Reads a TOML text. It is the one way to read a configuration: `toml::from_str` is banned by `clippy.toml`.
///
/// # Errors
/// [`DocumentError::Credentials`] before anything else, so that what a credential breaks is still reported as a credential;
/// [`DocumentError::Malformed`].
// CONTROL: SEC-1
#[expect(
    clippy::disallowed_methods,
    reason = "this is where it is wrapped: searched before, and its errors without values after"
)]
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, DocumentError> {
    scan::refuse(scan::scan_document(text)).map_err(DocumentError::Credentials)?;
    toml::from_str(text).map_err(|error| malformed(text, &error))
}

fn malformed(text: &str, error: &toml::de::Error) -> DocumentError {
    let offset = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    DocumentError::Malformed {
        line,
        what: without_value(error.message()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_core::Classified;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[expect(dead_code, reason = "only read from text")]
        port: u16,
    }

    #[test]
    fn sec_1_no_error_of_a_document_repeats_a_value() {
        for (text, code) in [
            ("port = \"hunter2hunter2\"", "CFG-002"),
            ("port = 1\nhunter = ", "CFG-002"),
            ("port = 1\npassword = \"hunter2 hunter2\"", "CFG-005"),
            ("# AKIAIOSFODNN7EXAMPLE\nport = 1", "CFG-005"),
        ] {
            let error = parse::<Small>(text).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let missing = load::<Small>(Path::new("/nowhere/at/all.toml")).unwrap_err();
        assert_eq!(missing.code(), "CFG-001");
        assert!(parse::<Small>("port = 1").is_ok());
    }
}
