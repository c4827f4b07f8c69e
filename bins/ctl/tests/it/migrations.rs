//! Migrations run as the admin only, in order, under a lock, and refuse a history that is not theirs.

use crate::site::{block_on, connect, site};
use std::time::{Duration, Instant};

#[test]
fn mig_1_a_plan_is_told_before_anything_runs() {
    let site = site();
    let database = site.database();
    site.bootstrap(&database).ok();
    let planned = site.admin(&["migrate", "--plan"], &database).ok();
    let lines: Vec<&str> = planned.lines().collect();
    assert_eq!(lines.len(), bearingwall_migrations::EMBEDDED.len());
    for (line, migration) in lines.iter().zip(bearingwall_migrations::EMBEDDED) {
        assert_eq!(
            *line,
            format!("to run   {} (sha256 {})", migration.name, migration.sha256())
        );
    }
    assert_eq!(
        site.ask(
            &database,
            "SELECT count(*)::text FROM pg_class WHERE relname = '__diesel_schema_migrations'"
        ),
        "0"
    );

    let ran = site.admin(&["migrate"], &database).ok();
    assert!(
        ran.ends_with(&format!("{} migrations ran\n", bearingwall_migrations::EMBEDDED.len())),
        "{ran}"
    );
    let again = site.admin(&["migrate"], &database).ok();
    assert!(
        again.contains("nothing to do") && again.ends_with("0 migrations ran\n"),
        "{again}"
    );
    let planned = site.admin(&["migrate", "--plan"], &database).ok();
    assert!(planned.ends_with("nothing to do\n"), "{planned}");
}

#[test]
fn mig_1_a_history_that_is_not_ours_is_refused() {
    let site = site();
    let database = site.migrated();
    let refused = |code: &str, found: &str| {
        for words in [&["migrate"][..], &["migrate", "--plan"]] {
            let refused = site.admin(words, &database);
            assert_eq!(refused.code, 3, "{refused:?}");
            assert!(refused.err.contains(code), "{refused:?}");
            assert!(refused.out.contains(found), "{refused:?}");
        }
    };
    let last = bearingwall_migrations::latest_version();

    // Another text under the same version.
    site.execute(
        &database,
        &format!("UPDATE public.bearingwall_migration_log SET sha256 = 'x' || sha256 WHERE version = '{last}'"),
    );
    refused(
        "MIG-005",
        &format!("{last} was applied from another text than this program holds"),
    );
    // An entry without its text.
    site.execute(
        &database,
        &format!("DELETE FROM public.bearingwall_migration_log WHERE version = '{last}'"),
    );
    refused(
        "MIG-005",
        &format!("{last} was applied without its entry in the migration log"),
    );
    // A gap.
    let first = bearingwall_migrations::EMBEDDED[0].version;
    site.execute(
        &database,
        &format!("DELETE FROM public.__diesel_schema_migrations WHERE version = '{first}'"),
    );
    refused("MIG-005", &format!("{first} is missing although {last} was applied"));
    // A version of a newer program.
    site.execute(
        &database,
        "INSERT INTO public.__diesel_schema_migrations (version) VALUES ('99999999999999')",
    );
    refused("MIG-004", "99999999999999");
}

#[test]
fn mig_1_a_second_migration_is_refused_while_one_runs() {
    let site = site();
    let database = site.database();
    site.bootstrap(&database).ok();
    let running = || {
        site.ask(
            &database,
            "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database()
                AND usename = 'bearingwall_admin' AND wait_event_type = 'Lock'",
        )
    };
    let first = block_on(async {
        // A schema of that name that nobody has committed yet makes the first migration wait in the middle of its work.
        let blocker = connect(&site.superuser(&database)).await;
        blocker.batch_execute("BEGIN; CREATE SCHEMA tenancy").await.unwrap();
        let arguments = site.as_admin(&["migrate"], &database);
        let first = site
            .ctl_command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let config = site.superuser(&database);
        loop {
            let waiting = connect(&config).await;
            let row = waiting
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                        AND usename = 'bearingwall_admin' AND wait_event_type = 'Lock'",
                    &[],
                )
                .await
                .unwrap();
            if row.get::<_, i64>(0) == 1 {
                break;
            }
            assert!(Instant::now() < deadline, "the first migration never got to its work");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let second = site.admin(&["migrate"], &database);
        assert_eq!(second.code, 3, "{second:?}");
        assert!(second.err.contains("MIG-006"), "{second:?}");
        blocker.batch_execute("ROLLBACK").await.unwrap();
        first
    });
    let first = crate::site::Done::from(first.wait_with_output().unwrap());
    assert!(
        first
            .ok()
            .ends_with(&format!("{} migrations ran\n", bearingwall_migrations::EMBEDDED.len()))
    );
    assert_eq!(running(), "0");
}

#[test]
fn mig_1_no_other_role_migrates() {
    let site = site();
    let database = site.migrated();
    let store = site.store_option();
    for (role, entry) in [("bearingwall_app", "app"), ("bearingwall_auditor", "auditor")] {
        let (url, password) = (site.url(role, &database), format!("{store}#{entry}"));
        let refused = site.ctl(&["migrate", "--admin-url", &url, "--admin-password-ref", &password]);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(
            refused.err.contains("MIG-007") && refused.err.contains(role),
            "{refused:?}"
        );
    }
}

#[test]
fn mig_1_a_failed_migration_leaves_nothing_behind() {
    let site = site();
    let database = site.database();
    site.bootstrap(&database).ok();
    // The second migration cannot make its schema; the first one stays, the second leaves no trace.
    site.execute(&database, "CREATE SCHEMA audit");
    let failed = site.admin(&["migrate"], &database);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(
        failed.err.contains("MIG-002") && failed.err.contains("rolled back"),
        "{failed:?}"
    );
    let applied = site.ask(
        &database,
        "SELECT string_agg(version, ',' ORDER BY version) FROM public.__diesel_schema_migrations",
    );
    assert_eq!(applied, bearingwall_migrations::EMBEDDED[0].version);
    assert_eq!(
        site.ask(&database, "SELECT count(*)::text FROM public.bearingwall_migration_log"),
        "1"
    );

    site.execute(&database, "SET bearingwall.audit_ddl = 'on'; DROP SCHEMA audit");
    site.admin(&["migrate"], &database).ok();
}
