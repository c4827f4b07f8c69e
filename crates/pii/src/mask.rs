//! What is done with a finding: the actions, and the pass that applies a policy to a text.

mod dates;
mod ff1;
mod generalise;
mod keys;
mod pseudonym;
mod stream;

pub use ff1::FF1_LEAST_DOMAIN;
pub use generalise::generalise;
pub use keys::TenantKey;
pub use stream::MaskStream;

pub(crate) use dates::shift_days;
pub(crate) use keys::hmac_sha256;

use crate::disguise::is_disguised;
use crate::engine::{Buffers, Engine, EntitySet, Recognizer};
use crate::entity::Entity;
use crate::error::MaskError;
use crate::finding::Finding;
use crate::placeholders::Conversation;
use crate::policy::Policy;
use crate::segment::Piece;
use std::ops::Range;
use std::sync::Arc;

/// What is done with a value.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It stays.
    Allow,
    /// Every letter and digit becomes a star, but for the last ones.
    Mask {
        /// How many letters and digits stay; at most [`MOST_KEPT`], and never more than half of the value.
        keep_last: u8,
    },
    /// What Safe Harbor leaves: the year of a date unless it tells an age over 89, three digits of a ZIP, an age, and "90+"
    /// for the oldest. Anything else goes.
    Generalise,
    /// A date moves by a number of days that is constant for one person. Anything else goes.
    DateShift,
    /// Another value of the same form, from which the first can be computed with the key (FF1). Short values go.
    FormatPreserving,
    /// An invented value of the same kind, the same for the same value.
    Pseudonym,
    /// A keyed hash (HMAC-SHA-256), the same for the same value within a tenant and a kind.
    KeyedHash,
    /// A numbered name, `[PERSON_1_…]`, that only its conversation can turn back.
    Placeholder,
    /// The kind's name, and nothing of the value.
    Redact,
}

/// The most characters that a mask leaves.
pub const MOST_KEPT: u8 = 4;

/// The longest word of a vocabulary, in bytes.
const LONGEST_TERM: usize = 256;

impl Action {
    /// How strict it is: what may leave a value whole, then what shows parts of it, then what can be reversed or linked,
    /// then what cannot.
    #[must_use]
    pub const fn strictness(self) -> u8 {
        match self {
            Self::Allow => 0,
            // An age below 90 stays whole.
            Self::Generalise => 1,
            Self::Mask { keep_last: 4.. } => 2,
            Self::Mask { keep_last: 3 } => 3,
            Self::Mask { keep_last: 2 } => 4,
            Self::Mask { keep_last: 1 } => 5,
            Self::DateShift => 6,
            Self::FormatPreserving => 7,
            Self::Pseudonym => 8,
            Self::KeyedHash => 9,
            Self::Placeholder => 10,
            Self::Mask { keep_last: 0 } => 11,
            Self::Redact => 12,
        }
    }

    /// The stricter of two.
    #[must_use]
    pub const fn stricter(self, other: Self) -> Self {
        if other.strictness() > self.strictness() {
            other
        } else {
            self
        }
    }

    /// What it comes to for a kind: what cannot be done to it is redaction.
    pub(crate) const fn on(self, entity: Entity) -> Self {
        match (self, entity) {
            (Self::Generalise, Entity::DateTime | Entity::Age | Entity::Location) => self,
            (Self::DateShift, Entity::DateTime) => self,
            (Self::Generalise | Self::DateShift, _) => Self::Redact,
            _ => self,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Mask { .. } => "mask",
            Self::Generalise => "generalise",
            Self::DateShift => "date_shift",
            Self::FormatPreserving => "format_preserving",
            Self::Pseudonym => "pseudonym",
            Self::KeyedHash => "keyed_hash",
            Self::Placeholder => "placeholder",
            Self::Redact => "redact",
        }
    }
}

/// Text that went through a policy. Nothing else makes one.
///
/// INVARIANT: it was made by [`Masker`], so that a function that takes it cannot be given raw text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskedText(String);

