//! The engine: rules, tagger, own and plugged-in recognizers over one text, and what is made of their proposals.

use crate::checksums::{Validity, check};
use crate::disguise::Plain;
use crate::entity::Entity;
use crate::error::DetectError;
use crate::finding::{Candidate, Finding, Findings};
use crate::health::add_terms;
use crate::own::OwnRecognizers;
use crate::recognizers::names;
use crate::resolve::{resolve, weigh_together};
use crate::scan::Scan;
use crate::segment::SegmentLimits;
use crate::tagger::{Tagger, Work};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// What the tagger's word for a number is worth whose check digits are wrong.
const UNCHECKED_TAG: f32 = 0.25;

/// Where an engine stands between missing and hiding too much.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OperatingPoint {
    /// Misses least: also what only may be personal data.
    Recall,
    /// The default.
    #[default]
    Balanced,
    /// Hides least: only what is sure.
    Precision,
}

impl OperatingPoint {
    /// The score from which on a proposal counts.
    #[must_use]
    pub const fn threshold(self) -> f32 {
        match self {
            Self::Recall => 0.3,
            Self::Balanced => 0.5,
            Self::Precision => 0.7,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recall => "recall",
            Self::Balanced => "balanced",
            Self::Precision => "precision",
        }
    }
}

/// Which tagger reads a text. Rules know the words of all languages.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// Decided for each piece of text by its function words.
    #[default]
    Auto,
    /// English.
    English,
    /// Spanish.
    Spanish,
    /// Rules only: structured identifiers, no names and places without a shape.
    None,
}

/// A set of kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntitySet(u128);

impl EntitySet {
    /// All kinds.
    pub const ALL: Self = Self(u128::MAX);
    /// No kind.
    pub const NONE: Self = Self(0);

    /// This set with one kind more.
    #[must_use]
    pub const fn with(self, entity: Entity) -> Self {
        Self(self.0 | 1 << entity.index())
    }

    /// This set without one kind.
    #[must_use]
    pub const fn without(self, entity: Entity) -> Self {
        Self(self.0 & !(1 << entity.index()))
    }

