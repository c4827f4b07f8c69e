//! The work on texts: what stands in one and why, and what becomes of it, for each form that a text may have.

use super::error::MaskingError;
use super::{Masking, work};
use bearingwall_core::{Ctx, Phi};
use bearingwall_pii::structured::{CsvOptions, StructuredLimits, mask_csv, mask_fhir, mask_json};
use bearingwall_pii::{Action, Conversation, Entity, Explanation, Finding, Masked, Masker};
use std::ops::Range;

/// What form a text has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Plain text, a transcript included.
    #[default]
    Text,
    /// JSON (RFC 8259).
    Json,
    /// CSV (RFC 4180) with a header row.
    Csv,
    /// A FHIR resource or bundle in JSON.
    Fhir,
}

/// A value that was found: where and why, and never which.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it is.
    pub entity: Entity,
    /// Where, in bytes of UTF-8.
    pub bytes: Range<usize>,
    /// The same in characters (Unicode scalar values).
    pub chars: Range<usize>,
    /// How sure, from 0 to 1.
    pub score: f32,
    /// What the policy in force does with it.
    pub action: Action,
    /// Which recognizer, validator and context; `None` where the name of the field alone says it.
    pub explanation: Option<Explanation>,
}

impl Masking {
    /// What stands in a text. Nothing is stored, and no value is answered.
    ///
    /// # Errors
    /// [`MaskingError::TooLong`], [`MaskingError::Busy`]; when policy, key, engine or record are away, or the document is not of
    /// its form.
    pub async fn detect(&self, ctx: &Ctx, text: Phi<String>, form: Form) -> Result<(i32, Vec<Found>), MaskingError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the engine reads the text; positions are all that comes back"
        )]
        let text = text.into_disclosed();
        let ready = self.ready(ctx, &text).await?;
        let version = ready.policy.version;
        let (tenant, key) = (ctx.customer().to_string(), ready.keys.masking());
        let looked = work(ready.turn, move || {
            let mut scratch = Conversation::new(&tenant, "detect", key);
            found(&ready.policy.masker, &text, form, &mut scratch)
        });
        match looked.await.and_then(|found| found) {
            Ok(found) => Ok((version, found)),
            Err(error) => Err(self.engine_refused(ctx, error).await),
        }
    }
}

/// Masks a text of a form.
pub(super) fn masked(
    masker: &Masker,
    text: &str,
    form: Form,
    conversation: &mut Conversation,
    subject: Option<&str>,
) -> Result<Masked, MaskingError> {
    let limits = StructuredLimits::default();
    Ok(match form {
        Form::Text => masker.mask(text, conversation, subject)?,
        Form::Json => mask_json(masker, text, &[], conversation, subject, limits)?,
        Form::Csv => mask_csv(masker, text, &[], CsvOptions::default(), conversation, subject)?,
        Form::Fhir => mask_fhir(masker, text, &[], conversation, subject, limits)?,
    })
}

/// What is found in a text of a form.
pub(super) fn found(
    masker: &Masker,
    text: &str,
    form: Form,
    scratch: &mut Conversation,
) -> Result<Vec<Found>, MaskingError> {
    let read = masker.preview(text, scratch)?;
    let list = match form {
        Form::Text => read.into_iter().map(of_text).collect(),
        Form::Json | Form::Csv | Form::Fhir => masked(masker, text, form, scratch, None)?
            .replacements
            .into_iter()
            .map(|replacement| {
                let why = read.iter().find(|(finding, _)| {
                    let touches = finding.range.start < replacement.original.end
                        && replacement.original.start < finding.range.end;
                    touches && finding.entity == replacement.entity
                });
                Found {
                    entity: replacement.entity,
                    bytes: replacement.original,
                    chars: 0..0,
                    score: why.map_or(replacement.score, |(finding, _)| finding.score),
                    action: replacement.action,
                    explanation: why.map(|(finding, _)| finding.explanation.clone()),
                }
            })
            .collect(),
    };
    Ok(in_characters(text, list))
}

fn of_text((finding, action): (Finding, Action)) -> Found {
    Found {
        entity: finding.entity,
        bytes: finding.range,
        chars: 0..0,
        score: finding.score,
        action,
        explanation: Some(finding.explanation),
    }
}

/// Fills in where each value stands in characters: one pass over the text.
fn in_characters(text: &str, mut list: Vec<Found>) -> Vec<Found> {
    list.sort_by_key(|found| found.bytes.start);
    let mut positions = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).peekable();
    let mut chars = 0;
    let mut reach = |target: usize| {
        while positions.next_if(|byte| *byte < target).is_some() {
            chars += 1;
        }
        chars
    };
    for found in &mut list {
        let start = reach(found.bytes.start);
        found.chars = start..reach(found.bytes.end);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_pii::{Floor, Policy, PolicyDraft, TenantKey};

    fn masker() -> Masker {
        let policy = Policy::compile(&PolicyDraft::default(), &Floor::platform_least()).unwrap();
        Masker::new(policy, TenantKey::new("t", [1; 32]), 2026, Vec::new()).unwrap()
    }

    #[test]
    fn places_are_told_in_bytes_and_in_characters() {
        let text = "Señora Müller 💉: ada@example.org, MRN 4821937.";
        let mut scratch = Conversation::new("t", "detect", [1; 32]);
        let list = found(&masker(), text, Form::Text, &mut scratch).unwrap();
        let email = list.iter().find(|found| found.entity == Entity::Email).unwrap();
        assert_eq!(text.get(email.bytes.clone()), Some("ada@example.org"));
        let chars: String = text.chars().skip(email.chars.start).take(email.chars.len()).collect();
        assert_eq!(chars, "ada@example.org");
        assert_ne!(email.bytes, email.chars);
    }

    #[test]
    fn a_field_of_a_document_is_found_by_its_name_or_by_what_stands_in_it() {
        let json = r#"{"ssn": "078-05-1120", "comment": "write to ada@example.org"}"#;
        let mut scratch = Conversation::new("t", "detect", [1; 32]);
        let list = found(&masker(), json, Form::Json, &mut scratch).unwrap();
        assert_eq!(list.len(), 2, "{list:?}");
        assert!(list.iter().any(|found| found.entity == Entity::UsSsn));
        assert!(list.iter().all(|found| found.chars == found.bytes), "{list:?}");
        let malformed = found(&masker(), "{\"a\": ", Form::Json, &mut scratch);
        assert!(matches!(malformed, Err(MaskingError::Document(_))));
    }
}
