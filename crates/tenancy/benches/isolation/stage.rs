//! The stage: a durable cluster of its own, one table of 1,000 tenants with 1,000 rows each, and the ways to protect it.

use crate::client::{REGION, Work};
use bearingwall_core::Sensitive;
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use bearingwall_testkit::cluster::{Cluster, ClusterOptions};
use bearingwall_testkit::database::fresh_database;
use diesel_async::AsyncPgConnection;
use tokio_postgres::Client;
use uuid::Uuid;

const DATABASE: &str = "bearingwall_isolation";
pub(crate) const TENANTS: u64 = 1_000;
pub(crate) const ROWS: u64 = 1_000;
/// What the 1,000 amounts of a tenant add up to.
pub(crate) const SUM: &str = "500500";

/// How the one table is protected at the moment: the pages and the statistics are the same for all variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Not at all; the query names the tenant.
    Nothing,
    /// The tutorial's policy: a setting that anybody can write.
    Setting,
    /// The same in a scalar sub-select, which is evaluated once a statement.
    SettingOnce,
    /// `tenancy.protect`, with the context under its seal or in the guarded setting.
    Verified { guarded: bool },
}

pub(crate) struct Stage {
    cluster: Cluster,
    pub(crate) superuser: Client,
    pub(crate) enter_key: Vec<u8>,
    pub(crate) ticket_key: Vec<u8>,
}

pub(crate) fn customer(tenant: u64) -> Uuid {
    Uuid::from_u128(0x1000_0000_0000_8000_8000_0000_0000_0000 | u128::from(tenant))
}

pub(crate) fn row(tenant: u64, row: u64) -> Uuid {
    Uuid::from_u128(0x2000_0000_0000_8000_8000_0000_0000_0000 | u128::from(tenant) << 24 | u128::from(row))
}

impl Stage {
    pub(crate) async fn set_up() -> Self {
        let cluster = tokio::task::spawn_blocking(|| {
            Cluster::start(&ClusterOptions::durable("isolation"), &|step| println!("{step}"))
        })
        .await
        .unwrap()
        .unwrap();
        let superuser = fresh_database(&cluster, DATABASE).await.unwrap();
        let stage = Self {
            cluster,
            superuser,
            enter_key: Uuid::new_v4().as_bytes().repeat(2),
            ticket_key: Uuid::new_v4().as_bytes().repeat(2),
        };
        stage.load().await;
        stage
    }

    async fn load(&self) {
        let tables = format!(
            "SELECT tenancy.serve_regions('{{{REGION}}}');
             CREATE SCHEMA bench;
             GRANT USAGE ON SCHEMA bench TO bearingwall_app;
             CREATE TABLE bench.things (customer_id uuid NOT NULL, id uuid NOT NULL, amount integer NOT NULL, label text NOT NULL,
                 PRIMARY KEY (customer_id, id));
             INSERT INTO tenancy.customers (customer_id, slug, name, region)
                 SELECT ('10000000-0000-8000-8000-' || lpad(to_hex(t), 12, '0'))::uuid, 'tenant-' || t, 'Tenant ' || t, '{REGION}'
                 FROM generate_series(0, {TENANTS} - 1) t;
             INSERT INTO bench.things
                 SELECT ('10000000-0000-8000-8000-' || lpad(to_hex(t), 12, '0'))::uuid,
                        ('20000000-0000-8000-8000-' || lpad(to_hex(t), 6, '0') || lpad(to_hex(r), 6, '0'))::uuid,
                        r + 1, 'thing ' || t || '/' || r
                 FROM generate_series(0, {TENANTS} - 1) t, generate_series(0, {ROWS} - 1) r;
             CALL tenancy.protect('bench.things');"
        );
        self.superuser.batch_execute(&tables).await.unwrap();
        // The keys of both profiles, so that one table serves all variants.
        self.superuser
            .execute("SELECT tenancy.install_enter_key(1::smallint, $1)", &[&self.enter_key])
            .await
            .unwrap();
        let tickets = "INSERT INTO tenancy.enter_keys (kid, ipad, opad) VALUES (0, tenancy.hmac_pad($1, 54), tenancy.hmac_pad($1, 92))";
        self.superuser.execute(tickets, &[&self.ticket_key]).await.unwrap();
        self.superuser
            .batch_execute("VACUUM (FREEZE, ANALYZE) bench.things")
            .await
            .unwrap();
        self.superuser
            .batch_execute("VACUUM ANALYZE tenancy.customers")
            .await
            .unwrap();
        self.superuser.batch_execute("CHECKPOINT").await.unwrap();
    }

