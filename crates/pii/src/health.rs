//! Words that say something about somebody's health: conditions, medicines and procedures near what identifies a person.
//!
//! They identify nobody, so that a policy leaves them unless it names them; a tenant learns which texts hold health data.

use crate::engine::EntitySet;
use crate::entity::{Class, Entity};
use crate::finding::{Candidate, CueSpan, Explanation, Finding};
use std::ops::Range;

/// The recognizer's name.
pub(crate) const SOURCE: &str = "dictionary.health";

/// How far from a term the value may stand that identifies a person, in bytes, with no blank line between.
const NEAR: usize = 256;

/// What a term near a person is worth, and what the same sentence adds: at the point for precision, only those count.
const SHAPE: f32 = 0.6;
const SAME_SENTENCE: f32 = 0.2;

/// The terms; `crates/pii/model/SOURCES.md` says where they come from.
pub(crate) const TERMS: &str = include_str!("../model/lists/health.txt");

/// Adds to the `findings` of a piece from the one numbered `first` on the `terms` that stand near a person.
///
/// INVARIANT: what was found before stays as it is. A term that overlaps a finding is reported as far as it reaches beyond
/// it.
pub(crate) fn add_terms(
    text: &str,
    terms: &[Range<usize>],
    base: usize,
    threshold: f32,
    first: usize,
    findings: &mut Vec<Finding>,
) {
    let others = findings.get(first..).unwrap_or_default();
    let people: Vec<Range<usize>> = others
        .iter()
        .filter(|finding| identifies_person(finding.entity))
        .map(|finding| finding.range.start - base..finding.range.end - base)
        .collect();
    if people.is_empty() {
        return;
    }
    let mut added = Vec::new();
    for term in joined(terms) {
        let Some((person, same_sentence)) = nearest(text, &term, &people) else {
            continue;
        };
        let mut candidate = Candidate::new(term.start, term.end, Entity::HealthData, SHAPE, SOURCE);
        candidate.score = if same_sentence { SHAPE + SAME_SENTENCE } else { SHAPE };
        if candidate.score < threshold - f32::EPSILON {
            continue;
        }
        candidate.cue = Some(CueSpan {
            start: person.start + base,
            end: person.end + base,
            weak: !same_sentence,
        });
        let mut explanation = Explanation::of(&candidate);
        explanation.cue_score = candidate.score - SHAPE;
        for range in beyond(text, &term, base, others) {
            added.push(Finding {
                entity: Entity::HealthData,
                range,
                score: candidate.score,
                explanation: explanation.clone(),
                kinds: EntitySet::NONE.with(Entity::HealthData),
                evident: EntitySet::NONE.with(Entity::HealthData),
            });
        }
    }
    if !added.is_empty() {
        findings.append(&mut added);
        if let Some(piece) = findings.get_mut(first..) {
            piece.sort_by_key(|finding| finding.range.start);
        }
    }
}

/// Whether a value of a kind tells who a person is, and not where, when or what.
fn identifies_person(entity: Entity) -> bool {
    match entity.class() {
        Class::Name => entity != Entity::Title,
        Class::Contact => entity != Entity::Url,
        // Those of providers tell who treats.
        Class::Health => !matches!(entity, Entity::UsNpi | Entity::UsDea),
        Class::Government | Class::Other => true,
        Class::Financial => matches!(entity, Entity::CreditCard | Entity::Iban | Entity::Account),
        _ => false,
    }
}

/// Terms in order, those that overlap as one.
fn joined(terms: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut sorted = terms.to_vec();
    sorted.sort_by_key(|term| (term.start, term.end));
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
    for term in sorted {
        match joined.last_mut() {
            Some(last) if term.start < last.end => last.end = last.end.max(term.end),
            _ => joined.push(term),
        }
    }
    joined
}

/// The nearest of `people`, who are in order, and whether it stands in the term's sentence.
fn nearest(text: &str, term: &Range<usize>, people: &[Range<usize>]) -> Option<(Range<usize>, bool)> {
    let after = people.partition_point(|person| person.start < term.start);
    let before = after.checked_sub(1).and_then(|place| people.get(place));
    [before, people.get(after)]
        .into_iter()
        .flatten()
        .filter_map(|person| {
            let gap = if person.start < term.start {
                person.end.min(term.start)..term.start
            } else {
                term.end.min(person.start)..person.start
            };
            let between = text.as_bytes().get(gap).unwrap_or_default();
            let far = between.len() > NEAR || between.windows(2).any(|pair| pair == b"\n\n");
            (!far).then(|| (between.len(), person.clone(), !ends_sentence(between)))
        })
        .min_by_key(|(distance, person, _)| (*distance, person.start))
        .map(|(_, person, same)| (person, same))
}

fn ends_sentence(between: &[u8]) -> bool {
    between.contains(&b'\n')
        || between
            .windows(2)
            .any(|pair| matches!(pair, [b'.' | b'?' | b'!', b' ']))
}

/// The parts of a term that no other finding covers, without the signs at their ends.
fn beyond(text: &str, term: &Range<usize>, base: usize, others: &[Finding]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = term.start;
    let first = others.partition_point(|other| other.range.end <= term.start + base);
    for other in others.iter().skip(first) {
        let covered = other.range.start.saturating_sub(base)..other.range.end - base;
        if covered.start >= term.end {
            break;
        }
        parts.push(start..covered.start.max(start));
        start = covered.end;
    }
    parts.push(start..term.end.max(start));
    parts
        .into_iter()
        .filter_map(|part| {
            let value = text.get(part.clone())?;
            let kept = value.trim_matches(|character: char| !character.is_alphanumeric());
            let from = value.find(kept).unwrap_or(0) + part.start + base;
            (!kept.is_empty()).then(|| from..from + kept.len())
        })
        .collect()
}
