//! The ways out to systems that tenants name: their settings, and what serves them.

use crate::{Config, ConfigError};
use bearingwall_connectors::Catalogue;
use bearingwall_connectors::egress::{Egress, EgressOptions, Limits, Method, Networks, SystemResolver};
use bearingwall_connectors::endpoints::{HttpsDestination, HttpsParts};
use bearingwall_connectors::subscriptions::{WebhookDestination, WebhookParts};
use bearingwall_core::SystemClock;
use bearingwall_outbox::Destination;
use bearingwall_secrets::SecretStore;
use ipnet::IpNet;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// `[egress]`: the one way out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressSettings {
    /// How long one exchange may take, in seconds: 1 to 60. A lease must last ten seconds longer.
    pub timeout_s: u64,
    /// The longest body that is sent and that is read, in bytes: 1024 to 16777216.
    pub body_bytes: usize,
    /// Networks that are not public and may be reached all the same, as `10.1.0.0/16`.
    pub networks: Vec<String>,
    /// Files with one certificate of an authority each (PEM), trusted beside the system's.
    pub authorities: Vec<PathBuf>,
    /// A proxy through which everything goes, as `http://proxy.internal:3128`. It resolves names then, and refusing addresses that
    /// are not public is its to do.
    pub proxy: Option<String>,
    /// What notices to subscriptions may reach.
    pub webhook: ReachSettings,
    /// What approved requests to tenants' own endpoints may reach.
    pub https: ReachSettings,
}

impl Default for EgressSettings {
    fn default() -> Self {
        Self {
            timeout_s: 15,
            body_bytes: 1024 * 1024,
            networks: Vec::new(),
            authorities: Vec::new(),
            proxy: None,
            webhook: ReachSettings::default(),
            https: ReachSettings::default(),
        }
    }
}

/// What one connector may reach. Nothing, if nothing is said.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReachSettings {
    /// Hosts by their names, as `hooks.example.org` or `hooks.example.org:8443`.
    pub hosts: Vec<String>,
    /// Whether a tenant may name any host whose addresses are public, at one of `public_ports`.
    pub any_public_host: bool,
    /// The ports for that.
    pub public_ports: Vec<u16>,
}

impl Default for ReachSettings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            any_public_host: false,
            public_ports: vec![443],
        }
    }
}

impl ReachSettings {
    fn catalogue(&self, field: &'static str, methods: &[Method]) -> Result<Catalogue, ConfigError> {
        let ports: &[u16] = if self.any_public_host { &self.public_ports } else { &[] };
        Catalogue::new(&self.hosts, ports, methods).map_err(|_| ConfigError::Refused {
            field,
            reason: "names a host that is not written as an address holds it",
        })
    }
}

impl EgressSettings {
    fn egress(&self) -> Result<Egress, ConfigError> {
        let refused = |field, reason| ConfigError::Refused { field, reason };
        if !(1..=60).contains(&self.timeout_s) {
            return Err(refused("egress.timeout_s", "is not between 1 and 60"));
        }
        if !(1_024..=16 * 1024 * 1024).contains(&self.body_bytes) {
            return Err(refused("egress.body_bytes", "is not between 1024 and 16777216"));
        }
        let networks: Result<Vec<IpNet>, _> = self.networks.iter().map(|text| text.parse()).collect();
        let networks = networks.map_err(|_| refused("egress.networks", "names what is no network"))?;
        let authorities: Result<Vec<Vec<u8>>, _> = self.authorities.iter().map(std::fs::read).collect();
        let authorities = authorities.map_err(|_| refused("egress.authorities", "names a file that cannot be read"))?;
        let proxy: Option<Result<Url, _>> = self.proxy.as_deref().map(str::parse);
        let proxy = proxy
            .transpose()
            .map_err(|_| refused("egress.proxy", "is no address"))?;
        let options = EgressOptions {
            limits: Limits {
                total: Duration::from_secs(self.timeout_s),
                request_bytes: self.body_bytes,
                answer_bytes: self.body_bytes,
                ..Limits::default()
            },
            networks: Networks::with(networks),
            authorities,
            proxy,
        };
        Egress::new(options, Arc::new(SystemResolver))
            .map_err(|_| refused("egress", "has an authority or a proxy that cannot be used"))
    }
}

/// What serves the systems that tenants name; nothing without `[egress]`.
// CONTROL: CON-7
pub(crate) fn destinations(
    config: &Config,
    secrets: Arc<dyn SecretStore>,
) -> Result<Vec<Arc<dyn Destination>>, ConfigError> {
    let Some(settings) = &config.egress else {
        return Ok(Vec::new());
    };
    let egress = settings.egress()?;
    let deadline = Duration::from_secs(settings.timeout_s);
    let webhooks = WebhookDestination::new(WebhookParts {
        egress: egress.clone(),
        secrets: Arc::clone(&secrets),
        catalogue: settings.webhook.catalogue("egress.webhook.hosts", &[Method::Post])?,
        deadline,
        clock: Arc::new(SystemClock),
    });
    let requests = HttpsDestination::all(&HttpsParts {
        egress,
        secrets,
        catalogue: settings.https.catalogue("egress.https.hosts", &Method::ALL)?,
        deadline,
        clock: Arc::new(SystemClock),
    });
    let requests = requests.into_iter().map(|one| Arc::new(one) as Arc<dyn Destination>);
    Ok(requests.chain([Arc::new(webhooks) as Arc<dyn Destination>]).collect())
}
