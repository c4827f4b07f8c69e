//! As whom vaults are used: a workload identity, whose token the platform projects into a file, or a managed identity.

use bearingwall_core::Sensitive;
use bearingwall_secrets::SecretError;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

/// A token that ends sooner than this is replaced before it is used.
const REPLACED_BEFORE: Duration = Duration::from_secs(300);

/// An answer with a token has some kilobytes.
const ANSWER_MAX_BYTES: usize = 65_536;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// As whom vaults are used.
#[derive(Clone, Debug)]
pub enum Identity {
    /// As an application that trusts the tokens of a cluster (workload identity federation).
    Workload(WorkloadIdentity),
    /// As the identity that the platform has given to the machine.
    Managed(ManagedIdentity),
}

/// Which application, of which directory, and where the token is that vouches for this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadIdentity {
    /// Who gives tokens out, as `https://login.microsoftonline.com`.
    pub authority: Url,
    /// The directory (tenant) of the application.
    pub tenant: String,
    /// The application (client).
    pub client: String,
    /// The file that the platform puts the token into and replaces before it expires. It is read anew for each exchange.
    pub token_file: PathBuf,
}

/// Which identity of the machine, and where its tokens are given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedIdentity {
    /// The identity, where the machine has more than one.
    pub client: Option<String>,
    /// The machine's own metadata service. Plain HTTP is right here: the address is link-local, and nobody routes it.
    pub endpoint: Url,
}

impl ManagedIdentity {
    /// The address that every virtual machine has.
    ///
    /// # Errors
    ///
    /// None: the address is a constant.
    pub fn system() -> Result<Self, SecretError> {
        let endpoint = Url::parse("http://169.254.169.254/metadata/identity/oauth2/token");
        Ok(Self {
            client: None,
            endpoint: endpoint.map_err(|_| SecretError::Setting { what: "its address" })?,
        })
    }
}

impl WorkloadIdentity {
    /// `authority/tenant`, as a vault's challenge names it.
    pub(crate) fn authority(&self) -> Result<Url, SecretError> {
        let setting = SecretError::Setting {
            what: "the authority and tenant make no address",
        };
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if self.authority.scheme() != "https" || !plain(&self.tenant) {
            return Err(setting);
        }
        self.authority.join(&format!("/{}", self.tenant)).map_err(|_| setting)
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds; a number from one service, its digits from the other.
    expires_in: serde_json::Value,
}

struct Kept {
    token: Sensitive<String>,
    replaced_at: Instant,
    expires_at: Instant,
}

/// Tokens by scope. Of those who need one at the same time, one asks.
pub(crate) struct Tokens {
    identity: Identity,
    authority: Option<Url>,
    client: Client,
    metadata: Client,
    kept: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Kept>>>>>,
}

impl Tokens {
    pub(crate) fn new(identity: Identity, client: Client) -> Result<Self, SecretError> {
        let authority = match &identity {
            Identity::Workload(workload) => Some(workload.authority()?),
            Identity::Managed(managed) => {
                check_metadata(&managed.endpoint)?;
                None
            }
        };
        Ok(Self {
            identity,
            authority,
            client,
            metadata: crate::vault::metadata_client()?,
            kept: Mutex::new(HashMap::new()),
        })
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The authority that a challenge must name, where we have one.
    pub(crate) const fn authority(&self) -> Option<&Url> {
        self.authority.as_ref()
    }

    // CONTROL: SEC-3
    pub(crate) async fn token(&self, scope: &str) -> Result<Sensitive<String>, SecretError> {
        let place = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.entry(scope.to_owned()).or_default())
        };
        let mut place = place.lock().await;
        let now = Instant::now();
        if let Some(kept) = place.as_ref().filter(|kept| kept.replaced_at > now) {
            return Ok(kept.token.clone());
        }
        match self.request(scope).await {
            Ok(fresh) => {
                let token = fresh.token.clone();
                *place = Some(fresh);
                Ok(token)
            }
            // The old one is good for some minutes more: that is why it is replaced early.
            Err(error) => match place.as_ref().filter(|kept| kept.expires_at > now && error.is_outage()) {
                Some(kept) => Ok(kept.token.clone()),
                None => Err(error),
            },
        }
    }

    /// Forgets the token of a scope that a service has refused.
    pub(crate) fn forget(&self, scope: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }

