//! Roles where the key is split: whoever asks, decides or has something is proven by their own token.

use super::Split;
use super::signer::Signer;
use bearingwall_core::{AssignmentId, Classified, Ctx, Held, RoleChangeId, RoleSetId};
use bearingwall_tenancy::roles::{Decision, RoleRequest};
use uuid::Uuid;

#[tokio::test]
async fn rbc_5_where_the_key_is_split_each_person_is_proven_by_a_token() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let a = split.fixture.a;
    let of = |person: &str| -> Ctx { split.ctx(person, a, split.signer.token(&Signer::claims(person, a))) };
    let (ana, bo, cleo) = (of("ana"), of("bo"), of("cleo"));
    let held = |ctx: &Ctx| Held::danger_assume_held(ctx.subject(), a, vec!["client:write"]);
    let desk = RoleSetId::from_uuid(Uuid::now_v7());
    pool.role_set_define(&ana, desk, "Front desk", &["client:write"])
        .await
        .unwrap();
    let asked = RoleRequest {
        subject: cleo.subject(),
        role_set: desk,
        ends_at: None,
        reason: "covers the front desk".to_owned(),
    };
    let change = RoleChangeId::from_uuid(Uuid::now_v7());
    let sha256 = pool
        .role_change_request(&ana, change, &asked, &held(&ana))
        .await
        .unwrap();
    let approve = async |ctx: &Ctx| {
        let held = held(ctx);
        let decision = Decision::Approve(&held, AssignmentId::from_uuid(Uuid::now_v7()));
        pool.role_change_decide(ctx, change, &sha256, &decision).await
    };
    assert_eq!(approve(&ana).await.unwrap_err().code(), "TEN-052");
    // A context that says it is Bo, with Ana's token.
    let forged = split.ctx("bo", a, split.signer.token(&Signer::claims("ana", a)));
    assert_eq!(approve(&forged).await.unwrap_err().code(), "TEN-013");
    assert_eq!(pool.roles_resolve(&cleo).await.unwrap(), []);
    approve(&bo).await.unwrap();
    assert_eq!(
        pool.roles_resolve(&cleo).await.unwrap()[0].permissions,
        ["client:write"]
    );
}
