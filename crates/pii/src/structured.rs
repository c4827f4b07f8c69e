//! Structured data: JSON by pointer, CSV by column, FHIR by path. Keys and form stay, values are masked.

mod csv;
mod fields;
mod json;

pub use csv::{CsvOptions, mask_csv};
pub use fields::FieldRule;
pub(crate) use json::quoted;
pub use json::{mask_fhir, mask_json};

use crate::entity::Entity;
use crate::error::{MaskError, StructuredError};
use crate::mask::{Action, Masked, MaskedText, Masker, Replacement};
use crate::placeholders::Conversation;

/// How large structured data may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructuredLimits {
    /// The most bytes.
    pub most_bytes: usize,
    /// The deepest nesting.
    pub most_depth: usize,
}

impl Default for StructuredLimits {
    fn default() -> Self {
        Self {
            most_bytes: 16 * 1024 * 1024,
            most_depth: 128,
        }
    }
}

impl StructuredLimits {
    fn check(self, text: &str) -> Result<(), StructuredError> {
        if text.len() > self.most_bytes {
            return Err(StructuredError::TooLarge);
        }
        Ok(())
    }
}

/// What the masking of one document needs at every value.
struct Work<'w> {
    masker: &'w Masker,
    conversation: &'w mut Conversation,
    subject: Option<&'w str>,
    input: &'w str,
    copied: usize,
    out: String,
    replacements: Vec<Replacement>,
}

impl<'w> Work<'w> {
    fn new(masker: &'w Masker, conversation: &'w mut Conversation, subject: Option<&'w str>, input: &'w str) -> Self {
        Self {
            masker,
            conversation,
            subject,
            input,
            copied: 0,
            out: String::with_capacity(input.len()),
            replacements: Vec::new(),
        }
    }

    /// What becomes of a value; nothing if it stays. `known` is what its field says it is.
    fn value(
        &mut self,
        value: &str,
        field: Option<&str>,
        known: Option<Entity>,
    ) -> Result<Option<(String, Entity, Action)>, MaskError> {
        if value.is_empty() {
            return Ok(None);
        }
        if let Some(entity) = known
            && let Some(done) = self
                .masker
                .mask_known(value, field, entity, self.conversation, self.subject)?
        {
            return Ok(Some(done));
        }
        let masked = self.masker.mask_field(value, field, self.conversation, self.subject)?;
        let first = masked
            .replacements
            .iter()
            .find(|replacement| replacement.action != Action::Allow);
        Ok(first
            .map(|first| (first.entity, first.action))
            .map(|(entity, action)| (masked.text.into_string(), entity, action)))
    }

    /// As [`Work::value`], for a word of a vocabulary, which says nothing about anybody: it stays, unless it is none.
    fn term(&mut self, value: &str, uri: bool) -> Result<Option<(String, Entity, Action)>, MaskError> {
        if self.masker.is_term(value, uri, self.conversation)? {
            return Ok(None);
        }
        self.value(value, None, None)
    }

    /// Puts `new` in the place of `range` of the input.
    fn replace(&mut self, range: std::ops::Range<usize>, new: &str, entity: Entity, action: Action) {
        self.out
            .push_str(self.input.get(self.copied..range.start).unwrap_or_default());
        let start = self.out.len();
        self.out.push_str(new);
        self.replacements.push(Replacement {
            entity,
            action,
            score: 1.0,
            original: range.clone(),
            masked: start..self.out.len(),
        });
        self.copied = range.end;
    }

    fn finish(mut self) -> Masked {
        self.out.push_str(self.input.get(self.copied..).unwrap_or_default());
        Masked {
            text: MaskedText::from_masker(self.out),
            replacements: self.replacements,
        }
    }
}
