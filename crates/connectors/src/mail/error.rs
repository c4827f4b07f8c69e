//! Why a message was not made, or was not handed to a transport.

use bearingwall_core::{Classified, ErrorKind};
use std::error::Error;
use std::path::PathBuf;

/// What keeps a header's text out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// There is nothing in it, or white space stands at an end of it.
    Empty,
    /// It is longer than its place allows.
    TooLong,
    /// It holds a control character, a line separator included.
    Control,
    /// It holds a character that turns the direction of writing, or that nobody sees.
    Invisible,
    /// It holds `=?`, which a mail program decodes (RFC 2047) into something else.
    EncodedWord,
    /// It holds a character that would make a name look like an address, or a name of a file like a path.
    Misleading,
}

impl TextFault {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty, or with white space at an end",
            Self::TooLong => "too long",
            Self::Control => "with a control character",
            Self::Invisible => "with a character that turns the writing or is not seen",
            Self::EncodedWord => "with an encoded word",
            Self::Misleading => "with a character that has a meaning in its place",
        }
    }
}

impl std::fmt::Display for TextFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message was not made, or was not handed to a transport. No text of a message or an address is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// A text is not fit for a header.
    #[error("the {place} is {fault}")]
    Text {
        /// Which text.
        place: &'static str,
        /// What is wrong with it.
        fault: TextFault,
    },
    /// A text is no address that mail is sent to.
    #[error("not a mail address: {reason}")]
    Address {
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// A text or an attachment is not fit for a body.
    #[error("the body cannot be sent: {reason}")]
    Body {
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The finished bytes are not the message that was meant.
    #[error("the finished message is not what was meant: {reason}")]
    Finished {
        /// What was found.
        reason: &'static str,
    },
    /// Whoever sends is not, or not any more, the person that the request proved.
    #[error("no person is sending this")]
    NotAPerson,
    /// The list of stopped addresses cannot be asked.
    #[error("the list of stopped addresses cannot be asked")]
    Suppressions {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The directory of a development transport is not its own.
    #[error("`{}` {exposure}", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Why it is refused.
        exposure: &'static str,
    },
    /// The directory of a development transport cannot be made or looked at.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Classified for MailError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Text { .. } | Self::Address { .. } | Self::Body { .. } => ErrorKind::Invalid,
            Self::NotAPerson => ErrorKind::Forbidden,
            Self::Suppressions { .. } => ErrorKind::Unavailable,
            Self::Finished { .. } | Self::Exposed { .. } | Self::Io { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Text { .. } => "MAI-001",
            Self::Address { .. } => "MAI-002",
            Self::Body { .. } => "MAI-003",
            Self::Finished { .. } => "MAI-004",
            Self::NotAPerson => "MAI-005",
            Self::Suppressions { .. } => "MAI-006",
            Self::Exposed { .. } => "MAI-007",
            Self::Io { .. } => "MAI-008",
        }
    }
}
