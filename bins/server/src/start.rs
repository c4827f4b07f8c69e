//! The order of a safe start: secrets, database with its posture, signing keys, policy, record, canary, routes, socket.

use crate::assignments::KnownAssignments;
use crate::browser::{BrowserSessions, Setup};
use crate::canary::{Breached, Canary};
use crate::config::{Config, ConfigError, IsolationProfile, LoginSettings};
use crate::keeper::Keeper;
use crate::outcome::UnknownIssuer;
use crate::probe::{Probe, issuer_ready, record_ready};
use crate::record::{RecordHealth, RecordWatch};
use crate::sessions::{ProvidersSignOut, RevocationWatch};
use anyhow::Context as _;
use bearingwall_audit::{AuditLog, AuditSink};
use bearingwall_authn::{BearerVerifier, EndedSessions, IdentityProvider, Revocations};
use bearingwall_authn_oidc::{OidcClient, OidcConfig};
use bearingwall_connectors::SecretWriter;
use bearingwall_connectors::endpoints::{HttpEndpoints, HttpEndpointsParts};
use bearingwall_connectors::inbox::{Inbox, InboxParts};
use bearingwall_connectors::subscriptions::{Subscriptions, SubscriptionsParts};
use bearingwall_core::{Sensitive, SystemClock, SystemIds};
use bearingwall_domain::{Crm, CrmOptions, Masking};
use bearingwall_gates::PayloadKeys;
use bearingwall_http::{
    Application, Limits, RunningServer, ServerOptions, Services, Sessions, SignOut, TenantConnectors, TrustedProxies,
    Webhooks, app_routes,
};
use bearingwall_rbac::PolicyTable;
use bearingwall_rbac_casbin::CasbinEngine;
use bearingwall_secrets::{CacheOptions, CachingStore, DataKey, FileStore, KeyStore, Scheme, SecretStore as _};
use bearingwall_telemetry::Metrics;
use bearingwall_tenancy::{Authority, EnterKey, PoolConfig, TenantPool};
use bearingwall_vaults::{Vaults, VaultsError};
use std::sync::Arc;
use std::time::Duration;

/// Connections for refusals, the canary and the list of ended sessions, beside those for requests: a pool that is exhausted must silence none of them.
const OWN_CONNECTIONS: usize = 4;

/// How the record names this program.
const SERVICE: &str = concat!("bearingwall-server/", env!("CARGO_PKG_VERSION"));

/// How long the alarm of a canary that fails at the start may take to reach the record.
const ALARM_LIMIT: Duration = Duration::from_secs(5);

/// A server that listens and whatever must end after it.
pub(crate) struct Started {
    pub(crate) server: RunningServer,
    pub(crate) metrics: Option<RunningServer>,
    pub(crate) canary: Canary,
    pub(crate) record: RecordWatch,
    pub(crate) revocations: RevocationWatch,
    pub(crate) keeper: Keeper,
    pub(crate) refusals: AuditSink,
}

