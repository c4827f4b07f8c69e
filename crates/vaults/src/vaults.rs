//! The adapters that are part of this program, set up as its configuration says.

use crate::settings::VaultSettings;
#[cfg(feature = "aws")]
use crate::settings::{AwsIdentity, AwsSettings};
#[cfg(feature = "azure")]
use crate::settings::{AzureIdentity, AzureSettings};
use bearingwall_core::{Classified, ErrorKind, EventSink};
use bearingwall_secrets::{
    CachingStore, KeyError, KeyStore, KeyStores, Scheme, SealedFileKeys, SealedFiles, SecretError, SecretRef,
    SecretStores,
};
use std::fmt;
use std::sync::Arc;

/// Which setting is meant, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultsError {
    /// A vault cannot be set up, or none could resolve a reference.
    #[error("`{setting}`")]
    Secret {
        /// The setting.
        setting: &'static str,
        /// What is wrong.
        #[source]
        source: SecretError,
    },
    /// No adapter could open a key.
    #[error("`{setting}`")]
    Key {
        /// The setting.
        setting: &'static str,
        /// What is wrong.
        #[source]
        source: KeyError,
    },
}

impl Classified for VaultsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Secret { source, .. } => source.kind(),
            Self::Key { source, .. } => source.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Secret { source, .. } => source.code(),
            Self::Key { source, .. } => source.code(),
        }
    }
}

/// Where a program's secrets and key-encryption keys come from, and as whom it asks for them. Cloning shares what is remembered.
#[derive(Clone)]
pub struct Vaults {
    /// Secrets, remembered for a bounded time.
    pub secrets: CachingStore,
    /// Key-encryption keys.
    pub keys: KeyStores,
    stores: SecretStores,
    #[cfg(feature = "aws")]
    pub(crate) aws: Option<bearingwall_secrets_aws::Aws>,
    #[cfg(feature = "azure")]
    pub(crate) azure: Option<bearingwall_secrets_azure::Azure>,
}

impl Vaults {
    /// Sets every adapter up and connects nothing. `program` is how the record of a cloud account names the session.
    ///
    /// # Errors
    /// [`VaultsError`] for a vault whose settings cannot be used, or whose adapter is not part of this program.
    // CONTROL: SEC-3
    pub fn open(program: &str, settings: &VaultSettings) -> Result<Self, VaultsError> {
        let secrets = SecretStores::new().with(Scheme::SealedFile, Arc::new(SealedFiles));
        let keys = KeyStores::new().with(Scheme::SealedFile, Arc::new(SealedFileKeys));
        #[cfg(feature = "aws")]
        let aws = (settings.aws.as_ref())
            .map(|settings| aws(program, settings))
            .transpose()
            .map_err(|source| VaultsError::Secret {
                setting: "vaults.aws",
                source,
            })?;
        #[cfg(feature = "aws")]
        let (secrets, keys) = match &aws {
            Some(aws) => with_aws(aws, secrets, keys),
            None => (secrets, keys),
        };
        #[cfg(not(feature = "aws"))]
        not_built_in("vaults.aws", Scheme::AwsSecretsManager, settings.aws.is_some())?;
        #[cfg(feature = "azure")]
        let azure = (settings.azure.as_ref())
            .map(azure)
            .transpose()
            .map_err(|source| VaultsError::Secret {
                setting: "vaults.azure",
                source,
            })?;
        #[cfg(feature = "azure")]
        let (secrets, keys) = match &azure {
            Some(azure) => with_azure(azure, secrets, keys),
            None => (secrets, keys),
        };
        #[cfg(not(feature = "azure"))]
        not_built_in("vaults.azure", Scheme::AzureKeyVault, settings.azure.is_some())?;
        #[cfg(not(feature = "aws"))]
        let _ = program;
        Ok(Self {
            secrets: CachingStore::new(Arc::new(secrets.clone()), settings.cache.options()),
            keys,
            stores: secrets,
            #[cfg(feature = "aws")]
            aws,
            #[cfg(feature = "azure")]
            azure,
        })
    }

