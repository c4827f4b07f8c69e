//! Rows read back by another implementation, and cells that would become formulas.

use crate::samples::{FULL, OUTCOMES, PHASES, event};
use bearingwall_events::render::csv::{HEADER, LINE_END, row};
use bearingwall_events::{Event, EventType};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// The cells of one event, by their columns, as another implementation reads them.
fn read_back(event: &Event) -> Vec<(String, String)> {
    let text = format!("{HEADER}{LINE_END}{}{LINE_END}", row(event));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(records.len(), 1, "{text}");
    columns.into_iter().zip(records[0].iter().map(str::to_owned)).collect()
}

fn canonical(event: &Event) -> Map<String, Value> {
    serde_json::from_str(&event.canonical()).unwrap()
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" "),
        Some(other) => other.to_string(),
    }
}

#[test]
fn the_columns_are_the_members_but_the_salt() {
    let mut columns: Vec<&str> = HEADER.split(',').collect();
    columns.sort_unstable();
    let mut members = canonical(&event(EventType::ClientRead, "completed", "success", FULL, 7));
    assert!(members.remove("salt").is_some());
    assert_eq!(columns, members.keys().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_row_is_as_it_was_written_down() {
    let mut event = Event::example(EventType::ClientRead);
    event.fields = vec!["name".to_owned(), "phone".to_owned()];
    event.route = Some("GET /v1/clients/{client_id}".to_owned());
    event.outcome_code = Some("=1+1".to_owned());
    assert_eq!(
        row(&event),
        "1970-01-01T00:00:00.000000Z,client.read,completed,success,\"'=1+1\",01920000-0000-7000-8000-000000000002,\
         ,,,,,,,,,,\"name phone\",,,01920000-0000-7000-8000-000000000001,01920000-0000-7000-8000-000000000004,\
         01920000-0000-7000-8000-000000000003,,,,\"GET /v1/clients/{client_id}\",,,,,,,,,bearingwall_app,3,1"
    );
}

/// OWASP, CSV Injection: every way in which a cell becomes a formula.
#[test]
fn injections_are_neutralised() {
    for attack in [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(1,1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "－1",
        "x\";=1;\"",
        "=1\",=2",
    ] {
        let mut event = Event::example(EventType::ClientRead);
        event.route = Some(attack.to_owned());
        event.fields = vec![attack.to_owned(), attack.to_owned()];
        let cells = read_back(&event);
        assert_eq!(cells.len(), HEADER.split(',').count());
        for (column, cell) in cells {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']),
                "{column}: {cell}"
            );
        }
        // Where the separator is another, the cell still begins with its quote.
        assert!(
            !row(&event).contains(";=") || row(&event).contains("\"x\"\";=1;"),
            "{}",
            row(&event)
        );
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[=+@\t\r\n\",;' a-]{0,12}"]
}

proptest! {
    #[test]
    fn a_row_reads_back(
        kind in 0..EventType::ALL.len(), phase in 0..4_usize, outcome in 0..4_usize, shape in 0..=FULL, seed in 1..1_000_000_u32,
        text in any_text(), other in any_text(),
    ) {
        let mut event = event(EventType::ALL[kind], PHASES[phase], OUTCOMES[outcome], shape, seed);
        event.route = Some(text.clone());
        event.fields = vec![other.clone(), text];
        event.db_role = other;
        let members = canonical(&event);
        for (column, cell) in read_back(&event) {
            let meant = text_of(members.get(&column));
            prop_assert!(cell == meant || cell == format!("'{meant}"), "{}: {:?} for {:?}", column, cell, meant);
            let is_formula = meant.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
            prop_assert_eq!(is_formula, cell != meant);
        }
    }
}
