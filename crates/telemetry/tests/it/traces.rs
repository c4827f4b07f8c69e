//! What leaves for a receiver of traces, byte by byte.

use crate::capture::{Captured, Receiver};
use bearingwall_telemetry::{TelemetryConfig, TraceContext, dispatch};
use tracing::{error, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Only targets of ours are heard below `warn`.
const OURS: &str = "bearingwall_test";

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn config(receiver: &Receiver) -> TelemetryConfig {
    TelemetryConfig {
        otlp_endpoint: Some(receiver.endpoint.clone()),
        ..TelemetryConfig::default()
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn carelessly_traced() {
    let span = info_span!(
        target: OURS,
        "request",
        route = "GET /v1/clients/{id}",
        name = "Benjamin Hamilton",
        email = "benjamin@example.net",
        otel.name = "GET Benjamin Hamilton",
        correlation_id = "0190d6f0-0000-7000-8000-000000000001",
    );
    TraceContext::parse(PARENT).unwrap().adopt(&span);
    let _entered = span.enter();
    span.set_attribute("Benjamin Hamilton", "1");
    span.set_status(opentelemetry::trace::Status::error("no client benjamin@example.net"));
    info!(target: OURS, note = "presented for HydraFacial CANARY-000F4481502E", "note CANARY-000F4481502E of Benjamin Hamilton stored");
    let source = std::io::Error::other("(415) 555-0119 is taken");
    error!(target: OURS, error = &source as &dyn std::error::Error, "cannot store");
    error!(target: OURS, error = "benjamin@example.net is taken");
}

#[test]
fn tel_1_a_careless_programmers_trace_holds_no_personal_data() {
    let receiver = Receiver::start();
    let captured = Captured::default();
    let (dispatch, guard) = dispatch(&config(&receiver), captured.clone()).unwrap();
    tracing::dispatcher::with_default(&dispatch, carelessly_traced);
    drop(guard);

    let requests = receiver.requests();
    assert_eq!(requests.len(), 1, "the guard sends what is left");
    let (head, body) = &requests[0];
    assert!(head.starts_with("post /v1/traces "), "{head}");
    for kept in [
        "GET /v1/clients/{id}",
        "0190d6f0-0000-7000-8000-000000000001",
        "cannot store",
        "[withheld]",
    ] {
        assert!(contains(body, kept), "{kept}");
    }
    for personal in [
        "Benjamin",
        "benjamin",
        "Hamilton",
        "example.net",
        "HydraFacial",
        "CANARY",
        "555-0119",
    ] {
        assert!(!contains(body, personal), "{personal}");
    }
    let trace_id = u128::from_str_radix(PARENT.split('-').nth(1).unwrap(), 16)
        .unwrap()
        .to_be_bytes();
    assert!(
        body.windows(16).any(|window| window == trace_id),
        "the caller's trace goes on"
    );
}

#[test]
fn log_lines_carry_the_ids_of_the_trace_and_it_is_handed_on() {
    let receiver = Receiver::start();
    let captured = Captured::default();
    let (dispatch, _guard) = dispatch(&config(&receiver), captured.clone()).unwrap();
    let handed_on = tracing::dispatcher::with_default(&dispatch, || {
        let span = info_span!(target: OURS, "request");
        TraceContext::parse(PARENT).unwrap().adopt(&span);
        let _entered = span.enter();
        info!(target: OURS, "inside");
        TraceContext::of(&span).unwrap()
    });
    let line = &captured.lines()[0];
    assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(handed_on.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(handed_on.to_string().split('-').nth(2), line["span_id"].as_str());
}

#[test]
fn a_receiver_that_is_away_is_told_in_the_log_and_stops_nothing() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = TelemetryConfig {
        otlp_endpoint: Some(format!("http://{closed}")),
        ..TelemetryConfig::default()
    };
    let captured = Captured::default();
    let (dispatch, guard) = dispatch(&config, captured.clone()).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        info_span!(target: OURS, "request").in_scope(|| info!(target: OURS, "inside"));
        drop(guard);
    });
    assert!(
        captured.text().contains("could not be delivered"),
        "{}",
        captured.text()
    );
}
