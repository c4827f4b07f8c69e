//! `[webhooks]`.

use serde::Deserialize;
use url::{Host, Url};

/// `[webhooks]`: how senders know this server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Scheme, host and port, as `https://hooks.example.org`. What a request says about its own address is never asked.
    pub public_url: Url,
}

impl WebhookSettings {
    /// What no profile can work with: senders sign the address, so that it has one spelling; without TLS only on this machine.
    pub(super) fn unusable(&self) -> Vec<String> {
        let url = &self.public_url;
        let is_local = matches!(url.host(), Some(Host::Ipv4(address)) if address.is_loopback());
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        let is_origin = format!("{}/", url.origin().ascii_serialization()) == url.as_str();
        let refusal = "`webhooks.public_url` is not `https://`, a host and perhaps a port";
        (!(is_safe && is_origin))
            .then(|| refusal.to_owned())
            .into_iter()
            .collect()
    }
}
