//! The split key: the database verifies the caller's own token, and the server holds nothing that opens a tenant.

mod break_glass;
mod ended;
mod roles;
pub(crate) mod signer;
mod tokens;

use crate::fixture::{Failure, Fixture, ctx, visible};
use bearingwall_core::{
    BearerProof, Classified, Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, SubjectId,
};
use bearingwall_tenancy::{Authority, TenancyError, TenantPool, TenantTx};
use diesel_async::RunQueryDsl;
use serde_json::json;
use signer::{AUDIENCE, ISSUER, Signer, subject};
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

/// A database in the split-key profile, with one issuer of the platform's own.
pub(crate) struct Split {
    pub(crate) fixture: Fixture,
    pub(crate) signer: Signer,
    pub(crate) admin: Client,
}

impl Split {
    pub(crate) async fn create() -> Self {
        let fixture = Fixture::create().await;
        let admin = fixture.database.admin_client().await;
        let signer = Signer::generate("key-1");
        install(&admin, ISSUER, None, &signer).await;
        admin
            .batch_execute("SELECT tenancy.use_profile('split-key')")
            .await
            .unwrap();
        Self { fixture, signer, admin }
    }

    pub(crate) async fn pool(&self) -> TenantPool {
        TenantPool::connect(self.fixture.config(2), Authority::SplitKey)
            .await
            .unwrap()
    }

    /// A context of this person in this tenant, with this token as its proof.
    pub(crate) fn ctx(&self, person: &str, customer: CustomerId, token: String) -> Ctx {
        Ctx::danger_assume_verified(CtxParts {
            subject: SubjectId::from_uuid(subject(ISSUER, person)),
            customer,
            roles: RoleSet::EMPTY,
            request: RequestId::from_uuid(Uuid::now_v7()),
            purpose: PurposeOfUse::Treatment,
            expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(5),
            route: None,
        })
        .with_proof(BearerProof::new(token))
    }
}

pub(crate) async fn install(admin: &Client, issuer: &str, customer: Option<Uuid>, signer: &Signer) {
    admin
        .execute(
            "SELECT tenancy.set_issuer($1, $2, $3, '{realm_access,roles}', 30, 900, false)",
            &[&issuer, &AUDIENCE, &customer],
        )
        .await
        .unwrap();
    admin
        .execute(
            "SELECT tenancy.install_issuer_key($1, $2, $3)",
            &[&issuer, &signer.kid, &signer.modulus],
        )
        .await
        .unwrap();
}

/// The clients that are seen under this context.
pub(crate) async fn seen(pool: &TenantPool, ctx: &Ctx) -> Result<Vec<Uuid>, Failure> {
    use crate::fixture::clients;
    use diesel::QueryDsl;
    pool.run(ctx, async |tx: &mut TenantTx<'_>| {
        Ok(RunQueryDsl::load(clients::table.select(clients::id), tx).await?)
    })
    .await
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> &'static str {
    match outcome {
        Err(Failure::Tenancy(error)) => error.code(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn ten_7_a_callers_token_opens_its_own_tenant_and_no_other() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let (a, b) = (split.fixture.a, split.fixture.b);
    let token = split.signer.token(&Signer::claims("mara", a));
    assert_eq!(
        seen(&pool, &split.ctx("mara", a, token.clone())).await.unwrap(),
        [split.fixture.client_a]
    );
    assert_eq!(code(seen(&pool, &split.ctx("mara", b, token.clone())).await), "TEN-011");
    assert_eq!(
        code(
            seen(
                &pool,
                &split.ctx("somebody else", a, split.signer.token(&Signer::claims("mara", a)))
            )
            .await
        ),
        "TEN-013",
        "the context names another person than the token"
    );
    assert_eq!(code(seen(&pool, &ctx(a)).await), "TEN-012", "a context without a proof");
    // What is kept for one tenant is no ticket for the other, whichever is asked for first.
    assert_eq!(
        seen(&pool, &split.ctx("mara", a, token.clone())).await.unwrap(),
        [split.fixture.client_a]
    );
    assert_eq!(code(seen(&pool, &split.ctx("mara", b, token)).await), "TEN-011");
}

#[tokio::test]
async fn ten_7_the_context_is_the_tokens_subject_and_the_requests_own() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let ctx = split.ctx(
        "mara",
        split.fixture.a,
        split.signer.token(&Signer::claims("mara", split.fixture.a)),
    );
    let answer: Result<crate::fixture::Answer, Failure> = pool
        .run(&ctx, async |tx: &mut TenantTx<'_>| {
            let sql = "SELECT array_to_string(tenancy.current_ids(), ',') AS answer";
            Ok(diesel::sql_query(sql).get_result(tx).await?)
        })
        .await;
    let expected = format!("{},{},{}", split.fixture.a, ctx.subject(), ctx.request());
    assert_eq!(answer.unwrap().answer.unwrap(), expected);
}

