//! Digests of names, phones and e-mails open only under a committed search.

use crate::fixture::{DIGESTS, Failure, Fixture, RECORDS, ctx};
use bearingwall_audit::{EventPage, EventType, PhiTx};
use diesel_async::RunQueryDsl;

const FOUND: &str = "SELECT count(*)::text AS answer FROM crm.client_digests";

#[tokio::test]
async fn dom_2_digests_are_invisible_without_a_search_on_record() {
    let fixture = Fixture::create().await;
    assert_eq!(
        fixture.undeclared(&ctx(fixture.a), &[FOUND]).await.unwrap().as_deref(),
        Some("0")
    );
    let declare = format!(
        "INSERT INTO audit.events (event_id, event_type, phase, outcome, resource, commands)
         VALUES (gen_random_uuid(), 'client.searched', 'intended', 'success', '{DIGESTS}', '{{SEARCH}}')"
    );
    let same = fixture.undeclared(&ctx(fixture.a), &[&declare, FOUND]).await.unwrap();
    assert_eq!(same.as_deref(), Some("0"), "declaring and searching in one transaction");
}

#[tokio::test]
async fn dom_2_a_search_opens_the_digests_of_its_tenant_and_no_record() {
    let fixture = Fixture::create().await;
    let context = ctx(fixture.a);
    let found: Result<Option<String>, Failure> = fixture
        .log
        .with_search(
            &context,
            EventType::ClientSearched,
            DIGESTS,
            async |tx: &mut PhiTx<'_, '_>| {
                Ok(diesel::sql_query(FOUND)
                    .get_result::<crate::fixture::Answer>(tx)
                    .await?
                    .answer)
            },
        )
        .await;
    assert_eq!(found.unwrap().as_deref(), Some("2"));
    let records = format!("SELECT count(*)::text AS answer FROM {RECORDS}");
    assert_eq!(
        fixture.undeclared(&context, &[&records]).await.unwrap().as_deref(),
        Some("0")
    );
    assert_eq!(
        fixture
            .count("event_type = 'client.searched' AND commands = '{SEARCH}'")
            .await,
        1
    );
}

#[tokio::test]
async fn aud_4_the_access_log_tells_who_when_and_why_and_remembers_being_read() {
    let fixture = Fixture::create().await;
    let reader = ctx(fixture.a);
    fixture
        .declared(
            &reader,
            crate::fixture::read(fixture.client),
            &["SELECT NULL AS answer"],
        )
        .await
        .unwrap();
    let page = EventPage {
        before: None,
        limit: 10,
    };
    let entries = fixture
        .log
        .access_log(&ctx(fixture.a), fixture.client, page)
        .await
        .unwrap();
    let seen = entries
        .iter()
        .find(|entry| entry.event_type == "client.read")
        .expect("the read");
    assert_eq!(seen.actor, reader.subject());
    assert_eq!(seen.request, reader.request());
    assert_eq!(seen.purpose.as_deref(), Some("TREAT"));
    assert_eq!(seen.route.as_deref(), Some("GET /v1/clients/{id}"));
    assert!(seen.recorded_at <= time::OffsetDateTime::now_utc() + time::Duration::seconds(5));

    let again = fixture
        .log
        .access_log(&ctx(fixture.a), fixture.client, page)
        .await
        .unwrap();
    assert_eq!(
        again[0].event_type, "access_log.read",
        "reading the log stands in the log"
    );
    let rest = EventPage {
        before: Some(again[0].position()),
        limit: 10,
    };
    let rest = fixture
        .log
        .access_log(&ctx(fixture.a), fixture.client, rest)
        .await
        .unwrap();
    assert_eq!(
        rest,
        again[1..],
        "the next page continues where the last ended, whatever was added since"
    );

    let foreign = fixture
        .log
        .access_log(&ctx(fixture.b), fixture.client, page)
        .await
        .unwrap();
    assert_eq!(foreign, Vec::new(), "another tenant's log does not exist");
}