impl MaskedText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, by value.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    pub(crate) fn from_masker(text: String) -> Self {
        Self(text)
    }
}

/// One value that was replaced. It holds positions and no text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Replacement {
    /// What it was.
    pub entity: Entity,
    /// What was done.
    pub action: Action,
    /// How sure the engine was.
    pub score: f32,
    /// Where the value stood, in bytes of the text that was given.
    pub original: Range<usize>,
    /// Where its replacement stands, in bytes of the masked text.
    pub masked: Range<usize>,
}

/// A masked text and what was done to it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Masked {
    /// The text.
    pub text: MaskedText,
    /// The values that were replaced or, by policy, left (with [`Action::Allow`]), by position.
    pub replacements: Vec<Replacement>,
}

impl Masked {
    /// How many values of each kind were replaced, for the record: kinds and numbers, never values.
    #[must_use]
    pub fn counts(&self) -> Vec<(Entity, usize)> {
        let mut counts: Vec<(Entity, usize)> = Vec::new();
        for replacement in self
            .replacements
            .iter()
            .filter(|replacement| replacement.action != Action::Allow)
        {
            match counts.iter_mut().find(|(entity, _)| *entity == replacement.entity) {
                Some((_, count)) => *count += 1,
                None => counts.push((replacement.entity, 1)),
            }
        }
        counts
    }
}

/// Applies one policy with one tenant's key.
pub struct Masker {
    policy: Policy,
    engine: Engine,
    key: TenantKey,
    this_year: u16,
}