#[tokio::test]
async fn ten_7_a_ticket_lives_a_minute_at_most_and_only_for_what_it_was_minted_for() {
    let split = Split::create().await;
    let app = split.fixture.database.app_client().await;
    let (a, b) = (split.fixture.a.as_uuid(), split.fixture.b.as_uuid());
    let mint = "SELECT subject, expiry_ms, nonce, mac FROM tenancy.login($1, $2)";
    let token = split.signer.token(&Signer::claims("mara", split.fixture.a));
    let ticket = app.query_one(mint, &[&token, &a]).await.unwrap();
    let (subject, expiry, nonce, mac): (Uuid, i64, Uuid, Vec<u8>) =
        (ticket.get(0), ticket.get(1), ticket.get(2), ticket.get(3));
    let now_ms = i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap();
    assert!(
        (now_ms + 50_000..=now_ms + 60_000).contains(&expiry),
        "{}",
        expiry - now_ms
    );
    let enter = "SELECT tenancy.enter($1, $2, gen_random_uuid(), $3, $4, $5, '{us-east-1,eu-west-1}', $6)";
    let (zero, one) = (0_i16, 1_i16);
    let other = Uuid::now_v7();
    let long = expiry + 1;
    let mut broken = mac.clone();
    broken[31] ^= 1;
    for (customer, subject, expiry, nonce, kid, mac) in [
        (b, subject, expiry, nonce, zero, &mac),
        (a, other, expiry, nonce, zero, &mac),
        (a, subject, long, nonce, zero, &mac),
        (a, subject, expiry, other, zero, &mac),
        (a, subject, expiry, nonce, one, &mac),
        (a, subject, expiry, nonce, zero, &broken),
    ] {
        let refused = app
            .query(enter, &[&customer, &subject, &expiry, &nonce, &kid, mac])
            .await
            .unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "28000");
    }
    app.query(enter, &[&a, &subject, &expiry, &nonce, &zero, &mac])
        .await
        .unwrap();
    // A token that ends sooner takes its ticket with it.
    let mut claims = Signer::claims("mara", split.fixture.a);
    claims["exp"] = json!(OffsetDateTime::now_utc().unix_timestamp() - 25);
    claims["iat"] = json!(OffsetDateTime::now_utc().unix_timestamp() - 100);
    let short = app.query_one(mint, &[&split.signer.token(&claims), &a]).await.unwrap();
    assert!(short.get::<_, i64>(1) <= now_ms + 7_000);
}

