//! Suspended, resumed, and erased only under the word of two persons whom the database itself has verified.

use crate::fixture::{Failure, Fixture, visible};
use crate::split_key::signer::{ISSUER, Signer, subject};
use crate::split_key::{Split, install};
use bearingwall_core::{Classified, CustomerId};
use bearingwall_testkit::database::Login;
use serde_json::json;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

const MANIFEST: [u8; 32] = [7; 32];

/// A database with an issuer of the platform's staff; the tenant that is to go is `saltmarsh`.
struct Staff {
    fixture: Fixture,
    signer: Signer,
    admin: Client,
    superuser: Client,
}

impl Staff {
    async fn create() -> Self {
        let fixture = Fixture::create().await;
        let (admin, superuser) = (
            fixture.database.admin_client().await,
            fixture.database.superuser_client().await,
        );
        let signer = Signer::generate("key-1");
        install(&admin, ISSUER, None, &signer).await;
        Self {
            fixture,
            signer,
            admin,
            superuser,
        }
    }

    fn token(&self, person: &str) -> String {
        self.signer.token(&Signer::staff(person))
    }

    async fn suspend(&self) {
        self.admin
            .execute("SELECT tenancy.suspend_tenant($1)", &[&self.fixture.b.as_uuid()])
            .await
            .unwrap();
    }

    /// Asks under the suspension that is in force.
    async fn request(&self, id: Uuid, token: &str) -> Result<(), String> {
        let since = "SELECT suspended_at::text FROM tenancy.tenant($1)";
        let row = self.admin.query_one(since, &[&self.fixture.b.as_uuid()]).await.unwrap();
        let since: Option<String> = row.get(0);
        self.request_since(id, since.as_deref(), token).await
    }

    async fn request_since(&self, id: Uuid, since: Option<&str>, token: &str) -> Result<(), String> {
        let (customer, manifest) = (self.fixture.b.as_uuid(), MANIFEST.as_slice());
        let sql = "SELECT tenancy.offboard_request($1, $2, $3, $4::text::timestamptz, $5)";
        self.call(sql, &[&id, &customer, &manifest, &since, &token]).await
    }

    async fn approve(&self, id: Uuid, manifest: &[u8], token: &str) -> Result<(), String> {
        let sql = "SELECT tenancy.offboard_approve($1, $2, $3)";
        self.call(sql, &[&id, &manifest, &token]).await
    }

    async fn begin(&self, id: Uuid, manifest: &[u8]) -> Result<(), String> {
        self.call("SELECT tenancy.offboard_begin($1, $2)", &[&id, &manifest])
            .await
    }

    async fn finish(&self, id: Uuid) -> Result<(), String> {
        let manifest = MANIFEST.as_slice();
        self.call("SELECT tenancy.offboard_finish($1, $2)", &[&id, &manifest])
            .await
    }

    /// The SQLSTATE and the message of a refusal.
    async fn call(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<(), String> {
        let called = self.admin.execute(sql, parameters).await;
        called.map(drop).map_err(|error| {
            let error = error.as_db_error().unwrap();
            format!("{} {}", error.code().code(), error.message())
        })
    }

    /// An offboarding that is asked for and approved.
    async fn approved(&self) -> Uuid {
        let id = Uuid::now_v7();
        self.suspend().await;
        self.request(id, &self.token("ines")).await.unwrap();
        self.approve(id, &MANIFEST, &self.token("omar")).await.unwrap();
        id
    }
}

fn refused(outcome: Result<(), String>, expected: &str) {
    let refusal = outcome.expect_err(expected);
    assert!(refusal.starts_with(expected), "{refusal}, not {expected}");
}

#[tokio::test]
async fn ten_9_a_suspended_tenant_lets_nobody_in_and_resumes() {
    let fixture = Fixture::create().await;
    let (admin, pool) = (fixture.database.admin_client().await, fixture.pool(2).await);
    let change = async |function: &str| -> bool {
        let sql = format!("SELECT tenancy.{function}($1)");
        admin.query_one(&sql, &[&fixture.b.as_uuid()]).await.unwrap().get(0)
    };
    assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b]);
    assert!(change("suspend_tenant").await);
    assert!(!change("suspend_tenant").await, "it is suspended already");
    match visible(&pool, fixture.b).await {
        Err(Failure::Tenancy(error)) => assert_eq!(error.code(), "TEN-005"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        visible(&pool, fixture.a).await.unwrap(),
        [fixture.client_a],
        "the neighbour"
    );
    assert!(change("resume_tenant").await);
    assert!(!change("resume_tenant").await, "it is active already");
    assert_eq!(visible(&pool, fixture.b).await.unwrap(), [fixture.client_b]);
}

