//! Puts refusals on the record, without letting a flood of them become a flood of records.

use crate::routes::Refused;
use bearingwall_core::{BearerProof, CustomerId, EventSink, Outcome, RequestId, SecurityEvent, SubjectId};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Reports a second per process. Anybody can cause refusals, and each becomes a row of the audit record.
const REPORTS_PER_S: u32 = 100;

/// A request that was refused for want of an identity or of a permission.
pub(crate) struct Refusal {
    /// Whether nobody was identified, or somebody without the permission.
    pub(crate) refused: Refused,
    /// The inner code, as `AUT-004`.
    pub(crate) reason: &'static str,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) subject: Option<SubjectId>,
    pub(crate) request: RequestId,
    pub(crate) route: Option<&'static str>,
    /// The token that proved who, where the database asks for it.
    pub(crate) proof: Option<BearerProof>,
    pub(crate) source_ip: Option<IpAddr>,
}

/// Reports refusals to the sink, at most [`REPORTS_PER_S`]; the rest are counted, and the count is logged.
pub(crate) struct Refusals {
    sink: Arc<dyn EventSink>,
    window: Mutex<Window>,
}

struct Window {
    started: Instant,
    reported: u32,
    withheld: u64,
}

impl Refusals {
    pub(crate) fn new(sink: Arc<dyn EventSink>) -> Self {
        Self {
            sink,
            window: Mutex::new(Window {
                started: Instant::now(),
                reported: 0,
                withheld: 0,
            }),
        }
    }

    // CONTROL: AUD-3
    pub(crate) fn report(&self, refusal: Refusal) {
        if !self.admit(Instant::now()) {
            return;
        }
        self.sink.report(SecurityEvent {
            event_type: refusal.refused.event().as_str(),
            outcome: Outcome::Denied,
            reason: refusal.reason,
            customer: refusal.customer,
            subject: refusal.subject,
            request: refusal.request,
            route: refusal.route,
            proof: refusal.proof,
            source_ip: refusal.source_ip,
            secret: None,
        });
    }

    fn admit(&self, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(window.started) >= Duration::from_secs(1) {
            if window.withheld > 0 {
                tracing::error!(count = window.withheld, "refusals were too many to record one by one");
            }
            *window = Window {
                started: now,
                reported: 0,
                withheld: 0,
            };
        }
        let admitted = window.reported < REPORTS_PER_S;
        if admitted {
            window.reported += 1;
        } else {
            window.withheld += 1;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl EventSink for Nowhere {
        fn report(&self, _: SecurityEvent) {}
    }

    #[test]
    fn aud_3_a_flood_of_refusals_is_bounded_and_the_next_second_is_recorded_again() {
        let refusals = Refusals::new(Arc::new(Nowhere));
        let start = Instant::now();
        let admitted = |at| (0..1_000).filter(|_| refusals.admit(at)).count();
        assert_eq!(admitted(start), REPORTS_PER_S as usize);
        assert_eq!(admitted(start + Duration::from_secs(2)), REPORTS_PER_S as usize);
    }
}
