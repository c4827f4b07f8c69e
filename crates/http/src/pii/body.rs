//! What several routes of masking take or answer: findings, and policies as a tenant writes them.

use bearingwall_core::Phi;
use bearingwall_domain::masking::{Form, Found, PolicySample};
use bearingwall_domain::{DomainError, MaskingError};
use bearingwall_pii::own::{OwnRecognizer, OwnRule};
use bearingwall_pii::{Action, Entity, Language, OperatingPoint, PolicyDraft, SegmentLimits, Validity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use utoipa::ToSchema;

/// What form a text has.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TextKind {
    /// Plain text, a transcript included.
    #[default]
    Text,
    /// JSON.
    Json,
    /// CSV with a header row.
    Csv,
    /// A FHIR resource or bundle in JSON.
    Fhir,
}

impl From<TextKind> for Form {
    fn from(kind: TextKind) -> Self {
        match kind {
            TextKind::Text => Self::Text,
            TextKind::Json => Self::Json,
            TextKind::Csv => Self::Csv,
            TextKind::Fhir => Self::Fhir,
        }
    }
}

/// A part of a text, half-open.
#[derive(Serialize, ToSchema)]
pub(super) struct Span {
    /// Where it begins, from 0.
    start: usize,
    /// Where it has ended.
    end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// Why a value was found.
#[derive(Serialize, ToSchema)]
pub(super) struct Why {
    /// The recognizer that named it, as `rule.mrn`, `tagger.en` or the name of one of the tenant's own; `field` where the name of
    /// the field alone says it.
    recognizer: String,
    /// What check digits and structure say: `valid`, `invalid`, or `unchecked`.
    validity: &'static str,
    /// Where the word stands that speaks for it, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Span>,
    /// The part of the score that the shape alone gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    shape_score: Option<f32>,
    /// What the check added.
    #[serde(skip_serializing_if = "Option::is_none")]
    check_score: Option<f32>,
    /// What the context added.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_score: Option<f32>,
    /// Other recognizers whose spans are within this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
}

/// A value that was found: where, what and why. The value itself is not answered.
#[derive(Serialize, ToSchema)]
pub(super) struct PiiFinding {
    /// What it is, as `EMAIL`.
    entity: &'static str,
    /// Where, in bytes of UTF-8.
    bytes: Span,
    /// The same in characters (Unicode scalar values).
    characters: Span,
    /// How sure, from 0 to 1.
    score: f32,
    /// What the policy does with it, as `placeholder`.
    action: &'static str,
    /// Why.
    explanation: Why,
}

impl From<Found> for PiiFinding {
    fn from(found: Found) -> Self {
        let explanation = match found.explanation {
            Some(why) => Why {
                recognizer: why.recognizer.into_owned(),
                validity: match why.validity {
                    Validity::Valid => "valid",
                    Validity::Invalid => "invalid",
                    Validity::Unchecked => "unchecked",
                },
                context: why.cue.map(Span::from),
                shape_score: Some(why.shape_score),
                check_score: Some(why.check_score),
                context_score: Some(why.cue_score),
                also: why.also.into_iter().map(std::borrow::Cow::into_owned).collect(),
            },
            None => Why {
                recognizer: "field".to_owned(),
                validity: "unchecked",
                context: None,
                shape_score: None,
                check_score: None,
                context_score: None,
                also: Vec::new(),
            },
        };
        Self {
            entity: found.entity.name(),
            bytes: found.bytes.into(),
            characters: found.chars.into(),
            score: found.score,
            action: found.action.name(),
            explanation,
        }
    }
}

/// What is done with a value.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PiiAction {
    /// It stays.
    Allow,
    /// Every letter and digit becomes a star, but for the last `keep_last`, at most 4.
    Mask {
        /// How many letters and digits stay.
        keep_last: u8,
    },
    /// What Safe Harbor leaves of a date, a place or an age. Anything else goes.
    Generalise,
    /// A date moves by a number of days that is constant for one person. Anything else goes.
    DateShift,
    /// Another value of the same form, which the tenant's key could turn back.
    FormatPreserving,
    /// An invented value of the same kind, the same for the same value.
    Pseudonym,
    /// A keyed hash, the same for the same value within the tenant.
    KeyedHash,
    /// A numbered name that its conversation can turn back.
    Placeholder,
    /// The kind's name and nothing of the value.
    Redact,
}