#[tokio::test]
async fn ten_9_a_suspended_tenant_lets_no_ticket_and_no_lease_in() {
    let split = Split::create().await;
    let (pool, tenant) = (split.pool().await, split.fixture.b);
    let token = split.signer.token(&Signer::claims("mara", tenant));
    assert!(
        crate::split_key::seen(&pool, &split.ctx("mara", tenant, token.clone()))
            .await
            .is_ok()
    );
    let job = Uuid::now_v7();
    let superuser = split.fixture.database.superuser_client().await;
    superuser
        .execute(
            "INSERT INTO tenancy.jobs (job_id, customer_id, request_id, kind, available_at, lease, leased_until)
             VALUES ($1, $2, $1, 'mail.send', now(), $1, now() + interval '1 minute')",
            &[&job, &tenant.as_uuid()],
        )
        .await
        .unwrap();
    split
        .admin
        .execute("SELECT tenancy.suspend_tenant($1)", &[&tenant.as_uuid()])
        .await
        .unwrap();
    // The ticket of before the suspension is kept by the pool and would be good for a minute.
    match crate::split_key::seen(&pool, &split.ctx("mara", tenant, token)).await {
        Err(Failure::Tenancy(error)) => assert_eq!(error.code(), "TEN-005"),
        other => panic!("{other:?}"),
    }
    let worker = split.fixture.database.client(Login::Worker).await.unwrap();
    let entered = worker
        .query("SELECT tenancy.enter_job($1, $1, '{us-east-1,eu-west-1}')", &[&job])
        .await
        .unwrap_err();
    assert_eq!(entered.as_db_error().unwrap().detail(), Some("tenant-not-active"));
}

#[tokio::test]
async fn ten_9_the_platforms_own_tenants_have_no_life_cycle() {
    let staff = Staff::create().await;
    for reserved in [
        "00000000-0000-8000-8000-000000000001",
        "00000000-0000-8000-8000-00000000000a",
        "00000000-0000-8000-8000-0000000000ff",
    ] {
        let reserved: Uuid = reserved.parse().unwrap();
        for function in ["suspend_tenant", "resume_tenant"] {
            let sql = format!("SELECT tenancy.{function}($1)");
            refused(staff.call(&sql, &[&reserved]).await, "22023 no such tenant");
        }
        let (id, manifest, token) = (Uuid::now_v7(), MANIFEST.as_slice(), staff.token("ines"));
        let sql = "SELECT tenancy.offboard_request($1, $2, $3, now(), $4)";
        refused(
            staff.call(sql, &[&id, &reserved, &manifest, &token]).await,
            "22023 no such tenant",
        );
    }
}

#[tokio::test]
async fn ten_9_only_a_verified_token_of_the_platforms_staff_is_a_person() {
    let staff = Staff::create().await;
    staff.suspend().await;
    let request = async |token: &str| staff.request(Uuid::now_v7(), token).await;
    refused(request("not a token").await, "28000 tenant token rejected");
    let mut late = Signer::staff("ines");
    late["iat"] = json!(1_000_000_000);
    late["exp"] = json!(1_000_000_300);
    refused(request(&staff.signer.token(&late)).await, "28000 tenant token rejected");
    refused(
        request(&Signer::generate("key-1").token(&Signer::staff("ines"))).await,
        "28000 tenant token rejected",
    );
    let member = staff.signer.token(&Signer::claims("ines", staff.fixture.b));
    refused(
        request(&member).await,
        "42501 the token is not one of the platform's staff",
    );

    // A tenant's own identity provider makes no platform staff, whatever it says.
    let (own, issuer) = (Signer::generate("own"), "https://id.saltmarsh.example");
    install(&staff.admin, issuer, Some(staff.fixture.b.as_uuid()), &own).await;
    let mut claims = Signer::staff("ines");
    claims["iss"] = json!(issuer);
    claims["customer_id"] = json!(staff.fixture.b.to_string());
    refused(request(&own.token(&claims)).await, "28000 tenant token rejected");

    request(&staff.token("ines")).await.unwrap();
    staff
        .admin
        .execute("SELECT tenancy.remove_issuer($1)", &[&ISSUER])
        .await
        .unwrap();
    refused(request(&staff.token("ines")).await, "55000 offboarding needs an issuer");
}

