//! `keys status`, `rotate`, `verify`, `own` and `destroy-old-kek`: tenants' keys, what wraps them, and how they turn.

use super::KEK_NAME;
use crate::arguments::{AdminArguments, KeyWorkArguments, RotateArguments};
use crate::outcome::Outcome;
use crate::output;
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use bearingwall_domain::{KeyTurner, KeyWork, TurnOptions, Turned};
use bearingwall_migrations::tenant_list;
use bearingwall_secrets::{FileKeyStore, KeyStore as _, KeyStores, Scheme, SealedFileKeys, SecretRef};
use bearingwall_tenancy::PoolConfig;
use bearingwall_tenancy::jobs::JobPool;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;

/// How often it is looked again for what a new version has made due.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The keys of what is to leave, and of what arrives at endpoints for webhooks.
const ELSEWHERE: &str = "
    SELECT 'the key of payloads', h.content::jsonb ->> 'kek_version' FROM tenancy.tenant_holdings() h WHERE h.relation = 'tenancy.effect_keys'
    UNION ALL SELECT 'the key of endpoint ' || e.id, e.kek_version FROM connectors.endpoints e WHERE e.customer_id = $1";

const VERSIONS: &str = "
    SELECT k.version, k.kek, k.kek_version, k.active_from <= clock_timestamp(), k.created_at::date::text,
           (SELECT count(*) FROM crm.client_keys c WHERE c.customer_id = k.customer_id AND c.tenant_version = k.version)
      FROM crm.tenant_keys k WHERE k.customer_id = $1 ORDER BY k.version";

/// A version of a tenant's key, without the key.
struct Version {
    number: i32,
    kek: Option<String>,
    kek_version: String,
    active: bool,
    made_on: String,
    clients: i64,
}

