//! From proposals to findings: what is above its threshold is covered, overlaps become one span, and the span gets one
//! label.

use crate::bytes;
use crate::checksums::Validity;
use crate::engine::EntitySet;
use crate::entity::{Class, Entity};
use crate::finding::{Candidate, Explanation, Finding};
use std::borrow::Cow;
use std::cmp::Ordering;

/// What an age below ninety, alone in its text, is worth at most: it tells about nobody, and Safe Harbor allows it.
const AGE_ALONE: f32 = 0.35;

/// Lowers what says something about a person only next to something else: an age whose cue does not speak of a person
/// by itself, in a passage that names nobody and nothing.
///
/// An age of ninety or more is an identifier by itself (45 CFR 164.514(b)(2)(i)(C)).
pub(crate) fn weigh_together(text: &str, candidates: &mut [Candidate], floor: f32) {
    let identified = candidates.iter().any(|candidate| {
        candidate.score >= floor
            && matches!(
                candidate.entity.class(),
                Class::Name | Class::Place | Class::Contact | Class::Government | Class::Health | Class::Other
            )
    });
    if identified {
        return;
    }
    for candidate in candidates {
        let value = text.as_bytes().get(candidate.start..candidate.end).unwrap_or_default();
        if candidate.entity == Entity::Age && candidate.cue.is_none() && bytes::number(value) < 90 {
            candidate.score = candidate.score.min(AGE_ALONE);
        }
    }
}

/// Resolves what is left of `candidates` after their thresholds, shifted by `base`.
///
/// INVARIANT: every byte of every candidate that is given is within a finding, and findings do not overlap.
pub(crate) fn resolve(
    candidates: &mut [Candidate],
    base: usize,
    name: &dyn Fn(&Candidate) -> Cow<'static, str>,
    out: &mut Vec<Finding>,
) {
    candidates.sort_unstable_by(|left, right| {
        left.start
            .cmp(&right.start)
            .then(right.end.cmp(&left.end))
            .then_with(|| order(left, right))
    });
    let mut rest: &[Candidate] = candidates;
    while let [first, ..] = rest {
        let mut end = first.end;
        let mut count = 0;
        while let Some(next) = rest.get(count)
            && (count == 0 || next.start < end)
        {
            end = end.max(next.end);
            count += 1;
        }
        let (cluster, others) = rest.split_at(count);
        if let Some(finding) = union(cluster, end, base, name) {
            out.push(finding);
        }
        rest = others;
    }
}

fn union(
    cluster: &[Candidate],
    end: usize,
    base: usize,
    name: &dyn Fn(&Candidate) -> Cow<'static, str>,
) -> Option<Finding> {
    let start = cluster.first()?.start;
    let whole = (end - start) as f32;
    let weight = |candidate: &Candidate| {
        candidate.score + evidence(candidate) + 0.3 * ((candidate.end - candidate.start) as f32 / whole)
    };
    let best = cluster.iter().max_by(|left, right| {
        weight(left)
            .partial_cmp(&weight(right))
            .unwrap_or(Ordering::Equal)
            .then_with(|| order(right, left))
    })?;
    // Of those that say the same, the one with evidence explains it: a likelihood explains nothing.
    let telling = cluster
        .iter()
        .filter(|candidate| candidate.entity == best.entity && evidence_or_cue(candidate))
        .min_by(|left, right| order(left, right))
        .unwrap_or(best);
    let mut explanation = Explanation::of(telling);
    explanation.recognizer = name(telling);
    explanation.cue = explanation.cue.map(|cue| cue.start + base..cue.end + base);
    for other in cluster {
        let other = name(other);
        if other != explanation.recognizer && !explanation.also.contains(&other) {
            explanation.also.push(other);
        }
    }
    Some(Finding {
        entity: best.entity,
        range: start + base..end + base,
        score: best.score.max(telling.score),
        explanation,
        kinds: kinds(cluster, |candidate| !outweighed(candidate, best)),
        evident: kinds(cluster, |candidate| !guessed(candidate)),
    })
}

fn kinds(cluster: &[Candidate], wanted: impl Fn(&Candidate) -> bool) -> EntitySet {
    cluster
        .iter()
        .filter(|candidate| wanted(candidate))
        .fold(EntitySet::NONE, |kinds, candidate| kinds.with(candidate.entity))
}

fn guessed(candidate: &Candidate) -> bool {
    candidate.source.starts_with("tagger.")
}

/// Whether a candidate is only the tagger's reading of a value that a rule names by its cue or its check digits. What
/// reaches beyond that value is another value, and what a tenant's own recognizer says outweighs nothing.
fn outweighed(candidate: &Candidate, best: &Candidate) -> bool {
    guessed(candidate)
        && !guessed(best)
        && best.plugged.is_none()
        && evidence_or_cue(best)
        && best.start <= candidate.start
        && candidate.end <= best.end
}

