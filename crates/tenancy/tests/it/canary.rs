//! The canary sees what it must not see as soon as anything lets it, and says so when it cannot see at all.

use crate::fixture::Fixture;
use bearingwall_tenancy::canary::{Verdict, probe};

#[tokio::test]
async fn ten_8_the_canary_sees_nothing_of_others_on_a_sound_database() {
    for fixture in [Fixture::create().await, Fixture::create_without_platform().await] {
        assert_eq!(probe(&fixture.pool(2).await).await.unwrap(), Verdict::Held);
    }
}

#[tokio::test]
async fn ten_8_whatever_opens_a_table_the_canary_names_it() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(2).await;
    let superuser = fixture.database.superuser_client().await;
    for (weakening, repair, named) in [
        (
            "ALTER TABLE tenancy.canaries DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE tenancy.canaries ENABLE ROW LEVEL SECURITY",
            "a plain look",
        ),
        (
            "ALTER TABLE crm.clients DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE crm.clients ENABLE ROW LEVEL SECURITY",
            "crm.clients",
        ),
        (
            "CREATE VIEW crm.careless AS SELECT * FROM crm.clients; GRANT SELECT ON crm.careless TO bearingwall_app",
            "DROP VIEW crm.careless",
            "crm.careless",
        ),
        (
            "CREATE OR REPLACE FUNCTION tenancy.current_customer_id() RETURNS uuid LANGUAGE sql STABLE AS
             $$ SELECT pg_catalog.current_setting('app.current_customer_id')::uuid $$",
            "",
            "a changed setting",
        ),
    ] {
        superuser.batch_execute(weakening).await.unwrap();
        let verdict = probe(&pool).await.unwrap();
        assert_eq!(
            verdict,
            Verdict::Breached {
                attempt: named.to_owned()
            },
            "{weakening}"
        );
        superuser.batch_execute(repair).await.unwrap();
    }
}

#[tokio::test]
async fn ten_8_a_table_that_cannot_be_looked_into_proves_nothing() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(
            "CREATE VIEW crm.broken WITH (security_invoker = true) AS
                 SELECT (1 / (count(*) - count(*)))::text::uuid AS customer_id FROM tenancy.canaries;
             GRANT SELECT ON crm.broken TO bearingwall_app",
        )
        .await
        .unwrap();
    assert_eq!(probe(&fixture.pool(2).await).await.unwrap(), Verdict::Blind);
}

#[tokio::test]
async fn ten_8_a_canary_that_cannot_see_its_own_row_proves_nothing() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(2).await;
    let superuser = fixture.database.superuser_client().await;
    for blindfold in [
        "DELETE FROM tenancy.canaries WHERE customer_id = '00000000-0000-8000-8000-00000000000a'",
        "REVOKE SELECT ON tenancy.canaries FROM bearingwall_app",
    ] {
        superuser.batch_execute(blindfold).await.unwrap();
        assert_eq!(probe(&pool).await.unwrap(), Verdict::Blind, "{blindfold}");
    }
    superuser
        .batch_execute("DROP FUNCTION tenancy.enter_canary()")
        .await
        .unwrap();
    assert!(probe(&pool).await.is_err(), "a probe that cannot be made is no verdict");
}
