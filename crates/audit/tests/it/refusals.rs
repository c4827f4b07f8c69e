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
    }
}

#[tokio::test]
async fn aud_3_a_refusal_without_identity_stands_under_the_platform() {
    let fixture = Fixture::create().await;
    let sink = fixture.log.sink();
    let event = refusal("http.request.unauthenticated");
    let request = event.request;
    sink.report(event);
    sink.flush().await;
    assert_eq!(sink.lost(), 0);
    let condition = format!(
        "request_id = '{request}' AND customer_id = '{}' AND actor_id = '{}' AND outcome = 'denied' AND outcome_code = 'AUT-001'",
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
        ..refusal("http.request.denied")
    });
    sink.flush().await;
    assert_eq!(sink.lost(), 0);
    let condition = format!(
        "customer_id = '{}' AND actor_id = '{subject}' AND event_type = 'http.request.denied'",
        fixture.a
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
async fn aud_3_the_function_writes_refusals_under_the_platform_and_nothing_else() {
    let fixture = Fixture::create().await;
    let app = fixture.database.app_client().await;
    assert!(
        app.batch_execute("SELECT audit.record_operation('tenant.created', NULL, NULL)")
            .await
            .is_err()
    );
    assert!(app.batch_execute("SELECT * FROM audit.refusal_windows").await.is_err());
    assert!(app.batch_execute("INSERT INTO audit.events (event_id, event_type, phase, outcome) VALUES (gen_random_uuid(), 'a.b', 'completed', 'denied')").await.is_err());
}