    async fn request(&self, scope: &str) -> Result<Kept, SecretError> {
        let asked_at = Instant::now();
        let mut granted = match &self.identity {
            Identity::Workload(workload) => self.exchange(workload, scope).await?,
            Identity::Managed(managed) => self.ask_machine(managed, scope).await?,
        };
        let lasts = granted
            .expires_in
            .as_u64()
            .or_else(|| granted.expires_in.as_str().and_then(|digits| digits.parse().ok()))
            .ok_or_else(|| SecretError::Answer("the token names no end".into()))?;
        let lasts = Duration::from_secs(lasts.min(86_400));
        let token = Sensitive::new(std::mem::take(&mut granted.access_token));
        Ok(Kept {
            token,
            // Of a short-lived one, half its life.
            replaced_at: asked_at + lasts.saturating_sub(REPLACED_BEFORE).max(lasts / 2),
            expires_at: asked_at + lasts,
        })
    }

    async fn exchange(&self, workload: &WorkloadIdentity, scope: &str) -> Result<Granted, SecretError> {
        let assertion = std::fs::read_to_string(&workload.token_file)
            .map(Zeroizing::new)
            .map_err(|error| SecretError::NoIdentity(Box::new(error)))?;
        let Some(authority) = &self.authority else {
            return Err(SecretError::Setting { what: "no authority" });
        };
        let address = format!("{}/oauth2/v2.0/token", authority.as_str().trim_end_matches('/'));
        let request = self.client.post(address).form(&[
            ("grant_type", "client_credentials"),
            ("client_id", workload.client.as_str()),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.trim()),
            ("scope", scope),
        ]);
        granted(request).await
    }

    async fn ask_machine(&self, managed: &ManagedIdentity, scope: &str) -> Result<Granted, SecretError> {
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let mut address = managed.endpoint.clone();
        {
            let mut query = address.query_pairs_mut();
            query
                .append_pair("api-version", "2018-02-01")
                .append_pair("resource", resource);
            if let Some(client) = &managed.client {
                query.append_pair("client_id", client);
            }
        }
        // The header cannot be sent by a request that somebody forges through another program of the machine.
        granted(self.metadata.get(address).header("Metadata", "true")).await
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        self.access_token.zeroize();
    }
}

async fn granted(request: RequestBuilder) -> Result<Granted, SecretError> {
    let (status, body) = crate::vault::send(request, ANSWER_MAX_BYTES).await?.into_parts();
    match status {
        StatusCode::OK => serde_json::from_slice(&body).map_err(|_| SecretError::Answer("it holds no token".into())),
        status if crate::vault::is_away(status) => Err(SecretError::Unreachable(format!("it answers {status}").into())),
        // The body may quote the assertion.
        status => Err(SecretError::NoIdentity(
            format!("the token was refused with {status}").into(),
        )),
    }
}

/// SECURITY: plain HTTP to anywhere but this machine would hand tokens to the network.
fn check_metadata(endpoint: &Url) -> Result<(), SecretError> {
    let near = match endpoint.host() {
        Some(url::Host::Ipv4(address)) => address.is_link_local() || address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    if near {
        Ok(())
    } else {
        Err(SecretError::Setting {
            what: "the metadata service is on another machine",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(authority: &str, tenant: &str) -> WorkloadIdentity {
        WorkloadIdentity {
            authority: Url::parse(authority).unwrap(),
            tenant: tenant.to_owned(),
            client: "app".to_owned(),
            token_file: PathBuf::from("/var/run/token"),
        }
    }

    #[test]
    fn sec_3_tokens_are_asked_for_over_tls_or_on_this_machine_only() {
        assert_eq!(
            workload("https://login.microsoftonline.com", "contoso.example")
                .authority()
                .unwrap()
                .as_str(),
            "https://login.microsoftonline.com/contoso.example"
        );
        assert!(workload("http://login.microsoftonline.com", "t").authority().is_err());
        assert!(
            workload("https://login.microsoftonline.com", "t/../x")
                .authority()
                .is_err()
        );
        assert!(check_metadata(&ManagedIdentity::system().unwrap().endpoint).is_ok());
        for far in ["http://10.0.0.1/x", "http://metadata.example/x", "http://localhost/x"] {
            assert!(check_metadata(&Url::parse(far).unwrap()).is_err(), "{far}");
        }
    }
}
