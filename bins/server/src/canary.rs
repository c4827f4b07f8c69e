//! The canary: again and again the server tries, under its own login, to read one tenant's row from inside another.

use bearingwall_authn::BoxFuture;
use bearingwall_core::{Classified, ErrorKind, EventSink, IdGen as _, Outcome, RequestId, SecurityEvent, SystemIds};
use bearingwall_telemetry::{Metrics, ProbeOutcome, error_chain};
use bearingwall_tenancy::canary::{self, Verdict};
use bearingwall_tenancy::{TenancyError, TenantPool};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// How many probes in a row may prove nothing before the server is not ready any more: one lost connection is no alarm.
const MISSES_MAX: u32 = 3;

/// How long one probe may take, beyond every time limit of the pool's own.
const PROBE_LIMIT: Duration = Duration::from_secs(30);

/// One attempt to look across.
pub(crate) trait IsolationProbe: Send + Sync {
    /// Looks in every way that is known.
    fn probe(&self) -> BoxFuture<'_, Result<Verdict, TenancyError>>;
}

/// As the login that serves requests, on one of its connections.
impl IsolationProbe for TenantPool {
    fn probe(&self) -> BoxFuture<'_, Result<Verdict, TenancyError>> {
        Box::pin(canary::probe(self))
    }
}

/// Another tenant's row was reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tenant isolation is broken: the canary reached a row of another tenant by {attempt}")]
pub(crate) struct Breached {
    /// How: the attempt, or the table.
    pub(crate) attempt: String,
}

impl Classified for Breached {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        "SRV-001"
    }
}

/// What is known about isolation right now.
#[derive(Debug)]
pub(crate) struct Isolation {
    breached: AtomicBool,
    /// Probes in a row that proved nothing.
    misses: AtomicU32,
}

impl Isolation {
    /// Nothing is proven before the first probe.
    const fn unproven() -> Self {
        Self {
            breached: AtomicBool::new(false),
            misses: AtomicU32::new(MISSES_MAX),
        }
    }

    /// Whether a recent probe held and none ever did not.
    ///
    /// SECURITY: a breach is kept until the process ends. Rows may have gone to the wrong tenant, and an attacker who can
    /// open the hole can close it again between two probes: that it looks closed now says nothing.
    pub(crate) fn is_proven(&self) -> bool {
        !self.breached.load(Ordering::Relaxed) && self.misses.load(Ordering::Relaxed) < MISSES_MAX
    }

    /// Whether isolation was not proven until now.
    fn held(&self) -> bool {
        self.misses.swap(0, Ordering::Relaxed) >= MISSES_MAX
    }

    /// Whether isolation is not proven from now on.
    fn missed(&self) -> bool {
        let before = self.misses.load(Ordering::Relaxed);
        let misses = before.saturating_add(1);
        self.misses.store(misses, Ordering::Relaxed);
        before < MISSES_MAX && misses >= MISSES_MAX
    }
}

/// The probe with its clock, and everybody who is told.
pub(crate) struct Canary {
    probe: Box<dyn IsolationProbe>,
    interval: Duration,
    isolation: Arc<Isolation>,
    metrics: Arc<Metrics>,
    events: Arc<dyn EventSink>,
}

impl Canary {
    pub(crate) fn new(
        probe: Box<dyn IsolationProbe>,
        interval: Duration,
        metrics: Arc<Metrics>,
        events: Arc<dyn EventSink>,
    ) -> Self {
        Self {
            probe,
            interval,
            isolation: Arc::new(Isolation::unproven()),
            metrics,
            events,
        }
    }

    pub(crate) fn isolation(&self) -> Arc<Isolation> {
        Arc::clone(&self.isolation)
    }

