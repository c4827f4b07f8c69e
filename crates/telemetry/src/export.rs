//! Traces: an OTLP exporter behind a wrapper that scrubs each span just before it leaves.

use crate::TelemetryError;
use crate::config::TelemetryConfig;
use crate::field::{Raw, Shown, WITHHELD, show};
use crate::scrub::scrub;
use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long one batch may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The provider of traces, and how many batches failed since the last one that was delivered.
#[derive(Debug)]
pub(crate) struct Traces {
    pub(crate) provider: SdkTracerProvider,
    failures: Arc<AtomicU64>,
}

impl Traces {
    /// Sends what is left, and says whether all of it arrived. The provider's own answer does not tell.
    pub(crate) fn finish(self, timeout: Duration) -> bool {
        self.provider.shutdown_with_timeout(timeout).is_ok() && self.failures.load(Ordering::Relaxed) == 0
    }
}

/// Sets traces up; `None` without an endpoint.
pub(crate) fn traces(config: &TelemetryConfig) -> Result<Option<Traces>, TelemetryError> {
    let ratio = config.sample_ratio()?;
    let Some(endpoint) = config.endpoint()? else {
        return Ok(None);
    };
    let exporter = OtlpExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.as_str())
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(TelemetryError::Exporter)?;
    let resource = Resource::builder_empty()
        .with_service_name(config.service_name.clone())
        .with_attribute(KeyValue::new("service.version", config.service_version.clone()))
        .build();
    let failures = Arc::new(AtomicU64::new(0));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Scrubbing {
            inner: exporter,
            failures: Arc::clone(&failures),
        })
        .with_sampler(Sampler::TraceIdRatioBased(ratio))
        .with_resource(resource)
        .build();
    Ok(Some(Traces { provider, failures }))
}

/// Scrubs what it hands to the exporter within.
#[derive(Debug)]
struct Scrubbing<E> {
    inner: E,
    failures: Arc<AtomicU64>,
}

impl<E: SpanExporter> SpanExporter for Scrubbing<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        // CONTROL: TEL-1
        let outcome = self.inner.export(batch.into_iter().map(scrub_span).collect()).await;
        match &outcome {
            // Told once an outage: a line a batch would be the louder failure.
            Err(error) if self.failures.fetch_add(1, Ordering::Relaxed) == 0 => {
                tracing::warn!(error = %error, "traces cannot be delivered");
            }
            Err(_) => {}
            Ok(()) => {
                let failed = self.failures.swap(0, Ordering::Relaxed);
                if failed > 0 {
                    tracing::info!(failed, "traces are delivered again");
                }
            }
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

fn scrub_span(mut span: SpanData) -> SpanData {
    span.name = scrub(&span.name).into();
    scrub_attributes(&mut span.attributes);
    for event in &mut span.events.events {
        event.name = scrub(&event.name).into();
        scrub_attributes(&mut event.attributes);
    }
    for link in &mut span.links.links {
        scrub_attributes(&mut link.attributes);
    }
    if let Status::Error { description } = &mut span.status {
        *description = scrub(description).into();
    }
    span
}

/// A `tracing` field's name is part of the program, but an attribute's may be made at run time: then it must look like
/// a name, or the attribute goes.
fn scrub_attributes(attributes: &mut Vec<KeyValue>) {
    attributes.retain(|attribute| is_name(attribute.key.as_str()));
    for attribute in attributes {
        let name = attribute.key.as_str();
        let shown = match &attribute.value {
            Value::Bool(flag) => show(name, Raw::Flag(*flag)),
            Value::I64(number) => show(name, Raw::Signed(*number)),
            Value::F64(number) => show(name, Raw::Float(*number)),
            Value::String(text) => show(name, Raw::Text(text.as_str())),
            _ => Shown::Text(WITHHELD.to_owned()),
        };
        attribute.value = match shown {
            Shown::Flag(flag) => Value::Bool(flag),
            Shown::Signed(number) => Value::I64(number),
            Shown::Unsigned(number) => Value::I64(i64::try_from(number).unwrap_or(i64::MAX)),
            Shown::Float(number) => Value::F64(number),
            Shown::Text(text) => Value::String(text.into()),
        };
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 48
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'.' || byte == b'_')
}
