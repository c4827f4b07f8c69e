//! The way that is right, from the request to its effect.

use crate::fixture::{
    AGENT, ANA, BO, CLEO, Confirmation, Email, Failure, Fixture, Refund, SERVICE, ctx, email, refund,
};
use bearingwall_core::GateId;
use bearingwall_gates::{GateError, GateState, gate_cancel, gate_pending, gate_show};
use bearingwall_tenancy::TenantTx;
use std::collections::BTreeMap;

#[tokio::test]
async fn gat_2_one_other_person_approves_and_the_effect_bears_the_same_bytes() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    assert_eq!(fixture.state(requested.gate).await, "requested");
    assert_eq!(fixture.approve(BO, &requested).await.unwrap(), GateState::Approved);
    fixture.enqueue::<Email>(ANA, requested.gate).await.unwrap();
    assert_eq!(fixture.state(requested.gate).await, "consumed");
    let superuser = fixture.database.superuser_client().await;
    let same = "SELECT count(*) FROM tenancy.effects e JOIN tenancy.gate_requests r ON r.gate_id = e.gate_id AND r.payload = e.payload AND r.digest = e.digest
                 JOIN tenancy.effect_queue q ON q.effect_id = e.effect_id";
    assert_eq!(superuser.query_one(same, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn gat_2_a_quorum_of_two_takes_two() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(AGENT, &refund("19.90")).await;
    assert_eq!(fixture.approve(BO, &requested).await.unwrap(), GateState::Requested);
    let early = fixture.enqueue::<Refund>(AGENT, requested.gate).await;
    assert!(matches!(early, Err(GateError::NotApproved)), "1 of 2: {early:?}");
    assert_eq!(fixture.approve(CLEO, &requested).await.unwrap(), GateState::Approved);
    fixture.enqueue::<Refund>(AGENT, requested.gate).await.unwrap();
}

#[tokio::test]
async fn gat_2_who_asked_confirms_where_the_catalogue_says_so_and_a_machine_never() {
    let fixture = Fixture::create().await;
    let confirmation = || Confirmation {
        text: "send it".to_owned(),
    };
    let requested = fixture.request(ANA, &confirmation()).await;
    assert_eq!(fixture.approve(ANA, &requested).await.unwrap(), GateState::Approved);
    let by_agent = fixture.request(AGENT, &confirmation()).await;
    for subject in [ANA, AGENT] {
        assert!(fixture.approve(subject, &by_agent).await.is_err(), "{subject}");
    }
    let by_service = fixture.request(SERVICE, &confirmation()).await;
    assert!(fixture.approve(SERVICE, &by_service).await.is_err());
    assert_eq!(fixture.approve(BO, &by_service).await.unwrap(), GateState::Approved);
}

#[tokio::test]
async fn gat_3_one_rejection_ends_it() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &refund("1.00")).await;
    fixture.approve(BO, &requested).await.unwrap();
    let rejected = fixture
        .say((fixture.a, CLEO), requested.gate, false, requested.digest)
        .await;
    assert_eq!(rejected.unwrap(), GateState::Rejected);
    assert!(fixture.enqueue::<Refund>(ANA, requested.gate).await.is_err());
    let own = fixture.request(ANA, &refund("1.00")).await;
    let rejected = fixture.say((fixture.a, ANA), own.gate, false, own.digest).await;
    assert_eq!(
        rejected.unwrap(),
        GateState::Rejected,
        "who asked may think better of it"
    );
}

#[tokio::test]
async fn gat_3_an_approval_can_be_taken_back_until_it_is_used() {
    let fixture = Fixture::create().await;
    let cancel = async |subject, gate: GateId| -> Result<(), Failure> {
        fixture
            .pool
            .run(&ctx(fixture.a, subject), async |tx: &mut TenantTx<'_>| {
                Ok(gate_cancel(tx, gate).await?)
            })
            .await
    };
    let requested = fixture.request(AGENT, &email()).await;
    fixture.approve(BO, &requested).await.unwrap();
    let stranger = cancel(CLEO, requested.gate).await;
    assert!(
        matches!(stranger, Err(Failure::Gate(GateError::NoSuch))),
        "{stranger:?}"
    );
    cancel(ANA, requested.gate).await.unwrap();
    assert_eq!(fixture.state(requested.gate).await, "cancelled");
    assert!(fixture.enqueue::<Email>(AGENT, requested.gate).await.is_err());
    let used = fixture.request(ANA, &email()).await;
    fixture.approve(BO, &used).await.unwrap();
    fixture.enqueue::<Email>(ANA, used.gate).await.unwrap();
    assert!(cancel(ANA, used.gate).await.is_err());
}

