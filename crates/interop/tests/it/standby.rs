//! A hot standby: the verified context holds there too, in both of its stores, and nothing can be written.

use crate::pgbouncer::required;
use crate::spas::{Answer, Failure, Record, Spas, ask, config, ctx, execute, insert, seen, visible};
use bearingwall_core::CustomerId;
use bearingwall_migrations::{
    BootstrapOptions, RolePasswords, bootstrap_database, bootstrap_platform, bootstrap_roles, migrate,
};
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::cluster::{Cluster, ClusterError, ClusterOptions};
use bearingwall_testkit::database::Login;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::RunQueryDsl;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// A primary of its own and a standby that follows it; both end with this value.
struct Pair {
    primary: Option<Cluster>,
    standby: Option<Cluster>,
    _scratch: TempDir,
}

impl Pair {
    /// `None` where the machine's PostgreSQL came without the program that copies a cluster.
    fn start() -> Option<Self> {
        let scratch = tempfile::tempdir().unwrap();
        // Its server's user must pass through.
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let options = |name: &str| ClusterOptions {
            data_root: Some(scratch.path().join("root")),
            grace_s: 2,
            ..ClusterOptions::fast(name)
        };
        let primary = Cluster::start(&options("primary"), &|_| {}).unwrap();
        let standby = primary.start_standby(&options("standby"), &|_| {});
        let missing = matches!(&standby, Err(ClusterError::Io { doing: "run", .. }));
        required(!missing, "pg_basebackup does not run");
        let standby = if missing { None } else { Some(standby.unwrap()) };
        let pair = Self {
            primary: Some(primary),
            standby,
            _scratch: scratch,
        };
        pair.standby.is_some().then_some(pair)
    }

    fn primary(&self) -> &Cluster {
        self.primary.as_ref().unwrap()
    }

    fn standby(&self) -> &Cluster {
        self.standby.as_ref().unwrap()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // The standby first: it would otherwise look for its primary.
        for cluster in [self.standby.take(), self.primary.take()].into_iter().flatten() {
            let _ = cluster.stop();
        }
    }
}

pub(crate) async fn dial(config: &tokio_postgres::Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn login(cluster: &Cluster, login: Login, database: &str) -> tokio_postgres::Config {
    let mut config = cluster.superuser_config(database);
    let password = cluster.role_password(login.role()).unwrap();
    config.user(login.role()).password(password.expose());
    config
}

/// Makes and migrates a database, as `ctl bootstrap` and `ctl migrate` do.
pub(crate) async fn make(cluster: &Cluster, database: &str, platform: bool) {
    let password = |login: Login| Some(cluster.role_password(login.role()).unwrap());
    let options = BootstrapOptions {
        database: database.to_owned(),
        passwords: RolePasswords {
            admin: password(Login::Admin),
            app: password(Login::App),
            sealer: password(Login::Sealer),
            worker: password(Login::Worker),
            auditor: password(Login::Auditor),
            backup: password(Login::Backup),
        },
    };
    bootstrap_roles(&dial(&cluster.superuser_config("postgres")).await, &options)
        .await
        .unwrap();
    let superuser = dial(&cluster.superuser_config(database)).await;
    bootstrap_database(&superuser).await.unwrap();
    if platform {
        bootstrap_platform(&superuser).await.unwrap();
    }
    migrate(dial(&login(cluster, Login::Admin, database)).await, &|_| ())
        .await
        .unwrap();
}

async fn pool(spas: &Spas, pair: &Pair, cluster: &Cluster, database: &str) -> TenantPool {
    let url = format!(
        "postgres://{}@127.0.0.1:{}/{database}",
        Login::App.role(),
        cluster.port()
    );
    // Roles and passwords are replicated.
    let password = pair.primary().role_password(Login::App.role()).unwrap();
    spas.connect(config(&url, password, 1)).await.unwrap()
}

/// Everything that the primary has committed so far has been replayed.
async fn catch_up(pair: &Pair) {
    let primary = dial(&pair.primary().superuser_config("postgres")).await;
    let standby = dial(&pair.standby().superuser_config("postgres")).await;
    let written: String = primary
        .query_one("SELECT pg_current_wal_lsn()::text", &[])
        .await
        .unwrap()
        .get(0);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let question = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
        if standby.query_one(question, &[&written]).await.unwrap().get(0) {
            return;
        }
        assert!(Instant::now() < deadline, "the standby does not follow");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_1_on_a_standby_the_context_verifies_and_nothing_is_written() {
    let Some(pair) = tokio::task::spawn_blocking(Pair::start).await.unwrap() else {
        return;
    };
    for (database, platform) in [("guarded", true), ("sealed", false)] {
        make(pair.primary(), database, platform).await;
        let mut admin = dial(&login(pair.primary(), Login::Admin, database)).await;
        let spas = Spas::create(&mut admin, 2).await;
        let (a, b) = (spas.tenants[0], spas.tenants[1]);
        let primary = pool(&spas, &pair, pair.primary(), database).await;
        let (of_a, of_b) = (Uuid::now_v7(), Uuid::now_v7());
        for (tenant, id) in [(a, of_a), (b, of_b)] {
            let inserted: Result<usize, Failure> = primary
                .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| Ok(insert(tx, id).await?))
                .await;
            inserted.unwrap();
        }
        catch_up(&pair).await;

        // The same start-up checks, the same calls.
        let standby = pool(&spas, &pair, pair.standby(), database).await;
        let recovering = "SELECT pg_is_in_recovery()::text AS answer";
        assert_eq!(ask(&standby, a, recovering).await.as_deref(), Some("true"));
        assert_eq!(visible(&standby, a).await.unwrap(), [of_a], "{database}");
        assert_eq!(visible(&standby, b).await.unwrap(), [of_b], "{database}");
        nothing_is_written(&standby, a).await;
        the_context_cannot_be_forged(&standby, a, b, platform).await;
        outside_of_a_context_nothing_is_read(&pair, database).await;
        a_session_is_cleaned_and_used_again(&standby, a, b).await;
    }
}

async fn nothing_is_written(standby: &TenantPool, tenant: CustomerId) {
    let written: Result<usize, Failure> = standby
        .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
            Ok(insert(tx, Uuid::now_v7()).await?)
        })
        .await;
    assert!(
        matches!(
            &written,
            Err(Failure::Query(DieselError::DatabaseError(
                DatabaseErrorKind::ReadOnlyTransaction,
                _
            )))
        ),
        "{written:?}"
    );
    // A read that must be on record first is refused whole: the record is written on the primary only.
    let recorded: Result<usize, Failure> = standby
        .run_recorded(&ctx(tenant), Record(Uuid::now_v7()), async |tx: &mut TenantTx<'_>| {
            Ok(seen(tx).await?.len())
        })
        .await;
    assert!(
        matches!(&recorded, Err(Failure::Tenancy(TenancyError::Unrecorded(_)))),
        "{recorded:?}"
    );
}