impl From<PiiAction> for Action {
    fn from(action: PiiAction) -> Self {
        match action {
            PiiAction::Allow => Self::Allow,
            PiiAction::Mask { keep_last } => Self::Mask { keep_last },
            PiiAction::Generalise => Self::Generalise,
            PiiAction::DateShift => Self::DateShift,
            PiiAction::FormatPreserving => Self::FormatPreserving,
            PiiAction::Pseudonym => Self::Pseudonym,
            PiiAction::KeyedHash => Self::KeyedHash,
            PiiAction::Placeholder => Self::Placeholder,
            PiiAction::Redact => Self::Redact,
        }
    }
}

impl From<Action> for PiiAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Allow => Self::Allow,
            Action::Mask { keep_last } => Self::Mask { keep_last },
            Action::Generalise => Self::Generalise,
            Action::DateShift => Self::DateShift,
            Action::FormatPreserving => Self::FormatPreserving,
            Action::Pseudonym => Self::Pseudonym,
            Action::KeyedHash => Self::KeyedHash,
            Action::Placeholder => Self::Placeholder,
            // What this release does not know is shown as the strictest that it does.
            _ => Self::Redact,
        }
    }
}

/// How much is hidden where it is not sure.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PiiPoint {
    /// Misses least.
    Recall,
    /// The default.
    #[default]
    Balanced,
    /// Hides least.
    Precision,
}

/// Which language names and places are read in.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PiiLanguage {
    /// Decided for each piece of text.
    #[default]
    Auto,
    /// English.
    English,
    /// Spanish.
    Spanish,
    /// Names and places are not looked for.
    None,
}

/// A value that is found wherever it stands.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeniedValue {
    /// The value, as whole words; case does not matter.
    value: String,
    /// What it is, as `CUSTOM`.
    entity: String,
}

/// A recognizer of the tenant's own: a pattern or a dictionary.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PiiRecognizer {
    /// Its name, for explanations.
    name: String,
    /// What it finds, as `CUSTOM`.
    entity: String,
    /// How sure it is, from 0 to 1.
    score: f32,
    /// A regular expression without look-around and back-references, at most 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// Whole words and phrases; case does not matter. Either this or a pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dictionary: Option<Vec<String>>,
}

/// A policy as a tenant writes it. What it does not say has safe defaults; below the platform's floor it cannot get.
// No Debug: its lists name people.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PiiPolicyBody {
    /// What is done with kinds that are not named.
    #[serde(default = "placeholder")]
    default: PiiAction,
    /// What is done with each kind, by its stable name.
    #[serde(default)]
    actions: BTreeMap<String, PiiAction>,
    /// The threshold of kinds that have none of their own.
    #[serde(default)]
    point: PiiPoint,
    /// The score from which on a finding of a kind counts, from 0 to 1.
    #[serde(default)]
    thresholds: BTreeMap<String, f32>,
    /// Who reads names and places.
    #[serde(default)]
    language: PiiLanguage,
    /// Values that stay where the floor asks nothing of their kind; with `deny`, at most 10,000.
    #[serde(default)]
    allow: Vec<String>,
    /// Values that are found wherever they stand.
    #[serde(default)]
    deny: Vec<DeniedValue>,
    /// Recognizers of the tenant's own, at most 64.
    #[serde(default)]
    recognizers: Vec<PiiRecognizer>,
}

const fn placeholder() -> PiiAction {
    PiiAction::Placeholder
}

fn invalid(field: &'static str, reason: &'static str) -> MaskingError {
    DomainError::Invalid { field, reason }.into()
}

impl PiiPolicyBody {
    pub(super) fn into_draft(self) -> Result<PolicyDraft, MaskingError> {
        let recognizers = self.recognizers.into_iter().map(recognizer);
        Ok(PolicyDraft {
            version: 0,
            default: self.default.into(),
            actions: self
                .actions
                .into_iter()
                .map(|(name, action)| (name, action.into()))
                .collect(),
            point: match self.point {
                PiiPoint::Recall => OperatingPoint::Recall,
                PiiPoint::Balanced => OperatingPoint::Balanced,
                PiiPoint::Precision => OperatingPoint::Precision,
            },
            thresholds: self.thresholds.into_iter().collect(),
            language: match self.language {
                PiiLanguage::Auto => Language::Auto,
                PiiLanguage::English => Language::English,
                PiiLanguage::Spanish => Language::Spanish,
                PiiLanguage::None => Language::None,
            },
            allow: self.allow,
            deny: self
                .deny
                .into_iter()
                .map(|denied| (denied.value, denied.entity))
                .collect(),
            recognizers: recognizers.collect::<Result<_, _>>()?,
            segments: SegmentLimits::default(),
        })
    }
}