    pub(crate) async fn protect(&self, protection: Protection) {
        let tutorial = |condition: &str| {
            format!(
                "ALTER TABLE bench.things ENABLE ROW LEVEL SECURITY; CREATE POLICY tutorial ON bench.things USING ({condition})"
            )
        };
        let change = match protection {
            Protection::Nothing => "ALTER TABLE bench.things DISABLE ROW LEVEL SECURITY".to_owned(),
            Protection::Setting => tutorial("customer_id = current_setting('app.tenant')::uuid"),
            Protection::SettingOnce => tutorial("customer_id = (SELECT current_setting('app.tenant')::uuid)"),
            Protection::Verified { guarded } => {
                format!("UPDATE tenancy.config SET guarded = {guarded}; CALL tenancy.protect('bench.things')")
            }
        };
        let all = format!(
            "DROP POLICY IF EXISTS tutorial ON bench.things; DROP POLICY IF EXISTS tenant_base ON bench.things;
             DROP POLICY IF EXISTS tenant_isolation ON bench.things; {change}"
        );
        self.superuser.batch_execute(&all).await.unwrap();
    }

    /// A connection as the application's login, and its backend.
    pub(crate) async fn connection(&self) -> (AsyncPgConnection, i32) {
        let client = connect(self.app_config()).await;
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        (AsyncPgConnection::try_from(client).await.unwrap(), pid)
    }

    pub(crate) async fn pool(&self, max_connections: usize) -> TenantPool {
        let address = format!(
            "postgres://bearingwall_app@{}:{}/{DATABASE}",
            self.cluster.host(),
            self.cluster.port()
        );
        let password = self.cluster.role_password("bearingwall_app").unwrap();
        let mut config = PoolConfig::new(address.parse().unwrap(), Some(password), vec![REGION.to_owned()]);
        config.max_connections = max_connections;
        let key = EnterKey::new(1, &Sensitive::new(self.enter_key.clone())).unwrap();
        TenantPool::connect(config, key).await.unwrap()
    }

    fn app_config(&self) -> tokio_postgres::Config {
        let mut config = self.cluster.superuser_config(DATABASE);
        config
            .user("bearingwall_app")
            .password(self.cluster.role_password("bearingwall_app").unwrap().expose());
        config
    }

    /// The application's backends, whoever holds them.
    pub(crate) async fn backends(&self) -> Vec<i32> {
        let rows = self
            .superuser
            .query(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'bearingwall_app'",
                &[],
            )
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The plan of a query as the application's role gets it, with the tenant entered.
    pub(crate) async fn plan(&self, opening: &str, work: Work) -> String {
        let client = connect(self.app_config()).await;
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        let entry = crate::micro::literal(&crate::client::Entry::signed(&self.enter_key, customer(7), pid));
        let query = match work {
            Work::Point => format!("SELECT label FROM bench.things WHERE id = '{}'", row(7, 7)),
            Work::Scan => "SELECT sum(amount) FROM bench.things".to_owned(),
        };
        client
            .batch_execute(&format!("BEGIN; {}", opening.replace("{entry}", &entry)))
            .await
            .unwrap();
        let rows = client
            .query(&format!("EXPLAIN (COSTS OFF) {query}"), &[])
            .await
            .unwrap();
        rows.iter()
            .map(|row| row.get::<_, String>(0))
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) async fn tear_down(self) {
        drop(self.superuser);
        let superuser = connect(self.cluster.superuser_config("postgres")).await;
        superuser
            .batch_execute(&format!("DROP DATABASE {DATABASE} WITH (FORCE)"))
            .await
            .unwrap();
        let cluster = self.cluster;
        tokio::task::spawn_blocking(move || cluster.stop().unwrap())
            .await
            .unwrap();
    }
}

pub(crate) async fn connect(config: tokio_postgres::Config) -> Client {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
