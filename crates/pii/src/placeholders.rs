//! Placeholders of one conversation and the way back.
//!
//! `[PERSON_1_K7Q2X]` says the kind, which value of the kind, and a tag that only this conversation issues: a keyed hash
//! of tenant, conversation, kind, number and spelling under the conversation's own random key. A placeholder of another
//! conversation, or one that somebody made up, has no such tag and stays as it is.

mod unmask;

pub use unmask::UnmaskStream;

use crate::entity::Entity;
use crate::error::MaskError;
use crate::finding::Finding;
use crate::mask::{hmac_sha256, normal};
use std::collections::HashMap;
use zeroize::{Zeroize, Zeroizing};

/// How long a tag is: five characters of an alphabet of 32 without I, L, O and U.
pub(crate) const TAG: usize = 5;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

pub(crate) type Tag = [u8; TAG];

/// The most placeholders of one conversation.
pub const MOST_ISSUED: usize = 65_536;
/// The most bytes of all values of one conversation.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// One placeholder that was issued. Its value is wiped when it is dropped, and not shown.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The kind.
    pub entity: Entity,
    /// Which value of the kind, from 1: two spellings of one value share it.
    pub number: u32,
    /// The value as it was written. Whoever stores it seals it.
    pub value: String,
}

impl Drop for Issued {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued")
            .field("entity", &self.entity)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// What one conversation has replaced, bound to its tenant. There is no other way back than through this value.
///
/// It holds the values themselves: it is personal data, is not shown, and is wiped when dropped.
pub struct Conversation {
    tenant: String,
    id: String,
    key: [u8; 32],
    issued: Vec<Issued>,
    bytes: usize,
    by_tag: HashMap<Tag, usize>,
    // SECURITY: by keyed hash. A map of values would keep copies that nothing wipes.
    by_spelling: HashMap<[u8; 32], usize>,
    numbers: HashMap<[u8; 32], u32>,
    last: HashMap<Entity, u32>,
}

impl Conversation {
    /// A new conversation. `key` is random and never used for another one.
    #[must_use]
    pub fn new(tenant: &str, id: &str, key: [u8; 32]) -> Self {
        Self {
            tenant: tenant.to_owned(),
            id: id.to_owned(),
            key,
            issued: Vec::new(),
            bytes: 0,
            by_tag: HashMap::new(),
            by_spelling: HashMap::new(),
            numbers: HashMap::new(),
            last: HashMap::new(),
        }
    }

