//! The rules for a chart note; what passed them is a type of its own, and the only thing that is stored.
#![expect(
    clippy::disallowed_methods,
    reason = "a value is looked at to be checked, on its way to being encrypted"
)]

use crate::error::Invalid;
use crate::note::NoteInput;
use crate::text::{Rule, calendar_date, rule};
use bearingwall_core::Phi;

const EXTERNAL_ID: Rule = rule!("external_id", "external id", 128);
const NOTED_ON: Rule = rule!("noted_on", "date of the note", 10);
const AUTHOR: Rule = rule!("author", "author", 200);
const SERVICE: Rule = rule!("service", "service", 100);

/// The text of a note at the most.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A chart note that passed the rules.
pub(crate) struct ValidNote(NoteInput);

impl ValidNote {
    pub(crate) fn new(input: &NoteInput) -> Result<Self, Invalid> {
        Ok(Self(NoteInput {
            external_id: EXTERNAL_ID.optional(input.external_id.as_ref())?,
            noted_on: noted_on(&input.noted_on)?,
            author: AUTHOR.required(&input.author)?,
            service: SERVICE.required(&input.service)?,
            body: body(&input.body)?,
        }))
    }

    pub(crate) const fn as_input(&self) -> &NoteInput {
        &self.0
    }

    /// The same note, which keeps an external id that passed the rules before.
    pub(crate) fn or_external_id(mut self, kept: Option<Phi<String>>) -> Self {
        self.0.external_id = self.0.external_id.or(kept);
        self
    }
}

fn noted_on(text: &Phi<String>) -> Result<Phi<String>, Invalid> {
    if text.disclose().trim().is_empty() {
        return Err(NOTED_ON.broken(NOTED_ON.missing));
    }
    if calendar_date(text.disclose().trim()).is_none() {
        return Err(NOTED_ON.broken("date of the note is not a calendar date (YYYY-MM-DD)"));
    }
    NOTED_ON.required(text)
}

/// What a clinician wrote is not trimmed.
fn body(text: &Phi<String>) -> Result<Phi<String>, Invalid> {
    let invalid = |reason| Err(Invalid { field: "body", reason });
    if text.disclose().trim().is_empty() {
        return invalid("body is missing");
    }
    if text.disclose().len() > BODY_BYTES_MAX {
        return invalid("body is longer than 65536 bytes");
    }
    if text.disclose().contains('\0') {
        return invalid("body holds a null character");
    }
    Ok(text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut NoteInput);

    fn phi(text: &str) -> Phi<String> {
        Phi::new(text.to_owned())
    }

    fn note() -> NoteInput {
        NoteInput {
            external_id: None,
            noted_on: phi("2026-11-20"),
            author: phi("Ruth Moss, RN"),
            service: phi("botox"),
            body: phi(" First line.\n\nSecond line. "),
        }
    }

    #[test]
    fn the_text_is_kept_as_it_is() {
        assert_eq!(ValidNote::new(&note()).unwrap().0, note());
    }

    #[test]
    fn every_broken_rule_names_its_field() {
        let broken: [(&str, Change); 7] = [
            ("noted_on", |n| n.noted_on = phi("20.11.2026")),
            ("noted_on", |n| n.noted_on = phi(" ")),
            ("author", |n| n.author = phi("")),
            ("service", |n| n.service = phi(&"x".repeat(101))),
            ("body", |n| n.body = phi(" \n")),
            ("body", |n| n.body = phi(&"x".repeat(BODY_BYTES_MAX + 1))),
            ("body", |n| n.body = phi("a\0b")),
        ];
        for (field, change) in broken {
            let mut input = note();
            change(&mut input);
            assert_eq!(ValidNote::new(&input).map(drop).unwrap_err().field, field);
        }
    }
}
