//! `[rates]`: how often somebody may ask.

use bearingwall_http::{PerMinute, Rates};
use serde::Deserialize;

/// `[rates]`: how often somebody may ask, in requests a minute; a quarter of it at once. 0 is no limit.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateSettings {
    /// Routes that answer from memory, for each actor.
    pub light_per_minute: u32,
    /// Routes that read.
    pub read_per_minute: u32,
    /// Routes that write.
    pub write_per_minute: u32,
    /// Routes that work for long.
    pub bulk_per_minute: u32,
    /// Webhooks from one network.
    pub webhook_per_minute: u32,
    /// How many actors of a tenant may ask as often as one may.
    pub tenant_factor: u32,
    /// Requests without a proven identity from one network, and refusals of one actor, beyond which there is an alarm.
    pub refusals_per_minute: u32,
}

impl Default for RateSettings {
    fn default() -> Self {
        let rates = Rates::default();
        Self {
            light_per_minute: rates.light.0,
            read_per_minute: rates.read.0,
            write_per_minute: rates.write.0,
            bulk_per_minute: rates.bulk.0,
            webhook_per_minute: rates.webhook.0,
            tenant_factor: rates.tenant_factor,
            refusals_per_minute: rates.refusals.0,
        }
    }
}

impl RateSettings {
    /// Whether something has no limit.
    pub(super) fn has_unlimited(&self) -> bool {
        [
            self.light_per_minute,
            self.read_per_minute,
            self.write_per_minute,
            self.bulk_per_minute,
            self.webhook_per_minute,
            self.tenant_factor,
            self.refusals_per_minute,
        ]
        .contains(&0)
    }
}

impl From<RateSettings> for Rates {
    fn from(settings: RateSettings) -> Self {
        Self {
            light: PerMinute(settings.light_per_minute),
            read: PerMinute(settings.read_per_minute),
            write: PerMinute(settings.write_per_minute),
            bulk: PerMinute(settings.bulk_per_minute),
            webhook: PerMinute(settings.webhook_per_minute),
            tenant_factor: settings.tenant_factor,
            refusals: PerMinute(settings.refusals_per_minute),
        }
    }
}
