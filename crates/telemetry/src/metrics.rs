//! What a monitoring system may scrape: few numbers under fixed names, and labels from closed vocabularies only.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::atomic::AtomicU64;

/// How one probe of tenant isolation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The canary saw its own row and no other tenant's.
    Held,
    /// The canary reached another tenant's row.
    Breached,
    /// The canary did not see its own row, so that it proved nothing.
    Blind,
    /// The probe did not come to an end.
    Failed,
}

impl ProbeOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Held, Self::Breached, Self::Blind, Self::Failed];

    /// The value of the label `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Breached => "breached",
            Self::Blind => "blind",
            Self::Failed => "failed",
        }
    }
}

/// SECURITY: names and values are `'static`, so that neither a tenant's id nor a person's can become a label.
type Labels = [(&'static str, &'static str); 1];

/// The numbers of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    probes: Family<Labels, Counter>,
    breached: Gauge,
    months_ahead: Gauge,
    unsealed: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// The media type of [`Metrics::render`]: OpenMetrics text, which Prometheus reads as its own.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All numbers at zero. `refusals_lost` is asked at every scrape.
    #[must_use]
    pub fn new(version: &'static str, refusals_lost: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let mut registry = Registry::with_prefix("bearingwall");
        let build: Info<Labels> = Info::new([("version", version)]);
        registry.register("build", "The program that answers", build);
        let probes = Family::<Labels, Counter>::default();
        for outcome in ProbeOutcome::ALL {
            // A series that appears with its first event has no increase that an alarm could see.
            drop(probes.get_or_create(&[("outcome", outcome.as_str())]));
        }
        registry.register(
            "isolation_probes",
            "Probes of tenant isolation by their outcome",
            probes.clone(),
        );
        let breached = Gauge::default();
        registry.register(
            "isolation_breached",
            "Whether a probe has reached another tenant's row since the start (1) or not (0)",
            breached.clone(),
        );
        let months_ahead = Gauge::default();
        registry.register(
            "record_months_ahead",
            "Months beyond the current one that the audit record can be written in",
            months_ahead.clone(),
        );
        let unsealed = Gauge::<f64, AtomicU64>::default();
        registry.register(
            "record_unsealed_seconds",
            "For how long the oldest committed audit event has waited for its seal",
            unsealed.clone(),
        );
        // Nothing is known before the first look.
        months_ahead.set(-1);
        unsealed.set(f64::NAN);
        registry.register_collector(Box::new(RefusalsLost(Box::new(refusals_lost))));
        Self {
            registry,
            probes,
            breached,
            months_ahead,
            unsealed,
        }
    }

    /// Counts a probe. A breach is kept until the process ends: nothing takes it back.
    pub fn isolation_probed(&self, outcome: ProbeOutcome) {
        if outcome == ProbeOutcome::Breached {
            self.breached.set(1);
        }
        self.probes.get_or_create(&[("outcome", outcome.as_str())]).inc();
    }

    /// The record's health: months that are ready, and hundredths of a second that the oldest event has waited for its seal.
    pub fn record_seen(&self, months: i64, unsealed_cs: usize) {
        self.months_ahead.set(months);
        let unsealed = u32::try_from(unsealed_cs).unwrap_or(u32::MAX);
        self.unsealed.set(f64::from(unsealed) / 100.0);
    }

    /// Nothing is known of the record's health: what was seen last says nothing any more.
    pub fn record_unseen(&self) {
        self.months_ahead.set(-1);
        self.unsealed.set(f64::NAN);
    }

    /// All numbers, in the OpenMetrics text format.
    ///
    /// # Errors
    /// When a number cannot be written down, which no number of this type causes.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut answer = String::new();
        text::encode(&mut answer, &self.registry)?;
        Ok(answer)
    }
}

/// A number that somebody else counts.
struct RefusalsLost(Box<dyn Fn() -> u64 + Send + Sync>);

