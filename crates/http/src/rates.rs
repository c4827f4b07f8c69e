//! How often somebody may ask: a bucket for each actor and class of route, one for each tenant, and for what is refused.
//!
//! Each bucket is a generic cell rate algorithm (ITU-T I.371): one number, the time at which the bucket will be empty.

use crate::routes::RateClass;
use bearingwall_core::{CustomerId, Principal, SubjectId};
use moka::sync::Cache;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Buckets that are kept at the most; beyond that the least used are forgotten, which only lets somebody ask anew.
const BUCKETS_MAX: u64 = 200_000;

/// A bucket that nobody has used for this long is full again, whatever its rate.
const BUCKET_IDLE: Duration = Duration::from_mins(10);

/// An alarm about the same bucket is repeated after this long at the earliest.
const ALARM_PAUSE: Duration = Duration::from_mins(1);

/// Requests a minute, and how many of them at once: a quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMinute(pub u32);

impl PerMinute {
    /// Nanoseconds from one request to the next; none for what has no limit.
    const fn interval_ns(self) -> Option<u64> {
        60_000_000_000_u64.checked_div(self.0 as u64)
    }

    /// Requests at once: at least one.
    const fn burst(self) -> u64 {
        let quarter = self.0 as u64 / 4;
        if quarter == 0 { 1 } else { quarter }
    }
}

/// How often an actor may ask, in each class of routes, and one network where nobody is asked who it is. A rate of 0 is no
/// limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// What answers from memory, for each actor.
    pub light: PerMinute,
    /// Reads.
    pub read: PerMinute,
    /// Writes.
    pub write: PerMinute,
    /// What works for long.
    pub bulk: PerMinute,
    /// Webhooks from one network: a sender's own, which sends for many tenants.
    pub webhook: PerMinute,
    /// How many actors of a tenant may ask as often as one may.
    pub tenant_factor: u32,
    /// Requests without a proven identity from one network (an IPv4 address, an IPv6 /64), and refusals of one actor,
    /// beyond which there is an alarm. The first are then told to wait.
    pub refusals: PerMinute,
}

impl Rates {
    /// No limits, for a bench or a program that keeps its own.
    pub const UNLIMITED: Self = Self {
        light: PerMinute(0),
        read: PerMinute(0),
        write: PerMinute(0),
        bulk: PerMinute(0),
        webhook: PerMinute(0),
        tenant_factor: 1,
        refusals: PerMinute(0),
    };

    const fn of(&self, class: RateClass) -> PerMinute {
        match class {
            RateClass::Light => self.light,
            RateClass::Read => self.read,
            RateClass::Write => self.write,
            RateClass::Bulk => self.bulk,
            RateClass::Webhook => self.webhook,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            light: PerMinute(2_400),
            read: PerMinute(1_200),
            write: PerMinute(600),
            bulk: PerMinute(60),
            webhook: PerMinute(6_000),
            tenant_factor: 20,
            refusals: PerMinute(240),
        }
    }
}

/// Whose bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Actor(Uuid, RateClass),
    Tenant(Uuid, RateClass),
    /// Who asks where nobody is asked who it is, by the network.
    Visitor(IpAddr, RateClass),
    /// Who proved no identity, by the network.
    Network(IpAddr),
    /// What an actor was refused.
    Refused(Uuid),
}

/// A request that comes too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSoon {
    /// Whether somebody should be told: once a minute for the same bucket.
    pub(crate) alarm: bool,
}

#[derive(Debug, Default)]
struct Bucket {
    /// When it will be empty, in nanoseconds since the start.
    empty_at_ns: AtomicU64,
    /// When the last alarm was, plus one.
    alarmed_at_ns: AtomicU64,
}

/// All buckets of one server.
pub(crate) struct Buckets {
    rates: Rates,
    began: Instant,
    buckets: Cache<Owner, Arc<Bucket>>,
}

impl Buckets {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            rates,
            began: Instant::now(),
            buckets: Cache::builder()
                .max_capacity(BUCKETS_MAX)
                .time_to_idle(BUCKET_IDLE)
                .build(),
        }
    }

    /// Takes from the actor's bucket and from its tenant's.
    // CONTROL: HTP-4
    pub(crate) fn request(&self, principal: &Principal, class: RateClass) -> Result<(), TooSoon> {
        let rate = self.rates.of(class);
        self.take(Owner::Actor(principal.subject.as_uuid(), class), rate)?;
        let Some(customer) = principal.customer.map(CustomerId::as_uuid) else {
            return Ok(());
        };
        let rate = PerMinute(rate.0.saturating_mul(self.rates.tenant_factor));
        self.take(Owner::Tenant(customer, class), rate)
    }

    /// Takes for a request to a route that asks nobody who it is: from one network as often as one actor may.
    // CONTROL: HTP-4
    pub(crate) fn public(&self, visitor: Option<IpAddr>, class: RateClass) -> Result<(), TooSoon> {
        match visitor {
            Some(visitor) => self.take(Owner::Visitor(network(visitor), class), self.rates.of(class)),
            None => Ok(()),
        }
    }

    /// Takes for a request that proved no identity. Who proves one is never held up by what others of its network do.
    // CONTROL: HTP-4
    pub(crate) fn unproven(&self, peer: Option<IpAddr>) -> Result<(), TooSoon> {
        match peer {
            Some(peer) => self.take(Owner::Network(network(peer)), self.rates.refusals),
            None => Ok(()),
        }
    }

    /// Takes for a refusal of somebody who is known.
    pub(crate) fn refused(&self, subject: SubjectId) -> Result<(), TooSoon> {
        self.take(Owner::Refused(subject.as_uuid()), self.rates.refusals)
    }

    fn take(&self, owner: Owner, rate: PerMinute) -> Result<(), TooSoon> {
        let Some(interval_ns) = rate.interval_ns() else {
            return Ok(());
        };
        let bucket = self.buckets.get_with(owner, Arc::default);
        let now_ns = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        bucket.take(now_ns, interval_ns, rate.burst())
    }
}

