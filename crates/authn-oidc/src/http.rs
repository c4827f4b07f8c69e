//! The one HTTP client towards a provider: no redirects, time and size limits, TLS unless on this machine.

use openidconnect::{HttpRequest, HttpResponse};
use std::time::Duration;
use url::Host;

const MAX_BODY_BYTES: usize = 256 * 1024;

/// Why a provider could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The transport failed or took too long.
    #[error("the provider did not answer")]
    Transport(#[source] reqwest::Error),
    /// The address has no TLS and is not on this machine.
    #[error("the provider's address is not https")]
    Insecure,
    /// The answer is longer than 256 KiB.
    #[error("the provider's answer is too long")]
    TooLong,
    /// The answer is none that HTTP knows.
    #[error("the provider's answer is malformed")]
    Malformed,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one client for a configured provider: no redirects, time and size limits"
)]
pub(crate) fn client(timeout: Duration) -> Result<reqwest::Client, ExchangeError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .connect_timeout(timeout)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(ExchangeError::Transport)
}

pub(crate) async fn exchange(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ExchangeError> {
    let transport = |source: reqwest::Error| ExchangeError::Transport(source.without_url());
    let request = reqwest::Request::try_from(request).map_err(transport)?;
    if !is_safe(request.url()) {
        return Err(ExchangeError::Insecure);
    }
    let mut answer = client.execute(request).await.map_err(transport)?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    std::mem::swap(response.headers_mut(), answer.headers_mut());
    while let Some(chunk) = answer.chunk().await.map_err(transport)? {
        let body = response.body_mut();
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ExchangeError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response)
}

fn is_safe(url: &url::Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}