    /// Refuses references that no adapter here could resolve, each named by the setting that holds it.
    ///
    /// # Errors
    /// [`VaultsError::Secret`] for the first of them.
    // CONTROL: SEC-1
    pub fn check<'r>(
        &self,
        references: impl IntoIterator<Item = (&'static str, &'r SecretRef)>,
    ) -> Result<(), VaultsError> {
        for (setting, reference) in references {
            self.stores
                .check(reference)
                .map_err(|source| VaultsError::Secret { setting, source })?;
        }
        Ok(())
    }

    /// Refuses a key-encryption key that no adapter here could open.
    ///
    /// # Errors
    /// [`VaultsError::Key`].
    pub fn check_key(&self, setting: &'static str, reference: &SecretRef) -> Result<(), VaultsError> {
        self.keys
            .check(reference)
            .map_err(|source| VaultsError::Key { setting, source })
    }

    /// The key-encryption key that a setting names.
    ///
    /// # Errors
    /// [`VaultsError::Key`].
    pub fn key(&self, setting: &'static str, reference: &SecretRef) -> Result<Arc<dyn KeyStore>, VaultsError> {
        self.keys
            .open(reference)
            .map_err(|source| VaultsError::Key { setting, source })
    }

    /// Reports reads of the vaults here from now on, and those of before that have waited.
    // CONTROL: SEC-4
    pub fn report_to(&self, sink: Arc<dyn EventSink>) {
        self.secrets.report_to(sink);
    }
}

impl fmt::Debug for Vaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vaults")
            .field("stores", &self.stores)
            .finish_non_exhaustive()
    }
}

#[cfg(not(all(feature = "aws", feature = "azure")))]
fn not_built_in(setting: &'static str, scheme: Scheme, is_set: bool) -> Result<(), VaultsError> {
    if is_set {
        let source = SecretError::NoAdapter { scheme };
        return Err(VaultsError::Secret { setting, source });
    }
    Ok(())
}

/// A setting without which this identity is none.
#[cfg(any(feature = "aws", feature = "azure"))]
fn needed<T: Clone>(setting: Option<&T>, what: &'static str) -> Result<T, SecretError> {
    setting.cloned().ok_or(SecretError::Setting { what })
}

#[cfg(feature = "aws")]
fn aws(program: &str, settings: &AwsSettings) -> Result<bearingwall_secrets_aws::Aws, SecretError> {
    use bearingwall_secrets_aws::{Aws, Identity, WebIdentity};
    let identity = match settings.identity {
        AwsIdentity::Machine => Identity::Machine,
        AwsIdentity::WebIdentity => Identity::Web(WebIdentity {
            role_arn: needed(settings.role_arn.as_ref(), "web identity needs `role_arn`")?,
            token_file: needed(settings.token_file.as_ref(), "web identity needs `token_file`")?,
            session_name: program.to_owned(),
        }),
    };
    let aws = Aws::new(identity);
    Ok(match &settings.endpoint {
        Some(endpoint) => aws.at(endpoint.clone()),
        None => aws,
    })
}

#[cfg(feature = "aws")]
fn with_aws(aws: &bearingwall_secrets_aws::Aws, secrets: SecretStores, keys: KeyStores) -> (SecretStores, KeyStores) {
    use bearingwall_secrets_aws::{KmsKeys, SecretsManager};
    (
        secrets.with(Scheme::AwsSecretsManager, Arc::new(SecretsManager::new(aws.clone()))),
        keys.with(Scheme::AwsKms, Arc::new(KmsKeys::new(aws.clone()))),
    )
}

#[cfg(feature = "azure")]
fn azure(settings: &AzureSettings) -> Result<bearingwall_secrets_azure::Azure, SecretError> {
    use bearingwall_secrets_azure::{Azure, AzureOptions, Identity, ManagedIdentity, WorkloadIdentity};
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
    Azure::new(
        identity,
        AzureOptions {
            suffix: settings.suffix.clone(),
            port: settings.port,
            roots_pem,
            addresses: settings.addresses.clone(),
        },
    )
}

#[cfg(feature = "azure")]
fn with_azure(
    azure: &bearingwall_secrets_azure::Azure,
    secrets: SecretStores,
    keys: KeyStores,
) -> (SecretStores, KeyStores) {
    use bearingwall_secrets_azure::{VaultKeys, VaultSecrets};
    (
        secrets.with(Scheme::AzureKeyVault, Arc::new(VaultSecrets::new(azure.clone()))),
        keys.with(Scheme::AzureKeyVault, Arc::new(VaultKeys::new(azure.clone()))),
    )
}