impl Bucket {
    fn take(&self, now_ns: u64, interval_ns: u64, burst: u64) -> Result<(), TooSoon> {
        let room_ns = interval_ns.saturating_mul(burst);
        let next = |empty_at: u64| {
            let next = empty_at.max(now_ns).saturating_add(interval_ns);
            (next.saturating_sub(now_ns) <= room_ns).then_some(next)
        };
        let taken = self
            .empty_at_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.map(drop).map_err(|_| TooSoon {
            alarm: self.is_due(now_ns),
        })
    }

    /// Whether this is the first in a minute.
    fn is_due(&self, now_ns: u64) -> bool {
        let pause_ns = u64::try_from(ALARM_PAUSE.as_nanos()).unwrap_or(u64::MAX);
        let due =
            |last: u64| (last == 0 || now_ns >= last.saturating_add(pause_ns)).then_some(now_ns.saturating_add(1));
        self.alarmed_at_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, due)
            .is_ok()
    }
}

/// The network that one party has: an IPv4 address, an IPv6 /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_core::RoleSet;
    use proptest::prelude::*;
    use time::OffsetDateTime;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn htp_4_a_bucket_gives_its_burst_and_then_its_rate() {
        // 60 a minute: 15 at once, and one a second from then on.
        let rate = PerMinute(60);
        let interval = rate.interval_ns().unwrap();
        let bucket = Bucket::default();
        let take = |at| bucket.take(at, interval, rate.burst()).is_ok();
        assert_eq!((0..40).filter(|_| take(5 * SECOND)).count(), 15);
        assert!(!take(5 * SECOND + SECOND - 1));
        assert!(take(6 * SECOND) && !take(6 * SECOND));
        assert_eq!(
            (0..40).filter(|_| take(1_000 * SECOND)).count(),
            15,
            "it does not grow over its burst"
        );
    }

    #[test]
    fn htp_4_a_tenant_has_a_bucket_for_all_its_people_and_another_has_its_own() {
        let buckets = Buckets::new(Rates {
            read: PerMinute(8),
            tenant_factor: 3,
            ..Rates::default()
        });
        let person = |number: u128, tenant: u128| Principal {
            subject: SubjectId::from_uuid(Uuid::from_u128(number)),
            customer: Some(CustomerId::from_uuid(Uuid::from_u128(tenant))),
            roles: RoleSet::EMPTY,
            expires_at: OffsetDateTime::UNIX_EPOCH,
            names: None,
            strong: false,
            signed_in: false,
        };
        let let_in = |number, tenant| {
            let person = person(number, tenant);
            (0..10)
                .filter(|_| buckets.request(&person, RateClass::Read).is_ok())
                .count()
        };
        // Two at once for each of them, six for the tenant.
        assert_eq!([1, 2, 3, 4, 5].map(|number| let_in(number, 70)), [2, 2, 2, 0, 0]);
        assert_eq!(let_in(6, 71), 2);
        let unlimited = Buckets::new(Rates::UNLIMITED);
        assert!((0..10_000).all(|_| unlimited.request(&person(1, 70), RateClass::Bulk).is_ok()));
    }

    #[test]
    fn htp_4_an_alarm_is_raised_once_a_minute() {
        let bucket = Bucket::default();
        let alarms = |from: u64| {
            (0..100)
                .filter(|_| bucket.take(from, 60 * SECOND, 1) == Err(TooSoon { alarm: true }))
                .count()
        };
        assert!(bucket.take(0, 600 * SECOND, 1).is_ok());
        assert_eq!(alarms(0), 1);
        assert_eq!(alarms(30 * SECOND), 0);
        assert_eq!(alarms(61 * SECOND), 1);
    }

    #[test]
    fn a_network_is_an_address_or_what_a_household_has() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
    }

    proptest! {
        #[test]
        fn htp_4_no_pattern_gets_more_than_burst_and_rate(pauses in proptest::collection::vec(0_u64..3 * SECOND, 1..200), per_minute in 1_u32..600) {
            let rate = PerMinute(per_minute);
            let (interval, bucket) = (rate.interval_ns().unwrap(), Bucket::default());
            let (mut now, mut taken) = (0, 0_u64);
            for pause in pauses {
                now += pause;
                taken += u64::from(bucket.take(now, interval, rate.burst()).is_ok());
                prop_assert!(taken <= rate.burst() + now / interval + 1, "{taken} at {now}");
            }
        }
    }
}