    /// Looks once at every interval, until it is dropped.
    pub(crate) async fn watch(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.interval).await;
            // Whoever must know of a breach has been told.
            let _ = self.look().await;
        }
    }

    /// Probes once, and tells metrics, log, record and readiness what came of it.
    // CONTROL: TEN-8
    pub(crate) async fn look(&self) -> Result<(), Breached> {
        let verdict = tokio::time::timeout(PROBE_LIMIT, self.probe.probe()).await;
        match verdict {
            Ok(Ok(Verdict::Held)) => {
                self.metrics.isolation_probed(ProbeOutcome::Held);
                if self.isolation.held() {
                    tracing::info!("tenant isolation is proven by the canary");
                }
            }
            Ok(Ok(Verdict::Breached { attempt })) => {
                let breached = Breached { attempt };
                self.breached(&breached);
                return Err(breached);
            }
            Ok(Ok(Verdict::Blind)) => {
                tracing::warn!("the canary does not see its own row: the probe of tenant isolation proves nothing");
                self.missed(ProbeOutcome::Blind);
            }
            Ok(Err(error)) => {
                tracing::warn!(error = error_chain(&error), "the probe of tenant isolation failed");
                self.missed(ProbeOutcome::Failed);
            }
            Err(_) => {
                tracing::warn!("the probe of tenant isolation did not end in time");
                self.missed(ProbeOutcome::Failed);
            }
        }
        Ok(())
    }

    /// Told again by every probe that finds it: the record's queue may have been full the first time.
    fn breached(&self, breached: &Breached) {
        self.isolation.breached.store(true, Ordering::Relaxed);
        self.metrics.isolation_probed(ProbeOutcome::Breached);
        let request = RequestId::from_uuid(SystemIds.v7());
        tracing::error!(
            correlation_id = %request,
            code = breached.code(),
            error = error_chain(breached),
            "tenant isolation is broken"
        );
        self.events.report(SecurityEvent {
            event_type: "isolation.breached",
            outcome: Outcome::Failure,
            reason: breached.code(),
            customer: None,
            subject: None,
            request,
            route: None,
            proof: None,
            source_ip: None,
            secret: None,
        });
    }

    fn missed(&self, outcome: ProbeOutcome) {
        self.metrics.isolation_probed(outcome);
        if self.isolation.missed() {
            tracing::error!("tenant isolation is not proven any more: the server is not ready");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Answer {
        Held,
        Blind,
        Failed,
        Breached,
    }

    struct Script(Arc<Mutex<Answer>>);

    impl IsolationProbe for Script {
        fn probe(&self) -> BoxFuture<'_, Result<Verdict, TenancyError>> {
            let answer = match *self.0.lock().unwrap() {
                Answer::Held => Ok(Verdict::Held),
                Answer::Blind => Ok(Verdict::Blind),
                Answer::Failed => Err(TenancyError::Busy),
                Answer::Breached => Ok(Verdict::Breached {
                    attempt: "a plain look".to_owned(),
                }),
            };
            Box::pin(std::future::ready(answer))
        }
    }

    #[derive(Default)]
    struct Reported(Mutex<Vec<SecurityEvent>>);

    impl EventSink for Reported {
        fn report(&self, event: SecurityEvent) {
            self.0.lock().unwrap().push(event);
        }
    }

    struct Stage {
        canary: Canary,
        answer: Arc<Mutex<Answer>>,
        reported: Arc<Reported>,
    }

    impl Stage {
        fn new() -> Self {
            let answer = Arc::new(Mutex::new(Answer::Held));
            let reported = Arc::new(Reported::default());
            let canary = Canary::new(
                Box::new(Script(Arc::clone(&answer))),
                Duration::from_millis(1),
                Arc::new(Metrics::new("1.2.3", || 0)),
                Arc::clone(&reported) as Arc<dyn EventSink>,
            );
            Self {
                canary,
                answer,
                reported,
            }
        }

        async fn look(&self, answer: Answer) -> bool {
            *self.answer.lock().unwrap() = answer;
            let looked = self.canary.look().await;
            assert_eq!(looked.is_err(), answer == Answer::Breached);
            self.canary.isolation().is_proven()
        }

        fn events(&self) -> usize {
            self.reported.0.lock().unwrap().len()
        }

        fn metric(&self, line: &str) -> bool {
            self.canary.metrics.render().unwrap().lines().any(|found| found == line)
        }
    }

    #[tokio::test]
    async fn ten_8_nothing_is_proven_before_a_probe_has_held() {
        let stage = Stage::new();
        assert!(!stage.canary.isolation().is_proven());
        for answer in [Answer::Blind, Answer::Failed] {
            assert!(!stage.look(answer).await);
        }
        assert!(stage.look(Answer::Held).await);
    }

    #[tokio::test]
    async fn ten_8_three_probes_in_a_row_that_prove_nothing_end_readiness_until_one_holds() {
        let stage = Stage::new();
        stage.look(Answer::Held).await;
        assert!(stage.look(Answer::Blind).await);
        assert!(stage.look(Answer::Failed).await);
        assert!(
            stage.look(Answer::Held).await,
            "a probe that holds starts the count anew"
        );
        assert!(stage.look(Answer::Failed).await);
        assert!(stage.look(Answer::Failed).await);
        assert!(!stage.look(Answer::Blind).await);
        assert!(!stage.look(Answer::Failed).await);
        assert!(stage.look(Answer::Held).await);
        assert_eq!(stage.events(), 0, "a probe that proves nothing is no breach");
        for (outcome, count) in [("held", 3), ("blind", 2), ("failed", 4), ("breached", 0)] {
            let line = format!("bearingwall_isolation_probes_total{{outcome=\"{outcome}\"}} {count}");
            assert!(stage.metric(&line), "{line}");
        }
        assert!(stage.metric("bearingwall_isolation_breached 0"));
    }

    #[tokio::test]
    async fn ten_8_a_breach_is_told_everywhere_and_nothing_takes_it_back() {
        let stage = Stage::new();
        stage.look(Answer::Held).await;
        assert!(!stage.look(Answer::Breached).await);
        for answer in [Answer::Held, Answer::Blind, Answer::Held] {
            assert!(!stage.look(answer).await);
        }
        assert!(stage.metric("bearingwall_isolation_breached 1"));
        assert!(stage.metric("bearingwall_isolation_probes_total{outcome=\"breached\"} 1"));
        assert_eq!(stage.events(), 1);
        stage.look(Answer::Breached).await;
        assert_eq!(stage.events(), 2, "told again: the first may have been lost");
        let events = stage.reported.0.lock().unwrap();
        assert_eq!(events[0].event_type, "isolation.breached");
        assert_eq!((events[0].outcome, events[0].reason), (Outcome::Failure, "SRV-001"));
        assert_eq!((events[0].customer, events[0].subject), (None, None));
    }

    #[tokio::test]
    async fn ten_8_the_watch_goes_on_whatever_a_probe_finds() {
        let stage = Stage::new();
        for answer in [Answer::Breached, Answer::Failed, Answer::Blind, Answer::Held] {
            *stage.answer.lock().unwrap() = answer;
            let before = stage.canary.metrics.render().unwrap();
            let changed = async {
                while stage.canary.metrics.render().unwrap() == before {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                never = stage.canary.watch() => match never {},
                () = changed => {}
                () = tokio::time::sleep(Duration::from_secs(10)) => panic!("nobody looks"),
            }
        }
    }
}
