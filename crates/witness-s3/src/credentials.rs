//! As whom the bucket is used: the machine's own identity, or a key out of a vault, fetched anew before it grows old.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::Region;
use bearingwall_core::Sensitive;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// For how long a key out of the vault is used before it is fetched again: a rotation is followed within this time.
const KEY_HOLDS: Duration = Duration::from_mins(5);

/// An access key.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its id.
    pub id: Sensitive<String>,
    /// Its secret.
    pub secret: Sensitive<String>,
}

/// An access key that is on its way.
type Fetched = Pin<Box<dyn Future<Output = Result<AccessKey, Box<dyn Error + Send + Sync>>> + Send>>;

/// As whom the bucket is used.
#[derive(Clone)]
pub enum Identity {
    /// As the machine: its projected web identity token (IRSA), its task's role or its instance's. Nothing is read from
    /// variables that hold a credential, or from files of a person.
    Machine,
    /// With an access key, which is fetched whenever it is needed and older than five minutes.
    Key(Arc<dyn Fn() -> Fetched + Send + Sync>),
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "Machine",
            Self::Key(_) => "Key",
        })
    }
}

impl Identity {
    pub(crate) fn provider(self, region: &str) -> SharedCredentialsProvider {
        match self {
            Self::Machine => {
                let config = ProviderConfig::without_region().with_region(Some(Region::new(region.to_owned())));
                let web = WebIdentityTokenCredentialsProvider::builder()
                    .configure(&config)
                    .build();
                let task = EcsCredentialsProvider::builder().configure(&config).build();
                let instance = ImdsCredentialsProvider::builder().configure(&config).build();
                SharedCredentialsProvider::new(
                    CredentialsProviderChain::first_try("web identity", web)
                        .or_else("task role", task)
                        .or_else("instance role", instance),
                )
            }
            Self::Key(fetch) => SharedCredentialsProvider::new(FromVault(fetch)),
        }
    }
}

struct FromVault(Arc<dyn Fn() -> Fetched + Send + Sync>);

impl fmt::Debug for FromVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromVault")
    }
}

impl ProvideCredentials for FromVault {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

impl FromVault {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the key is handed to what signs with it"
    )]
    async fn credentials(&self) -> provider::Result {
        let key = (self.0)().await.map_err(CredentialsError::provider_error)?;
        Ok(Credentials::new(
            key.id.expose(),
            key.secret.expose(),
            None,
            Some(SystemTime::now() + KEY_HOLDS),
            "vault",
        ))
    }
}
