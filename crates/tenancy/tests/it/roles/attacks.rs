//! RBC-5 against SQL: on the application's own connection, and by a hand that no privilege stops.

use super::{Person, Spa, WHY};
use crate::fixture::Failure;
use bearingwall_core::{AssignmentId, Ctx};
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};
use diesel::result::Error as DieselError;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

/// What came of arbitrary SQL in this context: nothing that stays, or the refusal.
async fn inject(pool: &TenantPool, ctx: &Ctx, sql: &str) -> Result<(), String> {
    let outcome: Result<(), Failure> = pool
        .run(ctx, async |tx: &mut TenantTx<'_>| {
            diesel::sql_query(sql).execute(tx).await?;
            Ok(())
        })
        .await;
    match outcome {
        Ok(()) => Ok(()),
        Err(Failure::Query(DieselError::DatabaseError(_, information))) => {
            Err(information.details().unwrap_or(information.message()).to_owned())
        }
        Err(Failure::Tenancy(TenancyError::Statement(error)) | Failure::Query(error)) => Err(error.to_string()),
        Err(Failure::Tenancy(error)) => Err(error.to_string()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn rbc_5_no_sql_of_the_applications_gives_a_role_past_the_gate() {
    let spa = Spa::open().await;
    let (change, sha256) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    let (digest, a, b) = (hex(&sha256), spa.fixture.a, spa.fixture.b);
    let (ana, bo, cleo, desk) = (spa.ana.subject, spa.bo.subject, spa.cleo.subject, spa.desk);
    let all = "'{client:read,client:write}'";
    let decide = |digest: &str, held: &str| {
        format!("SELECT tenancy.role_change_decide('{change}', '\\x{digest}', true, gen_random_uuid(), {held})")
    };
    let ask = |subject: &str, ends_at: &str, reason: &str, held: &str| {
        format!(
            "SELECT tenancy.role_change_request(gen_random_uuid(), '{subject}', '{desk}', {ends_at}, '{reason}', {held})"
        )
    };
    let denied = "permission denied for table";
    for (by, sql, refusal) in [
        (spa.ana, decide(&digest, all), "own-role"),
        (spa.cleo, decide(&digest, all), "own-role"),
        (spa.bo, decide(&"00".repeat(32), all), "other-content"),
        (spa.bo, decide("", all), "other-content"),
        (spa.bo, format!("SELECT tenancy.role_change_decide('{change}', NULL, true, gen_random_uuid(), {all})"), "other-content"),
        (spa.bo, decide(&digest, "'{client:read}'"), "not-held"),
        (spa.bo, decide(&digest, "NULL"), "not-held"),
        (Person::of(b), decide(&digest, all), "no-such-role"),
        (spa.ana, ask(&ana.to_string(), "NULL", WHY, all), "own-role"),
        (spa.ana, ask(&cleo.to_string(), "NULL", WHY, "'{}'"), "not-held"),
        (spa.ana, ask(&cleo.to_string(), "NULL", "short", all), "role_changes_reason_check"),
        (spa.ana, ask(&cleo.to_string(), "now() - interval '1 s'", WHY, all), "role_changes_check"),
        (spa.ana, "SELECT tenancy.role_set_define(gen_random_uuid(), 'X', '{break_glass:manage}')".to_owned(), "not-assignable"),
        (spa.ana, "SELECT tenancy.role_set_define(gen_random_uuid(), 'X', '{me:read}')".to_owned(), "not-assignable"),
        (spa.ana, "SELECT tenancy.role_set_define(gen_random_uuid(), 'X', '{client:read,NULL}')".to_owned(), "not-assignable"),
        (spa.ana, "SELECT * FROM tenancy.role_changes".to_owned(), denied),
        (spa.ana, format!("INSERT INTO tenancy.role_assignments (customer_id, assignment_id, change_id, subject_id, role_set_id, since, requested_by,
            agreed_by) VALUES ('{a}', gen_random_uuid(), '{change}', '{cleo}', '{desk}', now(), '{ana}', '{bo}')"), denied),
        (spa.ana, format!("UPDATE tenancy.role_changes SET verdict = 'approved', decided_by = '{bo}', decided_at = now(), seen_sha256 = sha256"), denied),
        (spa.ana, "UPDATE tenancy.role_sets SET permissions = permissions || '{audit:read}'".to_owned(), denied),
        (spa.ana, "DELETE FROM tenancy.role_assignments".to_owned(), denied),
        (spa.ana, "INSERT INTO tenancy.tenant_permissions VALUES ('break_glass:manage')".to_owned(), denied),
        (spa.ana, "TRUNCATE tenancy.people".to_owned(), denied),
        (spa.ana, format!("SELECT tenancy.role_set_to_give('{a}', '{desk}', {all})"), "permission denied for function"),
        (spa.ana, format!("SELECT tenancy.record_access('{a}', 'role.granted', NULL, 'role_change', '{change}', '{cleo}', '{{}}')"), "permission denied for function"),
    ] {
        let found = inject(&spa.pool, &by.admin(), &sql).await.expect_err(&sql);
        assert!(found.contains(refusal), "{sql}: {found}");
    }
    assert_eq!(spa.has(spa.cleo).await, []);
    // One of them was enough to show that the others were refused for what they are.
    inject(&spa.pool, &spa.bo.admin(), &decide(&digest, all)).await.unwrap();
    let replay = inject(&spa.pool, &spa.bo.admin(), &decide(&digest, all))
        .await
        .unwrap_err();
    assert!(replay.contains("no-such-role"), "{replay}");
    assert_eq!(spa.has(spa.cleo).await.len(), 1);
}

/// In the canaries' tenants, which are entered without a proof, and in the platform's own there is nothing to leave anything in.
#[tokio::test]
async fn rbc_5_nothing_is_left_in_a_tenant_of_the_platforms() {
    let spa = Spa::open().await;
    let app = spa.fixture.database.app_client().await;
    for step in [
        "SELECT tenancy.role_set_define(gen_random_uuid(), 'X', '{client:read}')",
        "SELECT tenancy.role_resolve('{authenticated}')",
    ] {
        app.batch_execute("BEGIN; SELECT tenancy.enter_canary()").await.unwrap();
        let refused = app.batch_execute(step).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{step}");
        app.batch_execute("ROLLBACK").await.unwrap();
    }
    for step in [
        "tenancy.role_set_list()",
        "tenancy.role_change_list()",
        "tenancy.role_resolve('{}')",
        "tenancy.access_review(NULL, 1, 1, 'access_review.read')",
    ] {
        let refused = app.batch_execute(&format!("SELECT * FROM {step}")).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "28000", "{step}: nobody has entered");
    }
}

#[tokio::test]
async fn rbc_5_no_hand_rewrites_what_was_asked_agreed_or_given() {
    let spa = Spa::open().await;
    spa.given().await;
    let (pending, _) = spa.request(spa.ana, &spa.asked()).await.unwrap();
    let ended = spa.given_to(Person::of(spa.fixture.a)).await;
    spa.pool
        .role_assignment_end(&spa.bo.admin(), ended, "left the front desk")
        .await
        .unwrap();
    spa.pool.role_set_retire(&spa.ana.admin(), spa.desk).await.unwrap();
    let superuser = spa.fixture.database.superuser_client().await;
    let other = Uuid::now_v7();
    let row = |agreed_by: &str, since: &str| {
        format!(
            "INSERT INTO tenancy.role_assignments (customer_id, assignment_id, change_id, subject_id, role_set_id, since, requested_by, agreed_by)
             SELECT c.customer_id, gen_random_uuid(), c.change_id, c.subject_id, c.role_set_id, {since}, c.requested_by, {agreed_by}
               FROM tenancy.role_changes c WHERE c.change_id = '{pending}'"
        )
    };
    let decided = |by: &str, at: &str, seen: &str| {
        format!(
            "UPDATE tenancy.role_changes SET verdict = 'approved', decided_by = {by}, decided_at = {at}, seen_sha256 = {seen} WHERE change_id = '{pending}'"
        )
    };
    for (sql, state) in [
        ("UPDATE tenancy.role_sets SET permissions = '{audit:read}'".to_owned(), "42501"),
        ("UPDATE tenancy.role_sets SET retired_at = NULL, retired_by = NULL".to_owned(), "42501"),
        ("DELETE FROM tenancy.role_sets".to_owned(), "42501"),
        ("TRUNCATE tenancy.role_sets CASCADE".to_owned(), "42501"),
        (format!("UPDATE tenancy.role_changes SET subject_id = '{other}'"), "42501"),
        ("UPDATE tenancy.role_changes SET expires_at = expires_at + interval '1 hour'".to_owned(), "42501"),
        ("UPDATE tenancy.role_changes SET verdict = 'declined' WHERE verdict = 'approved'".to_owned(), "42501"),
        ("DELETE FROM tenancy.role_changes".to_owned(), "42501"),
        (decided("requested_by", "now()", "sha256"), "23514"),
        (decided("subject_id", "now()", "sha256"), "23514"),
        (decided(&format!("'{other}'"), "now()", "sha256(sha256)"), "23514"),
        (decided(&format!("'{other}'"), "expires_at + interval '1 ms'", "sha256"), "23514"),
        (decided(&format!("'{other}'"), "NULL", "sha256"), "23514"),
        (row(&format!("'{other}'"), "now()"), "42501"),
        (format!("UPDATE tenancy.role_assignments SET subject_id = '{other}'"), "42501"),
        ("UPDATE tenancy.role_assignments SET ends_at = NULL, since = now()".to_owned(), "42501"),
        ("UPDATE tenancy.role_assignments SET ended_at = NULL, ended_by = NULL, end_reason = NULL WHERE ended_at IS NOT NULL".to_owned(), "42501"),
        ("UPDATE tenancy.role_assignments SET reviewed_by = subject_id, reviewed_at = now() WHERE ended_at IS NULL".to_owned(), "23514"),
        ("DELETE FROM tenancy.role_assignments".to_owned(), "42501"),
        ("DELETE FROM tenancy.people".to_owned(), "42501"),
    ] {
        for mode in ["origin", "replica"] {
            // Somebody was seen, so that there is a row to delete.
            let sql = format!("SET session_replication_role = {mode}; {sql}");
            spa.has(spa.cleo).await;
            let refused = superuser.batch_execute(&sql).await.expect_err(&sql);
            assert_eq!(refused.code().unwrap().code(), state, "{sql}");
        }
    }
}

impl Spa {
    async fn given_to(&self, person: Person) -> AssignmentId {
        let mut asked = self.asked();
        asked.subject = person.subject;
        let (change, sha256) = self.request(self.ana, &asked).await.unwrap();
        self.approve(self.bo, change, &sha256).await.unwrap()
    }
}
