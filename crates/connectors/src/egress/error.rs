//! Why something did not leave, or what is not known about something that did.

use bearingwall_core::{Classified, ErrorKind};
use std::error::Error;

/// A request did not leave, or its answer is not to be had. No variant repeats an address, a header or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// Host, port or method is on no list, or the tenant has narrowed it away.
    #[error("the destination is not allowed")]
    NotAllowed,
    /// The address has no TLS and is not on this machine, or holds a user, a password or a fragment.
    #[error("the destination's address is not a plain https address")]
    Insecure,
    /// The name leads to an address that is not public.
    #[error("the destination leads into a network that may not be reached")]
    Address,
    /// The name leads nowhere.
    #[error("the destination's name cannot be resolved")]
    Unresolved,
    /// The body is longer than may be sent.
    #[error("the request is too long")]
    TooLong,
    /// A header that the caller may not set, or that would end its line.
    #[error("the request has a header that may not be sent")]
    Header,
    /// No connection came to stand: nothing was sent.
    #[error("the destination was not reached")]
    Unreached(#[source] reqwest::Error),
    /// The connection stood and no answer came: it may have been done.
    #[error("the destination did not answer")]
    Ambiguous(#[source] reqwest::Error),
    /// It was done, and the answer is longer than is read.
    #[error("the destination's answer is too long")]
    AnswerTooLong,
    /// The client itself cannot be made.
    #[error("the client for outgoing requests cannot be made")]
    Setup {
        /// Why, where another library said so.
        #[source]
        source: Option<reqwest::Error>,
    },
}

impl EgressError {
    /// Whether it is certain that the other side got nothing, so that trying again cannot do anything twice.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        !matches!(self, Self::Ambiguous(_) | Self::AnswerTooLong)
    }

    pub(super) fn of_transport(error: reqwest::Error) -> Self {
        // What our own resolver refused arrives in the chain of causes.
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(current) = cause {
            match current.downcast_ref::<Unresolvable>() {
                Some(Unresolvable::Refused) => return Self::Address,
                Some(Unresolvable::Unknown) => return Self::Unresolved,
                None => cause = current.source(),
            }
        }
        let is_certain = error.is_connect() || error.is_builder();
        let error = error.without_url();
        if is_certain {
            Self::Unreached(error)
        } else {
            Self::Ambiguous(error)
        }
    }
}

/// What the resolver has against a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolvable {
    #[error("an address of the name may not be reached")]
    Refused,
    #[error("the name has no address")]
    Unknown,
}

impl Classified for EgressError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAllowed | Self::Address => ErrorKind::Forbidden,
            Self::Insecure | Self::TooLong | Self::Header => ErrorKind::Invalid,
            Self::Unresolved | Self::Unreached(_) | Self::Ambiguous(_) | Self::AnswerTooLong => ErrorKind::Unavailable,
            Self::Setup { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed => "CON-010",
            Self::Insecure => "CON-011",
            Self::Address => "CON-012",
            Self::Unresolved => "CON-013",
            Self::TooLong => "CON-014",
            Self::Header => "CON-015",
            Self::Unreached(_) => "CON-016",
            Self::Ambiguous(_) => "CON-017",
            Self::AnswerTooLong => "CON-018",
            Self::Setup { .. } => "CON-019",
        }
    }
}
