//! Where an attack takes place: one of three databases with the same two tenants, and the ground truth about it.

use super::callers::Callers;
use super::session::Session;
use bearingwall_core::Sensitive;
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use bearingwall_testkit::database::{Login, TestDatabase, undisturbed};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config};
use uuid::Uuid;

/// The attacker.
pub(crate) const A: Uuid = Uuid::from_u128(0xaaaa_aaaa_aaaa_4aaa_8aaa_aaaa_aaaa_aaaa);
/// The tenant that is attacked.
pub(crate) const B: Uuid = Uuid::from_u128(0xbbbb_bbbb_bbbb_4bbb_8bbb_bbbb_bbbb_bbbb);
/// Its client.
const CLIENT_B: Uuid = Uuid::from_u128(0xb000_0000_0000_4000_8000_0000_0000_0001);
const PLATFORM: Uuid = Uuid::from_u128(0x8000_8000_0000_0000_0001);
const REGIONS: &str = "us-east-1,eu-west-1";
const KID: i16 = 1;

/// Stands in everything of B that is worth reading, in clear or as bytes in hexadecimal.
const MARKER: &str = "saltmarsh";

const TUTORIAL: &str = include_str!("../../testdata/tutorial.sql");
const TWO_TENANTS: &str = include_str!("../../testdata/two-tenants.sql");

/// Takes the tutorial's schema away with everything that an attacker has made in it.
const RAZE: &str = "DROP SCHEMA IF EXISTS crm CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION bearingwall_owner;
    GRANT USAGE, CREATE ON SCHEMA public TO bearingwall_admin";

/// What autovacuum does to a table in the middle of an attack would show in its plans.
const STILL: &str = "DO $$ DECLARE t regclass; BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'crm'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', t);
    END LOOP;
END $$";

/// The three columns of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    Tutorial,
    Plain,
    Platform,
}

impl Schema {
    pub(crate) const ALL: [Self; 3] = [Self::Tutorial, Self::Plain, Self::Platform];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Tutorial => "tutorial",
            Self::Plain => "without platform",
            Self::Platform => "with platform",
        }
    }

    /// What a placeholder of the same meaning is called here.
    const fn names(self) -> [(&'static str, &'static str); 5] {
        match self {
            Self::Tutorial => [
                ("{registry}", "crm.customers"),
                ("{registry_id}", "id"),
                ("{events}", "crm.events"),
                ("{partition}", "crm.events_all"),
                ("{owner}", "bearingwall_admin"),
            ],
            Self::Plain | Self::Platform => [
                ("{registry}", "tenancy.customers"),
                ("{registry_id}", "customer_id"),
                ("{events}", "audit.events"),
                ("{partition}", "audit.events_{month}"),
                ("{owner}", "bearingwall_owner"),
            ],
        }
    }
}

/// What must not have changed: tenant B's rows, and everything in the catalog that isolation rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) rows_b: String,
    pub(crate) rows_a: String,
    pub(crate) catalog: String,
}

pub(crate) struct Arena {
    pub(crate) schema: Schema,
    pub(crate) database: TestDatabase,
    pub(crate) superuser: Client,
    /// Connections that have been used and cleaned: a new backend costs more than most attacks.
    idle: Mutex<Vec<Session>>,
    pool: OnceCell<TenantPool>,
    /// The server's enter key; the tutorial has none.
    pub(crate) key: Vec<u8>,
    /// The callers' own tokens, where the database verifies them.
    callers: Option<&'static Callers>,
    month: String,
    position: String,
    secrets: Vec<String>,
    truth: String,
}

impl Arena {
    pub(crate) async fn create(schema: Schema) -> Self {
        let database = match schema {
            Schema::Tutorial => TestDatabase::create_empty().await,
            Schema::Plain => TestDatabase::create_without_platform().await,
            Schema::Platform => TestDatabase::create().await,
        };
        let superuser = database.superuser_client().await;
        let key = Uuid::new_v4().as_bytes().repeat(2);
        let fixture = if schema == Schema::Tutorial {
            TUTORIAL
        } else {
            TWO_TENANTS
        };
        undisturbed(&superuser, fixture).await.unwrap();
        superuser.batch_execute(STILL).await.unwrap();
        let mut callers = None;
        let mut secrets = vec![MARKER.to_owned(), hex(MARKER.to_uppercase().as_bytes())];
        if schema != Schema::Tutorial {
            let admin = database.admin_client().await;
            admin
                .execute("SELECT tenancy.install_enter_key($1, $2)", &[&KID, &key])
                .await
                .unwrap();
            callers = Some(Callers::install(&admin).await);
            secrets.extend(keys(&superuser).await);
        }
        let truth = truth_query(&superuser).await;
        let position = "SELECT ctid::text, to_char(now() AT TIME ZONE 'UTC', 'YYYYMM') FROM crm.clients WHERE id = $1";
        let row = superuser.query_one(position, &[&CLIENT_B]).await.unwrap();
        Self {
            schema,
            key,
            callers,
            month: row.get(1),
            position: row.get(0),
            secrets,
            truth,
            superuser,
            idle: Mutex::default(),
            pool: OnceCell::new(),
            database,
        }
    }

