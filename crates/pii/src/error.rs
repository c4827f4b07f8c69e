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
    /// The bytes of a shipped model or of the lists are damaged.
    #[error("a shipped model is damaged")]
    Model,
}

impl DetectError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Recognizer { .. } => "PII-001",
            Self::Misplaced { .. } => "PII-002",
            Self::Model => "PII-004",
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
    #[error(
        "the pattern of the own recognizer `{name}` cannot be used: look-around and back-references are not supported, and its compiled size is limited"
    )]
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

/// Why a text was not masked. There is then no text that may be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// It could not be looked at.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// An earlier part of the stream failed.
    #[error("an earlier part of this stream could not be masked")]
    StreamFailed,
    /// A recognizer that the floor requires is not there, or may fail without a word.
    #[error("the recognizer `{name}` is required and missing")]
    RecognizerMissing {
        /// Which.
        name: String,
    },
    /// The conversation is another tenant's than the key.
    #[error("the conversation belongs to another tenant than the key")]
    OtherTenant,
    /// The conversation holds as many values as it may ([`crate::MOST_ISSUED`]), or as many bytes.
    #[error("the conversation holds as many values as it may")]
    ConversationFull,
}

impl MaskError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Detect(error) => error.code(),
            Self::StreamFailed => "PII-003",
            Self::RecognizerMissing { .. } => "PII-005",
            Self::OtherTenant => "PII-006",
            Self::ConversationFull => "PII-007",
        }
    }
}

/// Why a policy was refused. A policy that compiles never fails for its own content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It names a kind that this release does not know.
    #[error("the policy names the unknown entity `{name}`")]
    UnknownEntity {
        /// The name.
        name: String,
    },
    /// A threshold is not between 0 and 1.
    #[error("the threshold of `{name}` is not between 0 and 1")]
    Threshold {
        /// Whose.
        name: String,
    },
    /// A mask keeps more characters than [`crate::MOST_KEPT`].
    #[error("the mask of `{name}` keeps too many characters")]
    Kept {
        /// Whose.
        name: String,
    },
    /// An allow or deny list is too long, or an entry of it is.
    #[error("an allow or deny list has too many entries, or one that is too long or empty")]
    List,
    /// It wants rules alone, over a floor that holds names or places.
    #[error("the policy reads no names and places, and the floor holds some of them")]
    Language,
    /// Its pieces are smaller than the default ones, or larger than allowed.
    #[error("the policy cuts texts into pieces that are too small or too large")]
    Segments,
    /// An own recognizer was refused.
    #[error(transparent)]
    Own(#[from] OwnError),
}

impl PolicyError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownEntity { .. } => "PII-020",
            Self::Threshold { .. } => "PII-021",
            Self::Kept { .. } => "PII-022",
            Self::List => "PII-023",
            Self::Language => "PII-024",
            Self::Segments => "PII-025",
            Self::Own(error) => error.code(),
        }
    }
}

/// Why structured data was not masked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StructuredError {
    /// A value could not be masked.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// It is not well-formed.
    #[error("the data is not well-formed at byte {at}")]
    Malformed {
        /// Where.
        at: usize,
    },
    /// It is nested deeper than allowed.
    #[error("the data is nested too deeply")]
    TooDeep,
    /// It is larger than allowed.
    #[error("the data is too large")]
    TooLarge,
    /// The separator of a table's cells is not a sign of ASCII, or one that means something else.
    #[error("the separator is not a sign of ASCII, or it is a quote or a line break")]
    Separator,
}

impl StructuredError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Mask(error) => error.code(),
            Self::Malformed { .. } => "PII-030",
            Self::TooDeep => "PII-031",
            Self::TooLarge => "PII-032",
            Self::Separator => "PII-033",
        }
    }
}

#[cfg(feature = "core")]
mod classified {
    //! The classes of these errors, for whoever answers a request with one.

    use super::{DetectError, MaskError, OwnError, PolicyError, StructuredError};
    use bearingwall_core::{Classified, ErrorKind};

    impl Classified for DetectError {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Unavailable
        }

        fn code(&self) -> &'static str {
            self.code()
        }
    }

    impl Classified for MaskError {
        fn kind(&self) -> ErrorKind {
            match self {
                Self::Detect(error) => error.kind(),
                Self::StreamFailed => ErrorKind::Unavailable,
                Self::RecognizerMissing { .. } | Self::OtherTenant => ErrorKind::Internal,
                Self::ConversationFull => ErrorKind::Conflict,
            }
        }

        fn code(&self) -> &'static str {
            self.code()
        }
    }

    impl Classified for OwnError {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Invalid
        }

        fn code(&self) -> &'static str {
            self.code()
        }
    }

    impl Classified for PolicyError {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Invalid
        }

        fn code(&self) -> &'static str {
            self.code()
        }
    }

    impl Classified for StructuredError {
        fn kind(&self) -> ErrorKind {
            match self {
                Self::Mask(error) => error.kind(),
                Self::Malformed { .. } | Self::TooDeep | Self::TooLarge | Self::Separator => ErrorKind::Invalid,
            }
        }

        fn code(&self) -> &'static str {
            self.code()
        }
    }
}