pub(crate) async fn start(config: &Config) -> anyhow::Result<Started> {
    let vaults = vaults(config)?;
    let keys = vaults.key("keys.kek", &config.keys.kek)?;
    let (pool, own_pool) = connect(config, &vaults).await?;
    check_entry(config, &pool).await?;
    let list = Arc::new(Revocations::new(Arc::new(SystemClock), config.authn.revocation_limit()));
    let revocations = RevocationWatch::new(own_pool.clone(), Arc::clone(&list));
    revocations.read().await.context("the list of ended sessions")?;
    let ended = EndedSessions::Listed(list);
    let identity = BearerVerifier::start(config.issuers.clone(), ended, config.authn.options())
        .await
        .context("the issuers")?;
    let identity = Arc::new(identity);
    let engine = CasbinEngine::shipped().await.context("the policy")?;
    let permissions = PolicyTable::compile(&engine).context("the policy")?;

    let refusals = AuditLog::new(own_pool.clone()).with_service(SERVICE).sink();
    vaults.secrets.report_to(Arc::new(refusals.clone()));
    let keeper = Keeper::open(config, &vaults, Arc::clone(&keys)).await?;
    let metrics = metrics(&refusals);
    let health = Arc::new(RecordHealth::default());
    let record = RecordWatch {
        pool: own_pool.clone(),
        metrics: Arc::clone(&metrics),
        health: Arc::clone(&health),
    };
    let canary = Canary::new(
        Box::new(own_pool),
        Duration::from_secs(config.isolation.canary_interval_s),
        Arc::clone(&metrics),
        Arc::new(refusals.clone()),
    );
    first_look(&canary, &refusals).await?;
    let audit = AuditLog::new(pool.clone()).with_service(SERVICE);
    let crm_options = CrmOptions {
        key_stores: vaults.keys.clone(),
        ..CrmOptions::default()
    };
    let crm = Crm::with_options(audit.clone(), Arc::clone(&keys), crm_options);
    let masking = Masking::new(crm.clone(), config.masking.options()).context("masking")?;
    let payload_keys = PayloadKeys::new(Arc::clone(&keys), CacheOptions::default());
    let staff = pool.clone();
    let assignments = KnownAssignments::new(pool.clone(), config.access.remembered());
    let sign_out: Arc<dyn SignOut> = Arc::new(ProvidersSignOut {
        verifier: Arc::clone(&identity),
        pool: pool.clone(),
        lasting: config.authn.longest_life(),
        added: Arc::clone(&revocations.added),
    });
    let sessions = match &config.login {
        Some(login) => Some(
            sessions(login, config, (&pool, &vaults), &identity)
                .await
                .context("the sign-in")?,
        ),
        None => None,
    };
    let webhooks = webhooks(config, (&pool, &vaults), &keys)?;
    let tenant_connectors = tenant_connectors(config, &pool, &payload_keys)?;
    let probe = Probe {
        pool,
        keys,
        sample: DataKey::generate()?,
        isolation: canary.isolation(),
        record: health,
        profile: config.isolation.profile,
    };
    let services = Services {
        identity: Arc::clone(&identity) as Arc<dyn IdentityProvider>,
        permissions: Arc::new(permissions),
        events: Arc::new(refusals.clone()),
        staff: Arc::new(staff),
        assignments: Arc::new(assignments),
        readiness: Arc::new(probe),
        ids: Arc::new(SystemIds),
        keep_proof: config.isolation.profile == IsolationProfile::SplitKey,
        sessions,
        strong_for_phi: config.authn.strong_for_phi,
        proxies: TrustedProxies::new(&config.server.trusted_proxies),
    };
    let limits = Limits {
        deadline: Duration::from_secs(config.server.request_timeout_s),
        rates: config.rates.into(),
        ..Limits::default()
    };
    let application = Application::new(app_routes()?, services, limits)
        .with(crm)
        .with(masking)
        .with(audit)
        .with(payload_keys)
        .with(sign_out)
        .with(webhooks)
        .with(tenant_connectors);
    let metrics = config
        .server
        .metrics_listen
        .map(|address| RunningServer::bind_metrics(metrics, address))
        .transpose()?;
    let server = RunningServer::bind(application, config.server.listen, &options(config))?;
    Ok(Started {
        server,
        metrics,
        canary,
        record,
        revocations,
        keeper,
        refusals,
    })
}

/// Sets every vault up, connects nothing, and refuses references that none of them could resolve.
// CONTROL: SEC-1
pub(crate) fn vaults(config: &Config) -> Result<Vaults, VaultsError> {
    let vaults = Vaults::open("bearingwall-server", &config.vaults)?;
    vaults.check(config.references())?;
    vaults.check_key("keys.kek", &config.keys.kek)?;
    Ok(vaults)
}

/// Before there is a socket: a server that can see across its tenants does not start, and why stands on the record.
async fn first_look(canary: &Canary, refusals: &AuditSink) -> Result<(), Breached> {
    let looked = canary.look().await;
    if looked.is_err() && tokio::time::timeout(ALARM_LIMIT, refusals.flush()).await.is_err() {
        tracing::error!("the canary's alarm was not written to the record in time");
    }
    looked
}

/// Connections for requests, and those of the server's own.
async fn connect(config: &Config, vaults: &Vaults) -> anyhow::Result<(TenantPool, TenantPool)> {
    let authority = authority(config, &vaults.secrets).await?;
    // CONTROL: TEN-5
    let pool_config = pool_config(config, vaults).await?;
    let own_config = PoolConfig {
        max_connections: OWN_CONNECTIONS,
        ..pool_config.clone()
    };
    let pool = TenantPool::connect(pool_config, authority.clone())
        .await
        .context("the database")?;
    // SECURITY: connections live on the thread that opened them. These belong to this thread, not to the threads that
    // serve requests, so that the last refusals can still be written when those have ended.
    let own_pool = TenantPool::connect(own_config, authority)
        .await
        .context("the database")?;
    Ok((pool, own_pool))
}

/// The way into tenants is tried now: a server that cannot enter any must not look ready.
async fn check_entry(config: &Config, pool: &TenantPool) -> anyhow::Result<()> {
    if config.isolation.profile == IsolationProfile::SplitKey {
        for issuer in &config.issuers {
            let (issuer, audience) = (issuer.issuer.clone(), issuer.audience.clone());
            if !issuer_ready(pool, issuer.clone(), audience)
                .await
                .context("the database")?
            {
                return Err(UnknownIssuer { issuer }.into());
            }
        }
    }
    if !record_ready(pool, config.isolation.profile)
        .await
        .context("entering the platform's tenant")?
    {
        tracing::error!("the record has no partition for this month: nothing can be read until one is made");
    }
    Ok(())
}