    /// Puts things back after an attack that has changed them: in place where that is quick, in a new database otherwise.
    pub(crate) async fn restore(mut self) -> Self {
        if self.schema != Schema::Tutorial {
            return Self::create(self.schema).await;
        }
        undisturbed(&self.superuser, RAZE).await.unwrap();
        undisturbed(&self.superuser, TUTORIAL).await.unwrap();
        self.superuser.batch_execute(STILL).await.unwrap();
        self.truth = truth_query(&self.superuser).await;
        self
    }

    /// As the server's own connections begin, where there is a server.
    pub(crate) fn config(&self) -> Config {
        let mut config = self.database.config(Login::App);
        if self.schema != Schema::Tutorial {
            config.options("-c search_path=pg_catalog -c statement_timeout=15000 -c row_security=on -c TimeZone=UTC");
        }
        config
    }

    /// The statement of a legitimate entry into a tenant, on one backend.
    pub(crate) fn entry(&self, customer: Uuid, pid: i32) -> String {
        if self.schema == Schema::Tutorial {
            format!("SELECT set_config('app.current_customer_id', '{customer}', true)")
        } else {
            format!("SELECT {}", self.token(customer, pid, 20_000).call(&self.key))
        }
    }

    fn token(&self, customer: Uuid, pid: i32, lives_ms: i64) -> Token {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Token {
            customer,
            signed_customer: customer,
            pid,
            kid: KID,
            expiry_ms: i64::try_from(now).unwrap() + lives_ms,
        }
    }

    /// The attack's text with this database's names, ids and tokens in place of the placeholders.
    pub(crate) fn fill(&self, sql: &str, pid: i32, pid_b: i32) -> String {
        let mut text = sql.to_owned();
        if text.contains("{enter_") {
            for (placeholder, call) in self.tokens(pid) {
                text = text.replace(placeholder, &call);
            }
        }
        if let Some(callers) = self.callers
            && text.contains("{jwt_")
        {
            for (placeholder, token) in callers.tokens() {
                text = text.replace(placeholder, &token);
            }
        }
        for (placeholder, name) in self.schema.names() {
            text = text.replace(placeholder, name);
        }
        for (placeholder, value) in [
            ("{month}", self.month.clone()),
            ("{a}", A.to_string()),
            ("{b}", B.to_string()),
            ("{B}", B.to_string().to_uppercase()),
            ("{id_a}", "a0000000-0000-4000-8000-000000000001".to_owned()),
            ("{id_b}", CLIENT_B.to_string()),
            ("{note_b}", "b0000000-0000-4000-8000-000000000002".to_owned()),
            ("{actor_b}", "b0000000-0000-4000-8000-000000000005".to_owned()),
            ("{nobody}", "c0000000-0000-4000-8000-00000000000c".to_owned()),
            ("{platform}", PLATFORM.to_string()),
            ("{digest_b}", hex(b"SALTMARSH-MARKER-OF-TENANT-B-001")),
            ("{import_b}", hex(b"SALTMARSH-IMPORT-OF-TENANT-B-001")),
            ("{digest_x}", hex(b"ABSENT-MARKER-OF-NO-TENANT-00001")),
            ("{position}", self.position.clone()),
            ("{pid_b}", pid_b.to_string()),
            ("{database}", self.database.name().to_owned()),
            ("{job_a}", "a0000000-0000-4000-8000-000000000009".to_owned()),
            ("{job_b}", "b0000000-0000-4000-8000-000000000009".to_owned()),
            ("{lease_old}", "b0000000-0000-4000-8000-00000000000a".to_owned()),
            ("{bare_b}", B.simple().to_string()),
            ("{bare_nobody}", Uuid::from_u128(0xc).simple().to_string()),
        ] {
            text = text.replace(placeholder, &value);
        }
        text
    }

