//! What a tenant wants done with each kind of value, and the platform's floor below which no tenant gets.

use crate::engine::{Engine, EngineOptions, EntitySet, Language, OperatingPoint, Recognizer};
use crate::entity::{Class, Entity};
use crate::error::PolicyError;
use crate::finding::{Candidate, Explanation, Finding};
use crate::mask::{Action, MOST_KEPT, hex, normal};
use crate::own::{LONGEST_ENTRY, MOST_ENTRIES, OwnRecognizer, OwnRecognizers, OwnRule, Phrases};
use crate::segment::SegmentLimits;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::sync::Arc;

/// A policy as a tenant writes it.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
#[derive(Clone, PartialEq)]
pub struct PolicyDraft {
    /// Its number, for people.
    pub version: u32,
    /// What is done with kinds that are not named, but for `HEALTH_DATA`, which stays unless it is named.
    pub default: Action,
    /// What is done with each kind, by its stable name.
    pub actions: Vec<(String, Action)>,
    /// The threshold of kinds that have none of their own.
    pub point: OperatingPoint,
    /// The score from which on a finding of a kind counts.
    pub thresholds: Vec<(String, f32)>,
    /// Who reads names and places.
    pub language: Language,
    /// Values that stay, however they are spelled.
    pub allow: Vec<String>,
    /// Values that are found wherever they stand, as whole words, and what they are.
    pub deny: Vec<(String, String)>,
    /// Recognizers of the tenant's own.
    pub recognizers: Vec<OwnRecognizer>,
    /// How texts are cut.
    pub segments: SegmentLimits,
}

impl std::fmt::Debug for PolicyDraft {
    /// Its lists are people's names and numbers: only their lengths are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyDraft")
            .field("version", &self.version)
            .field("default", &self.default)
            .field("actions", &self.actions)
            .field("point", &self.point)
            .field("thresholds", &self.thresholds)
            .field("language", &self.language)
            .field("allow", &self.allow.len())
            .field("deny", &self.deny.len())
            .field("recognizers", &self.recognizers)
            .field("segments", &self.segments)
            .finish()
    }
}

impl Default for PolicyDraft {
    /// Everything that is found becomes a placeholder.
    fn default() -> Self {
        Self {
            version: 1,
            default: Action::Placeholder,
            actions: Vec::new(),
            point: OperatingPoint::Balanced,
            thresholds: Vec::new(),
            language: Language::Auto,
            allow: Vec::new(),
            deny: Vec::new(),
            recognizers: Vec::new(),
            segments: SegmentLimits::default(),
        }
    }
}

impl PolicyDraft {
    /// Safe Harbor (45 CFR 164.514(b)(2)): what it lists goes; ages below 90, years that tell none above, and
    /// three digits of a ZIP stay.
    #[must_use]
    pub fn safe_harbor() -> Self {
        let actions = Entity::ALL
            .iter()
            .map(|entity| {
                let action = match entity {
                    Entity::DateTime | Entity::Age | Entity::Location => Action::Generalise,
                    entity if entity.safe_harbor().is_some() => Action::Redact,
                    Entity::Title | Entity::Nrp | Entity::HealthData => Action::Allow,
                    _ => Action::Redact,
                };
                (entity.name().to_owned(), action)
            })
            .collect();
        Self {
            default: Action::Redact,
            actions,
            point: OperatingPoint::Recall,
            ..Self::default()
        }
    }
}

/// The kinds that rules find only in a few forms: without a tagger, most of their values are missed.
const TAGGED: [Entity; 5] = [
    Entity::Person,
    Entity::Title,
    Entity::Location,
    Entity::Organization,
    Entity::Nrp,
];

/// The least that is done, whatever a tenant wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    actions: Vec<Action>,
    threshold: f32,
    required: BTreeSet<String>,
}