impl fmt::Debug for RefusalsLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusalsLost")
    }
}

impl Collector for RefusalsLost {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let lost = ConstCounter::new((self.0)());
        let help = "Refusals that did not reach the audit record.";
        lost.encode(encoder.encode_descriptor("refusals_lost", help, None, lost.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn every_series_is_there_before_its_first_event() {
        let metrics = Metrics::new("1.2.3", || 0);
        assert_eq!(
            metrics.render().unwrap(),
            "# HELP bearingwall_build The program that answers.\n\
             # TYPE bearingwall_build info\n\
             bearingwall_build_info{version=\"1.2.3\"} 1\n\
             # HELP bearingwall_isolation_probes Probes of tenant isolation by their outcome.\n\
             # TYPE bearingwall_isolation_probes counter\n"
                .to_owned()
                + &series(&metrics)
                + "# HELP bearingwall_isolation_breached Whether a probe has reached another tenant's row since the \
                   start (1) or not (0).\n\
                   # TYPE bearingwall_isolation_breached gauge\n\
                   bearingwall_isolation_breached 0\n\
                   # HELP bearingwall_record_months_ahead Months beyond the current one that the audit record can be \
                   written in.\n\
                   # TYPE bearingwall_record_months_ahead gauge\n\
                   bearingwall_record_months_ahead -1\n\
                   # HELP bearingwall_record_unsealed_seconds For how long the oldest committed audit event has waited \
                   for its seal.\n\
                   # TYPE bearingwall_record_unsealed_seconds gauge\n\
                   bearingwall_record_unsealed_seconds NaN\n\
                   # HELP bearingwall_refusals_lost Refusals that did not reach the audit record.\n\
                   # TYPE bearingwall_refusals_lost counter\n\
                   bearingwall_refusals_lost_total 0\n\
                   # EOF\n"
        );
        for outcome in ["held", "breached", "blind", "failed"] {
            assert_eq!(probes(&metrics, outcome), "0");
        }
    }

    /// The order of a family's series is the library's business.
    fn series(metrics: &Metrics) -> String {
        let text = metrics.render().unwrap();
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.starts_with("bearingwall_isolation_probes_total"));
        lines.collect()
    }

    fn probes(metrics: &Metrics, outcome: &str) -> String {
        let start = format!("bearingwall_isolation_probes_total{{outcome=\"{outcome}\"}} ");
        let text = series(metrics);
        let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&start)).collect();
        assert_eq!(found.len(), 1, "{outcome}: {text}");
        found[0].to_owned()
    }

    #[test]
    fn ten_8_a_breach_stays_after_any_number_of_probes_that_hold() {
        let metrics = Metrics::new("1.2.3", || 0);
        metrics.isolation_probed(ProbeOutcome::Held);
        assert!(
            metrics
                .render()
                .unwrap()
                .contains("\nbearingwall_isolation_breached 0\n")
        );
        metrics.isolation_probed(ProbeOutcome::Breached);
        for outcome in [
            ProbeOutcome::Held,
            ProbeOutcome::Blind,
            ProbeOutcome::Failed,
            ProbeOutcome::Held,
        ] {
            metrics.isolation_probed(outcome);
        }
        assert!(
            metrics
                .render()
                .unwrap()
                .contains("\nbearingwall_isolation_breached 1\n")
        );
        let counts = ProbeOutcome::ALL.map(|outcome| probes(&metrics, outcome.as_str()));
        assert_eq!(counts, ["3", "1", "1", "1"]);
    }

    #[test]
    fn losses_are_counted_by_whoever_loses() {
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let metrics = Metrics::new("1.2.3", move || counted.load(Ordering::Relaxed));
        lost.store(7, Ordering::Relaxed);
        assert!(
            metrics
                .render()
                .unwrap()
                .contains("\nbearingwall_refusals_lost_total 7\n")
        );
    }
}