    /// Whether the kind is in it.
    #[must_use]
    pub const fn contains(self, entity: Entity) -> bool {
        self.0 >> entity.index() & 1 == 1
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds in it, in the order of [`Entity::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Entity> {
        Entity::ALL.iter().copied().filter(move |entity| self.contains(*entity))
    }
}

/// What a plugged-in recognizer proposes.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Where, in bytes of the piece of text that was given.
    pub range: Range<usize>,
    /// What it is.
    pub entity: Entity,
    /// How sure, from 0 to 1.
    pub score: f32,
}

/// A recognizer that is not part of this crate: a larger model, local or remote.
///
/// It is given the text piece by piece, as [`SegmentLimits`] says, each with a little of what stands around it, so that a
/// stream gives the answer of the whole.
pub trait Recognizer: Send + Sync {
    /// Its name, for explanations.
    fn name(&self) -> &str;

    /// Whether a text may be used that this recognizer has not seen. If it is required, its failure refuses the text.
    fn required(&self) -> bool;

    /// What it finds. The error's text is not shown to anybody but the operator.
    ///
    /// # Errors
    ///
    /// If it could not look at the text.
    fn find(&self, text: &str) -> Result<Vec<Proposal>, Box<dyn std::error::Error + Send + Sync>>;
}

/// How an engine is set up.
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineOptions {
    /// The kinds that are looked for.
    pub entities: EntitySet,
    /// The threshold of every kind that has none of its own.
    pub point: OperatingPoint,
    /// Thresholds of single kinds.
    pub thresholds: Vec<(Entity, f32)>,
    /// Who reads names and places.
    pub language: Language,
    /// How texts are cut.
    pub segments: SegmentLimits,
    /// A tenant's own recognizers.
    pub own: OwnRecognizers,
    /// Larger models.
    pub plugged: Vec<Arc<dyn Recognizer>>,
    /// A model on trial, in the place of the shipped ones.
    #[cfg(feature = "train")]
    pub trial: Option<Arc<crate::train::Trial>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            entities: EntitySet::ALL,
            point: OperatingPoint::Balanced,
            thresholds: Vec::new(),
            language: Language::Auto,
            segments: SegmentLimits::default(),
            own: OwnRecognizers::default(),
            plugged: Vec::new(),
            #[cfg(feature = "train")]
            trial: None,
        }
    }
}

/// Finds personal and health data in text. Cheap to share, immutable.
pub struct Engine {
    options: EngineOptions,
    thresholds: Vec<f32>,
    lowest: f32,
    models: Models,
}

/// Where the shipped models come from; nothing if the bytes are damaged.
#[derive(Clone, Copy)]
struct Models {
    english: fn() -> Option<&'static Tagger>,
    spanish: fn() -> Option<&'static Tagger>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(EngineOptions::default())
    }
}

impl Engine {
    /// An engine.
    #[must_use]
    pub fn new(mut options: EngineOptions) -> Self {
        options.segments = options.segments.sane();
        let mut thresholds = vec![options.point.threshold(); Entity::ALL.len()];
        for (entity, threshold) in &options.thresholds {
            if let Some(slot) = thresholds.get_mut(entity.index()) {
                // A threshold that is no number would find nothing of its kind.
                *slot = if threshold.is_nan() {
                    0.0
                } else {
                    threshold.clamp(0.0, 1.0)
                };
            }
        }
        let lowest = thresholds.iter().copied().fold(1.0, f32::min);
        Self {
            options,
            thresholds,
            lowest,
            models: Models {
                english: Tagger::english,
                spanish: Tagger::spanish,
            },
        }
    }

    /// How it was set up.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// What is in the text.
    ///
    /// # Errors
    ///
    /// If a required plugged-in recognizer fails, or the shipped model of the text's language is damaged.
    pub fn detect(&self, text: &str) -> Result<Findings, DetectError> {
        self.detect_field(text, None)
    }

    /// What is in the value of a field: its name speaks for what stands at the beginning.
    ///
    /// # Errors
    ///
    /// As [`Engine::detect`].
    pub fn detect_field(&self, text: &str, field: Option<&str>) -> Result<Findings, DetectError> {
        let mut findings = Vec::new();
        let mut buffers = Buffers::default();
        let mut start = 0;
        let mut look = |window: Range<usize>| {
            let mut found = Vec::new();
            let part = text.get(window.clone()).unwrap_or_default();
            let field = field.filter(|_| window.start == 0);
            self.detect_piece(part, field, window.start, &mut buffers, &mut found)?;
            Ok(found)
        };
        while let Some(mut piece) = self.options.segments.piece(text, start, true, &mut look)? {
            start = piece.range.end;
            findings.append(&mut piece.findings);
        }
        Ok(Findings::new(findings))
    }

    /// What is in one piece, with positions shifted by `base`.
    pub(crate) fn detect_piece(
        &self,
        text: &str,
        field: Option<&str>,
        base: usize,
        buffers: &mut Buffers,
        findings: &mut Vec<Finding>,
    ) -> Result<(), DetectError> {
        let Buffers {
            candidates,
            tagged,
            terms,
            work,
        } = buffers;
        candidates.clear();
        self.propose(text, field, candidates, (tagged, terms, work))?;
        if let Some(plain) = Plain::of(text) {
            self.unmask(&plain, field, candidates, (tagged, &mut Vec::new(), work))?;
        }
        self.ask_plugged(text, candidates)?;
        candidates.retain(|candidate| {
            candidate.score >= self.lowest.min(0.2)
                && candidate.start < candidate.end
                && self.options.entities.contains(candidate.entity)
        });
        weigh_together(text, candidates, self.options.point.threshold());
        candidates.retain(|candidate| {
            self.thresholds
                .get(candidate.entity.index())
                .is_none_or(|threshold| candidate.score >= *threshold - f32::EPSILON)
        });
        for candidate in candidates.iter_mut() {
            on_boundaries(text, candidate);
        }
        let first = findings.len();
        resolve(candidates, base, &|candidate| self.name_of(candidate), findings);
        if !terms.is_empty() && self.options.entities.contains(Entity::HealthData) {
            let threshold = self.thresholds.get(Entity::HealthData.index()).copied();
            add_terms(text, terms, base, threshold.unwrap_or(0.0), first, findings);
        }
        Ok(())
    }

    /// What rules, own recognizers and the tagger propose.
    fn propose(
        &self,
        text: &str,
        field: Option<&str>,
        candidates: &mut Vec<Candidate>,
        (tagged, terms, work): (&mut Vec<Candidate>, &mut Vec<Range<usize>>, &mut Work),
    ) -> Result<(), DetectError> {
        terms.clear();
        Scan::run(text, field, candidates, terms);
        self.options.own.find(text, candidates);
        candidates.sort_by_key(|candidate| (candidate.start, candidate.end));
        if let Some(tagger) = self.tagger(text)? {
            tagged.clear();
            tagger.tag(text, work, tagged);
            check_tagged(text, candidates, tagged);
            yield_names(candidates, tagged, self.options.point.threshold());
            candidates.append(tagged);
        }
        Ok(())
    }

    /// Adds what is found in the plain spelling of a text, where it is another than the text's or is announced by a word
    /// that is.
    // CONTROL: PII-1
    fn unmask(
        &self,
        plain: &Plain,
        field: Option<&str>,
        candidates: &mut Vec<Candidate>,
        buffers: (&mut Vec<Candidate>, &mut Vec<Range<usize>>, &mut Work),
    ) -> Result<(), DetectError> {
        let mut found = Vec::new();
        self.propose(plain.text(), field, &mut found, buffers)?;
        found.retain(|candidate| {
            plain.touches(candidate.start..candidate.end)
                || candidate.cue.is_some_and(|cue| plain.touches(cue.start..cue.end))
        });
        for candidate in &mut found {
            candidate.start = plain.original(candidate.start);
            candidate.end = plain.original(candidate.end);
            if let Some(cue) = &mut candidate.cue {
                (cue.start, cue.end) = (plain.original(cue.start), plain.original(cue.end));
            }
        }
        candidates.append(&mut found);
        Ok(())
    }

    fn name_of(&self, candidate: &Candidate) -> Cow<'static, str> {
        let Some(index) = candidate.plugged.map(usize::from) else {
            return Cow::Borrowed(candidate.source);
        };
        let own = self.options.own.len();
        if let Some(name) = self.options.own.name(index) {
            return Cow::Owned(name.to_owned());
        }
        index
            .checked_sub(own)
            .and_then(|index| self.options.plugged.get(index))
            .map_or(Cow::Borrowed(candidate.source), |plugged| {
                Cow::Owned(plugged.name().to_owned())
            })
    }

    /// The model that reads the text, or nothing if rules alone were asked for.
    // CONTROL: PII-2
    // SECURITY: a model that cannot be read must not pass for "rules alone": every name would be left where it stands.
    fn tagger(&self, text: &str) -> Result<Option<&Tagger>, DetectError> {
        #[cfg(feature = "train")]
        if let Some(trial) = &self.options.trial {
            return Ok(Some(trial.tagger()));
        }
        let model = match self.options.language {
            Language::None => return Ok(None),
            Language::Spanish => (self.models.spanish)(),
            Language::Auto if looks_spanish(text) => (self.models.spanish)(),
            Language::Auto | Language::English => (self.models.english)(),
        };
        model.map(Some).ok_or(DetectError::Model)
    }

    // CONTROL: PII-2
    fn ask_plugged(&self, text: &str, candidates: &mut Vec<Candidate>) -> Result<(), DetectError> {
        for (index, plugged) in self.options.plugged.iter().enumerate() {
            let found = match plugged.find(text) {
                Ok(found) => found,
                Err(_) if !plugged.required() => continue,
                Err(source) => {
                    return Err(DetectError::Recognizer {
                        name: plugged.name().to_owned(),
                        source,
                    });
                }
            };
            for proposal in found {
                if proposal.range.start >= proposal.range.end
                    || proposal.range.end > text.len()
                    || !proposal.score.is_finite()
                {
                    // What cannot be placed cannot be hidden: a required recognizer has failed.
                    if plugged.required() {
                        return Err(DetectError::Misplaced {
                            name: plugged.name().to_owned(),
                        });
                    }
                    continue;
                }
                let mut candidate = Candidate::new(
                    proposal.range.start,
                    proposal.range.end,
                    proposal.entity,
                    proposal.score.clamp(0.0, 1.0),
                    "plugged",
                );
                candidate.plugged = u16::try_from(self.options.own.len() + index).ok();
                candidates.push(candidate);
            }
        }
        Ok(())
    }
}

/// What is allocated once for all pieces of a text.
#[derive(Default)]
pub(crate) struct Buffers {
    candidates: Vec<Candidate>,
    tagged: Vec<Candidate>,
    terms: Vec<Range<usize>>,
    work: Work,
}

/// Holds what the tagger takes for a number of a checked kind against its check digits: a number that fails, and that no
/// cue announces, is not one.
fn check_tagged(text: &str, rules: &[Candidate], tagged: &mut [Candidate]) {
    for candidate in tagged {
        if !matches!(
            candidate.entity,
            Entity::CreditCard | Entity::Iban | Entity::UsNpi | Entity::UsSsn
        ) {
            continue;
        }
        let value = text.get(candidate.start..candidate.end).unwrap_or_default();
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        // A spoken number has no digits to check.
        if digits < 6 {
            continue;
        }
        candidate.validity = check(candidate.entity, value);
        let announced = rules.iter().any(|rule| {
            rule.entity == candidate.entity
                && rule.cue.is_some()
                && rule.start < candidate.end
                && candidate.start < rule.end
        });
        if candidate.validity == Validity::Invalid && !announced {
            candidate.score = candidate.score.min(UNCHECKED_TAG);
        }
    }
}

/// A name after a form of address is the tagger's where it sees one: it knows where the name ends.
fn yield_names(rules: &mut Vec<Candidate>, tagged: &[Candidate], threshold: f32) {
    rules.retain(|rule| {
        rule.source != names::TITLED
            || !tagged.iter().any(|tag| {
                tag.entity == Entity::Person && tag.score >= threshold && tag.start < rule.end && rule.start < tag.end
            })
    });
}

/// Widens a span to whole characters.
fn on_boundaries(text: &str, candidate: &mut Candidate) {
    candidate.end = candidate.end.min(text.len());
    while candidate.start > 0 && !text.is_char_boundary(candidate.start) {
        candidate.start -= 1;
    }
    while candidate.end < text.len() && !text.is_char_boundary(candidate.end) {
        candidate.end += 1;
    }
}

/// Whether Spanish function words are more frequent than English ones at the beginning of the text.
fn looks_spanish(text: &str) -> bool {
    let head = text.as_bytes().get(..text.len().min(1024)).unwrap_or(text.as_bytes());
    let mut spanish = 0_usize;
    let mut english = 0_usize;
    for word in head.split(|byte| !byte.is_ascii_alphabetic() && *byte < 0x80) {
        match word {
            b"de" | b"la" | b"el" | b"que" | b"en" | b"los" | b"las" | b"del" | b"con" | b"una" | b"por" | b"se"
            | b"un" | b"su" | b"es" | b"al" | b"lo" | b"para" | b"y" | b"no" | b"Nombre" | b"mi" => spanish += 1,
            b"the" | b"of" | b"and" | b"to" | b"in" | b"is" | b"for" | b"with" | b"on" | b"was" | b"my" | b"at"
            | b"has" | b"are" | b"a" | b"The" | b"I" | b"you" | b"name" | b"it" => english += 1,
            _ => {}
        }
    }
    spanish > english + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pii_2_a_damaged_model_refuses_the_text_and_rules_alone_need_none() {
        for language in [Language::Auto, Language::English, Language::Spanish, Language::None] {
            let mut engine = Engine::new(EngineOptions {
                language,
                ..EngineOptions::default()
            });
            engine.models = Models {
                english: || None,
                spanish: || None,
            };
            let found = engine.detect("Marisol Quintanar, ada@example.org");
            if language == Language::None {
                assert_eq!(found.unwrap().len(), 1);
            } else {
                assert!(matches!(found, Err(DetectError::Model)), "{language:?}");
            }
        }
    }
}
