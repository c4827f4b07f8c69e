//! The crate on its own, as an embedder has it: no audit record, no migration tool of ours.

use bearingwall_tenancy::sql;
use bearingwall_testkit::database::TestDatabase;

#[path = "../../examples/embed.rs"]
mod embed;

#[test]
fn the_example_of_the_readme_runs_and_keeps_two_tenants_apart() {
    embed::main().unwrap();
    let text = include_str!("../../examples/embed.rs");
    assert!(text.lines().count() < 60, "the example is to stay short");
}

#[tokio::test]
async fn ten_1_the_context_is_kept_under_the_seal_where_the_hardening_is_missing_and_guarded_where_it_is_not() {
    for hardened in [false, true] {
        let database = TestDatabase::create_empty().await;
        let superuser = database.superuser_client().await;
        if hardened {
            superuser.batch_execute(sql::PLATFORM).await.unwrap();
        }
        let admin = database.admin_client().await;
        for migration in sql::MIGRATIONS {
            let sql = migration.sql;
            admin.batch_execute(&format!("BEGIN; {sql}; COMMIT")).await.unwrap();
        }
        let row = admin.query_one("SELECT guarded FROM tenancy.entry_rules()", &[]).await;
        assert_eq!(row.unwrap().get::<_, bool>(0), hardened);
        let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('audit', 'crm')";
        let row = superuser.query_one(schemas, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "nothing but the tenancy schema is needed");
    }
}

#[tokio::test]
async fn bootstrap_sql_runs_again_without_effect() {
    let database = TestDatabase::create_empty().await;
    let superuser = database.superuser_client().await;
    let state = "SELECT string_agg(t::text, ';' ORDER BY t::text) FROM (
        SELECT format('%s %s', r.xmin, r.*) AS t FROM pg_authid r WHERE rolname LIKE 'bearingwall\\_%'
        UNION ALL SELECT format('%s %s', p.xmin, p.*) FROM pg_parameter_acl p
        UNION ALL SELECT format('%s %s %s', n.nspname, n.nspowner, n.nspacl) FROM pg_namespace n
        UNION ALL SELECT format('%s %s', e.evtname, e.evtenabled) FROM pg_event_trigger e
        UNION ALL SELECT format('%s %s %s', m.roleid, m.member, m.admin_option) FROM pg_auth_members m
        UNION ALL SELECT format('%s %s', l.lanname, l.lanacl) FROM pg_language l
        UNION ALL SELECT format('%s %s', c.oid::regclass, c.relacl) FROM pg_class c WHERE c.relacl IS NOT NULL
        UNION ALL SELECT format('%s %s %s', f.oid::regprocedure, f.proacl, md5(f.prosrc)) FROM pg_proc f
            WHERE f.proacl IS NOT NULL OR f.pronamespace = 'platform'::regnamespace) x";
    let run = [sql::ROLES, sql::DATABASE, sql::PLATFORM].concat();
    superuser.batch_execute(&run).await.unwrap();
    let first: String = superuser.query_one(state, &[]).await.unwrap().get(0);
    superuser.batch_execute(&run).await.unwrap();
    let second: String = superuser.query_one(state, &[]).await.unwrap().get(0);
    assert_eq!(first, second);
}
