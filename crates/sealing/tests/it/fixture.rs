//! A database with a sealer.

use bearingwall_sealing::{
    Examination, ExportOptions, Exported, LogReport, Scope, Sealed, Sealer, SealerOptions, SealingError, SealingKey,
    VerifyOptions, export, unsealed_events, verify_log,
};
use bearingwall_testkit::database::{Login, TestDatabase};
use bearingwall_tlog::note::VerifierKey;
use std::time::Duration;
use tokio_postgres::Client;
use uuid::Uuid;
use zeroize::Zeroizing;

pub(crate) const ORIGIN: &str = "audit.example.com";
pub(crate) const SPRUCE: Uuid = Uuid::from_u128(0x5);
pub(crate) const PLATFORM: Uuid = Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001);

pub(crate) fn key(number: u8) -> SealingKey {
    SealingKey::from_seed(Zeroizing::new([number; 32]))
}

pub(crate) fn options() -> SealerOptions {
    SealerOptions {
        origin: ORIGIN.to_owned(),
        previous: None,
        heartbeat: Duration::from_mins(1),
    }
}

pub(crate) struct Record {
    pub(crate) database: TestDatabase,
    pub(crate) superuser: Client,
}

impl Record {
    pub(crate) async fn open() -> Self {
        let database = TestDatabase::create().await;
        let superuser = database.superuser_client().await;
        Self { database, superuser }
    }

    pub(crate) async fn sealer(&self) -> Sealer {
        self.sealer_with(key(1), options()).await.unwrap().ok().unwrap()
    }

    pub(crate) async fn sealer_with(
        &self,
        key: SealingKey,
        options: SealerOptions,
    ) -> Result<Result<Sealer, Client>, SealingError> {
        let client = self.database.client(Login::Sealer).await.unwrap();
        Sealer::take_over(client, key, options).await
    }

    pub(crate) async fn auditor(&self) -> Client {
        self.database.client(Login::Auditor).await.unwrap()
    }

    /// Writes events of a tenant, in one transaction.
    pub(crate) async fn write(&self, customer: Uuid, count: i32) {
        write(&self.superuser, customer, count).await;
    }

    pub(crate) async fn verify(&self, customer: Uuid) -> LogReport {
        self.verify_with(customer, Some(key(1).verifier(ORIGIN).unwrap())).await
    }

    pub(crate) async fn verify_with(&self, customer: Uuid, trusted: Option<VerifierKey>) -> LogReport {
        let auditor = self.auditor().await;
        let examination = Examination::begin(&auditor, Scope::AllLogs).await.unwrap();
        verify_log(&examination, customer, &VerifyOptions { trusted }, &mut |_, _| {})
            .await
            .unwrap()
    }

    pub(crate) async fn unsealed_for(&self, seconds: f64) -> u64 {
        let auditor = self.auditor().await;
        let examination = Examination::begin(&auditor, Scope::AllLogs).await.unwrap();
        unsealed_events(&examination, seconds).await.unwrap()
    }

    /// Exports as the auditor, under an announcement of just that.
    pub(crate) async fn export(
        &self,
        customer: Uuid,
        target: &std::path::Path,
        options: &ExportOptions,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Exported, SealingError> {
        let auditor = self.auditor().await;
        let examination = Examination::begin(&auditor, Scope::ExportOf(customer)).await.unwrap();
        export(&examination, customer, target, options, progress).await
    }

    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.superuser.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Runs what nobody who can log in is able to: guards off, then on again.
    pub(crate) async fn forge(&self, statements: &str) {
        let script = format!(
            "BEGIN; SET LOCAL bearingwall.audit_ddl = 'on'; {off} {statements}; {on} COMMIT",
            off = guards("DISABLE TRIGGER"),
            on = guards("ENABLE ALWAYS TRIGGER"),
        );
        self.superuser.batch_execute(&script).await.unwrap();
    }
}

fn guards(change: &str) -> String {
    format!(
        "DO $d$ DECLARE v record; BEGIN FOR v IN SELECT t.tgrelid::regclass AS relation, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE c.relnamespace = 'audit'::regnamespace AND t.tgname IN ('append_only', 'append_only_row')
         LOOP EXECUTE format('ALTER TABLE %s {change} %I', v.relation, v.tgname); END LOOP; END $d$;"
    )
}

pub(crate) async fn write(client: &Client, customer: Uuid, count: i32) {
    client
        .execute(
            "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, subject_id, resource, commands, fields, route)
             SELECT $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'intended', 'success', gen_random_uuid(),
                    'crm.client_records', '{SELECT}', '{first_name,last_name}', 'GET /v1/clients/{id}' FROM generate_series(1, $2)",
            &[&customer, &count],
        )
        .await
        .unwrap();
}

/// Seals until nothing is left.
pub(crate) async fn seal_all(sealer: &mut Sealer) -> Vec<Sealed> {
    let mut rounds = Vec::new();
    loop {
        let sealed = sealer.seal().await.unwrap();
        if sealed.events == 0 {
            return rounds;
        }
        rounds.push(sealed);
    }
}
