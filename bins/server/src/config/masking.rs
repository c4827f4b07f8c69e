//! `[masking]`: how much of it there may be, and how long what placeholders stand for is kept.

use bearingwall_domain::MaskingOptions;
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How old the policy in force may be, in seconds: what was put into force is to hold soon.
const POLICY_CACHE_S: RangeInclusive<u64> = 0..=60;

/// Bytes of one text: with every byte escaped, it still fits into a JSON body of a mebibyte where it is mostly ASCII.
const TEXT_BYTES: RangeInclusive<usize> = 1_024..=786_432;

/// Texts that are worked on at the same time: each is a thread.
const CONCURRENT: RangeInclusive<usize> = 1..=256;

/// The life of a conversation, in seconds; the database refuses more than 30 days.
const CONVERSATION_S: RangeInclusive<u64> = 60..=2_592_000;

/// `[masking]`: limits, and how long conversations last.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskingSettings {
    /// How long a tenant's policy is taken to be in force before the database is asked again, in seconds.
    pub policy_cache_s: u64,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Texts that are worked on at the same time; half of the processors, and at least one, without.
    pub concurrent: Option<usize>,
    /// How long a conversation lasts that asks for nothing else, in seconds.
    pub conversation_s: u64,
    /// How long one may ask to last, in seconds.
    pub conversation_max_s: u64,
}

impl Default for MaskingSettings {
    fn default() -> Self {
        Self {
            policy_cache_s: 5,
            text_bytes: 256 * 1024,
            concurrent: None,
            conversation_s: 86_400,
            conversation_max_s: 604_800,
        }
    }
}

impl MaskingSettings {
    pub(crate) fn options(self) -> MaskingOptions {
        let half = || std::thread::available_parallelism().map_or(1, |all| (all.get() / 2).max(1));
        MaskingOptions {
            policy_cache: Duration::from_secs(self.policy_cache_s),
            text_bytes: self.text_bytes,
            concurrent: self.concurrent.unwrap_or_else(half),
            conversation: Duration::from_secs(self.conversation_s),
            conversation_max: Duration::from_secs(self.conversation_max_s),
            ..MaskingOptions::default()
        }
    }

    pub(super) fn is_usable(self) -> bool {
        POLICY_CACHE_S.contains(&self.policy_cache_s)
            && TEXT_BYTES.contains(&self.text_bytes)
            && self.concurrent.is_none_or(|many| CONCURRENT.contains(&many))
            && CONVERSATION_S.contains(&self.conversation_s)
            && CONVERSATION_S.contains(&self.conversation_max_s)
            && self.conversation_s <= self.conversation_max_s
    }
}
