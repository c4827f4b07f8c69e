//! The order of a safe start: secrets, database with its posture, signing keys, policy, record, routes, socket.

use crate::config::Config;
use crate::probe::{Probe, record_ready};
use anyhow::Context as _;
use bearingwall_audit::{AuditLog, AuditSink};
use bearingwall_authn::BearerVerifier;
use bearingwall_core::{Sensitive, SystemIds};
use bearingwall_domain::Crm;
use bearingwall_http::{Application, Limits, RunningServer, ServerOptions, Services, app_routes};
use bearingwall_rbac::PolicyTable;
use bearingwall_rbac_casbin::CasbinEngine;
use bearingwall_secrets::{
    DataKey, FileKeyStore, FileStore, KeyStore, Scheme, SealedFiles, SecretError, SecretRef, SecretStore as _,
    SecretStores,
};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use std::sync::Arc;
use std::time::Duration;

/// Connections for refusals, beside those for requests: a pool that is exhausted must not silence the record.
const REFUSAL_CONNECTIONS: usize = 2;

/// A server that listens and whatever must end after it.
pub(crate) struct Started {
    pub(crate) server: RunningServer,
    pub(crate) refusals: AuditSink,
}

/// Refuses references that nothing compiled in could resolve.
pub(crate) fn check_adapters(config: &Config) -> anyhow::Result<()> {
    for (setting, reference) in config.references() {
        adapters().check(reference).with_context(|| format!("`{setting}`"))?;
    }
    Ok(())
}

pub(crate) async fn start(config: &Config) -> anyhow::Result<Started> {
    check_adapters(config)?;
    let secrets = adapters();
    let enter_key = enter_key(config, &secrets).await?;
    let keys = key_store(&config.keys.kek)?;

    // CONTROL: TEN-5
    let pool_config = pool_config(config, &secrets).await?;
    let refusal_config = PoolConfig {
        max_connections: REFUSAL_CONNECTIONS,
        ..pool_config.clone()
    };
    let pool = TenantPool::connect(pool_config, enter_key.clone())
        .await
        .context("the database")?;
    // SECURITY: connections live on the thread that opened them. These belong to this thread, not to the threads that
    // serve requests, so that the last refusals can still be written when those have ended.
    let refusal_pool = TenantPool::connect(refusal_config, enter_key)
        .await
        .context("the database")?;

    // The enter key is tried now: a server that cannot enter any tenant must not look ready.
    if !record_ready(&pool).await.context("entering the platform's tenant")? {
        tracing::error!("the record has no partition for this month: nothing can be read until one is made");
    }

    let identity = BearerVerifier::start(config.issuers.clone(), config.authn.options())
        .await
        .context("the issuers")?;
    let engine = CasbinEngine::shipped().await.context("the policy")?;
    let permissions = PolicyTable::compile(&engine).context("the policy")?;

    let refusals = AuditLog::new(refusal_pool).sink();
    let crm = Crm::new(AuditLog::new(pool.clone()), Arc::clone(&keys));
    let probe = Probe {
        pool,
        keys,
        sample: DataKey::generate()?,
    };
    let services = Services {
        identity: Arc::new(identity),
        permissions: Arc::new(permissions),
        events: Arc::new(refusals.clone()),
        readiness: Arc::new(probe),
        ids: Arc::new(SystemIds),
    };
    let limits = Limits {
        deadline: Duration::from_secs(config.server.request_timeout_s),
        ..Limits::default()
    };
    let application = Application::new(app_routes()?, services, limits).with(crm);
    let server = RunningServer::bind(application, config.server.listen, &options(config))?;
    Ok(Started { server, refusals })
}

/// The adapters that are part of this program.
fn adapters() -> SecretStores {
    SecretStores::new().with(Scheme::SealedFile, Arc::new(SealedFiles))
}

async fn enter_key(config: &Config, secrets: &SecretStores) -> anyhow::Result<EnterKey> {
    let reference = &config.tenancy.enter_key;
    let secret = secrets
        .fetch(reference)
        .await
        .with_context(|| format!("the secret `{reference}`"))?;
    EnterKey::new(config.tenancy.enter_kid, &Sensitive::new(secret.bytes().to_vec()))
        .with_context(|| format!("the secret `{reference}` is shorter than 32 bytes"))
}

async fn pool_config(config: &Config, secrets: &SecretStores) -> anyhow::Result<PoolConfig> {
    let settings = &config.database;
    let password = match &settings.password {
        Some(reference) => {
            let secret = secrets
                .fetch(reference)
                .await
                .with_context(|| format!("the secret `{reference}`"))?;
            Some(Sensitive::new(secret.utf8()?.to_owned()))
        }
        None => None,
    };
    let address = match &settings.root_file {
        Some(file) => settings.url.clone().with_root_file(file.clone()),
        None => settings.url.clone(),
    };
    Ok(PoolConfig {
        max_connections: settings.max_connections,
        statement_timeout: Duration::from_millis(settings.statement_timeout_ms),
        accepted_version: settings.accept_version.clone(),
        pooler: settings.pooler.into(),
        ..PoolConfig::new(address, password, settings.regions.clone())
    })
}

fn key_store(reference: &SecretRef) -> anyhow::Result<Arc<dyn KeyStore>> {
    let scheme = reference.scheme();
    if scheme != Scheme::SealedFile {
        return Err(SecretError::NoAdapter { scheme }.into());
    }
    let store = FileStore::open(reference.store()).with_context(|| format!("the key `{reference}`"))?;
    let keys = FileKeyStore::open(store, reference.name()).with_context(|| format!("the key `{reference}`"))?;
    Ok(Arc::new(keys))
}

fn options(config: &Config) -> ServerOptions {
    let defaults = ServerOptions::default();
    ServerOptions {
        workers: config.server.workers.unwrap_or(defaults.workers),
        shutdown: Duration::from_secs(config.server.shutdown_timeout_s),
        ..defaults
    }
}