/// Moves the readable settings to another tenant, by every name, and reads.
async fn the_context_cannot_be_forged(standby: &TenantPool, a: CustomerId, b: CustomerId, guarded: bool) {
    let moved: Result<Vec<(Uuid, Uuid)>, Failure> = standby
        .run(&ctx(a), async |tx: &mut TenantTx<'_>| {
            diesel::sql_query(format!("SELECT set_config('app.current_customer_id', '{b}', true)"))
                .execute(tx)
                .await?;
            Ok(seen(tx).await?)
        })
        .await;
    match moved {
        // The guarded store does not look at that setting.
        Ok(rows) => assert!(
            guarded && rows.iter().all(|(owner, _)| *owner == a.as_uuid()),
            "{rows:?}"
        ),
        Err(error) => assert!(
            !guarded && message(&error) == "tenant context is not authentic",
            "{error:?}"
        ),
    }
    let store = execute(standby, a, "SELECT set_config('backtrace_functions', 'bw1_', true)").await;
    let refused = store.unwrap_err();
    assert!(
        message(&refused).starts_with("permission denied to set parameter"),
        "{refused:?}"
    );
    let forged = format!(
        "SELECT tenancy.enter('{b}', '{b}', '{b}', {}, '{b}', 1::smallint, ARRAY['eu-west-1'], decode(repeat('00', 32), 'hex'))",
        i64::MAX
    );
    let refused = execute(standby, a, &format!("/* in A's transaction */ {forged}"))
        .await
        .unwrap_err();
    assert_eq!(message(&refused), "a tenant is already entered in this transaction");
}

async fn outside_of_a_context_nothing_is_read(pair: &Pair, database: &str) {
    let password = pair.primary().role_password(Login::App.role()).unwrap();
    let mut config = pair.standby().superuser_config(database);
    config.user(Login::App.role()).password(password.expose());
    let app = dial(&config).await;
    let refused = app.simple_query("SELECT id FROM crm.clients").await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("28000"), "{refused:?}");
}

async fn a_session_is_cleaned_and_used_again(standby: &TenantPool, a: CustomerId, b: CustomerId) {
    let backend = "SELECT pg_backend_pid()::text AS answer";
    let before = ask(standby, a, backend).await;
    execute(standby, a, "SELECT set_config('app.left', 'left', false)")
        .await
        .unwrap();
    let left = "SELECT nullif(current_setting('app.left', true), '') AS answer";
    assert_eq!(ask(standby, b, left).await, None);
    assert_eq!(ask(standby, b, backend).await, before);
    let answer: Result<Answer, Failure> = standby
        .run(&ctx(a), async |tx: &mut TenantTx<'_>| {
            Ok(diesel::sql_query(backend).get_result(tx).await?)
        })
        .await;
    assert_eq!(answer.unwrap().answer, before);
}

fn message(failure: &Failure) -> String {
    match failure {
        Failure::Query(DieselError::DatabaseError(_, information)) => information.message().to_owned(),
        other => panic!("no refusal by the database: {other:?}"),
    }
}