    /// Entries that somebody has captured, altered or made up.
    fn tokens(&self, pid: i32) -> Vec<(&'static str, String)> {
        let valid = |customer| self.token(customer, pid, 20_000);
        let mac = |token: &Token| format!("decode('{}', 'hex')", hex(&token.mac(&self.key)));
        let (b, own) = (valid(B), valid(A));
        vec![
            ("{enter_a}", own.call(&self.key)),
            ("{enter_b}", b.call(&self.key)),
            ("{enter_b_expired}", self.token(B, pid, -1_000).call(&self.key)),
            ("{enter_b_long}", self.token(B, pid, 3_600_000).call(&self.key)),
            (
                "{enter_b_elsewhere}",
                self.token(B, pid.wrapping_add(1), 20_000).call(&self.key),
            ),
            ("{enter_b_poolers}", self.token(B, 0, 20_000).call(&self.key)),
            ("{enter_b_unknown_kid}", Token { kid: 7, ..valid(B) }.call(&self.key)),
            ("{enter_b_other_key}", b.call(&[1; 32])),
            (
                "{enter_b_retargeted}",
                Token {
                    customer: B,
                    ..valid(A)
                }
                .call(&self.key),
            ),
            (
                "{enter_b_actor}",
                b.call(&self.key)
                    .replace(SUBJECT, "c0000000-0000-4000-8000-00000000000c"),
            ),
            ("{enter_b_zero}", b.with_mac("decode(repeat('00', 32), 'hex')")),
            ("{enter_b_empty}", b.with_mac("decode('', 'hex')")),
            ("{enter_b_null}", b.with_mac("NULL")),
            ("{enter_b_short}", b.with_mac(&format!("substr({}, 1, 31)", mac(&b)))),
            ("{enter_b_doubled}", b.with_mac(&format!("{0} || {0}", mac(&own)))),
            ("{enter_platform}", valid(PLATFORM).call(&self.key)),
            (
                "{enter_platform_zero}",
                valid(PLATFORM).with_mac("decode(repeat('00', 32), 'hex')"),
            ),
        ]
    }

    /// The first secret of B, or of the database itself, that stands in a text.
    pub(crate) fn secret_in(&self, text: &str) -> Option<&str> {
        let text = text.to_lowercase();
        self.secrets
            .iter()
            .map(String::as_str)
            .find(|secret| text.contains(secret))
    }

    /// What the superuser sees.
    pub(crate) async fn truth(&self) -> Truth {
        let row = self.superuser.query_one(&self.truth, &[]).await.unwrap();
        Truth {
            rows_b: row.get(0),
            rows_a: row.get(1),
            catalog: row.get(2),
        }
    }

    /// One value that the superuser is asked for, to compare an attacker's answer with.
    pub(crate) async fn answer(&self, sql: &str) -> String {
        self.superuser.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The server's pool with a single connection, which serves every attack in turn, as it does in life.
    pub(crate) async fn pool(&self) -> TenantPool {
        let connect = async || {
            let regions = REGIONS.split(',').map(str::to_owned).collect();
            let address = self.database.url(Login::App).parse().unwrap();
            let mut config = PoolConfig::new(address, Some(self.database.app_password()), regions);
            config.max_connections = 1;
            let key = EnterKey::new(KID, &Sensitive::new(self.key.clone())).unwrap();
            TenantPool::connect(config, key).await.unwrap()
        };
        self.pool.get_or_init(connect).await.clone()
    }

    /// A connection of the worker's login, with nothing entered.
    pub(crate) async fn worker(&self) -> Session {
        let session = Session::open(&self.database.config(Login::Worker)).await;
        session.run("BEGIN", &mut Vec::new()).await.unwrap();
        session
    }

    /// A connection of the application that has entered a tenant.
    pub(crate) async fn entered(&self, customer: Uuid) -> Session {
        let idle = self.idle.lock().unwrap().pop();
        let session = match idle {
            Some(session) => session,
            None => Session::open(&self.config()).await,
        };
        let begin = format!("BEGIN; {}", self.entry(customer, session.pid));
        session.run(&begin, &mut Vec::new()).await.unwrap();
        session
    }

    /// Takes a connection of the application back for the next attack, or closes it where it cannot be cleaned.
    pub(crate) async fn give_back(&self, session: Session) {
        let mut ignored = Vec::new();
        if session.run("ROLLBACK", &mut ignored).await.is_ok() && session.run("DISCARD ALL", &mut ignored).await.is_ok()
        {
            self.idle.lock().unwrap().push(session);
        }
    }
}

const SUBJECT: &str = "d0000000-0000-4000-8000-00000000000d";
const REQUEST: &str = "d0000000-0000-4000-8000-00000000000e";
const NONCE: &str = "d0000000-0000-4000-8000-00000000000f";

/// An entry as the server signs it; see `crates/tenancy/src/entry.rs`.
struct Token {
    customer: Uuid,
    /// What the MAC was made for.
    signed_customer: Uuid,
    pid: i32,
    kid: i16,
    expiry_ms: i64,
}

impl Token {
    fn mac(&self, key: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(b"enter.v1");
        mac.update(&self.kid.to_be_bytes());
        mac.update(self.signed_customer.as_bytes());
        for id in [SUBJECT, REQUEST] {
            mac.update(id.parse::<Uuid>().unwrap().as_bytes());
        }
        mac.update(&self.pid.to_be_bytes());
        mac.update(&self.expiry_ms.to_be_bytes());
        mac.update(NONCE.parse::<Uuid>().unwrap().as_bytes());
        mac.update(&Sha256::digest(REGIONS));
        mac.finalize().into_bytes().to_vec()
    }

