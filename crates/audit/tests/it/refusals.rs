//! Refusals reach the record, under the platform or under the proven tenant, and cannot flood it.

use crate::fixture::Fixture;
use bearingwall_core::{CustomerId, EventSink, Outcome, RequestId, SecurityEvent, SubjectId};
use uuid::Uuid;

fn refusal(event_type: &'static str) -> SecurityEvent {
    SecurityEvent {
        event_type,
        outcome: Outcome::Denied,
        reason: "AUT-001",
        customer: None,
        subject: None,
        request: RequestId::from_uuid(Uuid::now_v7()),
        route: Some("GET /v1/clients"),
        proof: None,
        source_ip: None,
        secret: None,
    }
}

#[tokio::test]
async fn aud_3_a_refusal_without_identity_stands_under_the_platform() {
    let fixture = Fixture::create().await;
    let sink = fixture.log.sink();
    let event = SecurityEvent {
        source_ip: Some("2001:db8::7".parse().unwrap()),
        secret: None,
        ..refusal("http.request.unauthenticated")
    };
    let request = event.request;
    sink.report(event);
    sink.flush().await;
    assert_eq!(sink.lost(), 0);
    let condition = format!(
        "request_id = '{request}' AND source_ip = '2001:db8::7' AND customer_id = '{}' AND actor_id = '{}' AND outcome = 'denied' AND outcome_code = 'AUT-001'",
        CustomerId::PLATFORM,
        SubjectId::ANONYMOUS
    );
    assert_eq!(fixture.count(&condition).await, 1);
}

#[tokio::test]
async fn aud_3_a_refusal_with_an_identity_stands_under_its_tenant() {
    let fixture = Fixture::create().await;
    let sink = fixture.log.sink();
    let subject = SubjectId::from_uuid(Uuid::now_v7());
    sink.report(SecurityEvent {
        customer: Some(fixture.a),
        subject: Some(subject),
        source_ip: Some("192.0.2.7".parse().unwrap()),
        secret: None,
        ..refusal("http.request.denied")
    });
    sink.flush().await;
    assert_eq!(sink.lost(), 0);
    let condition = format!(
        "customer_id = '{}' AND actor_id = '{subject}' AND event_type = 'http.request.denied' AND source_ip = '192.0.2.7'",
        fixture.a
    );
    assert_eq!(fixture.count(&condition).await, 1);
}

#[tokio::test]
async fn aud_3_a_refusal_in_a_tenant_that_nobody_may_enter_stands_under_the_platform() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(&format!(
            "UPDATE tenancy.customers SET status = 'suspended' WHERE customer_id = '{}'",
            fixture.a
        ))
        .await
        .unwrap();
    let sink = fixture.log.sink();
    let event = SecurityEvent {
        customer: Some(fixture.a),
        subject: Some(SubjectId::from_uuid(Uuid::now_v7())),
        reason: "TEN-005",
        ..refusal("http.request.denied")
    };
    let request = event.request;
    sink.report(event);
    sink.flush().await;
    assert_eq!(sink.lost(), 0);
    let condition = format!(
        "request_id = '{request}' AND customer_id = '{}' AND actor_id = '{}' AND outcome_code = 'TEN-005'",
        CustomerId::PLATFORM,
        SubjectId::ANONYMOUS
    );
    assert_eq!(fixture.count(&condition).await, 1);
}

#[tokio::test]
async fn aud_3_a_flood_of_refusals_is_bounded_and_its_loss_is_counted() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE audit.config SET refusals_per_s = 1")
        .await
        .unwrap();
    let sink = fixture.log.sink();
    for _ in 0..100 {
        sink.report(refusal("http.request.unauthenticated"));
    }
    sink.flush().await;
    let written = fixture.count("event_type = 'http.request.unauthenticated'").await;
    assert!((1..50).contains(&written), "{written}");
    assert_eq!(
        sink.lost(),
        100 - u64::try_from(written).unwrap(),
        "what is not written is counted"
    );
}

#[tokio::test]
async fn aud_3_a_flood_of_refusals_silences_no_alarm() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE audit.config SET refusals_per_s = 1")
        .await
        .unwrap();
    let app = fixture.database.app_client().await;
    // Within one transaction, so that the second is over for neither the refusal nor what follows it.
    let both = |second: &str| {
        format!(
            "SELECT audit.record_refusal(gen_random_uuid(), event, 'a-code', gen_random_uuid(), NULL, NULL)
             FROM unnest(ARRAY['http.request.denied', '{second}']) AS t (event)"
        )
    };
    assert!(app.batch_execute(&both("http.request.unauthenticated")).await.is_err());
    app.batch_execute(&both("isolation.breached")).await.unwrap();
    let condition = format!(
        "customer_id = '{}' AND actor_id = '{}' AND event_type = 'isolation.breached' AND outcome = 'failure'
         AND outcome_code = 'a-code'",
        CustomerId::PLATFORM,
        SubjectId::ANONYMOUS
    );
    assert_eq!(fixture.count(&condition).await, 1);
}

#[tokio::test]
async fn aud_3_the_function_writes_refusals_under_the_platform_and_nothing_else() {
    let fixture = Fixture::create().await;
    let app = fixture.database.app_client().await;
    assert!(
        app.batch_execute("SELECT audit.record_operation('tenant.created', NULL, NULL)")
            .await
            .is_err()
    );
    for (event, code) in [
        ("tenant.created", "AUT-001"),
        ("http.request.unauthenticated", "jane@example.com called"),
    ] {
        let refused = format!(
            "SELECT audit.record_refusal(gen_random_uuid(), '{event}', '{code}', gen_random_uuid(), 'GET /v1/clients', NULL)"
        );
        assert!(app.batch_execute(&refused).await.is_err(), "{event} {code}");
    }
    assert!(app.batch_execute("INSERT INTO audit.events (event_id, event_type, phase, outcome) VALUES (gen_random_uuid(), 'a.b', 'completed', 'denied')").await.is_err());
}

#[tokio::test]
async fn aud_3_an_open_transaction_holds_up_no_other_refusal() {
    let fixture = Fixture::create().await;
    let attacker = fixture.database.app_client().await;
    // Injected SQL that reports one refusal after the other and never commits.
    let hold = "BEGIN; SELECT audit.record_refusal(gen_random_uuid(), 'http.request.unauthenticated', 'x', gen_random_uuid(), NULL, NULL), pg_sleep(0.1)
        FROM generate_series(1, 60)";
    let held = tokio::spawn(async move { attacker.batch_execute(hold).await });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!held.is_finished(), "{:?}", held.await);
    let sink = fixture.log.sink();
    sink.report(refusal("http.request.unauthenticated"));
    let written = tokio::time::timeout(std::time::Duration::from_secs(2), sink.flush()).await;
    assert!(written.is_ok(), "the refusal waits for the attacker's transaction");
    assert_eq!(sink.lost(), 0);
    held.abort();
}
