//! Many at once: one quorum, one effect.

use crate::fixture::{ANA, Email, Fixture, Refund, ctx, email, refund};
use bearingwall_core::SubjectId;
use bearingwall_gates::GateState;
use futures_util::future::join_all;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gat_4_of_twenty_who_use_an_approval_at_once_one_does() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    fixture.approve(crate::fixture::BO, &requested).await.unwrap();
    let tries = (0..20).map(|_| fixture.enqueue::<Email>(ANA, requested.gate));
    let done = join_all(tries).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(done, 1);
    let superuser = fixture.database.superuser_client().await;
    let effects = superuser
        .query_one("SELECT count(*) FROM tenancy.effects", &[])
        .await
        .unwrap();
    assert_eq!(effects.get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gat_2_of_twenty_who_approve_at_once_the_quorum_counts_once() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &refund("1.00")).await;
    let people: Vec<SubjectId> = (0..20)
        .map(|n| SubjectId::from_uuid(Uuid::from_u128(0x1000 + n)))
        .collect();
    for person in &people {
        fixture.pool.roles_resolve(&ctx(fixture.a, *person)).await.unwrap();
    }
    let said = join_all(people.iter().map(|person| fixture.approve(*person, &requested))).await;
    let approved = said
        .iter()
        .filter(|said| matches!(said, Ok(GateState::Approved)))
        .count();
    let waiting = said
        .iter()
        .filter(|said| matches!(said, Ok(GateState::Requested)))
        .count();
    assert_eq!((approved, waiting), (1, 1), "{said:?}");
    let superuser = fixture.database.superuser_client().await;
    let decisions = superuser
        .query_one("SELECT count(*) FROM tenancy.gate_decisions", &[])
        .await
        .unwrap();
    assert_eq!(decisions.get::<_, i64>(0), 2, "who came too late said nothing");
    fixture.enqueue::<Refund>(ANA, requested.gate).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gat_2_a_double_vote_of_one_person_counts_once() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &refund("1.00")).await;
    let votes = join_all((0..10).map(|_| fixture.approve(crate::fixture::BO, &requested))).await;
    assert_eq!(votes.iter().filter(|vote| vote.is_ok()).count(), 1);
    assert_eq!(fixture.state(requested.gate).await, "requested");
}
