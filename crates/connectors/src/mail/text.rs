//! Texts that may stand in a header, and the sealed kinds of text that hold no personal data.

use super::MailError;
use super::error::TextFault;
use std::borrow::Cow;
use std::fmt;
use time::OffsetDateTime;

/// Characters of a subject. RFC 5322 sets no limit; what is longer is cut by every mail program.
const SUBJECT_MAX: usize = 150;

/// Characters of a name.
const NAME_MAX: usize = 78;

/// Refuses what changes a header's structure, its look or its meaning.
///
/// Header lines end at CR and LF (RFC 5322, section 2.2), some software ends them at other line separators, and NUL cuts
/// texts short. Directional and invisible characters make a text look like another (Unicode TR 36, section 3). `=?` begins
/// an encoded word (RFC 2047), whose content nobody has checked.
// CONTROL: MAI-1
pub(super) fn check_header_text(place: &'static str, text: &str, most: usize) -> Result<(), MailError> {
    let fault = if text.chars().any(is_break) {
        TextFault::Control
    } else if text.is_empty() || text.trim() != text {
        TextFault::Empty
    } else if text.chars().count() > most {
        TextFault::TooLong
    } else if text.chars().any(is_invisible) {
        TextFault::Invisible
    } else if text.contains("=?") {
        TextFault::EncodedWord
    } else {
        return Ok(());
    };
    Err(MailError::Text { place, fault })
}

fn is_break(c: char) -> bool {
    // `is_control` is Cc: C0 with NUL, CR, LF and TAB, DEL, and C1 with NEL.
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Directional marks, embeddings, overrides and isolates, and characters without a width. The joiners U+200C and U+200D stay:
/// Persian, the scripts of India and emoji are written with them.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The name beside an address.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Takes a name of at most 78 characters.
    ///
    /// # Errors
    ///
    /// [`MailError::Text`] for control, directional and invisible characters, encoded words, and for `@`, `<` and `>`, with
    /// which a name looks like an address.
    pub fn parse(text: &str) -> Result<Self, MailError> {
        let place = "name of a person or a clinic";
        check_header_text(place, text, NAME_MAX)?;
        if text.contains(['@', '<', '>', '\u{ff20}', '\u{fe6b}', '\u{ff1c}', '\u{ff1e}']) {
            return Err(MailError::Text {
                place,
                fault: TextFault::Misleading,
            });
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(…)")
    }
}

mod sealed {
    use std::borrow::Cow;

    pub trait Sealed {
        fn text(&self) -> Cow<'_, str>;
    }
}

/// A text that holds no personal data by its kind. Nothing outside of this module implements it.
///
/// There is none for `String`, `&str` of a shorter life, or [`Phi`](bearingwall_core::Phi):
///
/// ```compile_fail,E0277
/// use bearingwall_connectors::mail::Subject;
/// use bearingwall_core::Phi;
///
/// let name = Phi::new("Ada Lovelace");
/// let subject = Subject::of(&[&"Results of ", &name]);
/// ```
///
/// ```compile_fail,E0277
/// use bearingwall_connectors::mail::Subject;
///
/// let typed_in = String::from("Results of Ada Lovelace");
/// let subject = Subject::of(&[&typed_in]);
/// ```
///
/// ```compile_fail,E0277
/// use bearingwall_connectors::mail::Plain;
///
/// struct Name(String);
/// impl Plain for Name {}
/// ```
pub trait Plain: sealed::Sealed {}

impl sealed::Sealed for &'static str {
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl Plain for &'static str {}

/// What a clinic calls itself, out of its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClinicName(DisplayName);

impl ClinicName {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// As [`DisplayName::parse`].
    pub fn parse(text: &str) -> Result<Self, MailError> {
        DisplayName::parse(text).map(Self)
    }
}

impl sealed::Sealed for ClinicName {
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0.as_str())
    }
}

impl Plain for ClinicName {}

/// When somebody is expected, in the clinic's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppointmentTime(OffsetDateTime);

impl AppointmentTime {
    /// Takes a time whose offset is the clinic's.
    #[must_use]
    pub const fn at(time: OffsetDateTime) -> Self {
        Self(time)
    }
}

impl sealed::Sealed for AppointmentTime {
    fn text(&self) -> Cow<'_, str> {
        let (date, time) = (self.0.date(), self.0.time());
        Cow::Owned(format!(
            "{}, {} {} {}, {:02}:{:02}",
            date.weekday(),
            date.day(),
            date.month(),
            date.year(),
            time.hour(),
            time.minute()
        ))
    }
}

impl Plain for AppointmentTime {}

/// The host that links in messages lead to, out of the configuration: no path, no query, no identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHost(String);

impl LinkHost {
    /// Takes a host name of lower-case letters, digits, hyphens and dots.
    ///
    /// # Errors
    ///
    /// [`MailError::Address`] for anything else.
    pub fn parse(text: &str) -> Result<Self, MailError> {
        super::address::check_domain(text)?;
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl sealed::Sealed for LinkHost {
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

impl Plain for LinkHost {}

/// A subject line. It is made of [`Plain`] parts alone: subjects stand in lists, notifications and logs of mail servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// Puts the parts together.
    ///
    /// # Errors
    ///
    /// [`MailError::Text`] if the whole is not fit for a header, or is longer than 150 characters.
    pub fn of(parts: &[&dyn Plain]) -> Result<Self, MailError> {
        let text = joined(parts);
        check_header_text("subject", &text, SUBJECT_MAX)?;
        Ok(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A body that is made of [`Plain`] parts alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainBody(BodyText);

impl PlainBody {
    /// Puts the parts together.
    ///
    /// # Errors
    ///
    /// As [`BodyText::parse`].
    pub fn of(parts: &[&dyn Plain]) -> Result<Self, MailError> {
        BodyText::parse(&joined(parts)).map(Self)
    }

    pub(super) const fn text(&self) -> &BodyText {
        &self.0
    }
}

fn joined(parts: &[&dyn Plain]) -> String {
    parts.iter().map(|part| part.text()).collect()
}

/// The text of a body: Unicode in lines that end with LF or CRLF.
#[derive(Clone, PartialEq, Eq)]
pub struct BodyText(String);

impl BodyText {
    /// Bytes of a text.
    pub const MAX_BYTES: usize = 262_144;

    /// Takes a text.
    ///
    /// # Errors
    ///
    /// [`MailError::Body`] if it is empty, larger than 256 KiB, or holds a control character other than tab and line ends.
    pub fn parse(text: &str) -> Result<Self, MailError> {
        let text = text.replace("\r\n", "\n");
        let refuse = |reason| Err(MailError::Body { reason });
        if text.trim().is_empty() {
            return refuse("it is empty");
        }
        if text.len() > Self::MAX_BYTES {
            return refuse("its text is too large");
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return refuse("its text holds a control character");
        }
        Ok(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BodyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyText(…)")
    }
}