/// The sign-in of people in browsers.
async fn sessions(
    login: &LoginSettings,
    config: &Config,
    (pool, vaults): (&TenantPool, &Vaults),
    verifier: &Arc<BearerVerifier>,
) -> anyhow::Result<Arc<dyn Sessions>> {
    let secrets = &vaults.secrets;
    let client_secret = secrets.fetch(&login.client_secret).await?;
    let seal_key = secrets.fetch(&login.seal_key).await?;
    let issuer = config.issuers.iter().find(|issuer| issuer.issuer == login.issuer);
    let oidc = OidcConfig {
        issuer: login.issuer.clone(),
        client_id: login.client_id.clone(),
        client_secret: Sensitive::new(client_secret.utf8()?.to_owned()),
        redirect_uri: format!("{}/auth/callback", login.origin),
        algorithms: issuer.map(|issuer| issuer.algorithms.clone()).unwrap_or_default(),
        scopes: login.scopes.clone(),
        acr_values: login.acr_values.clone(),
        timeout: Duration::from_secs(5),
    };
    let sessions = BrowserSessions::new(Setup {
        oidc: OidcClient::discover(oidc).await?,
        issuer: login.issuer.clone(),
        origin: login.origin.clone(),
        verifier: Arc::clone(verifier),
        pool: pool.clone(),
        key: DataKey::from_bytes(seal_key.bytes())?,
        idle: Duration::from_secs(login.idle_s),
        absolute: Duration::from_secs(login.absolute_s),
    });
    Ok(Arc::new(sessions))
}

/// Endpoints for webhooks. Their secrets are written where the key-encryption key is kept.
fn webhooks(
    config: &Config,
    (pool, vaults): (&TenantPool, &Vaults),
    keys: &Arc<dyn KeyStore>,
) -> anyhow::Result<Webhooks> {
    let Some(settings) = &config.webhooks else {
        return Ok(Webhooks::default());
    };
    let vault = FileStore::open(config.keys.kek.store()).context("the vault of webhooks' secrets")?;
    Ok(Webhooks::new(Some(Inbox::new(InboxParts {
        pool: pool.clone(),
        secrets: Arc::new(vaults.secrets.clone()),
        vault: Arc::new(vault),
        keys: Arc::clone(keys),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        public_base: settings.public_url.clone(),
    }))))
}

/// Subscriptions and endpoints of tenants' own. Their secrets are written where the key-encryption key is kept; a vault that takes none
/// leaves the server without them.
fn tenant_connectors(config: &Config, pool: &TenantPool, keys: &PayloadKeys) -> anyhow::Result<TenantConnectors> {
    let kek = &config.keys.kek;
    if kek.scheme() != Scheme::SealedFile {
        return Ok(TenantConnectors::default());
    }
    let vault: Arc<dyn SecretWriter> =
        Arc::new(FileStore::open(kek.store()).context("the vault of connectors' secrets")?);
    let subscriptions = Subscriptions::new(SubscriptionsParts {
        pool: pool.clone(),
        vault: Arc::clone(&vault),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    });
    let endpoints = HttpEndpoints::new(HttpEndpointsParts {
        pool: pool.clone(),
        vault,
        keys: keys.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    });
    Ok(TenantConnectors::new(Some((subscriptions, endpoints))))
}

fn metrics(refusals: &AuditSink) -> Arc<Metrics> {
    let refusals = refusals.clone();
    Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), move || refusals.lost()))
}

/// Whose proof opens a tenant: with the split key nothing is fetched, for there is nothing.
// CONTROL: TEN-7
async fn authority(config: &Config, secrets: &CachingStore) -> anyhow::Result<Authority> {
    match config.isolation.profile {
        IsolationProfile::EnterKey => Ok(enter_key(config, secrets).await?.into()),
        IsolationProfile::SplitKey => Ok(Authority::SplitKey),
    }
}

async fn enter_key(config: &Config, secrets: &CachingStore) -> anyhow::Result<EnterKey> {
    let (Some(reference), Some(kid)) = (&config.tenancy.enter_key, config.tenancy.enter_kid) else {
        return Err(ConfigError::Refused {
            refusals: config.refused_by_isolation(),
        }
        .into());
    };
    let secret = secrets
        .fetch(reference)
        .await
        .with_context(|| format!("the secret `{reference}`"))?;
    EnterKey::new(kid, &Sensitive::new(secret.bytes().to_vec()))
        .with_context(|| format!("the secret `{reference}` is shorter than 32 bytes"))
}

async fn pool_config(config: &Config, vaults: &Vaults) -> anyhow::Result<PoolConfig> {
    let settings = &config.database;
    Ok(PoolConfig {
        max_connections: settings.max_connections,
        statement_timeout: Duration::from_millis(settings.statement_timeout_ms),
        accepted_version: settings.accept_version.clone(),
        pooler: settings.pooler.into(),
        ..vaults.pool_config(&settings.login(), settings.regions.clone()).await?
    })
}

fn options(config: &Config) -> ServerOptions {
    let defaults = ServerOptions::default();
    ServerOptions {
        workers: config.server.workers.unwrap_or(defaults.workers),
        shutdown: Duration::from_secs(config.server.shutdown_timeout_s),
        ..defaults
    }
}
