//! The canonical form: its whole text, its order, and what is refused as another form.

use bearingwall_events::{CanonicalError, Event, EventType, parse_line};
use proptest::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

fn full() -> Event {
    Event {
        recorded_at: OffsetDateTime::from_unix_timestamp_nanos(1_795_676_690_000_001_000).unwrap(),
        xid: u64::MAX,
        outcome_code: Some("AUT-004".to_owned()),
        access_id: Some(Uuid::from_u128(1)),
        parent_id: Some(Uuid::from_u128(2)),
        actor_roles: vec!["authenticated".to_owned(), "customer_admin".to_owned()],
        on_behalf_of: Some(Uuid::from_u128(3)),
        break_glass: Some(Uuid::from_u128(4)),
        auth_method: Some("mfa".to_owned()),
        purpose_of_use: Some("TREAT".to_owned()),
        legal_basis: Some("art9.2.h".to_owned()),
        subject_id: Some(Uuid::from_u128(5)),
        resource: Some("crm.client_records".to_owned()),
        resource_id: Some(Uuid::from_u128(6)),
        resource_version: Some(i64::MAX),
        commands: vec!["SELECT".to_owned()],
        fields: vec!["name".to_owned(), "phone".to_owned()],
        result_count: Some(0),
        recipient: Some("connector:ses".to_owned()),
        query_digest: Some([0x0f; 32]),
        before_digest: Some([0xa0; 32]),
        after_digest: Some([0xff; 32]),
        route: Some("GET /v1/clients/{client_id}".to_owned()),
        http_status: Some(200),
        source_ip: Some("2001:db8::1".parse().unwrap()),
        trace_id: Some([1; 16]),
        span_id: Some([2; 8]),
        service: Some("bearingwall-server/0.1.0".to_owned()),
        ..Event::example(EventType::ClientRead)
    }
}

/// The whole text, so that no change of the form can go unnoticed: it would break every leaf that was ever signed.
#[test]
fn aud_5_the_canonical_form_is_fixed() {
    assert_eq!(
        full().canonical(),
        concat!(
            r#"{"access_id":"00000000-0000-0000-0000-000000000001","actor_id":"01920000-0000-7000-8000-000000000002","#,
            r#""actor_roles":["authenticated","customer_admin"],"#,
            r#""after_digest":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff","auth_method":"mfa","#,
            r#""before_digest":"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0","#,
            r#""break_glass":"00000000-0000-0000-0000-000000000004","commands":["SELECT"],"#,
            r#""customer_id":"01920000-0000-7000-8000-000000000001","db_role":"bearingwall_app","#,
            r#""event_id":"01920000-0000-7000-8000-000000000004","event_type":"client.read","fields":["name","phone"],"#,
            r#""http_status":200,"legal_basis":"art9.2.h","on_behalf_of":"00000000-0000-0000-0000-000000000003","#,
            r#""outcome":"success","outcome_code":"AUT-004","parent_id":"00000000-0000-0000-0000-000000000002","#,
            r#""phase":"completed","purpose_of_use":"TREAT","#,
            r#""query_digest":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","recipient":"connector:ses","#,
            r#""recorded_at":"2026-11-26T07:04:50.000001Z","request_id":"01920000-0000-7000-8000-000000000003","#,
            r#""resource":"crm.client_records","resource_id":"00000000-0000-0000-0000-000000000006","#,
            r#""resource_version":"9223372036854775807","result_count":0,"route":"GET /v1/clients/{client_id}","#,
            r#""salt":"07070707070707070707070707070707","schema_version":1,"service":"bearingwall-server/0.1.0","#,
            r#""source_ip":"2001:db8::1","span_id":"0202020202020202","subject_id":"00000000-0000-0000-0000-000000000005","#,
            r#""trace_id":"01010101010101010101010101010101","xid":"18446744073709551615"}"#
        )
    );
}

#[test]
fn members_stand_in_the_order_of_their_names_and_nothing_is_null() {
    let line = full().canonical();
    // serde_json keeps objects sorted by the bytes of their names, which for ASCII is the order of RFC 8785.
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), line);
    let Value::Object(members) = value else {
        panic!("an object")
    };
    assert_eq!(members.len(), 38);
    assert!(members.values().all(|value| !value.is_null()));
}

#[test]
fn a_line_is_read_back_as_it_was_written() {
    for event in [full(), Event::example(EventType::SchemaMigrated)] {
        assert_eq!(parse_line(&event.canonical()).unwrap(), event);
    }
}

#[test]
fn another_form_of_the_same_event_is_refused() {
    let line = Event::example(EventType::ClientRead).canonical();
    for other in [
        line.replacen(':', ": ", 1),
        format!("{line} "),
        line.replace("\"schema_version\":1", "\"schema_version\":01"),
        line.replace("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z"),
        line.replace("\"xid\":\"3\"", "\"xid\":\"03\""),
        line.replace("0707", "0\\u003707"),
        line.replace("\"xid\"", "\"unheard_of\":\"\",\"xid\""),
        line.replace("\"outcome\"", "\"outcome_code\":null,\"outcome\""),
    ] {
        assert_ne!(other, line);
        assert!(parse_line(&other).is_err(), "{other}");
    }
    let other = line.replace("\"schema_version\":1", "\"schema_version\":2");
    assert!(matches!(
        parse_line(&other),
        Err(CanonicalError::Version { version: 2 })
    ));
}

proptest! {
    /// RFC 8785 section 3.2.2.2: whatever a text column holds, another implementation writes the same string.
    #[test]
    fn strings_are_escaped_as_the_standard_says(text in any::<String>()) {
        let event = Event { route: Some(text.clone()), ..full() };
        let value: Value = serde_json::from_str(&event.canonical()).unwrap();
        prop_assert_eq!(value.get("route").and_then(Value::as_str), Some(text.as_str()));
        prop_assert_eq!(serde_json::to_string(&value).unwrap(), event.canonical());
    }

    #[test]
    fn nothing_that_is_no_event_is_taken_for_one(text in ".*") {
        prop_assert!(parse_line(&text).is_err());
    }
}
