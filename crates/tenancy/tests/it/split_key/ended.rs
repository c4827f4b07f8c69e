//! AUT-4 where the key is split: the database itself lets nobody in whose session has ended.

use super::signer::{ISSUER, Signer, digest_of};
use super::{Split, code, seen};
use bearingwall_core::{RequestId, SubjectId};
use bearingwall_tenancy::TenantPool;
use bearingwall_tenancy::revocations::{Revoke, Revoked};
use serde_json::{Value, json};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A token that differs from the default one in these claims, as a caller of the server without a list.
async fn outcome(split: &Split, pool: &TenantPool, person: &str, claims: Value) -> Result<(), &'static str> {
    let tenant = split.fixture.a;
    let mut all = Signer::claims(person, tenant);
    // A token of its own each time, so that no ticket is kept from an earlier look.
    all["jti"] = Uuid::now_v7().to_string().into();
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    match seen(pool, &split.ctx(person, tenant, split.signer.token(&all))).await {
        Ok(rows) => {
            assert_eq!(rows, [split.fixture.client_a]);
            Ok(())
        }
        refused => Err(code(refused)),
    }
}

async fn revoke(pool: &TenantPool, what: Revoked) {
    let order = Revoke {
        what,
        lasting: Duration::from_secs(3600),
        once: None,
        actor: None,
        request: RequestId::from_uuid(Uuid::now_v7()),
        route: None,
    };
    assert!(pool.revoke(order).await.unwrap());
}

#[tokio::test]
async fn aut_4_where_the_key_is_split_the_database_lets_nobody_in_who_was_signed_out() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let now_s = OffsetDateTime::now_utc().unix_timestamp();
    let of = |session: &str| json!({"sid": session, "iat": now_s});
    let without = || json!({"iat": now_s});
    for claims in [of("s1"), of("s2"), without()] {
        assert_eq!(outcome(&split, &pool, "dana", claims).await, Ok(()));
    }
    let dana = SubjectId::from_uuid(digest_of(&[ISSUER, "dana"]));
    let session = Revoked::Session(digest_of(&["sid", ISSUER, "s1"]), Some((dana, now_s)));
    revoke(&pool, session).await;
    assert_eq!(outcome(&split, &pool, "dana", of("s1")).await, Err("TEN-011"));
    assert_eq!(
        outcome(&split, &pool, "dana", of("s2")).await,
        Ok(()),
        "another session"
    );
    assert_eq!(outcome(&split, &pool, "dana", without()).await, Err("TEN-011"));
    let later = json!({"iat": now_s + 1});
    assert_eq!(outcome(&split, &pool, "dana", later).await, Ok(()), "issued later");
    assert_eq!(
        outcome(&split, &pool, "robin", without()).await,
        Ok(()),
        "somebody else"
    );
    // A `sid` that is no text says nothing that could be looked up.
    assert_eq!(outcome(&split, &pool, "robin", json!({"sid": 1})).await, Err("TEN-011"));
    assert_eq!(
        outcome(&split, &pool, "robin", json!({"sid": null})).await,
        Err("TEN-011")
    );

    revoke(&pool, Revoked::Subject(dana, now_s + 1)).await;
    for claims in [
        of("s2"),
        without(),
        json!({"iat": now_s + 1}),
        json!({"sid": "s3", "iat": now_s + 1}),
    ] {
        assert_eq!(outcome(&split, &pool, "dana", claims).await, Err("TEN-011"));
    }
    let later = json!({"sid": "s3", "iat": now_s + 2});
    assert_eq!(outcome(&split, &pool, "dana", later).await, Ok(()));
    // The way around the list is not the application's to take.
    let app = split.fixture.database.app_client().await;
    let token = split.signer.token(&Signer::claims("robin", split.fixture.a));
    let refused = app
        .query("SELECT tenancy.ticket($1, $2)", &[&token, &split.fixture.a.as_uuid()])
        .await
        .unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
}
