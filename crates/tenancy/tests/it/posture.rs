//! The server refuses to start on a role with too much power, an old server or another schema, and says why.

use crate::fixture::Fixture;
use bearingwall_tenancy::{TenancyError, TenantPool};
use bearingwall_testkit::database::Login;

async fn refusals(fixture: &Fixture) -> Vec<String> {
    match TenantPool::connect(fixture.config(1), fixture.key.clone()).await {
        Ok(_) => Vec::new(),
        Err(TenancyError::Posture { violations }) => violations.into_iter().map(|v| v.check).collect(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn ten_5_a_migrated_database_and_the_plain_role_are_accepted() {
    let fixture = Fixture::create().await;
    assert_eq!(refusals(&fixture).await, Vec::<String>::new());
}

#[tokio::test]
async fn ten_5_each_excess_of_power_in_the_database_is_named() {
    // Only database-local grants: the roles are shared with every other test of the cluster.
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    let name = fixture.database.name().to_owned();
    for (grant, revoke, check) in [
        (
            format!("GRANT CREATE ON DATABASE {name} TO bearingwall_app"),
            format!("REVOKE CREATE ON DATABASE {name} FROM bearingwall_app"),
            "database-privileges",
        ),
        (
            format!("GRANT TEMP ON DATABASE {name} TO bearingwall_app"),
            format!("REVOKE TEMP ON DATABASE {name} FROM bearingwall_app"),
            "database-privileges",
        ),
        (
            "GRANT CREATE ON SCHEMA crm TO bearingwall_app".to_owned(),
            "REVOKE CREATE ON SCHEMA crm FROM bearingwall_app".to_owned(),
            "schema-privileges",
        ),
        (
            "GRANT TRUNCATE ON crm.clients TO bearingwall_app".to_owned(),
            "REVOKE TRUNCATE ON crm.clients FROM bearingwall_app".to_owned(),
            "table-privileges",
        ),
        (
            "ALTER TABLE crm.clients NO FORCE ROW LEVEL SECURITY".to_owned(),
            "ALTER TABLE crm.clients FORCE ROW LEVEL SECURITY".to_owned(),
            "row-security",
        ),
        (
            "ALTER POLICY tenant_isolation ON crm.clients WITH CHECK (true)".to_owned(),
            "ALTER POLICY tenant_isolation ON crm.clients WITH CHECK (customer_id = (SELECT tenancy.current_customer_id()))".to_owned(),
            "tenant-policy",
        ),
        (
            "GRANT SELECT ON tenancy.seal_key TO bearingwall_app".to_owned(),
            "REVOKE SELECT ON tenancy.seal_key FROM bearingwall_app".to_owned(),
            "key-privileges",
        ),
        (
            "SET bearingwall.audit_ddl = on; GRANT DELETE ON audit.events TO bearingwall_app".to_owned(),
            "REVOKE DELETE ON audit.events FROM bearingwall_app".to_owned(),
            "audit-privileges",
        ),
        (
            format!("ALTER ROLE bearingwall_app IN DATABASE {name} SET search_path = crm"),
            format!("ALTER ROLE bearingwall_app IN DATABASE {name} RESET ALL"),
            "role-settings",
        ),
    ] {
        superuser.batch_execute(&grant).await.unwrap();
        assert_eq!(refusals(&fixture).await, [check], "{grant}");
        superuser.batch_execute(&revoke).await.unwrap();
    }
    assert_eq!(refusals(&fixture).await, Vec::<String>::new());
}

#[tokio::test]
async fn ten_5_a_superuser_and_the_migrating_role_are_refused() {
    let fixture = Fixture::create().await;
    for (login, expected) in [
        (Login::Superuser, "role-attributes"),
        (Login::Admin, "role-membership"),
        (Login::Backup, "role-attributes"),
    ] {
        let mut config = fixture.config(1);
        config.address = fixture.database.url(login).parse().unwrap();
        config.password = Some(fixture.database.password(login));
        match TenantPool::connect(config, fixture.key.clone()).await {
            Err(TenancyError::Posture { violations }) => {
                assert!(
                    violations.iter().any(|violation| violation.check == expected),
                    "{login:?}: {violations:?}"
                );
            }
            other => panic!("{login:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn ten_5_another_schema_version_is_refused_in_both_directions() {
    let fixture = Fixture::create().await;
    for version in ["00000000000001", "99999999999999"] {
        let mut config = fixture.config(1);
        config.schema_version = Some(version.to_owned());
        match TenantPool::connect(config, fixture.key.clone()).await {
            Err(TenancyError::Posture { violations }) => {
                assert_eq!(violations.len(), 1);
                assert!(violations[0].to_string().contains(version), "{violations:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn ten_5_an_empty_database_is_refused_as_not_migrated() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("DROP TABLE public.__diesel_schema_migrations")
        .await
        .unwrap();
    assert_eq!(refusals(&fixture).await, ["schema-version"]);
}
