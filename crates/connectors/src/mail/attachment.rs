//! Files that go with a message.

use super::MailError;
use super::error::TextFault;
use super::text::check_header_text;
use bearingwall_core::Phi;
use std::fmt;

/// Characters of a file's name.
const NAME_MAX: usize = 120;

/// What an attachment is. A closed list: the library beneath writes a content type as it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentType {
    /// PDF.
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// Comma-separated values.
    Csv,
}

impl ContentType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Pdf, Self::Png, Self::Jpeg, Self::Csv];

    /// The media type (RFC 6838).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Csv => "text/csv",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => ".pdf",
            Self::Png => ".png",
            Self::Jpeg => ".jpg",
            Self::Csv => ".csv",
        }
    }
}

/// A file with a name and a content, both of which may be personal.
#[derive(Clone)]
pub struct Attachment {
    pub(super) name: String,
    pub(super) content_type: ContentType,
    pub(super) content: Phi<Vec<u8>>,
}

impl Attachment {
    /// Takes a file. Its name has to end as its type does (`.pdf`, `.png`, `.jpg`, `.csv`).
    ///
    /// # Errors
    ///
    /// [`MailError::Text`] if the name is not fit for a header, names a path or ends otherwise than its type.
    pub fn new(name: &str, content_type: ContentType, content: Phi<Vec<u8>>) -> Result<Self, MailError> {
        let place = "name of an attachment";
        check_header_text(place, name, NAME_MAX)?;
        let ends = name.to_lowercase().ends_with(content_type.extension());
        let path = name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) || name.starts_with('.');
        if path || !ends {
            return Err(MailError::Text {
                place,
                fault: TextFault::Misleading,
            });
        }
        Ok(Self {
            name: name.to_owned(),
            content_type,
            content,
        })
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}