#[tokio::test]
async fn ten_7_a_server_that_signs_is_refused_where_the_key_is_split() {
    let split = Split::create().await;
    for (authority, wanted) in [
        (Authority::from(split.fixture.key.clone()), Some("isolation-profile")),
        (Authority::SplitKey, None),
    ] {
        let found = match TenantPool::connect(split.fixture.config(1), authority).await {
            Ok(_) => None,
            Err(TenancyError::Posture { violations }) => Some(violations[0].check.clone()),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(found.as_deref(), wanted);
    }
    let other = Fixture::create().await;
    let refused = TenantPool::connect(other.config(1), Authority::SplitKey).await;
    assert!(matches!(refused, Err(TenancyError::Posture { .. })), "{refused:?}");
}

#[tokio::test]
async fn ten_7_in_the_split_profile_no_key_of_a_server_exists() {
    let split = Split::create().await;
    let superuser = split.fixture.database.superuser_client().await;
    let kids: Vec<i16> = superuser
        .query("SELECT kid FROM tenancy.enter_keys", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(kids, [0]);
    for kid in [0_i16, 1] {
        let refused = split
            .admin
            .query("SELECT tenancy.install_enter_key($1, $2)", &[&kid, &vec![7_u8; 32]])
            .await;
        assert!(refused.is_err(), "{kid}");
    }
    // And back: the tickets' key goes, so that no ticket outlives the profile.
    split
        .admin
        .batch_execute("SELECT tenancy.use_profile('enter-key')")
        .await
        .unwrap();
    let left: i64 = superuser
        .query_one("SELECT count(*) FROM tenancy.enter_keys", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
    let app = split.fixture.database.app_client().await;
    let token = split.signer.token(&Signer::claims("mara", split.fixture.a));
    let refused = app
        .query("SELECT tenancy.login($1, $2)", &[&token, &split.fixture.a.as_uuid()])
        .await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn ten_7_without_any_issuers_key_the_profile_cannot_be_chosen() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    assert!(
        admin
            .batch_execute("SELECT tenancy.use_profile('split-key')")
            .await
            .is_err()
    );
    assert!(admin.batch_execute("SELECT tenancy.use_profile('none')").await.is_err());
    let pool = fixture.pool(1).await;
    assert_eq!(
        visible(&pool, fixture.a).await.unwrap(),
        [fixture.client_a],
        "nothing changed"
    );
}

#[tokio::test]
async fn ten_7_a_key_that_left_the_issuers_set_ends_and_a_new_one_begins() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let (a, old) = (
        split.fixture.a,
        split.signer.token(&Signer::claims("mara", split.fixture.a)),
    );
    let next = Signer::generate("key-2");
    let token = next.token(&Signer::claims("mara", a));
    assert_eq!(code(seen(&pool, &split.ctx("mara", a, token.clone())).await), "TEN-011");
    install(&split.admin, ISSUER, None, &next).await;
    seen(&pool, &split.ctx("mara", a, token)).await.unwrap();
    let retire = "SELECT tenancy.retire_issuer_keys($1, '{key-2}', interval '300 milliseconds')";
    let ended: i64 = split.admin.query_one(retire, &[&ISSUER]).await.unwrap().get(0);
    assert_eq!(ended, 1);
    seen(&pool, &split.ctx("mara", a, old)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let late = split.signer.token(&Signer::claims("noor", a));
    assert_eq!(code(seen(&pool, &split.ctx("noor", a, late)).await), "TEN-011");
}

#[tokio::test]
async fn ten_7_a_refused_token_costs_no_connection() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let a = split.fixture.a;
    let superuser = split.fixture.database.superuser_client().await;
    let backends = "SELECT coalesce(string_agg(pid::text, ',' ORDER BY pid), '') FROM pg_stat_activity
        WHERE usename = 'bearingwall_app' AND datname = current_database()";
    seen(
        &pool,
        &split.ctx("mara", a, split.signer.token(&Signer::claims("mara", a))),
    )
    .await
    .unwrap();
    let before: String = superuser.query_one(backends, &[]).await.unwrap().get(0);
    for _ in 0..5 {
        assert_eq!(
            code(seen(&pool, &split.ctx("mara", a, "e30.e30.e30".to_owned())).await),
            "TEN-011"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after: String = superuser.query_one(backends, &[]).await.unwrap().get(0);
    assert!(after.contains(&before), "{before} → {after}");
}
