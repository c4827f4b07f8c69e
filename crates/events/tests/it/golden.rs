//! Whole renderings of typical events, written from the standards and not from the program's output.

use bearingwall_events::render::{fhir, ocsf};
use bearingwall_events::{Event, EventType};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

const SUBJECT: Uuid = Uuid::from_u128(5);
const THING: Uuid = Uuid::from_u128(6);

/// What the server knows of every request.
fn request(kind: EventType) -> Event {
    Event {
        recorded_at: OffsetDateTime::from_unix_timestamp_nanos(1_795_676_690_000_001_000).unwrap(),
        actor_roles: vec!["therapist".to_owned()],
        purpose_of_use: Some("TREAT".to_owned()),
        source_ip: Some("192.0.2.7".parse().unwrap()),
        service: Some("bearingwall-server/0.1.0".to_owned()),
        ..Event::example(kind)
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Compares with `tests/it/golden/NAME.fhir.json` and `NAME.ocsf.json`.
fn assert_golden(event: &Event, fhir: &str, ocsf: &str) {
    for (rendering, golden) in [(fhir::audit_event(event), fhir), (ocsf::event(event), ocsf)] {
        let golden: Value = serde_json::from_str(golden).unwrap();
        assert!(rendering == golden, "found {rendering:#}\nand not {golden:#}");
    }
}

macro_rules! golden {
    ($name:ident, $event:expr) => {
        #[test]
        fn $name() {
            assert_golden(
                &$event,
                include_str!(concat!("golden/", stringify!($name), ".fhir.json")),
                include_str!(concat!("golden/", stringify!($name), ".ocsf.json")),
            );
        }
    };
}

golden!(
    patient_read,
    Event {
        subject_id: Some(SUBJECT),
        resource: some("crm.client_records"),
        access_id: Some(Uuid::from_u128(1)),
        commands: vec!["SELECT".to_owned()],
        fields: vec!["name".to_owned(), "phone".to_owned()],
        result_count: Some(1),
        route: some("GET /v1/clients/{client_id}"),
        http_status: Some(200),
        trace_id: Some([1; 16]),
        span_id: Some([2; 8]),
        ..request(EventType::ClientRead)
    }
);

golden!(
    patient_read_announced,
    Event {
        phase: "intended".to_owned(),
        subject_id: Some(SUBJECT),
        resource: some("crm.client_records"),
        ..request(EventType::ClientRead)
    }
);

golden!(
    patient_search,
    Event {
        subject_id: Some(SUBJECT),
        resource: some("crm.client_digests"),
        commands: vec!["SEARCH".to_owned()],
        query_digest: Some([0x0f; 32]),
        result_count: Some(3),
        ..request(EventType::ClientSearched)
    }
);

golden!(
    note_created,
    Event {
        subject_id: Some(SUBJECT),
        resource: some("crm.chart_note_records"),
        resource_id: Some(THING),
        resource_version: Some(1),
        after_digest: Some([0xff; 32]),
        ..request(EventType::NoteCreated)
    }
);

golden!(
    disclosure,
    Event {
        subject_id: Some(SUBJECT),
        recipient: some("connector:ses"),
        purpose_of_use: some("HPAYMT"),
        legal_basis: some("art9.2.h"),
        ..request(EventType::DisclosureMade)
    }
);

golden!(
    refusal,
    Event {
        outcome: "denied".to_owned(),
        outcome_code: some("AUZ-001"),
        subject_id: Some(SUBJECT),
        http_status: Some(403),
        ..request(EventType::ClientRead)
    }
);

golden!(
    sign_in,
    Event {
        auth_method: some("mfa"),
        purpose_of_use: None,
        ..request(EventType::SessionStarted)
    }
);

golden!(
    failed_write,
    Event {
        phase: "failed".to_owned(),
        outcome: "failure".to_owned(),
        outcome_code: some("DOM-003"),
        subject_id: Some(SUBJECT),
        resource: some("crm.chart_note_records"),
        resource_id: Some(THING),
        ..request(EventType::NoteChanged)
    }
);

golden!(
    unknown_end,
    Event {
        outcome: "unknown".to_owned(),
        outcome_code: some("no-end-recorded"),
        access_id: Some(Uuid::from_u128(1)),
        db_role: "bearingwall_sealer".to_owned(),
        actor_roles: Vec::new(),
        purpose_of_use: None,
        source_ip: None,
        service: None,
        ..request(EventType::ClientChanged)
    }
);

golden!(
    export,
    Event {
        recipient: some("organisation:northside"),
        result_count: Some(120),
        ..request(EventType::ExportCompleted)
    }
);

golden!(
    break_glass,
    Event {
        break_glass: Some(Uuid::from_u128(4)),
        on_behalf_of: Some(Uuid::from_u128(3)),
        purpose_of_use: some("ETREAT"),
        subject_id: Some(SUBJECT),
        resource: some("crm.client_records"),
        ..request(EventType::ClientRead)
    }
);
