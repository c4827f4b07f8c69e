//! Two spas in one fresh database, and what every test asks of them.

use bearingwall_audit::AuditLog;
use bearingwall_core::{Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId};
use bearingwall_domain::{
    ClientInput, Crm, CrmOptions, ImportEvent, ImportSummary, Masking, MaskingOptions, NoteInput,
};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{CacheOptions, FileKeyStore, FileStore, KeyStores};
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_tenancy::{DatabaseAddress, EnterKey, PoolConfig, TenantPool};
use bearingwall_testkit::database::{Login, TestDatabase};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A database with the tenants `juniper` and `saltmarsh`.
pub(crate) struct Spas {
    pub(crate) crm: Crm,
    pub(crate) audit: AuditLog,
    pub(crate) juniper: CustomerId,
    pub(crate) saltmarsh: CustomerId,
    pub(crate) database: TestDatabase,
    pub(crate) keys: Arc<FileKeyStore>,
    pub(crate) secrets: TempDir,
}

impl Spas {
    pub(crate) async fn open() -> Self {
        let database = TestDatabase::create().await;
        let mut admin = database.admin_client().await;
        let regions = vec!["us-east-1".to_owned(), "eu-west-1".to_owned()];
        serve_regions(&admin, &regions).await.unwrap();
        let (juniper, saltmarsh) = (customer(), customer());
        for (id, slug, region) in [(juniper, "juniper", "us-east-1"), (saltmarsh, "saltmarsh", "eu-west-1")] {
            let (slug, region) = (slug.to_owned(), region.to_owned());
            tenant_create(
                &mut admin,
                &NewTenant {
                    id,
                    name: slug.clone(),
                    slug,
                    region,
                },
            )
            .await
            .unwrap();
        }
        let secret = Sensitive::new(vec![42; 32]);
        install_enter_key(&mut admin, 1, &secret).await.unwrap();
        let address = DatabaseAddress::from_config(database.app_config()).unwrap();
        let config = PoolConfig::new(address, Some(database.app_password()), regions);
        let pool = TenantPool::connect(config, EnterKey::new(1, &secret).unwrap())
            .await
            .unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let store = FileStore::create(secrets.path().join("store")).unwrap();
        let audit = AuditLog::new(pool);
        let keys = Arc::new(FileKeyStore::open_or_create(store, "kek").unwrap());
        let crm = Crm::new(audit.clone(), keys.clone());
        Self {
            crm,
            audit,
            juniper,
            saltmarsh,
            database,
            keys,
            secrets,
        }
    }

    /// The same database as another server sees it, which remembers nothing.
    pub(crate) fn another_process(&self) -> Crm {
        Crm::new(self.audit.clone(), self.keys.clone())
    }

    /// Masking as another server has it, which remembers nothing.
    pub(crate) fn masking(&self) -> Masking {
        self.masking_with(MaskingOptions {
            policy_cache: std::time::Duration::ZERO,
            ..MaskingOptions::default()
        })
    }

    pub(crate) fn masking_with(&self, options: MaskingOptions) -> Masking {
        Masking::new(self.another_process(), options).unwrap()
    }

    /// As another server sees it that has these kinds of key store, and remembers keys for this long.
    pub(crate) fn process(&self, key_stores: KeyStores, remembers: std::time::Duration) -> Crm {
        let options = CrmOptions {
            key_cache: CacheOptions {
                time_to_live: remembers,
                ..CacheOptions::default()
            },
            key_stores,
            ..CrmOptions::default()
        };
        Crm::with_options(self.audit.clone(), self.keys.clone(), options)
    }

    /// The worker's way in.
    pub(crate) async fn worker(&self) -> JobPool {
        let address = self.database.url(Login::Worker).parse().unwrap();
        let regions = vec!["us-east-1".to_owned(), "eu-west-1".to_owned()];
        let config = PoolConfig::new(address, Some(self.database.password(Login::Worker)), regions);
        JobPool::connect(config).await.unwrap()
    }

    /// What was put on record in a request, as `type phase resource`, oldest first, with the number of persons.
    pub(crate) async fn superuser(&self) -> tokio_postgres::Client {
        self.database.superuser_client().await
    }

    pub(crate) async fn events(&self, ctx: &Ctx) -> BTreeMap<String, i64> {
        let superuser = self.database.superuser_client().await;
        let rows = superuser
            .query(
                "SELECT event_type || ' ' || phase || coalesce(' ' || resource || ' ' || array_to_string(commands, ','), ''),
                        count(*) FROM audit.events WHERE request_id = $1 GROUP BY 1",
                &[&ctx.request().as_uuid()],
            )
            .await
            .unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

fn customer() -> CustomerId {
    CustomerId::from_uuid(Uuid::now_v7())
}

/// A new request of somebody in this tenant.
pub(crate) fn request(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(7)),
        customer,
        roles: RoleSet::EMPTY.with(Role::Authenticated).with(Role::CustomerAdmin),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at: OffsetDateTime::now_utc() + Duration::minutes(10),
        route: Some("TEST"),
    })
}

pub(crate) fn phi(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}

/// A client about whom everything is said.
pub(crate) fn benjamin() -> ClientInput {
    let mut client = ClientInput::new(phi("Benjamin"), phi("Hamilton"), phi("1942-11-07"));
    client.external_id = Some(phi("juniper-00001"));
    client.phone = Some(phi("(415) 555-0119"));
    client.email = Some(phi("Benjamin.Hamilton404@example.net"));
    client.address.street = Some(phi("609 Stacey Roads"));
    client.address.city = Some(phi("New Brendaton"));
    client.address.state = Some(phi("IN"));
    client.address.postal_code = Some(phi("06606"));
    client.allergies = Some(phi("penicillin"));
    client.conditions = Some(phi("hypertension"));
    client.marketing_opt_in = true;
    client.labels = Phi::new([("canary".to_owned(), "CANARY-000F4481502E".to_owned())].into());
    client
}

pub(crate) fn named(first: &str, last: &str) -> ClientInput {
    ClientInput::new(phi(first), phi(last), phi("1980-01-31"))
}

pub(crate) fn note(body: &str) -> NoteInput {
    NoteInput {
        external_id: None,
        noted_on: phi("2026-01-01"),
        author: phi("Mario Hernandez, RN"),
        service: phi("hydra"),
        body: phi(body),
    }
}

/// Imports a whole file of clients, in pieces of this size.
pub(crate) async fn import_clients(
    crm: &Crm,
    ctx: &Ctx,
    file: &[u8],
    piece: usize,
) -> (Vec<ImportEvent>, ImportSummary) {
    let mut import = crm.client_import(ctx);
    let mut events = Vec::new();
    for piece in file.chunks(piece) {
        events.extend(import.push(piece).await.unwrap());
    }
    let (last, summary) = import.finish().await.unwrap();
    events.extend(last);
    (events, summary)
}

/// Imports a whole file of chart notes, in pieces of this size.
pub(crate) async fn import_notes(crm: &Crm, ctx: &Ctx, file: &[u8], piece: usize) -> (Vec<ImportEvent>, ImportSummary) {
    let mut import = crm.note_import(ctx);
    let mut events = Vec::new();
    for piece in file.chunks(piece) {
        events.extend(import.push(piece).await.unwrap());
    }
    let (last, summary) = import.finish().await.unwrap();
    events.extend(last);
    (events, summary)
}