fn recognizer(body: PiiRecognizer) -> Result<OwnRecognizer, MaskingError> {
    let entity = Entity::from_name(&body.entity)
        .ok_or_else(|| invalid("recognizers", "name a kind of value that there is not"))?;
    let rule = match (body.pattern, body.dictionary) {
        (Some(pattern), None) => OwnRule::Pattern(pattern),
        (None, Some(words)) => OwnRule::Dictionary(words),
        _ => return Err(invalid("recognizers", "have either a pattern or a dictionary")),
    };
    Ok(OwnRecognizer {
        name: body.name,
        entity,
        score: body.score,
        rule,
    })
}

impl From<PolicyDraft> for PiiPolicyBody {
    fn from(draft: PolicyDraft) -> Self {
        Self {
            default: draft.default.into(),
            actions: draft
                .actions
                .into_iter()
                .map(|(name, action)| (name, action.into()))
                .collect(),
            point: match draft.point {
                OperatingPoint::Recall => PiiPoint::Recall,
                OperatingPoint::Balanced => PiiPoint::Balanced,
                OperatingPoint::Precision => PiiPoint::Precision,
            },
            thresholds: draft.thresholds.into_iter().collect(),
            language: match draft.language {
                Language::English => PiiLanguage::English,
                Language::Spanish => PiiLanguage::Spanish,
                Language::None => PiiLanguage::None,
                _ => PiiLanguage::Auto,
            },
            allow: draft.allow,
            deny: draft
                .deny
                .into_iter()
                .map(|(value, entity)| DeniedValue { value, entity })
                .collect(),
            recognizers: draft.recognizers.into_iter().map(shown).collect(),
        }
    }
}

fn shown(own: OwnRecognizer) -> PiiRecognizer {
    let (pattern, dictionary) = match own.rule {
        OwnRule::Pattern(pattern) => (Some(pattern), None),
        OwnRule::Dictionary(words) => (None, Some(words)),
    };
    PiiRecognizer {
        name: own.name,
        entity: own.entity.name().to_owned(),
        score: own.score,
        pattern,
        dictionary,
    }
}

/// An invented text of which is known what has to become of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PiiSample {
    /// The text, at most 8 KiB. It must not be one that somebody has really written.
    text: String,
    /// Parts of it of which nothing may be left in this spelling.
    #[serde(default)]
    hides: Vec<String>,
    /// Parts of it that must stay.
    #[serde(default)]
    keeps: Vec<String>,
}

impl From<PiiSample> for PolicySample {
    fn from(sample: PiiSample) -> Self {
        Self {
            text: sample.text,
            hides: sample.hides,
            keeps: sample.keeps,
        }
    }
}

pub(super) fn phi(texts: Vec<String>) -> Vec<Phi<String>> {
    texts.into_iter().map(Phi::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_back_as_it_was_written_and_unknown_fields_are_refused() {
        let written = serde_json::json!({
            "default": "redact", "actions": {"EMAIL": "placeholder", "MRN": {"mask": {"keep_last": 3}}}, "point": "recall",
            "thresholds": {"PERSON": 0.5}, "language": "english", "allow": ["Juniper"],
            "deny": [{"value": "Project Ada", "entity": "CUSTOM"}],
            "recognizers": [{"name": "lot", "entity": "CUSTOM", "score": 0.75, "pattern": "LOT-[0-9]{4}"}],
        });
        let body: PiiPolicyBody = serde_json::from_value(written.clone()).unwrap();
        let draft = body.into_draft().unwrap();
        assert_eq!(serde_json::to_value(PiiPolicyBody::from(draft)).unwrap(), written);
        for unknown in [
            serde_json::json!({"surprise": 1}),
            serde_json::json!({"deny": [{"value": "a", "entity": "CUSTOM", "surprise": 1}]}),
            serde_json::json!({"recognizers": [{"name": "a", "entity": "CUSTOM", "score": 1, "surprise": 1}]}),
        ] {
            assert!(serde_json::from_value::<PiiPolicyBody>(unknown).is_err());
        }
        let both = serde_json::json!({"recognizers": [{"name": "a", "entity": "CUSTOM", "score": 1, "pattern": "a", "dictionary": []}]});
        let both: PiiPolicyBody = serde_json::from_value(both).unwrap();
        assert!(both.into_draft().is_err());
    }
}