#[tokio::test]
async fn ten_9_an_erasure_needs_a_second_person_who_saw_the_same_export() {
    let staff = Staff::create().await;
    let id = Uuid::now_v7();
    refused(
        staff.request_since(id, Some("2026-01-01"), &staff.token("ines")).await,
        "55000 the tenant is not suspended",
    );
    staff.suspend().await;
    for other in [None, Some("2026-01-01")] {
        refused(
            staff.request_since(id, other, &staff.token("ines")).await,
            "55000 the export was not taken under the suspension",
        );
    }
    refused(
        staff.approve(id, &MANIFEST, &staff.token("omar")).await,
        "22023 no such offboarding",
    );
    staff.request(id, &staff.token("ines")).await.unwrap();
    refused(
        staff.begin(id, &MANIFEST).await,
        "42501 the offboarding is not approved",
    );
    refused(
        staff.approve(id, &MANIFEST, &staff.token("ines")).await,
        "42501 nobody approves what they asked for themselves",
    );
    refused(
        staff.approve(id, &[8; 32], &staff.token("omar")).await,
        "42501 the offboarding was asked for with another manifest",
    );
    let member = staff.signer.token(&Signer::claims("omar", staff.fixture.b));
    refused(
        staff.approve(id, &MANIFEST, &member).await,
        "42501 the token is not one",
    );
    refused(
        staff.begin(id, &MANIFEST).await,
        "42501 the offboarding is not approved",
    );
    staff.approve(id, &MANIFEST, &staff.token("omar")).await.unwrap();
    refused(
        staff.approve(id, &MANIFEST, &staff.token("lena")).await,
        "55000 the offboarding is approved already",
    );
    refused(
        staff.begin(id, &[8; 32]).await,
        "42501 the offboarding was asked for with another manifest",
    );
    refused(staff.finish(id).await, "55000 the erasure has not begun");
    staff.begin(id, &MANIFEST).await.unwrap();

    let people = "SELECT requested_by, approved_by FROM tenancy.offboarding_list()";
    let row = staff.admin.query_one(people, &[]).await.unwrap();
    assert_eq!(
        (row.get(0), row.get(1)),
        (subject(ISSUER, "ines"), Some(subject(ISSUER, "omar")))
    );
    let actors = "SELECT array_agg(actor_id ORDER BY recorded_at) FROM audit.events WHERE request_id = $1 AND event_type ~ '^tenant.offboarding'";
    let row = staff.superuser.query_one(actors, &[&id]).await.unwrap();
    let expected = [subject(ISSUER, "ines"), subject(ISSUER, "omar")];
    assert_eq!(
        row.get::<_, Vec<Uuid>>(0),
        expected,
        "both persons stand on the record as actors"
    );
}

#[tokio::test]
async fn ten_9_an_approval_ends_with_its_day_and_with_the_suspension() {
    let staff = Staff::create().await;
    let id = staff.approved().await;
    let change = async |function: &str| {
        let sql = format!("SELECT tenancy.{function}($1)");
        staff.call(&sql, &[&staff.fixture.b.as_uuid()]).await
    };
    change("resume_tenant").await.unwrap();
    refused(
        staff.begin(id, &MANIFEST).await,
        "55000 the tenant has not been suspended all the time",
    );
    staff.suspend().await;
    refused(
        staff.begin(id, &MANIFEST).await,
        "55000 the tenant has not been suspended all the time",
    );

    let insert = "INSERT INTO tenancy.offboardings
        (offboarding_id, customer_id, suspended_at, manifest_sha256, requested_by, requested_at, expires_at, approved_by, approved_at)
        SELECT $1, customer_id, suspended_at, $2, gen_random_uuid(), now() - interval '25 hours', now() - interval '1 hour',
               CASE WHEN $3 THEN gen_random_uuid() END, CASE WHEN $3 THEN now() - interval '2 hours' END
          FROM tenancy.customers WHERE slug = 'saltmarsh'";
    let (asked, agreed, manifest) = (Uuid::now_v7(), Uuid::now_v7(), MANIFEST.as_slice());
    for (id, approved) in [(asked, false), (agreed, true)] {
        staff
            .superuser
            .execute(insert, &[&id, &manifest, &approved])
            .await
            .unwrap();
    }
    refused(
        staff.approve(asked, &MANIFEST, &staff.token("omar")).await,
        "55000 the offboarding has expired",
    );
    refused(
        staff.begin(agreed, &MANIFEST).await,
        "55000 the offboarding has expired",
    );
}

