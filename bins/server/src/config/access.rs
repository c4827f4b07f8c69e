//! `[access]`: what a tenant gives its own people.

use serde::Deserialize;
use std::time::Duration;

/// How long an answer may be remembered, in seconds: what is taken from somebody is to be gone soon.
const REMEMBERED_S: std::ops::RangeInclusive<u64> = 0..=60;

/// `[access]`: what a tenant gives its own people.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessSettings {
    /// How long it is remembered what somebody has, in seconds; 0 asks the database for every request.
    pub cache_s: u64,
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self { cache_s: 5 }
    }
}

impl AccessSettings {
    pub(crate) const fn remembered(self) -> Duration {
        Duration::from_secs(self.cache_s)
    }

    pub(super) fn is_usable(self) -> bool {
        REMEMBERED_S.contains(&self.cache_s)
    }
}
