//! Puts log and traces together and installs them for the whole process.

use crate::TelemetryError;
use crate::config::TelemetryConfig;
use crate::export::{self, Traces};
use crate::log::LogLayer;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::panic::PanicHookInfo;
use std::time::Duration;
use tracing::{Dispatch, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// How long the last traces may take to leave.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps traces flowing; dropping it sends the last ones, waiting up to five seconds.
#[must_use = "dropping the guard ends the delivery of traces"]
#[derive(Debug)]
pub struct TelemetryGuard {
    traces: Option<Traces>,
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        if self.traces.take().is_some_and(|traces| !traces.finish(FLUSH_TIMEOUT)) {
            tracing::warn!("the last traces could not be delivered");
        }
    }
}

/// Installs the log (to standard error) and the traces for the whole process, and logs panics through them, since a
/// panic's message may hold anything.
///
/// # Errors
///
/// [`TelemetryError`] for a setting that is refused, or if logging is installed already.
pub fn init(config: &TelemetryConfig) -> Result<TelemetryGuard, TelemetryError> {
    let (dispatch, guard) = dispatch(config, std::io::stderr)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(TelemetryError::Installed)?;
    log_panics();
    Ok(guard)
}

/// Sends every later panic's message through the log instead of to standard error as it is. [`init`] does it too.
pub fn log_panics() {
    std::panic::set_hook(Box::new(log_panic));
}

/// The same log and traces with another writer, not installed: for a test, or a program of several parts.
///
/// # Errors
///
/// [`TelemetryError`] for a setting that is refused.
pub fn dispatch<W>(config: &TelemetryConfig, writer: W) -> Result<(Dispatch, TelemetryGuard), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let traces = export::traces(config)?;
    let subscriber = Registry::default()
        .with(config.targets()?)
        .with(foreign_targets_from_warn())
        .with(traces.as_ref().map(|traces| layer(&traces.provider)))
        .with(LogLayer::new(config.format, writer));
    Ok((Dispatch::new(subscriber), TelemetryGuard { traces }))
}

fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bearingwall"))
        .with_location(false)
        .with_threads(false)
        .with_error_fields_to_exceptions(false)
        .with_error_records_to_exceptions(false)
}

/// SECURITY: database drivers and HTTP libraries log statements, notices and headers below `warn`.
fn foreign_targets_from_warn() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    fn is_heard(metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("bearingwall") || *metadata.level() <= Level::WARN
    }
    filter_fn(is_heard as fn(&Metadata<'_>) -> bool).with_max_level_hint(LevelFilter::TRACE)
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let location = panic
        .location()
        .map(|location| format!("{}:{}", location.file(), location.line()));
    tracing::error!(
        error = text,
        location = location.as_deref().unwrap_or("unknown"),
        "a thread panicked"
    );
}
