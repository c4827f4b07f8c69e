//! Why logs and traces could not be set up.

use bearingwall_core::{Classified, ErrorKind};
use opentelemetry_otlp::ExporterBuildError;
use tracing::subscriber::SetGlobalDefaultError;

/// Telemetry could not be set up; the program should not run unobserved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelemetryError {
    /// The level is none, nor a list of targets with levels.
    #[error("the log level is neither a level nor a list of targets with levels")]
    Level,
    /// The OTLP endpoint is not acceptable. It is not repeated: it may hold a credential.
    #[error("the OTLP endpoint is refused: {reason}")]
    Endpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The share of traces to send is not between 0 and 1.
    #[error("the sample ratio must be between 0 and 1")]
    SampleRatio,
    /// The exporter could not be built.
    #[error("cannot build the OTLP exporter")]
    Exporter(#[source] ExporterBuildError),
    /// Somebody installed logging before.
    #[error("logging is installed already")]
    Installed(#[source] SetGlobalDefaultError),
}

impl Classified for TelemetryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Level | Self::Endpoint { .. } | Self::SampleRatio | Self::Exporter(_) | Self::Installed(_) => {
                ErrorKind::Internal
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Level => "TEL-001",
            Self::Endpoint { .. } => "TEL-002",
            Self::SampleRatio => "TEL-003",
            Self::Exporter(_) => "TEL-004",
            Self::Installed(_) => "TEL-005",
        }
    }
}
