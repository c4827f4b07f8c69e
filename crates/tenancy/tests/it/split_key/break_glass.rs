//! Platform staff enter one tenant at a time, with a reason, for a while, and with somebody else's consent.

use super::signer::Signer;
use super::{Split, code, seen};
use crate::fixture::{Answer, Failure};
use bearingwall_core::CustomerId;
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel_async::RunQueryDsl;
use tokio_postgres::Client;
use uuid::Uuid;

/// One statement of this member of staff in the platform's own tenant.
async fn as_staff(split: &Split, pool: &TenantPool, person: &str, sql: &str) -> Result<usize, Failure> {
    let ctx = split.ctx(person, CustomerId::PLATFORM, split.signer.token(&Signer::staff(person)));
    pool.run(&ctx, async |tx: &mut TenantTx<'_>| {
        Ok(diesel::sql_query(sql).execute(tx).await?)
    })
    .await
}

async fn look(split: &Split, pool: &TenantPool, person: &str, customer: CustomerId) -> Result<Vec<Uuid>, Failure> {
    // A token of its own each time, so that no ticket is kept from an earlier look.
    let mut claims = Signer::staff(person);
    claims["jti"] = Uuid::now_v7().to_string().into();
    seen(pool, &split.ctx(person, customer, split.signer.token(&claims))).await
}

fn open(session: Uuid, customer: CustomerId, minutes: i32) -> String {
    format!(
        "SELECT tenancy.break_glass_open('{session}', '{customer}', 'a charge was booked twice', 'OPS-17', {minutes})"
    )
}

#[tokio::test]
async fn ten_7_staff_enter_a_tenant_only_through_an_open_and_approved_session() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let (a, b, session) = (split.fixture.a, split.fixture.b, Uuid::now_v7());
    assert_eq!(
        code(look(&split, &pool, "ines", a).await),
        "TEN-011",
        "without a session"
    );
    let mut both = Signer::staff("ines");
    both["customer_id"] = a.to_string().into();
    let both = split.ctx("ines", a, split.signer.token(&both));
    assert_eq!(
        code(seen(&pool, &both).await),
        "TEN-011",
        "nor with a token that names the tenant as well"
    );
    as_staff(&split, &pool, "ines", &open(session, a, 30)).await.unwrap();
    assert_eq!(
        code(look(&split, &pool, "ines", a).await),
        "TEN-011",
        "not approved yet"
    );
    let approve = format!("SELECT tenancy.break_glass_approve('{session}')");
    as_staff(&split, &pool, "ines", &approve)
        .await
        .expect_err("not by oneself");
    assert_eq!(code(look(&split, &pool, "ines", a).await), "TEN-011");
    as_staff(&split, &pool, "otto", &approve).await.unwrap();
    assert_eq!(look(&split, &pool, "ines", a).await.unwrap(), [split.fixture.client_a]);
    assert_eq!(
        code(look(&split, &pool, "ines", b).await),
        "TEN-011",
        "not another tenant"
    );
    assert_eq!(
        code(look(&split, &pool, "otto", a).await),
        "TEN-011",
        "not another person"
    );
    let close = format!("SELECT tenancy.break_glass_close('{session}')");
    as_staff(&split, &pool, "otto", &close).await.unwrap();
    assert_eq!(code(look(&split, &pool, "ines", a).await), "TEN-011", "closed");
}

