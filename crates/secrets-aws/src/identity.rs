//! As whom the services are used: only identities that the platform vouches for, each built here and named.
//!
//! The SDK's default chain is never asked: it would take access keys from environment variables and from files of a person.

use crate::timeouts;
use aws_config::BehaviorVersion;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::config::{Builder, Region};
use std::path::PathBuf;
use std::time::SystemTime;
use url::Url;

/// As whom the services are used.
#[derive(Clone, Debug)]
pub enum Identity {
    /// As the role that a projected web identity token of the platform may take (IRSA on EKS, and OIDC federation in general).
    Web(WebIdentity),
    /// As the machine: its task's role (ECS, EKS Pod Identity) or its instance's (EC2).
    Machine,
}

/// Which role, and where the token is that may take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The role, as `arn:aws:iam::111122223333:role/bearingwall`.
    pub role_arn: String,
    /// The file that the platform puts the token into and replaces before it expires. It is read anew each time.
    pub token_file: PathBuf,
    /// How the record of the account names the session.
    pub session_name: String,
}

impl Identity {
    pub(crate) fn provider(&self, region: &str, endpoint: Option<&Url>) -> SharedCredentialsProvider {
        match self {
            Self::Web(web) => SharedCredentialsProvider::new(AssumedRole::new(web.clone(), region, endpoint)),
            Self::Machine => {
                let config = ProviderConfig::without_region().with_region(Some(Region::new(region.to_owned())));
                let task = EcsCredentialsProvider::builder().configure(&config).build();
                let instance = ImdsCredentialsProvider::builder().configure(&config).build();
                SharedCredentialsProvider::new(
                    CredentialsProviderChain::first_try("task role", task).or_else("instance role", instance),
                )
            }
        }
    }
}

/// The role's temporary credentials, for which the token is exchanged. The SDK keeps them until shortly before they expire.
#[derive(Debug)]
struct AssumedRole {
    web: WebIdentity,
    client: aws_sdk_sts::Client,
}

impl AssumedRole {
    fn new(web: WebIdentity, region: &str, endpoint: Option<&Url>) -> Self {
        let mut config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .timeout_config(timeouts());
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint.as_str());
        }
        Self {
            web,
            client: aws_sdk_sts::Client::from_conf(config.build()),
        }
    }

    // CONTROL: SEC-3
    async fn credentials(&self) -> provider::Result {
        let file = self.web.token_file.clone();
        let token = std::fs::read_to_string(file).map_err(CredentialsError::not_loaded)?;
        let assumed = self
            .client
            .assume_role_with_web_identity()
            .role_arn(&self.web.role_arn)
            .role_session_name(&self.web.session_name)
            .web_identity_token(token.trim())
            .send()
            .await
            .map_err(CredentialsError::provider_error)?;
        let given = assumed
            .credentials
            .ok_or_else(|| CredentialsError::unhandled("the answer holds no credentials"))?;
        let expires = SystemTime::try_from(given.expiration).map_err(CredentialsError::unhandled)?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(expires),
            "web identity",
        ))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
