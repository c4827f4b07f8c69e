//! A pool starts only on the way to the database that it was configured for.

use crate::pgbouncer::{PgBouncer, Setup, programs};
use crate::spas::{Spas, config, visible};
use bearingwall_migrations::entries_name_backend;
use bearingwall_tenancy::{Pooler, TenancyError};
use bearingwall_testkit::database::{Login, TestDatabase};

const UNNAMED: Pooler = Pooler::Transaction {
    named_statements: false,
};
const NAMED: Pooler = Pooler::Transaction { named_statements: true };

struct Case {
    spas: Spas,
    database: TestDatabase,
}

impl Case {
    async fn create() -> Self {
        let database = TestDatabase::create().await;
        let mut admin = database.admin_client().await;
        let spas = Spas::create(&mut admin, 1).await;
        Self { spas, database }
    }

    /// The checks that refuse the start; none where it starts and serves.
    async fn refused(&self, url: &str, pooler: Pooler) -> Vec<String> {
        let mut config = config(url, self.database.app_password(), 1);
        config.pooler = pooler;
        match self.spas.connect(config).await {
            Ok(pool) => {
                visible(&pool, self.spas.tenants[0]).await.unwrap();
                Vec::new()
            }
            Err(TenancyError::Posture { violations }) => {
                violations.into_iter().map(|violation| violation.check).collect()
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_5_without_a_pooler_one_must_not_be_configured() {
    let case = Case::create().await;
    let direct = case.database.url(Login::App);
    assert!(case.refused(&direct, Pooler::None).await.is_empty());
    assert_eq!(case.refused(&direct, UNNAMED).await, ["pooler", "pooler-entries"]);
    let admin = case.database.admin_client().await;
    entries_name_backend(&admin, false).await.unwrap();
    assert_eq!(case.refused(&direct, Pooler::None).await, ["pooler-entries"]);
    assert_eq!(case.refused(&direct, UNNAMED).await, ["pooler"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_5_a_pooler_is_refused_unless_it_is_configured_and_cleans() {
    for program in programs() {
        let case = Case::create().await;
        let admin = case.database.admin_client().await;
        let good = Setup::documented(1, false);
        let start = |setup: Setup| PgBouncer::start(&program, &case.database, setup);

        let pgbouncer = start(good);
        assert_eq!(case.refused(&pgbouncer.url(), UNNAMED).await, ["pooler-entries"]);
        entries_name_backend(&admin, false).await.unwrap();
        assert!(case.refused(&pgbouncer.url(), UNNAMED).await.is_empty());
        assert_eq!(case.refused(&pgbouncer.url(), NAMED).await, ["pooler-statements"]);
        assert_eq!(
            case.refused(&pgbouncer.url(), Pooler::None).await,
            ["pooler", "pooler-entries"]
        );

        for spoiled in [
            Setup { cleans: false, ..good },
            Setup {
                pool_mode: "session",
                ..good
            },
        ] {
            let pgbouncer = start(spoiled);
            let found = case.refused(&pgbouncer.url(), UNNAMED).await;
            assert_eq!(found, ["pooler-cleaning"], "{spoiled:?}");
        }
        let silent = start(Setup {
            ignores_options: true,
            ..good
        });
        assert_eq!(
            case.refused(&silent.url(), Pooler::None).await,
            ["pooler", "pooler-entries"]
        );
        assert!(case.refused(&silent.url(), UNNAMED).await.is_empty());
        if program.carries_named_statements() {
            let carrying = start(Setup::documented(1, true));
            assert!(case.refused(&carrying.url(), NAMED).await.is_empty());
            assert!(case.refused(&carrying.url(), UNNAMED).await.is_empty());
        }
    }
}