    /// A conversation that was stored: what [`Conversation::issued`] gave, in the same order.
    #[must_use]
    pub fn restore(tenant: &str, id: &str, key: [u8; 32], issued: Vec<Issued>) -> Self {
        let mut conversation = Self::new(tenant, id, key);
        for one in issued {
            let last = conversation.last.entry(one.entity).or_insert(0);
            *last = (*last).max(one.number);
            let value = conversation.value_hash(one.entity, &one.value);
            conversation.numbers.insert(value, one.number);
            let spelling = conversation.spelling_hash(one.entity, &one.value);
            conversation.add(one, spelling);
        }
        conversation
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The conversation.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What was issued, in order, to be sealed and stored.
    #[must_use]
    pub fn issued(&self) -> &[Issued] {
        &self.issued
    }

    /// The placeholder of a value: the same one for the same spelling, the same number for the same value.
    ///
    /// # Errors
    ///
    /// If the conversation would hold more than [`MOST_ISSUED`] values, or more bytes of them than is allowed.
    pub(crate) fn issue(&mut self, entity: Entity, value: &str) -> Result<String, MaskError> {
        let spelling = self.spelling_hash(entity, value);
        let index = match self.by_spelling.get(&spelling) {
            Some(index) => *index,
            None if self.issued.len() >= MOST_ISSUED || self.bytes + value.len() > MOST_BYTES => {
                return Err(MaskError::ConversationFull);
            }
            None => {
                let number = self.number(entity, value);
                let issued = Issued {
                    entity,
                    number,
                    value: value.to_owned(),
                };
                self.add(issued, spelling)
            }
        };
        Ok(self.token(index).unwrap_or_else(|| format!("[{}]", entity.name())))
    }

    fn number(&mut self, entity: Entity, value: &str) -> u32 {
        let hash = self.value_hash(entity, value);
        let last = self.last.entry(entity).or_insert(0);
        let number = *self.numbers.entry(hash).or_insert(*last + 1);
        *last = number.max(*last);
        number
    }

    fn add(&mut self, issued: Issued, spelling: [u8; 32]) -> usize {
        let index = self.issued.len();
        let tag = self.tag(&issued);
        self.by_tag.insert(tag, index);
        self.by_spelling.insert(spelling, index);
        self.bytes += issued.value.len();
        self.issued.push(issued);
        index
    }

    fn value_hash(&self, entity: Entity, value: &str) -> [u8; 32] {
        self.hash(b"value", entity, &Zeroizing::new(normal(value)))
    }

    fn spelling_hash(&self, entity: Entity, value: &str) -> [u8; 32] {
        self.hash(b"spelling", entity, value)
    }

    fn hash(&self, what: &[u8], entity: Entity, value: &str) -> [u8; 32] {
        let kind = entity.name().as_bytes();
        hmac_sha256(
            &self.key,
            &[
                b"bearingwall-pii/conversation/1",
                &[0],
                what,
                &[0],
                kind,
                &[0],
                value.as_bytes(),
            ],
        )
    }

    fn token(&self, index: usize) -> Option<String> {
        let issued = self.issued.get(index)?;
        let tag = self.tag(issued);
        let tag = std::str::from_utf8(&tag).ok()?;
        Some(format!("[{}_{}_{tag}]", issued.entity.name(), issued.number))
    }

    // CONTROL: PII-3
    fn tag(&self, issued: &Issued) -> Tag {
        let number = issued.number.to_be_bytes();
        let mut tag = [b'0'; TAG];
        // Two placeholders that by chance have one tag are told apart by their number and kind; two spellings of one
        // value must not collide, so the hash goes on until the tag is free.
        for attempt in 0_u32.. {
            let digest = hmac_sha256(
                &self.key,
                &[
                    b"bearingwall-pii/placeholder/1",
                    &[0],
                    self.tenant.as_bytes(),
                    &[0],
                    self.id.as_bytes(),
                    &[0],
                    issued.entity.name().as_bytes(),
                    &[0],
                    &number,
                    issued.value.as_bytes(),
                    &[0],
                    &attempt.to_be_bytes(),
                ],
            );
            for (slot, byte) in tag.iter_mut().zip(digest) {
                *slot = ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0');
            }
            // A tag of digits or of letters alone would look like a number or a word.
            let digits = tag.iter().filter(|byte| byte.is_ascii_digit()).count();
            let free = self
                .by_tag
                .get(&tag)
                .and_then(|index| self.issued.get(*index))
                .is_none_or(|other| other == issued);
            if (1..TAG).contains(&digits) && free {
                break;
            }
        }
        tag
    }

    pub(crate) fn by_tag(&self, tag: Tag) -> Option<&Issued> {
        self.by_tag.get(&tag).and_then(|index| self.issued.get(*index))
    }

    /// The text with its placeholders turned back. Those that this conversation did not issue stay.
    #[must_use]
    pub fn unmask(&self, text: &str) -> String {
        let mut stream = UnmaskStream::new();
        let mut out = stream.push(text, self);
        out.push_str(&stream.finish(self));
        out
    }

    /// How many placeholders of this conversation stand in a text: what [`Conversation::unmask`] turns back.
    #[must_use]
    pub fn placeholders(&self, text: &str) -> usize {
        unmask::tokens(self, text).len()
    }

    /// As [`Conversation::unmask`], for text that is JSON, such as the arguments of a model's tool call: a value that
    /// holds a quote or a line break is escaped, so that the text stays JSON.
    #[must_use]
    pub fn unmask_json(&self, json: &str) -> String {
        unmask::unmask_json(self, json)
    }

    /// Takes this conversation's own placeholders out of findings: what was masked before is not masked again.
    pub(crate) fn spare(&self, text: &str, findings: Vec<Finding>) -> Vec<Finding> {
        if self.issued.is_empty() || findings.is_empty() {
            return findings;
        }
        let tokens = unmask::tokens(self, text);
        if tokens.is_empty() {
            return findings;
        }
        let mut spared = Vec::new();
        for finding in findings {
            let mut start = finding.range.start;
            for (token, _) in tokens
                .iter()
                .filter(|(token, _)| token.end > finding.range.start && token.start < finding.range.end)
            {
                push_piece(text, &finding, start..token.start, &mut spared);
                start = start.max(token.end);
            }
            push_piece(text, &finding, start..finding.range.end, &mut spared);
        }
        spared
    }
}

fn push_piece(text: &str, finding: &Finding, range: std::ops::Range<usize>, out: &mut Vec<Finding>) {
    if range.start < range.end
        && text
            .get(range.clone())
            .is_some_and(|piece| piece.chars().any(char::is_alphanumeric))
    {
        out.push(Finding {
            range,
            ..finding.clone()
        });
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("issued", &self.issued.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_is_full_issues_nothing_new() {
        let known = "ada@example.org";
        for (fillers, len) in [(MOST_ISSUED - 1, 1), (1, MOST_BYTES - known.len())] {
            let mut talk = Conversation::new("t", "c", [1; 32]);
            let token = talk.issue(Entity::Email, known).unwrap();
            let filler = Issued {
                entity: Entity::Custom,
                number: 1,
                value: "x".repeat(len),
            };
            talk.bytes += fillers * len;
            talk.issued.resize(1 + fillers, filler);
            let refused = talk.issue(Entity::Email, "eve@example.org");
            assert!(matches!(refused, Err(MaskError::ConversationFull)));
            assert_eq!(talk.issue(Entity::Email, known).unwrap(), token);
            assert_eq!(talk.unmask(&token), known);
        }
    }
}
