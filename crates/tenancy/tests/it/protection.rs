//! The one call that makes a tenant table, and the schema that it made.

use crate::fixture::Fixture;
use bearingwall_tenancy::inventory::{InventoryOptions, inspect};
use tokio_postgres::Client;

#[tokio::test]
async fn ten_2_the_helper_refuses_tables_whose_shape_could_leak() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    for (shape, why) in [
        (
            "id uuid PRIMARY KEY, customer_id uuid NOT NULL",
            "customer_id is not first",
        ),
        ("customer_id uuid, id uuid PRIMARY KEY", "customer_id may be null"),
        (
            "customer_id text NOT NULL, id uuid, PRIMARY KEY (customer_id, id)",
            "customer_id is no uuid",
        ),
        ("customer_id uuid NOT NULL, id uuid", "no primary key"),
        (
            "customer_id uuid NOT NULL, id uuid PRIMARY KEY",
            "the primary key does not begin with the tenant",
        ),
        (
            "customer_id uuid NOT NULL, id uuid, email text UNIQUE, PRIMARY KEY (customer_id, id)",
            "a unique key without the tenant",
        ),
        (
            "customer_id uuid NOT NULL, id uuid, c uuid, d uuid, PRIMARY KEY (customer_id, id), FOREIGN KEY (c, d) REFERENCES crm.clients (customer_id, id)",
            "a foreign key that does not begin with the tenant",
        ),
    ] {
        let create = format!("BEGIN; CREATE TABLE crm.shape ({shape}); CALL tenancy.protect('crm.shape'); COMMIT");
        assert!(admin.batch_execute(&create).await.is_err(), "{why}");
        admin.batch_execute("ROLLBACK").await.unwrap();
    }
    admin
        .batch_execute(
            "CREATE TABLE crm.shape (customer_id uuid NOT NULL DEFAULT tenancy.claimed_customer_id(), id uuid, PRIMARY KEY (customer_id, id));
             CALL tenancy.protect('crm.shape')",
        )
        .await
        .unwrap();
    assert_eq!(
        violations(&fixture.database.superuser_client().await).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn ten_2_every_table_of_the_schema_is_forced_and_tenant_first() {
    let fixture = Fixture::create().await;
    let superuser = fixture.database.superuser_client().await;
    assert_eq!(violations(&superuser).await, Vec::<String>::new());
    // The check has teeth: each weakening is found.
    for weakening in [
        "ALTER TABLE crm.clients NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE crm.clients DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_isolation ON crm.client_keys",
        "ALTER POLICY tenant_isolation ON crm.client_keys USING (true)",
        "CREATE UNIQUE INDEX leak ON crm.clients (id)",
        "GRANT TRUNCATE ON crm.clients TO bearingwall_app",
        "GRANT SELECT ON crm.clients TO PUBLIC",
    ] {
        superuser.batch_execute(&format!("BEGIN; {weakening}")).await.unwrap();
        assert!(!violations(&superuser).await.is_empty(), "{weakening}");
        superuser.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn ten_2_a_foreign_key_is_validated_over_all_tenants() {
    let fixture = Fixture::create().await;
    let admin = fixture.database.admin_client().await;
    let superuser = fixture.database.superuser_client().await;
    admin
        .batch_execute(
            "CREATE SCHEMA shop;
             CREATE TABLE shop.child (customer_id uuid NOT NULL, id uuid NOT NULL, client_id uuid NOT NULL, PRIMARY KEY (customer_id, id));
             CALL tenancy.protect('shop.child')",
        )
        .await
        .unwrap();
    let orphan = format!(
        "INSERT INTO shop.child VALUES ('{}', gen_random_uuid(), gen_random_uuid())",
        fixture.b
    );
    superuser.batch_execute(&orphan).await.unwrap();
    let add = "ALTER TABLE shop.child ADD CONSTRAINT child_client FOREIGN KEY (customer_id, client_id) REFERENCES crm.clients (customer_id, id) NOT VALID";
    let validate = "CALL tenancy.validate_constraint('shop.child', 'child_client')";
    admin.batch_execute(add).await.unwrap();
    assert!(
        admin.batch_execute(validate).await.is_err(),
        "the orphan belongs to a tenant that nobody entered"
    );
    superuser.batch_execute("DELETE FROM shop.child").await.unwrap();
    admin.batch_execute(validate).await.unwrap();
    assert_eq!(violations(&superuser).await, Vec::<String>::new());
}

#[tokio::test]
async fn ten_2_the_application_cannot_replace_or_destroy_a_key_or_a_name_of_staff() {
    let fixture = Fixture::create().await;
    let app = fixture.database.app_client().await;
    for sql in [
        "UPDATE crm.tenant_keys SET wrapped = ''",
        "DELETE FROM crm.tenant_keys",
        "UPDATE crm.client_keys SET wrapped = ''",
        "DELETE FROM crm.client_keys",
        "INSERT INTO crm.index_keys (version, tenant_version, wrapped) VALUES (1, 1, '')",
        "UPDATE crm.index_keys SET wrapped = ''",
        "DELETE FROM crm.index_keys",
        "INSERT INTO crm.key_stores (kek) VALUES (NULL)",
        "UPDATE crm.staff_digests SET digest = ''",
        "DELETE FROM crm.staff_digests",
    ] {
        let error = app.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
    }
}

/// What the schema inventory finds.
async fn violations(client: &Client) -> Vec<String> {
    let found = inspect(client, &InventoryOptions::bearingwall()).await.unwrap();
    found.iter().map(ToString::to_string).collect()
}