#[tokio::test]
async fn ten_9_what_has_begun_can_be_repeated_and_not_taken_back() {
    let staff = Staff::create().await;
    let id = staff.approved().await;
    let second = Uuid::now_v7();
    staff.request(second, &staff.token("ines")).await.unwrap();
    staff.approve(second, &MANIFEST, &staff.token("omar")).await.unwrap();
    staff.begin(id, &MANIFEST).await.unwrap();
    staff.begin(id, &MANIFEST).await.unwrap();
    refused(
        staff.begin(second, &MANIFEST).await,
        "55000 another offboarding of this tenant has begun",
    );
    let tenant = staff.fixture.b.as_uuid();
    refused(
        staff.call("SELECT tenancy.resume_tenant($1)", &[&tenant]).await,
        "55000 the tenant's erasure has begun",
    );
}

#[tokio::test]
async fn ten_9_the_end_frees_the_name_and_closes_the_id_for_ever() {
    let staff = Staff::create().await;
    let (own, issuer) = (Signer::generate("own"), "https://id.saltmarsh.example");
    let tenant = staff.fixture.b.as_uuid();
    install(&staff.admin, issuer, Some(tenant), &own).await;
    for customer in [staff.fixture.a, staff.fixture.b] {
        let insert = "INSERT INTO tenancy.jobs (job_id, customer_id, request_id, kind, available_at)
            VALUES (gen_random_uuid(), $1, gen_random_uuid(), 'mail.send', now())";
        staff.superuser.execute(insert, &[&customer.as_uuid()]).await.unwrap();
    }
    let id = staff.approved().await;
    staff.begin(id, &MANIFEST).await.unwrap();
    staff.finish(id).await.unwrap();
    let row = staff
        .superuser
        .query_one(
            "SELECT slug, name, status FROM tenancy.customers WHERE customer_id = $1",
            &[&tenant],
        )
        .await
        .unwrap();
    let slug = format!("offboarded-{}", tenant.simple());
    assert_eq!(
        (
            row.get::<_, String>(0),
            row.get::<_, String>(1),
            row.get::<_, String>(2)
        ),
        (slug, "Offboarded tenant".to_owned(), "offboarded".to_owned())
    );
    let left = "SELECT (SELECT count(*) FROM tenancy.jobs), (SELECT count(*) FROM tenancy.issuers), (SELECT count(*) FROM tenancy.issuer_keys)";
    let row = staff.superuser.query_one(left, &[]).await.unwrap();
    assert_eq!(
        (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)),
        (1, 1, 1),
        "the neighbour's and the platform's"
    );

    for function in ["suspend_tenant", "resume_tenant"] {
        let sql = format!("SELECT tenancy.{function}($1)");
        refused(staff.call(&sql, &[&tenant]).await, "55000 the tenant is offboarded");
    }
    refused(staff.begin(id, &MANIFEST).await, "55000 the tenant is offboarded");
    let pool = staff.fixture.pool(1).await;
    assert!(visible(&pool, staff.fixture.b).await.is_err());
    let again = Uuid::now_v7();
    let create = "SELECT tenancy.create_tenant($1, 'saltmarsh', 'Another', 'eu-west-1')";
    staff.call(create, &[&again]).await.unwrap();
    let same = "SELECT tenancy.create_tenant($1, 'another', 'Another', 'eu-west-1')";
    assert!(
        staff.call(same, &[&tenant]).await.is_err(),
        "an id is never given again"
    );
}

