//! What a log line shows, and what it does not.

use crate::capture::Captured;
use bearingwall_core::Phi;
use bearingwall_telemetry::{Format, TelemetryConfig, WITHHELD, dispatch, log_panics};
use tracing::{debug, error, error_span, info, info_span, warn};

/// Only targets of ours are heard below `warn`.
const OURS: &str = "bearingwall_test";

const CANARY: &str = "CANARY-000F4481502E";
const NOTE: &str =
    "Benjamin Hamilton (DOB 11/07/1942, cell (415) 555-0119) presented for HydraFacial. CANARY-000F4481502E";
const EMAIL: &str = "benjamin.hamilton404@example.net";

/// No form of the person above may stand anywhere.
const PERSONAL: [&str; 7] = [
    "Benjamin",
    "Hamilton",
    "hamilton404",
    "555-0119",
    "5550119",
    "1942",
    "CANARY",
];

fn logged(config: &TelemetryConfig, work: impl FnOnce()) -> Captured {
    let captured = Captured::default();
    let (dispatch, _guard) = dispatch(config, captured.clone()).unwrap();
    tracing::dispatcher::with_default(&dispatch, work);
    captured
}

fn level(level: &str) -> TelemetryConfig {
    TelemetryConfig {
        level: level.to_owned(),
        ..TelemetryConfig::default()
    }
}

fn assert_nothing_personal(text: &str) {
    for personal in PERSONAL {
        assert!(!text.contains(personal), "`{personal}` in {text}");
    }
}

/// Logs the person above in every way that a programmer might.
fn log_carelessly() {
    let span = info_span!(target: OURS, "import", name = "Benjamin Hamilton", correlation_id = EMAIL, note = tracing::field::Empty);
    let _entered = span.enter();
    span.record("note", NOTE);
    info!(target: OURS, name = "Benjamin Hamilton", email = EMAIL, phone = "(415) 555-0119", note = NOTE, "client created");
    info!(target: OURS, client = ?("Benjamin", "Hamilton"), number = 4_155_550_119_u64, vip = true, "client created");
    info!(target: OURS, "client Benjamin Hamilton <{EMAIL}> created: {NOTE}");
    info!(target: OURS, code = EMAIL, kind = "(415) 555-0119", route = CANARY, customer_id = NOTE, event = NOTE, "under allowed names");
    info!(target: OURS, status = NOTE, count = %EMAIL, attempt = ?CANARY, "under allowed numbers");
    error!(target: OURS, error = format!("no such client: \"benjamin\", {EMAIL}, 415-555-0119"), "failed");
    let source = std::io::Error::other(format!("Key (email)=({EMAIL}) already exists"));
    error!(target: OURS, error = &source as &dyn std::error::Error, "failed");
    warn!(target: OURS, error = ?Phi::new("Benjamin Hamilton"), "failed");
    error_span!(target: OURS, "nested", body = NOTE)
        .in_scope(|| info!(target: OURS, path = "/forms/Benjamin", "nested"));
}

#[test]
fn tel_1_a_careless_programmers_log_holds_no_personal_data() {
    for format in [Format::Json, Format::Pretty] {
        let captured = logged(
            &TelemetryConfig {
                format,
                ..TelemetryConfig::default()
            },
            log_carelessly,
        );
        assert_nothing_personal(&captured.text());
        assert_eq!(captured.text().lines().count(), 9);
        assert!(captured.text().contains("client created"));
    }
}

#[test]
fn tel_1_an_unlisted_field_is_withheld_and_a_listed_one_is_shown() {
    let captured = logged(&level("info"), || {
        info!(target: OURS, surname = "Hamilton", status = 200_u16, rows_per_s = 12.5, duration_us = 7_u128, code = "AUT-003", "done");
    });
    let line = &captured.lines()[0];
    assert_eq!(line["surname"], WITHHELD);
    assert_eq!(line["status"], 200);
    assert_eq!(line["rows_per_s"], 12.5);
    assert_eq!(line["duration_us"], 7);
    assert_eq!(line["code"], "AUT-003");
    assert_eq!(line["message"], "done");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], OURS);
}

#[test]
fn a_line_carries_the_fields_of_the_spans_around_it() {
    let id = "0190d6f0-0000-7000-8000-000000000001";
    let captured = logged(&level("info"), || {
        let request =
            info_span!(target: OURS, "request", correlation_id = %id, route = tracing::field::Empty, status = 1);
        let _entered = request.enter();
        request.record("route", "GET /v1/clients/{id}");
        info_span!(target: OURS, "inner", table = "crm.clients").in_scope(|| info!(target: OURS, status = 2, "inside"));
        info!(target: OURS, "after");
    });
    let lines = captured.lines();
    assert_eq!(lines[0]["correlation_id"], id);
    assert_eq!(lines[0]["route"], "GET /v1/clients/{id}");
    assert_eq!(
        (&lines[0]["table"], &lines[0]["span"]),
        (&"crm.clients".into(), &"inner".into())
    );
    assert_eq!(lines[0]["status"], 2, "the event's own value wins");
    assert_eq!(lines[1].get("table"), None);
    assert_eq!(lines[1]["status"], 1);
    assert_eq!(lines[1].get("trace_id"), None, "no traces, no id");
}

#[test]
fn a_line_is_one_line_whatever_the_text_holds() {
    for format in [Format::Json, Format::Pretty] {
        let captured = logged(
            &TelemetryConfig {
                format,
                ..TelemetryConfig::default()
            },
            || {
                info!(target: OURS, "one\ntwo\u{1b}[31m {}", "x".repeat(100_000));
            },
        );
        assert_eq!(captured.text().lines().count(), 1);
        assert!(captured.text().len() < 2000 && !captured.text().contains('\u{1b}'));
    }
}

#[test]
fn tel_1_other_peoples_libraries_are_not_heard_below_warn() {
    let captured = logged(&level("trace"), || {
        debug!(target: "tokio_postgres::prepare", "preparing query s0: select 1");
        info!(target: "tokio_postgres::connection", "NOTICE: row of somebody");
        warn!(target: "tokio_postgres::connection", "connection lost");
        debug!(target: OURS, "ours");
    });
    let messages: Vec<_> = captured.lines().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["connection lost", "ours"]);
}

#[test]
fn levels_are_per_target() {
    let captured = logged(&level("warn,bearingwall_http=debug"), || {
        debug!(target: "bearingwall_http::edge", "heard");
        info!(target: "bearingwall_audit", "not heard");
    });
    assert_eq!(captured.text().lines().count(), 1);
    for wrong in ["loud", "info,loud", "", "bearingwall_http=loud"] {
        assert!(dispatch(&level(wrong), std::io::sink).is_err(), "{wrong}");
    }
}

#[test]
fn tel_1_a_panics_message_is_scrubbed_too() {
    let before = std::panic::take_hook();
    log_panics();
    let captured = logged(&level("info"), || {
        let outcome = std::panic::catch_unwind(|| panic!("no slot for Benjamin Hamilton <{EMAIL}>: {NOTE}"));
        assert!(outcome.is_err());
    });
    std::panic::set_hook(before);
    assert_nothing_personal(&captured.text());
    let line = &captured.lines()[0];
    assert_eq!(line["message"], "a thread panicked");
    assert!(
        line["location"].as_str().unwrap().contains("tests/it/log.rs:"),
        "{line}"
    );
}