impl Floor {
    /// What no platform goes below: keys and passwords go, numbers of the state and of payment keep at most four digits,
    /// and no threshold is above the one for precision. A platform that wants more raises it.
    #[must_use]
    pub fn platform_least() -> Self {
        let mut floor = Self {
            actions: vec![Action::Allow; Entity::ALL.len()],
            threshold: OperatingPoint::Precision.threshold(),
            required: BTreeSet::new(),
        };
        for entity in Entity::ALL {
            let action = match (entity.class(), entity) {
                (Class::Secret, _) | (_, Entity::CardCode) => Action::Redact,
                (Class::Government, _) | (_, Entity::CreditCard | Entity::Iban) => {
                    Action::Mask { keep_last: MOST_KEPT }
                }
                _ => continue,
            };
            floor.raise(*entity, action);
        }
        floor
    }

    /// Raises the floor of one kind. It never sinks.
    pub fn raise(&mut self, entity: Entity, action: Action) {
        if let Some(slot) = self.actions.get_mut(entity.index()) {
            *slot = slot.stricter(action.on(entity));
        }
    }

    /// Demands a recognizer: no [`crate::Masker`] is made without it.
    pub fn require(&mut self, name: &str) {
        self.required.insert(name.to_owned());
    }

    /// Lowers the highest threshold that a tenant may ask for. It never rises.
    pub fn lower_threshold(&mut self, threshold: f32) {
        self.threshold = self.threshold.min(threshold);
    }

    /// What is done with a kind for which a tenant wants `action`: the stricter of the two.
    // CONTROL: PII-4
    #[must_use]
    pub fn tighten(&self, entity: Entity, action: Action) -> Action {
        self.actions
            .get(entity.index())
            .map_or(Action::Redact, |least| least.stricter(action.on(entity)))
    }

    /// The SHA-256 of what it asks for. Kinds of which it asks nothing are no part of it, so that a new one changes nothing.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut content = format!("bearingwall-pii/floor/1\nthreshold {}\n", self.threshold);
        for (entity, action) in Entity::ALL.iter().zip(&self.actions) {
            if *action != Action::Allow {
                // Writing to a string does not fail.
                let _ = writeln!(content, "{} {action:?}", entity.name());
            }
        }
        for name in &self.required {
            let _ = writeln!(content, "required {name:?}");
        }
        Sha256::digest(content.as_bytes()).into()
    }

    /// Whether a tenant's allow list may keep values of a kind: only where the floor asks for nothing.
    fn allows(&self, entity: Entity) -> bool {
        self.tighten(entity, Action::Allow) == Action::Allow
    }

    /// The stricter of two floors for every kind.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        for entity in Entity::ALL {
            merged.raise(*entity, other.tighten(*entity, Action::Allow));
        }
        merged.lower_threshold(other.threshold);
        merged.required.extend(other.required.iter().cloned());
        merged
    }
}

/// A policy that compiled, tightened to the platform's floor. Immutable.
#[derive(Clone)]
pub struct Policy {
    version: u32,
    hash: String,
    actions: Vec<Action>,
    thresholds: Vec<(Entity, f32)>,
    point: OperatingPoint,
    language: Language,
    allow: HashSet<String>,
    allowed: EntitySet,
    deny: Phrases<Entity>,
    own: OwnRecognizers,
    segments: SegmentLimits,
    required: BTreeSet<String>,
}

