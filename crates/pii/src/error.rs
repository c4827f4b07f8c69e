//! What can fail, with a stable code for each.

use std::error::Error;

type Source = Box<dyn Error + Send + Sync>;

/// Why a text was not looked at. It must then not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// A required recognizer failed.
    #[error("the required recognizer `{name}` failed")]
    Recognizer {
        /// Which.
        name: String,
        /// Its error.
        #[source]
        source: Source,
    },
    /// A required recognizer found something where there is no text.
    #[error("the required recognizer `{name}` answered with a range that is not in the text")]
    Misplaced {
        /// Which.
        name: String,
    },
}

impl DetectError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Recognizer { .. } => "PII-001",
            Self::Misplaced { .. } => "PII-002",
        }
    }
}

/// Why a tenant's own recognizers were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnError {
    /// There are more than [`crate::own::MOST_RECOGNIZERS`].
    #[error("there are more own recognizers than allowed")]
    TooMany,
    /// A score is not between 0 and 1.
    #[error("the score of the own recognizer `{name}` is not between 0 and 1")]
    Score {
        /// Which.
        name: String,
    },
    /// A pattern is longer than [`crate::own::LONGEST_PATTERN`].
    #[error("the pattern of the own recognizer `{name}` is too long")]
    PatternLength {
        /// Which.
        name: String,
    },
    /// A pattern does not compile, or not within its limits.
    #[error("the pattern of the own recognizer `{name}` cannot be used: look-around and back-references are not supported, and its compiled size is limited")]
    Pattern {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: regex::Error,
    },
    /// A pattern matches the empty text.
    #[error("the pattern of the own recognizer `{name}` matches the empty text")]
    EmptyMatch {
        /// Which.
        name: String,
    },
    /// A dictionary has too many or too long entries, or an empty one.
    #[error("the dictionary of the own recognizer `{name}` has too many entries, or one that is too long or empty")]
    Dictionary {
        /// Which.
        name: String,
    },
}

impl OwnError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooMany => "PII-010",
            Self::Score { .. } => "PII-011",
            Self::PatternLength { .. } => "PII-012",
            Self::Pattern { .. } => "PII-013",
            Self::EmptyMatch { .. } => "PII-014",
            Self::Dictionary { .. } => "PII-015",
        }
    }
}