#[tokio::test]
async fn ten_9_the_two_person_record_is_a_constraint_for_every_hand() {
    let staff = Staff::create().await;
    let id = staff.approved().await;
    for (attack, state) in [
        ("UPDATE tenancy.offboardings SET approved_by = requested_by", "42501"),
        (
            "UPDATE tenancy.offboardings SET approved_by = NULL, approved_at = NULL",
            "42501",
        ),
        ("UPDATE tenancy.offboardings SET manifest_sha256 = sha256('x')", "42501"),
        (
            "UPDATE tenancy.offboardings SET requested_by = gen_random_uuid()",
            "42501",
        ),
        (
            "UPDATE tenancy.offboardings SET customer_id = (SELECT customer_id FROM tenancy.customers WHERE slug = 'juniper')",
            "42501",
        ),
        (
            "UPDATE tenancy.offboardings SET expires_at = expires_at + interval '1 hour'",
            "42501",
        ),
        ("DELETE FROM tenancy.offboardings", "42501"),
        ("TRUNCATE tenancy.offboardings", "42501"),
        (
            "UPDATE tenancy.offboardings SET executed_at = clock_timestamp()",
            "23514",
        ),
        (
            "UPDATE tenancy.offboardings SET begun_at = expires_at + interval '1 second'",
            "23514",
        ),
    ] {
        for mode in ["origin", "replica"] {
            let sql = format!("SET session_replication_role = {mode}; {attack}");
            let refused = staff.superuser.batch_execute(&sql).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), state, "{mode}: {attack}");
        }
    }
    staff
        .superuser
        .batch_execute("SET session_replication_role = origin")
        .await
        .unwrap();
    let insert = async |by: &str, hours: i32| {
        let sql = format!(
            "INSERT INTO tenancy.offboardings (offboarding_id, customer_id, suspended_at, manifest_sha256, requested_by, requested_at,
                 expires_at, approved_by, approved_at)
             SELECT gen_random_uuid(), customer_id, suspended_at, manifest_sha256, requested_by, requested_at,
                 requested_at + make_interval(hours => {hours}), {by}, requested_at FROM tenancy.offboardings LIMIT 1"
        );
        staff.superuser.batch_execute(&sql).await
    };
    for (by, hours) in [("requested_by", 24), ("gen_random_uuid()", 25), ("NULL", 24)] {
        assert_eq!(
            insert(by, hours).await.unwrap_err().code().unwrap().code(),
            "23514",
            "{by} {hours}"
        );
    }
    insert("gen_random_uuid()", 24).await.unwrap();
    staff.begin(id, &MANIFEST).await.unwrap();
}

#[tokio::test]
async fn ten_9_nobody_but_the_operator_has_a_hand_in_it() {
    let staff = Staff::create().await;
    let customer = CustomerId::PLATFORM;
    for login in [Login::App, Login::Worker, Login::Sealer, Login::Auditor, Login::Backup] {
        let client = staff.fixture.database.client(login).await.unwrap();
        for sql in [
            format!("SELECT tenancy.suspend_tenant('{customer}')"),
            format!("SELECT tenancy.resume_tenant('{customer}')"),
            format!("SELECT tenancy.offboard_request('{customer}', '{customer}', '\\x00', now(), '')"),
            format!("SELECT tenancy.offboard_approve('{customer}', '\\x00', '')"),
            format!("SELECT tenancy.offboard_begin('{customer}', '\\x00')"),
            format!("SELECT tenancy.offboard_finish('{customer}', '\\x00')"),
            format!("SELECT tenancy.hold_tenant('{customer}')"),
            "SELECT tenancy.staff_of('')".to_owned(),
            "SELECT tenancy.tenant_holdings()".to_owned(),
            "SELECT tenancy.tenant_holdings_count()".to_owned(),
            "SELECT tenancy.offboarding_list()".to_owned(),
            format!("SELECT tenancy.tenant('{customer}')"),
            "SELECT * FROM tenancy.offboardings".to_owned(),
            format!("SELECT audit.tenant_events(now(), '{customer}', now(), 1)"),
        ] {
            let refused = client.batch_execute(&sql).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{login:?}: {sql}");
        }
    }
    // The operator writes no row by hand, and calls none of the parts.
    for sql in [
        "UPDATE tenancy.offboardings SET begun_at = now()",
        "UPDATE tenancy.customers SET status = 'active'",
        "SELECT tenancy.staff_of('')",
    ] {
        let refused = staff.admin.batch_execute(sql).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{sql}");
    }
}
