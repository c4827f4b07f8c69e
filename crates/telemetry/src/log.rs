//! The log layer: one line an event, with the fields of the spans around it, each shown as the allow-list permits.

use crate::chain::error_chain;
use crate::config::Format;
use crate::field::{Raw, Shown, show};
use opentelemetry::trace::TraceContextExt as _;
use serde::ser::{Serialize, SerializeMap as _, Serializer as _};
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::OnceLock;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry::SpanRef};

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Longer values are not formatted to the end.
const MAX_VALUE_BYTES: usize = 16 * 1024;

/// A `tracing` layer that writes one line an event.
///
/// Scrubbing is not a setting and not a call: values reach the line through the allow-list of fields only.
pub struct LogLayer<W> {
    format: Format,
    writer: W,
    dispatch: OnceLock<WeakDispatch>,
}

impl<W> LogLayer<W> {
    /// A layer that writes to `writer`.
    pub const fn new(format: Format, writer: W) -> Self {
        Self {
            format,
            writer,
            dispatch: OnceLock::new(),
        }
    }

    /// The ids of the trace, where traces are made.
    fn trace_ids(&self, span: &Id) -> Option<(String, String)> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let context = tracing_opentelemetry::get_otel_context(span, &dispatch)?;
        let span = context.span();
        let context = span.span_context();
        context
            .is_valid()
            .then(|| (context.trace_id().to_string(), context.span_id().to_string()))
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        let span = context.event_span(event);
        for outer in span.iter().flat_map(SpanRef::scope).collect::<Vec<_>>().iter().rev() {
            if let Some(of_span) = outer.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        if let Some((trace_id, span_id)) = span.as_ref().and_then(|span| self.trace_ids(&span.id())) {
            fields.set("trace_id", Raw::Text(&trace_id));
            fields.set("span_id", Raw::Text(&span_id));
        }
        event.record(&mut fields);
        let line = Line {
            metadata: event.metadata(),
            span: span.map(|span| span.name()),
            fields,
        };
        let mut bytes = match self.format {
            Format::Json => line.json(),
            Format::Pretty => line.pretty().into_bytes(),
        };
        bytes.push(b'\n');
        // One write, so that lines of two threads do not mix. There is nobody to tell that telling failed.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(&bytes);
    }
}

/// Fields as they may be shown. What may not be shown is not even kept.
#[derive(Default)]
struct Fields(Vec<(&'static str, Shown)>);

impl Fields {
    fn set(&mut self, name: &'static str, value: Raw<'_>) {
        self.put(name, show(name, value));
    }

    fn put(&mut self, name: &'static str, value: Shown) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    fn extend(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            self.put(name, value.clone());
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), Raw::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), Raw::Unsigned(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(field.name(), Raw::Unsigned(u64::try_from(value).unwrap_or(u64::MAX)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), Raw::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), Raw::Flag(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), Raw::Text(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field.name(), Raw::Text(&error_chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded(String::new());
        // An error here means that the text was long enough.
        let _ = write!(text, "{value:?}");
        self.set(field.name(), Raw::Text(&text.0));
    }
}

/// Takes no more text than fits.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_VALUE_BYTES {
            // The part that does not fit is dropped whole; the scrubber cuts far earlier.
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

struct Line<'a> {
    metadata: &'a Metadata<'static>,
    span: Option<&'static str>,
    fields: Fields,
}

impl Line<'_> {
    fn json(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        let mut serializer = serde_json::Serializer::new(&mut bytes);
        // Numbers, flags and texts always serialise; a line that did not would be written as far as it came.
        let _ = self.write_json(&mut serializer);
        bytes
    }

    fn write_json(&self, serializer: &mut serde_json::Serializer<&mut Vec<u8>>) -> Result<(), serde_json::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("time", &now())?;
        line.serialize_entry("level", self.metadata.level().as_str())?;
        line.serialize_entry("target", self.metadata.target())?;
        if let Some(span) = self.span {
            line.serialize_entry("span", span)?;
        }
        for (name, value) in self.fields.0.iter().filter(|(name, _)| !RESERVED.contains(name)) {
            line.serialize_entry(name, value)?;
        }
        line.end()
    }

    fn pretty(&self) -> String {
        let level = self.metadata.level().as_str();
        let mut line = format!("{} {level:>5} {}", now(), self.metadata.target());
        for (name, value) in &self.fields.0 {
            // Writing to a string does not fail.
            let _ = match (*name, value) {
                ("message", Shown::Text(text)) => write!(line, ": {text}"),
                (_, Shown::Signed(number)) => write!(line, " {name}={number}"),
                (_, Shown::Unsigned(number)) => write!(line, " {name}={number}"),
                (_, Shown::Float(number)) => write!(line, " {name}={number}"),
                (_, Shown::Flag(flag)) => write!(line, " {name}={flag}"),
                (_, Shown::Text(text)) => write!(line, " {name}={text}"),
            };
        }
        line
    }
}

/// Keys of the line itself, which no field may write a second time.
const RESERVED: [&str; 4] = ["time", "level", "target", "span"];

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Signed(number) => serializer.serialize_i64(*number),
            Self::Unsigned(number) => serializer.serialize_u64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

fn now() -> String {
    OffsetDateTime::now_utc().format(TIME).unwrap_or_default()
}
