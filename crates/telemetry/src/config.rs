//! What an operator may choose about logs and traces; nothing here loosens what they show.

use crate::TelemetryError;
use serde::Deserialize;
use tracing_subscriber::filter::Targets;
use url::{Host, Url};

/// The levels, and silence.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// A line for people, with the same fields and the same scrubbing.
    Pretty,
}

/// Logs and traces.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// `error`, `warn`, `info`, `debug` or `trace`, or one per target: `info,bearingwall_http=debug`.
    /// Other programmers' libraries are never heard below `warn`, whatever stands here.
    pub level: String,
    /// The form of a log line.
    pub format: Format,
    /// The service's name in traces.
    pub service_name: String,
    /// The service's version in traces.
    pub service_version: String,
    /// The OTLP receiver's base URL (`/v1/traces` is added where it has no path). No traces are sent without one.
    /// Plain `http` is accepted for this machine only.
    pub otlp_endpoint: Option<String>,
    /// The share of traces that is sent, from 0 to 1. A caller's own sampling decision is not followed: it could be
    /// used to make the server send everything.
    pub otlp_sample_ratio: f64,
}

impl Default for TelemetryConfig {
    /// JSON lines from `info` up, no traces.
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: Format::Json,
            service_name: "bearingwall".to_owned(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            otlp_endpoint: None,
            otlp_sample_ratio: 1.0,
        }
    }
}

impl TelemetryConfig {
    pub(crate) fn targets(&self) -> Result<Targets, TelemetryError> {
        // The parser takes a misspelt level for a target's name, and would then say nothing at all.
        let is_level = |part: &str| LEVELS.contains(&part.trim().to_ascii_lowercase().as_str());
        let is_sound = |part: &str| part.contains('=') || is_level(part);
        if !self.level.split(',').all(is_sound) {
            return Err(TelemetryError::Level);
        }
        self.level.parse().map_err(|_| TelemetryError::Level)
    }

    pub(crate) fn sample_ratio(&self) -> Result<f64, TelemetryError> {
        let ratio = self.otlp_sample_ratio;
        if (0.0..=1.0).contains(&ratio) {
            Ok(ratio)
        } else {
            Err(TelemetryError::SampleRatio)
        }
    }

    pub(crate) fn endpoint(&self) -> Result<Option<Url>, TelemetryError> {
        let Some(text) = &self.otlp_endpoint else {
            return Ok(None);
        };
        let refuse = |reason| TelemetryError::Endpoint { reason };
        let mut url = Url::parse(text).map_err(|_| refuse("it is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it holds a credential"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has a query or a fragment"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(refuse("plain http leaves this machine")),
            _ => return Err(refuse("its scheme is neither http nor https")),
        }
        if url.path() == "/" {
            url.set_path("/v1/traces");
        }
        Ok(Some(url))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<Option<Url>, TelemetryError> {
        TelemetryConfig {
            otlp_endpoint: Some(text.to_owned()),
            ..TelemetryConfig::default()
        }
        .endpoint()
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate stands below the one that reads documents"
    )]
    fn unknown_settings_are_refused_and_missing_ones_have_defaults() {
        let config: TelemetryConfig = toml::from_str("level = \"debug\"\nformat = \"pretty\"\n").unwrap();
        assert_eq!((config.level.as_str(), config.format), ("debug", Format::Pretty));
        assert_eq!(config.otlp_endpoint, None);
        assert!(toml::from_str::<TelemetryConfig>("scrub = false").is_err());
    }

    #[test]
    fn traces_leave_the_machine_over_tls_only() {
        assert_eq!(
            endpoint("http://127.0.0.1:4318").unwrap().unwrap().as_str(),
            "http://127.0.0.1:4318/v1/traces"
        );
        assert_eq!(
            endpoint("http://[::1]:4318/t").unwrap().unwrap().as_str(),
            "http://[::1]:4318/t"
        );
        assert!(endpoint("https://otlp.example:4318").is_ok());
        for refused in [
            "http://otlp.example:4318",
            "http://10.0.0.1:4318",
            "https://user:secret@otlp.example",
            "https://otlp.example/?key=1",
            "grpc://localhost:4317",
            "localhost:4318",
            "",
        ] {
            assert!(endpoint(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_ratio_outside_0_to_1_is_refused() {
        for ratio in [-0.1, 1.1, f64::NAN] {
            let config = TelemetryConfig {
                otlp_sample_ratio: ratio,
                ..TelemetryConfig::default()
            };
            assert!(config.sample_ratio().is_err());
        }
    }
}