    fn call(&self, key: &[u8]) -> String {
        self.with_mac(&format!("decode('{}', 'hex')", hex(&self.mac(key))))
    }

    fn with_mac(&self, mac: &str) -> String {
        format!(
            "tenancy.enter('{}', '{SUBJECT}', '{REQUEST}', {}, '{NONCE}', {}::smallint, '{{{REGIONS}}}', {mac})",
            self.customer, self.expiry_ms, self.kid
        )
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The pads of every key, as they would show in an answer.
async fn keys(superuser: &Client) -> Vec<String> {
    let pads = "SELECT encode(ipad, 'hex') FROM (SELECT ipad FROM tenancy.enter_keys UNION ALL SELECT opad FROM tenancy.enter_keys
                UNION ALL SELECT ipad FROM tenancy.seal_key UNION ALL SELECT opad FROM tenancy.seal_key) k";
    let rows = superuser.query(pads, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// One query over every table with a tenant, and over the catalog; made from the catalog, so that no table is forgotten.
async fn truth_query(superuser: &Client) -> String {
    let tables = "
        SELECT format('SELECT %s AS customer, %L || t::text AS fact FROM %s t', a.attname, c.oid::regclass::text, c.oid::regclass)
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND (a.attname = 'customer_id' OR c.oid = to_regclass('crm.customers') AND a.attname = 'id')
         UNION ALL
        SELECT format('SELECT NULL::uuid, concat(%L, last_value, is_called) FROM %s', c.oid::regclass::text, c.oid::regclass)
          FROM pg_class c WHERE c.relkind = 'S'
         UNION ALL
        SELECT format('SELECT NULL::uuid, %L || t::text FROM %s t', c.oid::regclass::text, c.oid::regclass)
          FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace('tenancy')
           AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'customer_id')";
    let rows = superuser.query(tables, &[]).await.unwrap();
    let facts: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let digest = |of: &str| format!("md5(coalesce(string_agg(fact, E'\\n' ORDER BY fact) FILTER (WHERE {of}), ''))");
    format!(
        "WITH rows AS ({rows}), catalog AS ({CATALOG})
         SELECT {b}, {a}, (SELECT md5(string_agg(fact, E'\\n' ORDER BY fact)) FROM (SELECT fact FROM catalog UNION ALL SELECT fact FROM rows WHERE customer IS NULL) x)
           FROM rows",
        rows = facts.join(" UNION ALL "),
        b = digest(&format!("customer = '{B}'")),
        a = digest(&format!("customer = '{A}'")),
    )
}

/// Whatever of the catalog decides who may do what.
const CATALOG: &str = "
    SELECT concat_ws(' ', c.oid, c.relname, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.relhasrules, c.reloptions) AS fact
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg_%temp%'
    UNION ALL SELECT concat_ws(' ', a.attrelid, a.attname, a.attacl, a.attstattarget) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE a.attacl IS NOT NULL AND c.relpersistence <> 't'
    UNION ALL SELECT p::text FROM pg_policy p
    UNION ALL SELECT t::text FROM pg_trigger t
    UNION ALL SELECT concat_ws(' ', oid, proname, proowner, proacl, prosecdef, proconfig, md5(prosrc)) FROM pg_proc WHERE pronamespace::regnamespace::text NOT LIKE 'pg_%temp%'
    UNION ALL SELECT concat_ws(' ', oid, oprname, oprnamespace) FROM pg_operator WHERE oid > 16000
    UNION ALL SELECT concat_ws(' ', nspname, nspowner, nspacl) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%temp%'
    UNION ALL SELECT concat_ws(' ', datname, datdba, datacl) FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT concat_ws(' ', setdatabase, setrole, setconfig) FROM pg_db_role_setting
     WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
        OR setdatabase = 0 AND setrole = 'bearingwall_app'::regrole
    UNION ALL SELECT concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls)
      FROM pg_roles WHERE rolname LIKE 'bearingwall_%'
    UNION ALL SELECT m::text FROM pg_auth_members m WHERE m.member = 'bearingwall_app'::regrole
    UNION ALL SELECT concat_ws(' ', 'publication', pubname) FROM pg_publication
    UNION ALL SELECT concat_ws(' ', 'extension', extname) FROM pg_extension
    UNION ALL SELECT concat_ws(' ', evtname, evtenabled, evtfoid) FROM pg_event_trigger
    UNION ALL SELECT concat_ws(' ', stxname, stxrelid) FROM pg_statistic_ext";