impl Masker {
    /// A masker. `this_year` says which years tell an age over 89 ([`Action::Generalise`]); `plugged` are larger models,
    /// to be asked besides the rules and the tagger.
    ///
    /// # Errors
    ///
    /// If one that the floor requires is not among them, or says of itself that it is not required.
    pub fn new(
        policy: Policy,
        key: TenantKey,
        this_year: u16,
        plugged: Vec<Arc<dyn Recognizer>>,
    ) -> Result<Self, MaskError> {
        let engine = policy
            .engine(plugged)
            .map_err(|name| MaskError::RecognizerMissing { name })?;
        Ok(Self {
            policy,
            engine,
            key,
            this_year,
        })
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The engine that the policy asks for.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What would become of each finding, with nothing changed: as [`Masker::mask`] would do it in this conversation.
    ///
    /// # Errors
    ///
    /// As [`Masker::mask`].
    pub fn preview(&self, text: &str, conversation: &Conversation) -> Result<Vec<(Finding, Action)>, MaskError> {
        let mut shown = Vec::new();
        let mut buffers = Buffers::default();
        let mut start = 0;
        while let Some(piece) = self.piece((text, start, true), None, &mut buffers, conversation)? {
            start = piece.range.end;
            for mut finding in piece.findings {
                let value = text.get(finding.range.clone()).unwrap_or_default();
                let (entity, action) = self.policy.decide(finding.entity, finding.kinds, value);
                finding.entity = entity;
                shown.push((finding, action));
            }
        }
        Ok(shown)
    }

    /// Masks a text of a conversation. `subject` names the person whose dates move together.
    ///
    /// # Errors
    ///
    /// If a required recognizer fails, or the conversation is full or another tenant's: then there is no text that may be
    /// used.
    pub fn mask(
        &self,
        text: &str,
        conversation: &mut Conversation,
        subject: Option<&str>,
    ) -> Result<Masked, MaskError> {
        self.mask_field(text, None, conversation, subject)
    }

    /// Masks the value of a field, whose name speaks for it.
    ///
    /// # Errors
    ///
    /// As [`Masker::mask`].
    pub fn mask_field(
        &self,
        text: &str,
        field: Option<&str>,
        conversation: &mut Conversation,
        subject: Option<&str>,
    ) -> Result<Masked, MaskError> {
        let mut masked = Masked::default();
        let mut out = String::with_capacity(text.len());
        let mut buffers = Buffers::default();
        let mut start = 0;
        while let Some(piece) = self.piece((text, start, true), field, &mut buffers, conversation)? {
            start = piece.range.end;
            self.write(
                text,
                piece,
                0,
                conversation,
                subject,
                (&mut out, &mut masked.replacements),
            )?;
        }
        masked.text = MaskedText(out);
        Ok(masked)
    }

    /// The piece of a text that begins at a place, with what is to be decided about in it; `last` if the text ends where it
    /// is seen to end.
    fn piece(
        &self,
        (text, start, last): (&str, usize, bool),
        field: Option<&str>,
        buffers: &mut Buffers,
        conversation: &Conversation,
    ) -> Result<Option<Piece>, MaskError> {
        let segments = self.engine.options().segments;
        segments.piece(text, start, last, &mut |window| {
            let part = text.get(window.clone()).unwrap_or_default();
            let field = field.filter(|_| window.start == 0);
            let mut findings = self.look(part, field, buffers, conversation)?;
            findings.iter_mut().for_each(|finding| finding.shift(window.start));
            Ok(findings)
        })
    }

    /// Writes a piece of `text`, which begins at `base` of all that is masked, with its values replaced.
    fn write(
        &self,
        text: &str,
        piece: Piece,
        base: usize,
        conversation: &mut Conversation,
        subject: Option<&str>,
        (masked, replacements): (&mut String, &mut Vec<Replacement>),
    ) -> Result<(), MaskError> {
        let mut end = piece.range.start;
        for finding in piece.findings {
            let value = text.get(finding.range.clone()).unwrap_or_default();
            masked.push_str(text.get(end..finding.range.start).unwrap_or_default());
            let (entity, action) = self.policy.decide(finding.entity, finding.kinds, value);
            let start = masked.len();
            self.replace(value, entity, action, conversation, subject, masked)?;
            replacements.push(Replacement {
                entity,
                action,
                score: finding.score,
                original: finding.range.start + base..finding.range.end + base,
                masked: start..masked.len(),
            });
            end = finding.range.end;
        }
        masked.push_str(text.get(end..piece.range.end).unwrap_or_default());
        Ok(())
    }

    /// What the policy has to decide about in a part of a text: what is found or denied, but for the conversation's own
    /// placeholders.
    fn look(
        &self,
        text: &str,
        field: Option<&str>,
        buffers: &mut Buffers,
        conversation: &Conversation,
    ) -> Result<Vec<Finding>, MaskError> {
        // One tenant's key must not make values that another one's conversation keeps.
        if conversation.tenant() != self.key.tenant() {
            return Err(MaskError::OtherTenant);
        }
        let mut findings = Vec::new();
        self.engine.detect_piece(text, field, 0, buffers, &mut findings)?;
        self.policy.deny(text, &mut findings);
        Ok(conversation.spare(text, findings))
    }

    /// Whether a value may be a word of a vocabulary: it has no spaces, and nothing is in it but what a tagger, which needs
    /// a sentence, may take a lone word or code for. With `uri`, it may be one, without what is asked for or who asks.
    pub(crate) fn is_term(&self, value: &str, uri: bool, conversation: &Conversation) -> Result<bool, MaskError> {
        if value.len() > LONGEST_TERM
            || !value.bytes().all(|byte| byte.is_ascii_graphic())
            || uri && value.contains(['?', '@'])
        {
            return Ok(false);
        }
        let findings = self.look(value, None, &mut Buffers::default(), conversation)?;
        Ok(findings.iter().all(|finding| {
            let known = if uri {
                finding.evident.without(Entity::Url)
            } else {
                finding.evident
            };
            known == EntitySet::NONE
        }))
    }

    /// Masks a whole value of which the field says the kind; nothing if the policy leaves that kind. The engine looks
    /// all the same: what else stands in the value may ask for more.
    pub(crate) fn mask_known(
        &self,
        value: &str,
        field: Option<&str>,
        entity: Entity,
        conversation: &mut Conversation,
        subject: Option<&str>,
    ) -> Result<Option<(String, Entity, Action)>, MaskError> {
        if self.policy.action_for(entity, value) == Action::Allow {
            return Ok(None);
        }
        let mut kinds = EntitySet::NONE;
        let mut buffers = Buffers::default();
        let mut start = 0;
        while let Some(piece) = self.piece((value, start, true), field, &mut buffers, conversation)? {
            start = piece.range.end;
            for finding in piece.findings {
                kinds = kinds.union(finding.kinds);
            }
        }
        let (entity, action) = self.policy.decide(entity, kinds, value);
        let mut out = String::new();
        self.replace(value, entity, action, conversation, subject, &mut out)?;
        Ok(Some((out, entity, action)))
    }

    // CONTROL: PII-1
    fn replace(
        &self,
        value: &str,
        entity: Entity,
        action: Action,
        conversation: &mut Conversation,
        subject: Option<&str>,
        out: &mut String,
    ) -> Result<(), MaskError> {
        // What reads a value to leave a part of it must not take a disguised one for another.
        let action = match action {
            Action::Generalise | Action::DateShift if is_disguised(value) => Action::Redact,
            _ => action,
        };
        match action {
            Action::Allow => out.push_str(value),
            Action::Mask { keep_last } => stars(value, keep_last, out),
            Action::Placeholder => out.push_str(&conversation.issue(entity, value)?),
            Action::KeyedHash => {
                let digest = self.key.digest("hash", entity.name(), normal(value).as_bytes());
                redact(entity, Some(&hex(digest.get(..8).unwrap_or(&[]))), out);
            }
            Action::Pseudonym => pseudonym::invent(&self.key, entity, value, out),
            Action::FormatPreserving => match ff1::encrypt(&self.key, entity, value) {
                Some(encrypted) => out.push_str(&encrypted),
                None => redact(entity, None, out),
            },
            Action::DateShift => {
                let days = shift_days(&self.key, subject.unwrap_or_else(|| conversation.id()));
                match Some(entity)
                    .filter(|entity| *entity == Entity::DateTime)
                    .and_then(|_| dates::shift(value, days))
                {
                    Some(shifted) => out.push_str(&shifted),
                    None => redact(entity, None, out),
                }
            }
            Action::Generalise => match generalise(entity, value, self.this_year) {
                Some(general) => out.push_str(&general),
                None => redact(entity, None, out),
            },
            Action::Redact => redact(entity, None, out),
        }
        Ok(())
    }

    /// The value from which [`Action::FormatPreserving`] made this one, for whoever holds the key.
    #[must_use]
    pub fn decrypt(&self, entity: Entity, value: &str) -> Option<String> {
        ff1::decrypt(&self.key, entity, value)
    }
}

/// Letters and digits as stars, but for the last `keep`, of which at most half of the value stays.
fn stars(value: &str, keep: u8, out: &mut String) {
    let total = value.chars().filter(|ch| ch.is_alphanumeric()).count();
    let keep = usize::from(keep.min(MOST_KEPT)).min(total / 2);
    let mut left = total;
    for ch in value.chars() {
        if ch.is_alphanumeric() {
            out.push(if left <= keep { ch } else { '*' });
            left -= 1;
        } else if ch.is_ascii() {
            out.push(ch);
        } else {
            // A mark or a sign may be part of what was written.
            out.push('*');
        }
    }
}

fn redact(entity: Entity, detail: Option<&str>, out: &mut String) {
    out.push('[');
    out.push_str(entity.name());
    if let Some(detail) = detail {
        out.push(':');
        out.push_str(detail);
    }
    out.push(']');
}

/// A value without what does not distinguish it: case, spaces and punctuation.
pub(crate) fn normal(value: &str) -> String {
    value
        .chars()
        .filter(|ch| ch.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
