//! `[vaults]`: the vaults that references point to, and as whom they are asked.

use bearingwall_secrets::CachingOptions;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// `[vaults]`: the vaults that references point to. Sealed file stores need no setting.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VaultSettings {
    /// How long secrets are remembered.
    pub cache: CacheSettings,
    /// Azure Key Vault: `azure-kv://vault/name`.
    pub azure: Option<AzureSettings>,
    /// AWS Secrets Manager and KMS: `aws-sm://region/name`, `aws-kms://region/key`.
    pub aws: Option<AwsSettings>,
}

/// `[vaults.cache]`: how long secrets are remembered.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSettings {
    /// How long a secret is used before it is read again, in seconds.
    pub ttl_s: u64,
    /// How long before that it is read again in the background, in seconds.
    pub refresh_ahead_s: u64,
    /// How much longer it is used while its vault is away, in seconds.
    pub stale_max_s: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        let options = CachingOptions::default();
        Self {
            ttl_s: options.time_to_live.as_secs(),
            refresh_ahead_s: options.refresh_ahead.as_secs(),
            stale_max_s: options.stale_max.as_secs(),
        }
    }
}

impl CacheSettings {
    /// The same for the store.
    #[must_use]
    pub fn options(self) -> CachingOptions {
        CachingOptions {
            time_to_live: Duration::from_secs(self.ttl_s),
            refresh_ahead: Duration::from_secs(self.refresh_ahead_s),
            stale_max: Duration::from_secs(self.stale_max_s),
            ..CachingOptions::default()
        }
    }

    /// A withdrawn secret must be gone within the hour, and an outage must not hide that for longer than a day's quarter.
    #[must_use]
    pub fn is_usable(self) -> bool {
        (1..=3_600).contains(&self.ttl_s) && self.refresh_ahead_s < self.ttl_s && self.stale_max_s <= 21_600
    }
}

/// `[vaults.azure]`: where vaults are, and as whom they are asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureSettings {
    /// As whom.
    pub identity: AzureIdentity,
    /// Who gives tokens out.
    #[serde(default = "default_authority")]
    pub authority: Option<Url>,
    /// The directory of the application (workload identity).
    #[serde(default)]
    pub tenant: Option<String>,
    /// The application; or the identity, where the machine has more than one.
    #[serde(default)]
    pub client: Option<String>,
    /// The file that the platform projects its token into (workload identity).
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// What follows on a vault's name.
    #[serde(default = "default_suffix")]
    pub suffix: String,
    /// The port of vaults.
    #[serde(default = "default_port")]
    pub port: u16,
    /// PEM file with the authorities that sign for vaults, instead of the machine's own.
    #[serde(default)]
    pub root_file: Option<PathBuf>,
    /// Addresses of hosts that the machine's name service does not know.
    #[serde(default)]
    pub addresses: BTreeMap<String, SocketAddr>,
}

/// As whom a vault of Azure is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AzureIdentity {
    /// An application that trusts the platform's tokens.
    Workload,
    /// The machine's identity.
    Managed,
}

/// `[vaults.aws]`: as whom Secrets Manager and KMS are asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsSettings {
    /// As whom.
    pub identity: AwsIdentity,
    /// The role that the platform's token may take (web identity).
    #[serde(default)]
    pub role_arn: Option<String>,
    /// The file that the platform projects its token into (web identity).
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Another address than the services' own.
    #[serde(default)]
    pub endpoint: Option<Url>,
}

/// As whom AWS is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwsIdentity {
    /// A role that the platform's token may take.
    WebIdentity,
    /// The task's role, or the instance's.
    Machine,
}

fn default_authority() -> Option<Url> {
    Url::parse("https://login.microsoftonline.com").ok()
}

fn default_suffix() -> String {
    "vault.azure.net".to_owned()
}

const fn default_port() -> u16 {
    443
}
