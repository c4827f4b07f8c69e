//! Time and ids come through a seam, so that a test can hold them still.

use time::OffsetDateTime;
use uuid::Uuid;

/// Where the current time comes from.
pub trait Clock: Send + Sync {
    /// The current time, in UTC.
    fn now(&self) -> OffsetDateTime;

    /// Milliseconds since the Unix epoch.
    fn unix_ms(&self) -> i64 {
        i64::try_from(self.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }
}

/// Where new identifiers come from.
pub trait IdGen: Send + Sync {
    /// A fresh UUIDv7 (RFC 9562): time-ordered, 74 random bits.
    fn v7(&self) -> Uuid;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Identifiers from the system's random source and clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl IdGen for SystemIds {
    fn v7(&self) -> Uuid {
        Uuid::now_v7()
    }
}