#[tokio::test]
async fn ten_7_a_session_ends_by_itself_and_its_tickets_with_it() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let (a, session) = (split.fixture.a, Uuid::now_v7());
    as_staff(&split, &pool, "ines", &open(session, a, 1)).await.unwrap();
    as_staff(
        &split,
        &pool,
        "otto",
        &format!("SELECT tenancy.break_glass_approve('{session}')"),
    )
    .await
    .unwrap();
    let superuser = split.fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE tenancy.break_glass SET expires_at = clock_timestamp() + interval '5 seconds'")
        .await
        .unwrap();
    let app = split.fixture.database.app_client().await;
    let token = split.signer.token(&Signer::staff("ines"));
    let left_ms: i64 = app
        .query_one(
            "SELECT expiry_ms - (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM tenancy.login($1, $2)",
            &[&token, &a.as_uuid()],
        )
        .await
        .unwrap()
        .get(0);
    assert!((1..=5_000).contains(&left_ms), "{left_ms}");
    superuser
        .batch_execute("UPDATE tenancy.break_glass SET expires_at = clock_timestamp() - interval '1 second'")
        .await
        .unwrap();
    assert_eq!(code(look(&split, &pool, "ines", a).await), "TEN-011");
}

#[tokio::test]
async fn ten_7_a_session_needs_a_reason_a_ticket_and_an_end() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let (a, session) = (split.fixture.a, Uuid::now_v7());
    for arguments in [
        format!("'{session}', '{a}', 'short', 'OPS-17', 30"),
        format!("'{session}', '{a}', 'a charge was booked twice', '', 30"),
        format!("'{session}', '{a}', 'a charge was booked twice', 'OPS 17', 30"),
        format!("'{session}', '{a}', 'a charge was booked twice', 'OPS-17', 0"),
        format!("'{session}', '{a}', 'a charge was booked twice', 'OPS-17', 61"),
        format!("'{session}', '{a}', 'a charge was booked twice', 'OPS-17', NULL"),
        format!(
            "'{session}', '{}', 'a charge was booked twice', 'OPS-17', 30",
            CustomerId::PLATFORM
        ),
        format!("'{session}', '{session}', 'a charge was booked twice', 'OPS-17', 30"),
    ] {
        let sql = format!("SELECT tenancy.break_glass_open({arguments})");
        as_staff(&split, &pool, "ines", &sql).await.expect_err(&arguments);
    }
}