impl Policy {
    /// Compiles a draft over a floor.
    ///
    /// # Errors
    ///
    /// If anything in it cannot be kept, or would keep the engine from finding what the floor holds. Nothing of a policy
    /// fails later.
    // CONTROL: PII-4
    pub fn compile(draft: &PolicyDraft, floor: &Floor) -> Result<Self, PolicyError> {
        let mut actions: Vec<Action> = Entity::ALL
            .iter()
            .map(|entity| match entity.class() {
                // What a text says is not who it speaks of: to hide it is asked for by name.
                Class::Clinical => floor.tighten(*entity, Action::Allow),
                _ => floor.tighten(*entity, draft.default),
            })
            .collect();
        for (name, action) in draft.actions.iter().chain([&("default".to_owned(), draft.default)]) {
            if matches!(action, Action::Mask { keep_last } if *keep_last > MOST_KEPT) {
                return Err(PolicyError::Kept { name: name.clone() });
            }
        }
        for (name, action) in &draft.actions {
            let entity = known(name)?;
            if let Some(slot) = actions.get_mut(entity.index()) {
                *slot = floor.tighten(entity, *action);
            }
        }
        if draft.language == Language::None && TAGGED.iter().any(|entity| !floor.allows(*entity)) {
            return Err(PolicyError::Language);
        }
        if !draft.segments.within_bounds() {
            return Err(PolicyError::Segments);
        }
        let mut thresholds = Vec::new();
        for (name, threshold) in &draft.thresholds {
            if !(0.0..=1.0).contains(threshold) {
                return Err(PolicyError::Threshold { name: name.clone() });
            }
            thresholds.push((known(name)?, threshold.min(floor.threshold)));
        }
        if draft.point.threshold() > floor.threshold {
            let named: Vec<Entity> = thresholds.iter().map(|(entity, _)| *entity).collect();
            thresholds.extend(
                Entity::ALL
                    .iter()
                    .filter(|entity| !named.contains(entity))
                    .map(|entity| (*entity, floor.threshold)),
            );
        }
        let too_long = |entry: &str| entry.len() > LONGEST_ENTRY || normal(entry).is_empty();
        if draft.allow.len() + draft.deny.len() > MOST_ENTRIES
            || draft
                .allow
                .iter()
                .chain(draft.deny.iter().map(|(value, _)| value))
                .any(|entry| too_long(entry))
        {
            return Err(PolicyError::List);
        }
        let mut deny = Phrases::default();
        for (value, name) in &draft.deny {
            deny.add(value, known(name)?);
        }
        let own = OwnRecognizers::compile(&draft.recognizers)?;
        let mut policy = Self {
            version: draft.version,
            hash: String::new(),
            actions,
            thresholds,
            point: draft.point,
            language: draft.language,
            allow: draft.allow.iter().map(|value| normal(value)).collect(),
            allowed: Entity::ALL
                .iter()
                .filter(|entity| floor.allows(**entity))
                .fold(EntitySet::NONE, |allowed, entity| allowed.with(*entity)),
            deny,
            own,
            segments: draft.segments,
            required: floor.required.clone(),
        };
        policy.hash = policy.content_hash(draft);
        Ok(policy)
    }

    /// Its number, for people.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The SHA-256 of what it does, in hexadecimal: for the record. The number is not part of it.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What is done with a value of a kind.
    #[must_use]
    pub fn action_for(&self, entity: Entity, value: &str) -> Action {
        self.decide(entity, EntitySet::NONE.with(entity), value).1
    }

    /// What is done with a value that may be any of `kinds`, and the kind that decides it: the one that the value is
    /// labelled with, unless the policy treats another one more strictly. An allow list must be allowed for all of them.
    // CONTROL: PII-1
    pub(crate) fn decide(&self, label: Entity, kinds: EntitySet, value: &str) -> (Entity, Action) {
        let kinds = kinds.with(label);
        if kinds.iter().all(|kind| self.allowed.contains(kind)) && self.allow.contains(&normal(value)) {
            return (label, Action::Allow);
        }
        kinds.iter().fold((label, self.action(label)), |decided, kind| {
            let action = self.action(kind);
            if action.strictness() > decided.1.strictness() {
                (kind, action)
            } else {
                decided
            }
        })
    }

    fn action(&self, entity: Entity) -> Action {
        self.actions.get(entity.index()).copied().unwrap_or(Action::Redact)
    }

    /// What is done with a value of a kind by its name: a name that nobody knows is treated most strictly.
    #[must_use]
    pub fn action_named(&self, name: &str, value: &str) -> Action {
        Entity::from_name(name).map_or(Action::Redact, |entity| self.action_for(entity, value))
    }