/// What names a value better than a likelihood: right check digits, and more so next to a word that announces them.
fn evidence(candidate: &Candidate) -> f32 {
    match (candidate.validity, candidate.cue) {
        (Validity::Valid, Some(cue)) if !cue.weak => 1.0,
        (Validity::Valid, _) => 0.3,
        (Validity::Invalid, Some(_)) => 0.2,
        // Above a likelihood near one: the word that stands before a number says what it is.
        (Validity::Unchecked, Some(cue)) if !cue.weak => 0.25,
        _ => 0.0,
    }
}

fn evidence_or_cue(candidate: &Candidate) -> bool {
    candidate.cue.is_some() || candidate.validity == Validity::Valid
}

/// A total order that does not depend on who proposed first.
fn order(left: &Candidate, right: &Candidate) -> Ordering {
    right
        .score
        .total_cmp(&left.score)
        .then_with(|| left.start.cmp(&right.start))
        .then_with(|| right.end.cmp(&left.end))
        .then_with(|| left.entity.cmp(&right.entity))
        .then_with(|| left.source.cmp(right.source))
        .then_with(|| left.plugged.cmp(&right.plugged))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::CueSpan;
    use proptest::prelude::*;

    fn resolved(mut candidates: Vec<Candidate>) -> Vec<Finding> {
        let mut out = Vec::new();
        resolve(
            &mut candidates,
            0,
            &|candidate| Cow::Borrowed(candidate.source),
            &mut out,
        );
        out
    }

    #[test]
    fn a_cluster_is_covered_whole_under_one_label() {
        let found = resolved(vec![
            Candidate::new(0, 10, Entity::Person, 0.6, "a"),
            Candidate::new(8, 20, Entity::Location, 0.9, "b"),
            Candidate::new(20, 25, Entity::Phone, 0.5, "c"),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].range, 0..20);
        assert_eq!(found[0].entity, Entity::Location);
        assert_eq!(found[0].explanation.also, ["a"]);
        assert_eq!(found[1].range, 20..25);
    }

    #[test]
    fn a_guess_counts_unless_a_rule_has_evidence_for_the_same_value() {
        let kinds = |rule: Candidate, guess: Candidate| resolved(vec![rule, guess])[0].kinds;
        let both = EntitySet::NONE.with(Entity::Mrn).with(Entity::IdOther);
        let cue = CueSpan {
            start: 0,
            end: 3,
            weak: false,
        };
        let bare = Candidate::new(4, 12, Entity::Mrn, 0.9, "rule.mrn");
        let cued = Candidate { cue: Some(cue), ..bare };
        let own = Candidate {
            plugged: Some(0),
            ..cued
        };
        let inside = Candidate::new(4, 12, Entity::IdOther, 0.6, "tagger.en");
        let beyond = Candidate::new(4, 14, Entity::IdOther, 0.6, "tagger.en");
        assert_eq!(kinds(cued, inside), EntitySet::NONE.with(Entity::Mrn));
        assert_eq!(kinds(bare, inside), both);
        assert_eq!(kinds(own, inside), both);
        assert_eq!(kinds(cued, beyond), both);
    }

    #[test]
    fn an_age_alone_is_lowered_and_one_next_to_a_name_is_not() {
        let age = Candidate::new(0, 2, Entity::Age, 0.55, "rule.age");
        let name = Candidate::new(5, 9, Entity::Person, 0.6, "tagger.en");
        let mut alone = [age];
        weigh_together("55 years", &mut alone, 0.5);
        assert!(alone[0].score < 0.5);
        let mut named = [age, name];
        weigh_together("55 years", &mut named, 0.5);
        assert!(named[0].score > 0.5);
        let mut old = [age];
        weigh_together("93 years", &mut old, 0.5);
        assert!(old[0].score > 0.5);
    }

    proptest! {
        #[test]
        fn every_byte_of_a_candidate_is_covered_and_the_order_does_not_matter(
            spans in proptest::collection::vec((0_usize..60, 1_usize..12, 0_u8..6, 0_usize..4), 0..20)
        ) {
            let candidates: Vec<Candidate> = spans
                .iter()
                .map(|(start, len, score, entity)| {
                    Candidate::new(*start, start + len, Entity::ALL[*entity], f32::from(*score) / 6.0, "x")
                })
                .collect();
            let found = resolved(candidates.clone());
            for pair in found.windows(2) {
                prop_assert!(pair[0].range.end <= pair[1].range.start);
            }
            for candidate in &candidates {
                prop_assert!(found.iter().any(|finding| finding.range.start <= candidate.start && candidate.end <= finding.range.end));
            }
            let turned = resolved(candidates.into_iter().rev().collect());
            prop_assert_eq!(found, turned);
        }
    }
}