/// The tenant's versions, read inside the tenant.
/// Keys that are under the installation's key-encryption key and under no tenant's: what they are of, and its version.
// CONTROL: SEC-5
async fn elsewhere(client: &mut Client, tenant: CustomerId) -> anyhow::Result<Vec<(String, String)>> {
    let transaction = client.transaction().await.context("beginning")?;
    transaction
        .execute("SELECT tenancy.enter_migration($1)", &[&tenant.as_uuid()])
        .await
        .context("entering the tenant")?;
    let rows = transaction
        .query(ELSEWHERE, &[&tenant.as_uuid()])
        .await
        .context("reading what else is under the key-encryption key")?;
    transaction.commit().await.context("committing")?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn versions(client: &mut Client, tenant: CustomerId) -> anyhow::Result<Vec<Version>> {
    let transaction = client.transaction().await.context("beginning")?;
    transaction
        .execute("SELECT tenancy.enter_migration($1)", &[&tenant.as_uuid()])
        .await
        .context("entering the tenant")?;
    let rows = transaction
        .query(VERSIONS, &[&tenant.as_uuid()])
        .await
        .context("reading the tenant's keys")?;
    transaction.commit().await.context("committing")?;
    rows.iter()
        .map(|row| {
            Ok(Version {
                number: row.try_get(0)?,
                kek: row.try_get(1)?,
                kek_version: row.try_get(2)?,
                active: row.try_get(3)?,
                made_on: row.try_get(4)?,
                clients: row.try_get(5)?,
            })
        })
        .collect()
}

/// The tenants that are not offboarded, or the one that was named.
async fn tenants(client: &Client, only: Option<CustomerId>) -> anyhow::Result<Vec<(CustomerId, String)>> {
    let all = tenant_list(client).await?;
    let wanted = all
        .into_iter()
        .filter(|tenant| tenant.status != "offboarded" && only.is_none_or(|only| tenant.id == only));
    let found: Vec<_> = wanted.map(|tenant| (tenant.id, tenant.slug)).collect();
    anyhow::ensure!(only.is_none() || !found.is_empty(), "there is no such tenant");
    Ok(found)
}

pub(crate) async fn status(admin: &AdminArguments, tenant: Option<CustomerId>) -> anyhow::Result<Outcome> {
    let mut client = admin.login().await?.dial().await?;
    for (tenant, slug) in tenants(&client, tenant).await? {
        let versions = versions(&mut client, tenant).await?;
        if versions.is_empty() {
            output::line(&format!("{tenant}  {slug}  no key yet"))?;
        }
        for version in versions {
            output::line(&format!(
                "{tenant}  {slug}  version {}  made {}  {}  under {} version {}  clients' keys {}",
                version.number,
                version.made_on,
                if version.active { "active" } else { "not used yet" },
                version.kek.as_deref().unwrap_or("the installation's key"),
                version.kek_version,
                version.clients,
            ))?;
        }
    }
    Ok(Outcome::Done)
}

/// The worker's queue and what does its work.
struct Workshop {
    queue: JobPool,
    turner: KeyTurner,
}

impl Workshop {
    async fn open(work: &KeyWorkArguments, options: TurnOptions) -> anyhow::Result<Self> {
        let stores = KeyStores::new().with(Scheme::SealedFile, Arc::new(SealedFileKeys));
        let reference = match (&work.kek, work.admin.store()?) {
            (Some(reference), _) => reference.clone(),
            (None, Some(store)) => store.reference(KEK_NAME)?,
            (None, None) => anyhow::bail!("name the key-encryption key with --kek, or its store with --secrets"),
        };
        let kek = stores
            .open(&reference)
            .with_context(|| format!("the key `{reference}`"))?;
        Ok(Self {
            queue: queue(&work.admin).await?,
            turner: KeyTurner::new(kek, stores, options),
        })
    }

    /// Does what is in the queue, and tells how far it is. True if every tenant's work came to its end.
    async fn drain(&self, works: &[KeyWork], mut told: impl FnMut(&Turned)) -> anyhow::Result<bool> {
        let mut whole = true;
        loop {
            match self.turner.next(&self.queue, works).await {
                Ok(None) => return Ok(whole),
                Ok(Some(turned)) => told(&turned),
                Err(error) => {
                    // The job waits, and the next one is another tenant's.
                    whole = false;
                    output::complain(&anyhow::Error::from(error).context("a tenant's keys"));
                }
            }
        }
    }
}

async fn queue(admin: &AdminArguments) -> anyhow::Result<JobPool> {
    let client = admin.login().await?.dial().await?;
    let regions: BTreeSet<String> = tenant_list(&client)
        .await?
        .into_iter()
        .map(|tenant| tenant.region)
        .collect();
    let login = admin.login_as("worker")?;
    let config = PoolConfig {
        max_connections: 2,
        ..PoolConfig::new(login.address, login.password, regions.into_iter().collect())
    };
    JobPool::connect(config).await.context("logging in as the worker")
}

pub(crate) async fn rotate(arguments: &RotateArguments) -> anyhow::Result<Outcome> {
    let work = &arguments.work;
    if arguments.enqueue {
        let count = queue(&work.admin)
            .await?
            .enqueue_keys(KeyWork::Rotate.kind(), work.tenant)
            .await?;
        output::line(&format!("{count} tenants in the queue"))?;
        return Ok(Outcome::Done);
    }
    let after = Duration::from_secs(u64::from(arguments.activate_after_s));
    let options = TurnOptions {
        rotate_after: None,
        activate_after: after,
        destroy_after: after,
        ..TurnOptions::default()
    };
    let workshop = Workshop::open(work, options).await?;
    let mut client = work.admin.login().await?.dial().await?;
    let tenants = tenants(&client, work.tenant).await?;
    workshop.queue.enqueue_keys(KeyWork::Rotate.kind(), work.tenant).await?;
    let mut whole = workshop.drain(&[KeyWork::Rotate, KeyWork::Turn], report).await?;
    while arguments.wait && whole && !settled(&mut client, &tenants).await? {
        tokio::time::sleep(LOOK_AGAIN).await;
        workshop.queue.enqueue_keys(KeyWork::Turn.kind(), work.tenant).await?;
        whole = workshop.drain(&[KeyWork::Turn], report).await?;
    }
    Ok(if whole { Outcome::Done } else { Outcome::Refused })
}

/// Whether each tenant has one version, and everything is under it.
async fn settled(client: &mut Client, tenants: &[(CustomerId, String)]) -> anyhow::Result<bool> {
    for (tenant, _) in tenants {
        if versions(client, *tenant).await?.len() > 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn report(turned: &Turned) {
    let tenant = turned.customer;
    if let Some(version) = turned.made {
        output::progress(&format!("{tenant}: version {version} made"));
    }
    if turned.moved > 0 {
        output::progress(&format!(
            "{tenant}: {} versions under the current key-encryption key",
            turned.moved
        ));
    }
    if turned.rewrapped > 0 {
        output::progress(&format!(
            "{tenant}: {} clients' keys put under the newest version, {} left",
            turned.rewrapped, turned.left
        ));
    }
    for version in &turned.destroyed {
        output::progress(&format!("{tenant}: version {version} destroyed, nothing is under it"));
    }
}

pub(crate) async fn verify(work: &KeyWorkArguments) -> anyhow::Result<Outcome> {
    let workshop = Workshop::open(work, TurnOptions::default()).await?;
    workshop.queue.enqueue_keys(KeyWork::Verify.kind(), work.tenant).await?;
    let mut refused = 0;
    let whole = workshop
        .drain(&[KeyWork::Verify], |turned| {
            refused += turned.refused;
            output::progress(&format!(
                "{}: {} keys open, {} do not, {} clients' keys under an old version",
                turned.customer, turned.opened, turned.refused, turned.left
            ));
        })
        .await?;
    Ok(if whole && refused == 0 {
        Outcome::Done
    } else {
        Outcome::Refused
    })
}

pub(crate) async fn own(admin: &AdminArguments, tenant: CustomerId, kek: Option<SecretRef>) -> anyhow::Result<Outcome> {
    let mut client = admin.login().await?.dial().await?;
    tenants(&client, Some(tenant)).await?;
    let transaction = client.transaction().await.context("beginning")?;
    transaction
        .execute("SELECT tenancy.enter_migration($1)", &[&tenant.as_uuid()])
        .await
        .context("entering the tenant")?;
    let text = kek.as_ref().map(ToString::to_string);
    transaction
        .execute("INSERT INTO crm.key_stores (kek) VALUES ($1)", &[&text])
        .await
        .context("writing the reference down")?;
    transaction
        .execute(
            "SELECT audit.record_operation('key.store_changed', NULL, $1)",
            &[&tenant.as_uuid()],
        )
        .await
        .context("putting it on the record")?;
    transaction.commit().await.context("committing")?;
    output::line(&format!(
        "{tenant}: keys go under {} when they turn next",
        text.as_deref().unwrap_or("the installation's key")
    ))?;
    Ok(Outcome::Done)
}

// CONTROL: SEC-5
pub(crate) async fn destroy_old_kek(admin: &AdminArguments) -> anyhow::Result<Outcome> {
    let store = admin.store()?.context("name the store with --secrets")?;
    let keys = FileKeyStore::open(store.clone(), KEK_NAME)?;
    let current = keys.current_version().await?;
    let reference = store.reference(KEK_NAME)?.to_string();
    let mut client = admin.login().await?.dial().await?;
    let mut under_old = 0_u64;
    for (tenant, slug) in tenants(&client, None).await? {
        for version in versions(&mut client, tenant).await? {
            let here = version.kek.as_deref().is_none_or(|kek| kek == reference);
            if here && version.kek_version != current {
                under_old += 1;
                output::note(&format!(
                    "{tenant}  {slug}  version {} is under {}",
                    version.number, version.kek_version
                ));
            }
        }
    }
    for (tenant, slug) in tenants(&client, None).await? {
        for (what, kek_version) in elsewhere(&mut client, tenant).await? {
            if kek_version != current {
                under_old += 1;
                output::note(&format!(
                    "{tenant}  {slug}  {what} is under {kek_version}, and does not turn"
                ));
            }
        }
    }
    if under_old > 0 {
        output::note("nothing is erased: let these keys turn first");
        return Ok(Outcome::Refused);
    }
    let gone = keys.destroy_old()?;
    output::line(&format!(
        "{reference}: {} old versions erased, {current} is left",
        gone.len()
    ))?;
    Ok(Outcome::Done)
}