    /// The engine that the policy asks for, with larger models besides; the name of what it requires and lacks, if it
    /// does. One that may fail unnoticed is as good as missing.
    // CONTROL: PII-2
    pub(crate) fn engine(&self, plugged: Vec<Arc<dyn Recognizer>>) -> Result<Engine, String> {
        let present = |name: &str| {
            plugged
                .iter()
                .any(|plugged| plugged.required() && plugged.name() == name)
        };
        if let Some(missing) = self.required.iter().find(|name| !present(name)) {
            return Err(missing.clone());
        }
        Ok(Engine::new(EngineOptions {
            point: self.point,
            thresholds: self.thresholds.clone(),
            language: self.language,
            segments: self.segments,
            own: self.own.clone(),
            plugged,
            ..EngineOptions::default()
        }))
    }

    /// Adds what the deny list finds and nothing else has found.
    pub(crate) fn deny(&self, text: &str, findings: &mut Vec<Finding>) {
        let mut denied = Vec::new();
        self.deny.find(text, &mut |start, end, entity| {
            denied.push(Candidate::new(start, end, *entity, 1.0, "policy.deny"));
        });
        for candidate in denied {
            let mut start = candidate.start;
            let mut end = candidate.end;
            let mut kinds = EntitySet::NONE.with(candidate.entity);
            let mut evident = kinds;
            let mut explanation = Explanation::of(&candidate);
            // One span covers all that it touches, and stays what those were.
            findings.retain_mut(|finding| {
                let touches = finding.range.start < end && start < finding.range.end;
                if touches {
                    start = start.min(finding.range.start);
                    end = end.max(finding.range.end);
                    kinds = kinds.union(finding.kinds);
                    evident = evident.union(finding.evident);
                    explanation.also.push(finding.explanation.recognizer.clone());
                    explanation.also.append(&mut finding.explanation.also);
                }
                !touches
            });
            findings.push(Finding {
                entity: candidate.entity,
                range: start..end,
                score: 1.0,
                explanation,
                kinds,
                evident,
            });
        }
        findings.sort_by_key(|finding| finding.range.start);
    }

    fn content_hash(&self, draft: &PolicyDraft) -> String {
        let mut content = String::from("bearingwall-pii/policy/1\n");
        for (entity, action) in Entity::ALL.iter().zip(&self.actions) {
            let kept = match action {
                Action::Mask { keep_last } => *keep_last,
                _ => 0,
            };
            // Writing to a string does not fail.
            let _ = writeln!(content, "{} {} {kept}", entity.name(), action.name());
        }
        let mut thresholds = self.thresholds.clone();
        thresholds.sort_by_key(|(entity, _)| *entity);
        for (entity, threshold) in thresholds {
            let _ = writeln!(content, "threshold {} {threshold}", entity.name());
        }
        let _ = writeln!(
            content,
            "point {} language {:?} segments {} {}",
            self.point.name(),
            self.language,
            self.segments.target_bytes,
            self.segments.most_bytes
        );
        let mut allow: Vec<&String> = self.allow.iter().collect();
        allow.sort();
        let _ = writeln!(content, "allow {allow:?}");
        let mut deny = draft.deny.clone();
        deny.sort();
        let _ = writeln!(content, "deny {deny:?}");
        for own in &draft.recognizers {
            let rule = match &own.rule {
                OwnRule::Pattern(pattern) => format!("pattern {pattern:?}"),
                OwnRule::Dictionary(list) => format!("dictionary {list:?}"),
            };
            let _ = writeln!(content, "own {:?} {} {} {rule}", own.name, own.entity.name(), own.score);
        }
        hex(&Sha256::digest(content.as_bytes()))
    }
}

fn known(name: &str) -> Result<Entity, PolicyError> {
    Entity::from_name(name).ok_or_else(|| PolicyError::UnknownEntity { name: name.to_owned() })
}