#[tokio::test]
async fn ten_7_a_tenant_sees_who_was_in_it_and_manages_nothing() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let (a, b, session) = (split.fixture.a, split.fixture.b, Uuid::now_v7());
    as_staff(&split, &pool, "ines", &open(session, a, 30)).await.unwrap();
    let mara = |customer| split.ctx("mara", customer, split.signer.token(&Signer::claims("mara", customer)));
    let list = async |customer| -> Result<Vec<Answer>, Failure> {
        pool.run(&mara(customer), async |tx: &mut TenantTx<'_>| {
            let sql = "SELECT ticket AS answer FROM tenancy.break_glass_sessions()";
            Ok(diesel::sql_query(sql).load(tx).await?)
        })
        .await
    };
    let seen = list(a).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].answer.as_deref(), Some("OPS-17"));
    assert_eq!(list(b).await.unwrap().len(), 0);
    let only_platform = "break-glass sessions are managed in the platform's own tenant";
    for (sql, why) in [
        (open(Uuid::now_v7(), b, 30), only_platform),
        (
            format!("SELECT tenancy.break_glass_approve('{session}')"),
            only_platform,
        ),
        (format!("SELECT tenancy.break_glass_close('{session}')"), only_platform),
        (
            "SELECT reason FROM tenancy.break_glass".to_owned(),
            "permission denied for table break_glass",
        ),
    ] {
        let refused: Result<usize, Failure> = pool
            .run(&mara(a), async |tx: &mut TenantTx<'_>| {
                Ok(diesel::sql_query(&sql).execute(tx).await?)
            })
            .await;
        // Why, too: a statement that fails for a reason of its own shows nothing.
        let refused = format!("{:?}", refused.expect_err(&sql));
        assert!(refused.contains(why), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn ten_7_a_session_is_kept_as_it_was_and_each_step_is_on_the_tenants_record() {
    let split = Split::create().await;
    let pool = split.pool().await;
    let (a, session) = (split.fixture.a, Uuid::now_v7());
    as_staff(&split, &pool, "ines", &open(session, a, 30)).await.unwrap();
    let step = async |step: &str| {
        let sql = format!("SELECT tenancy.break_glass_{step}('{session}')");
        as_staff(&split, &pool, "otto", &sql).await.unwrap();
    };
    step("approve").await;
    let superuser = split.fixture.database.superuser_client().await;
    // While it is open each change is refused for itself; afterwards everything is.
    for change in CHANGES {
        refuses(&superuser, change).await;
    }
    step("close").await;
    for change in CHANGES {
        refuses(&superuser, change).await;
    }
    refuses(&superuser, "UPDATE tenancy.break_glass SET closed_at = NULL").await;
    // It is judged once, and a judgement stands.
    superuser
        .batch_execute(
            "UPDATE tenancy.break_glass SET reviewed_by = gen_random_uuid(), reviewed_at = now(), verdict = 'disputed'",
        )
        .await
        .unwrap();
    for change in CHANGES {
        refuses(&superuser, change).await;
    }
    for change in [
        "reviewed_by = gen_random_uuid()",
        "reviewed_at = reviewed_at - interval '1 second'",
        "verdict = 'accepted'",
        "reviewed_by = NULL, reviewed_at = NULL, verdict = NULL",
    ] {
        refuses(&superuser, &format!("UPDATE tenancy.break_glass SET {change}")).await;
    }
    let steps = async |session: Uuid| {
        let sql = "SELECT string_agg(event_type, ',' ORDER BY recorded_at) FROM audit.events WHERE customer_id = $1 AND resource_id = $2";
        let row = superuser.query_one(sql, &[&a.as_uuid(), &session]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    };
    let whole = "break_glass.opened,break_glass.approved,break_glass.closed,break_glass.reviewed";
    assert_eq!(steps(session).await, whole);
    // A hand of the superuser is on the record as well, and where ordinary triggers are switched off.
    let second = Uuid::now_v7();
    as_staff(&split, &pool, "ines", &open(second, a, 30)).await.unwrap();
    let close = format!(
        "BEGIN; SET LOCAL session_replication_role = replica;
         UPDATE tenancy.break_glass SET closed_at = clock_timestamp() WHERE session_id = '{second}'; COMMIT"
    );
    superuser.batch_execute(&close).await.unwrap();
    assert_eq!(steps(second).await, "break_glass.opened,break_glass.closed");
}

/// What a session that was opened and approved never lets happen to it.
const CHANGES: [&str; 12] = [
    "DELETE FROM tenancy.break_glass",
    "TRUNCATE tenancy.break_glass",
    "UPDATE tenancy.break_glass SET session_id = gen_random_uuid()",
    "UPDATE tenancy.break_glass SET customer_id = (SELECT customer_id FROM tenancy.customers WHERE slug = 'saltmarsh')",
    "UPDATE tenancy.break_glass SET subject_id = gen_random_uuid()",
    "UPDATE tenancy.break_glass SET reason = 'another reason than given'",
    "UPDATE tenancy.break_glass SET ticket = 'OPS-18'",
    "UPDATE tenancy.break_glass SET opened_at = opened_at - interval '1 second'",
    "UPDATE tenancy.break_glass SET expires_at = expires_at + interval '1 second'",
    "UPDATE tenancy.break_glass SET approved_by = gen_random_uuid()",
    "UPDATE tenancy.break_glass SET approved_at = approved_at - interval '1 second'",
    "UPDATE tenancy.break_glass SET approved_by = NULL, approved_at = NULL",
];

/// Refused to the superuser too, and where ordinary triggers are switched off.
async fn refuses(superuser: &Client, change: &str) {
    for role in ["origin", "replica"] {
        let sql = format!("BEGIN; SET LOCAL session_replication_role = {role}; {change}; COMMIT");
        let refused = superuser.batch_execute(&sql).await.expect_err(change);
        superuser.batch_execute("ROLLBACK").await.unwrap();
        let code = refused.code().unwrap().code();
        assert_eq!(code, "42501", "{role}: {change}: {refused:?}");
    }
}
