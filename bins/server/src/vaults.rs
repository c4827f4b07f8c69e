//! The adapters that are part of this program, set up as the configuration says.

use crate::config::Config;
#[cfg(feature = "aws")]
use crate::config::{AwsIdentity, AwsSettings};
#[cfg(feature = "azure")]
use crate::config::{AzureIdentity, AzureSettings};
use anyhow::Context as _;
use bearingwall_authn::BoxFuture;
use bearingwall_core::Sensitive;
use bearingwall_secrets::{
    CachingStore, KeyStores, Scheme, SealedFileKeys, SealedFiles, SecretError, SecretRef, SecretStore as _,
    SecretStores,
};
use bearingwall_tenancy::{Login, LoginFailure, LoginToken};
use std::sync::{Arc, Mutex, PoisonError};

/// Where secrets and key-encryption keys come from.
pub(crate) struct Vaults {
    pub(crate) secrets: CachingStore,
    pub(crate) keys: KeyStores,
}

/// Sets every adapter up, connects nothing, and refuses references that none of them could resolve.
// CONTROL: SEC-1
pub(crate) fn open(config: &Config) -> anyhow::Result<Vaults> {
    let mut secrets = SecretStores::new().with(Scheme::SealedFile, Arc::new(SealedFiles));
    let mut keys = KeyStores::new().with(Scheme::SealedFile, Arc::new(SealedFileKeys));
    if let Some(settings) = &config.vaults.aws {
        (secrets, keys) = aws(settings, secrets, keys).context("`vaults.aws`")?;
    }
    if let Some(settings) = &config.vaults.azure {
        (secrets, keys) = azure(settings, secrets, keys).context("`vaults.azure`")?;
    }
    for (setting, reference) in config.references() {
        secrets.check(reference).with_context(|| format!("`{setting}`"))?;
    }
    keys.check(&config.keys.kek).context("`keys.kek`")?;
    Ok(Vaults {
        secrets: CachingStore::new(Arc::new(secrets), config.vaults.cache.options()),
        keys,
    })
}

/// The password of a database login as its vault has it now: read again when the database refuses the one that is known.
pub(crate) struct PasswordInVault {
    secrets: CachingStore,
    reference: SecretRef,
    shown: Mutex<Option<String>>,
}

impl PasswordInVault {
    pub(crate) fn login(secrets: &CachingStore, reference: &SecretRef) -> Login {
        Login::new(Arc::new(Self {
            secrets: secrets.clone(),
            reference: reference.clone(),
            shown: Mutex::new(None),
        }))
    }
}

impl LoginToken for PasswordInVault {
    fn fetch(&self) -> BoxFuture<'_, Result<Sensitive<String>, LoginFailure>> {
        Box::pin(async move {
            let secret = self.secrets.fetch(&self.reference).await?;
            let password = Sensitive::new(secret.utf8()?.to_owned());
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret.version().to_owned());
            Ok(password)
        })
    }

    fn refused(&self) -> bool {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Worth another try whoever has read it again in the meantime.
        shown.is_some_and(|version| {
            let _ = self.secrets.rejected(&self.reference, &version);
            true
        })
    }
}

/// A setting without which this identity is none.
#[cfg(any(feature = "aws", feature = "azure"))]
fn needed<T: Clone>(setting: Option<&T>, what: &'static str) -> Result<T, SecretError> {
    setting.cloned().ok_or(SecretError::Setting { what })
}

#[cfg(feature = "aws")]
fn aws(
    settings: &AwsSettings,
    secrets: SecretStores,
    keys: KeyStores,
) -> Result<(SecretStores, KeyStores), SecretError> {
    use bearingwall_secrets_aws::{Aws, Identity, KmsKeys, SecretsManager, WebIdentity};
    let identity = match settings.identity {
        AwsIdentity::Machine => Identity::Machine,
        AwsIdentity::WebIdentity => Identity::Web(WebIdentity {
            role_arn: needed(settings.role_arn.as_ref(), "web identity needs `role_arn`")?,
            token_file: needed(settings.token_file.as_ref(), "web identity needs `token_file`")?,
            session_name: "bearingwall-server".to_owned(),
        }),
    };
    let mut aws = Aws::new(identity);
    if let Some(endpoint) = &settings.endpoint {
        aws = aws.at(endpoint.clone());
    }
    Ok((
        secrets.with(Scheme::AwsSecretsManager, Arc::new(SecretsManager::new(aws.clone()))),
        keys.with(Scheme::AwsKms, Arc::new(KmsKeys::new(aws))),
    ))
}

#[cfg(not(feature = "aws"))]
fn aws<S>(_: &S, _: SecretStores, _: KeyStores) -> Result<(SecretStores, KeyStores), SecretError> {
    Err(SecretError::NoAdapter {
        scheme: Scheme::AwsSecretsManager,
    })
}

#[cfg(feature = "azure")]
fn azure(
    settings: &AzureSettings,
    secrets: SecretStores,
    keys: KeyStores,
) -> Result<(SecretStores, KeyStores), SecretError> {
    use bearingwall_secrets_azure::{
        Azure, AzureOptions, Identity, ManagedIdentity, VaultKeys, VaultSecrets, WorkloadIdentity,
    };
    let identity = match settings.identity {
        AzureIdentity::Managed => Identity::Managed(ManagedIdentity {
            client: settings.client.clone(),
            ..ManagedIdentity::system()?
        }),
        AzureIdentity::Workload => Identity::Workload(WorkloadIdentity {
            authority: needed(settings.authority.as_ref(), "workload identity needs `authority`")?,
            tenant: needed(settings.tenant.as_ref(), "workload identity needs `tenant`")?,
            client: needed(settings.client.as_ref(), "workload identity needs `client`")?,
            token_file: needed(settings.token_file.as_ref(), "workload identity needs `token_file`")?,
        }),
    };
    let roots_pem = match &settings.root_file {
        Some(file) => Some(std::fs::read(file).map_err(|source| SecretError::Io {
            action: "read",
            path: file.clone(),
            source,
        })?),
        None => None,
    };
    let azure = Azure::new(
        identity,
        AzureOptions {
            suffix: settings.suffix.clone(),
            port: settings.port,
            roots_pem,
            addresses: settings.addresses.clone(),
        },
    )?;
    Ok((
        secrets.with(Scheme::AzureKeyVault, Arc::new(VaultSecrets::new(azure.clone()))),
        keys.with(Scheme::AzureKeyVault, Arc::new(VaultKeys::new(azure))),
    ))
}

#[cfg(not(feature = "azure"))]
fn azure<S>(_: &S, _: SecretStores, _: KeyStores) -> Result<(SecretStores, KeyStores), SecretError> {
    Err(SecretError::NoAdapter {
        scheme: Scheme::AzureKeyVault,
    })
}