#[tokio::test]
async fn gat_6_what_is_shown_is_what_was_asked_and_that_it_was_read_is_on_record() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    let cipher = fixture.cipher(fixture.a).await;
    let reader = ctx(fixture.a, BO);
    let shown = gate_show(&fixture.pool, &reader, &cipher, requested.gate)
        .await
        .unwrap();
    assert_eq!(shown.summary.digest, requested.digest);
    let content = shown.content.disclose();
    assert_eq!(
        content.as_bytes(),
        br#"{"text":"Your consent form","to":"client@example.org"}"#
    );
    assert!(!format!("{shown:?}").contains("client@"));
    let superuser = fixture.database.superuser_client().await;
    let read = "SELECT count(*) FROM audit.events WHERE event_type = 'gate.read' AND resource_id = $1 AND actor_id = $2 AND request_id = $3";
    let rows = superuser
        .query_one(
            read,
            &[&requested.gate.as_uuid(), &BO.as_uuid(), &reader.request().as_uuid()],
        )
        .await
        .unwrap();
    assert_eq!(rows.get::<_, i64>(0), 2, "announced, and ended");
    // Another tenant's cipher opens nothing, and its people see nothing.
    let other = fixture.keys.cipher(&fixture.pool, &ctx(fixture.b, BO)).await.unwrap();
    assert!(gate_show(&fixture.pool, &reader, &other, requested.gate).await.is_err());
    let elsewhere = gate_show(&fixture.pool, &ctx(fixture.b, BO), &other, requested.gate).await;
    assert!(matches!(elsewhere, Err(GateError::NoSuch)));
}

#[tokio::test]
async fn gat_6_every_step_is_on_the_tenants_record_with_the_digest() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(AGENT, &refund("5.00")).await;
    fixture.approve(BO, &requested).await.unwrap();
    fixture.approve(CLEO, &requested).await.unwrap();
    fixture.enqueue::<Refund>(AGENT, requested.gate).await.unwrap();
    let superuser = fixture.database.superuser_client().await;
    let rows = superuser
        .query(
            "SELECT event_type, actor_id, on_behalf_of FROM audit.events WHERE customer_id = $1 AND resource_id = $2 AND outcome_code = $3",
            &[&fixture.a.as_uuid(), &requested.gate.as_uuid(), &requested.digest.to_string()],
        )
        .await
        .unwrap();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        *counted.entry(row.get(0)).or_default() += 1;
    }
    let expected = [
        ("effect.enqueued", 1),
        ("gate.approved", 1),
        ("gate.consumed", 1),
        ("gate.requested", 1),
        ("gate.seconded", 2),
    ];
    assert_eq!(counted, expected.map(|(code, count)| (code.to_owned(), count)).into());
    let asked = rows
        .iter()
        .find(|row| row.get::<_, &str>(0) == "gate.requested")
        .unwrap();
    assert_eq!(
        asked.get::<_, Option<uuid::Uuid>>(2),
        Some(ANA.as_uuid()),
        "for whom the agent asked"
    );
}

#[tokio::test]
async fn pages_of_what_waits_hold_no_content_and_end() {
    let fixture = Fixture::create().await;
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(fixture.request(ANA, &email()).await.gate);
    }
    let page = async |before| -> (Vec<GateId>, bool) {
        let listed: Result<_, Failure> = fixture
            .pool
            .run(&ctx(fixture.a, BO), async |tx: &mut TenantTx<'_>| {
                Ok(gate_pending(tx, before, 2).await?)
            })
            .await;
        let (items, more) = listed.unwrap();
        (items.into_iter().map(|item| item.gate).collect(), more)
    };
    asked.reverse();
    let mut seen = Vec::new();
    loop {
        let (items, more) = page(seen.last().copied()).await;
        seen.extend(items);
        if !more {
            break;
        }
    }
    assert_eq!(seen, asked);
}
