//! A test database is migrated, has the real privileges, and goes away.

use bearingwall_testkit::database::{Login, TestDatabase};

#[tokio::test]
async fn copies_are_apart_and_keep_the_real_privileges() {
    let (one, two) = (TestDatabase::create().await, TestDatabase::create().await);
    assert_ne!(one.name(), two.name());
    let app = one.app_client().await;
    let row = app
        .query_one("SELECT current_user::text, current_database()::text", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, String>(0), "bearingwall_app");
    assert_eq!(row.get::<_, String>(1), one.name());

    let privileges = "SELECT has_database_privilege('bearingwall_app', current_database(), 'TEMP'),
                             has_database_privilege('bearingwall_app', current_database(), 'CREATE'),
                             has_database_privilege('bearingwall_app', current_database(), 'CONNECT')";
    let row = app.query_one(privileges, &[]).await.unwrap();
    let (temporary, create, connect): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
    assert!(!temporary && !create && connect);

    let superuser = two.superuser_client().await;
    let migrated = "SELECT count(*) > 0 FROM public.__diesel_schema_migrations";
    assert!(superuser.query_one(migrated, &[]).await.unwrap().get::<_, bool>(0));
    let owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()";
    assert_eq!(
        superuser.query_one(owner, &[]).await.unwrap().get::<_, String>(0),
        "bearingwall_owner"
    );
}

#[tokio::test]
async fn every_login_role_can_log_in() {
    let database = TestDatabase::create().await;
    for login in [
        Login::Superuser,
        Login::Admin,
        Login::App,
        Login::Sealer,
        Login::Worker,
        Login::Auditor,
    ] {
        let client = database.client(login).await.unwrap();
        let row = client.query_one("SELECT session_user::text", &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), login.role());
    }
    assert!(!database.url(Login::App).contains("password"));
}

#[tokio::test]
async fn a_dropped_test_database_is_gone() {
    let kept = TestDatabase::create().await;
    let dropped = TestDatabase::create().await;
    let name = dropped.name().to_owned();
    let _still_connected = dropped.app_client().await;
    drop(dropped);
    let superuser = kept.superuser_client().await;
    let left = superuser
        .query("SELECT FROM pg_database WHERE datname = $1", &[&name])
        .await
        .unwrap();
    assert!(left.is_empty());
}
