//! The W3C trace context: reading it from a caller, handing it on.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use std::fmt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What a `traceparent` header carries (W3C Trace Context, section 3.2). The `tracestate` header is not kept: it is
/// free text of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    sampled: bool,
}

impl TraceContext {
    /// Reads a `traceparent` header. A malformed one is to be ignored, as the standard asks.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let version = lower_hex::<1>(parts.next()?)?;
        let trace_id = lower_hex::<16>(parts.next()?)?;
        let parent_id = lower_hex::<8>(parts.next()?)?;
        let [flags] = lower_hex::<1>(parts.next()?)?;
        // Version 00 ends here; later versions may go on.
        let ends_well = version != [0] || parts.next().is_none();
        let is_valid = version != [0xff] && trace_id != [0; 16] && parent_id != [0; 8] && ends_well;
        is_valid.then_some(Self {
            trace_id,
            parent_id,
            sampled: flags & 1 == 1,
        })
    }

    /// The context to hand on from within `span`; `None` where no traces are made.
    #[must_use]
    pub fn of(span: &Span) -> Option<Self> {
        let context = span.context();
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| Self {
            trace_id: context.trace_id().to_bytes(),
            parent_id: context.span_id().to_bytes(),
            sampled: context.is_sampled(),
        })
    }

    /// Makes `span` continue this trace. To be called right after the span was made; where no traces are made, it
    /// changes nothing.
    pub fn adopt(&self, span: &Span) {
        let flags = if self.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        let parent = SpanContext::new(
            TraceId::from_bytes(self.trace_id),
            SpanId::from_bytes(self.parent_id),
            flags,
            true,
            TraceState::default(),
        );
        // It fails where no OTLP layer is installed, or the span has begun: then there is nothing to continue.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(parent));
    }

    /// The trace's id, as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        TraceId::from_bytes(self.trace_id).to_string()
    }

    /// The ids of trace and span.
    #[must_use]
    pub const fn ids(&self) -> ([u8; 16], [u8; 8]) {
        (self.trace_id, self.parent_id)
    }
}

/// The `traceparent` header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, parent) = (TraceId::from_bytes(self.trace_id), SpanId::from_bytes(self.parent_id));
        write!(f, "00-{trace}-{parent}-{:02x}", u8::from(self.sampled))
    }
}

fn lower_hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != BYTES * 2 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_round_trips() {
        let context = TraceContext::parse(HEADER).unwrap();
        assert_eq!(context.to_string(), HEADER);
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        let later = TraceContext::parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more").unwrap();
        assert!(!later.sampled);
    }

    #[test]
    fn malformed_headers_are_ignored() {
        for header in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-ada.lovelace@example.org-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(header), None, "{header}");
        }
    }

    #[test]
    fn without_traces_there_is_nothing_to_hand_on() {
        assert_eq!(TraceContext::of(&Span::none()), None);
        TraceContext::parse(HEADER).unwrap().adopt(&Span::none());
    }
}
