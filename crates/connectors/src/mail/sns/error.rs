//! Why a document of SNS is refused.

use bearingwall_core::{Classified, ErrorKind};
use std::error::Error;

/// A document is refused. Nothing of it is in the error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnsError {
    /// It is no document of SNS, or no event of SES.
    #[error("malformed: {what}")]
    Malformed {
        /// Which part.
        what: &'static str,
    },
    /// Its topic is not one of ours.
    #[error("the topic is not one of ours")]
    OtherTopic,
    /// It is too old, or of the future.
    #[error("too old, or of the future")]
    Age,
    /// Its signature is of a version that does not count here.
    #[error("the version of its signature does not count here")]
    SignatureVersion,
    /// An address in it leads elsewhere than to SNS in the topic's own region.
    #[error("an address in it leads elsewhere than to the topic's own host")]
    ForeignAddress,
    /// The certificate cannot be fetched.
    #[error("the signing certificate cannot be fetched")]
    Unavailable {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The certificate is not fit to sign for SNS.
    #[error("the signing certificate is not fit: {reason}")]
    Certificate {
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The signature is not the key's.
    #[error("the signature does not verify")]
    Signature,
}

impl Classified for SnsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } => ErrorKind::Invalid,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::OtherTopic
            | Self::Age
            | Self::SignatureVersion
            | Self::ForeignAddress
            | Self::Certificate { .. }
            | Self::Signature => ErrorKind::Unauthenticated,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "MAI-020",
            Self::OtherTopic => "MAI-021",
            Self::Age => "MAI-022",
            Self::SignatureVersion => "MAI-023",
            Self::ForeignAddress => "MAI-024",
            Self::Unavailable { .. } => "MAI-025",
            Self::Certificate { .. } => "MAI-026",
            Self::Signature => "MAI-027",
        }
    }
}
