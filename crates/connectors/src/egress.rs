//! The one way out: to a host that was named, at an address that may be reached, within limits.

mod address;
mod error;
mod message;
mod resolve;
mod rules;

pub use address::Networks;
pub use error::EgressError;
pub use message::{Answer, Method, Outgoing};
pub use resolve::{Resolver, SystemResolver};
pub use rules::{Allowed, Destination, Host, RuleError};

use resolve::Checked;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long and how large an exchange may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the whole answer is there; a request may ask for less.
    pub total: Duration,
    /// The longest body that is sent, in bytes.
    pub request_bytes: usize,
    /// The longest body that is read, in bytes.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(20),
            request_bytes: 1024 * 1024,
            answer_bytes: 1024 * 1024,
        }
    }
}

/// What the operator decides for the whole process.
#[derive(Clone, Debug, Default)]
pub struct EgressOptions {
    /// The limits of every exchange.
    pub limits: Limits,
    /// Networks that are not public and may be reached all the same.
    pub networks: Networks,
    /// Authorities trusted beside the system's, each one PEM certificate.
    pub authorities: Vec<Vec<u8>>,
    /// A proxy through which everything goes, as `http://proxy.internal:3128`.
    ///
    /// The proxy then resolves names, so that refusing addresses that are not public is the proxy's to do: what is left here is
    /// the list of hosts, and the refusal of an address that is written in place of a name.
    pub proxy: Option<Url>,
}

/// The client through which everything leaves.
#[derive(Clone)]
pub struct Egress {
    client: reqwest::Client,
    limits: Limits,
    networks: Networks,
}

impl Egress {
    /// Makes the client; nothing is connected yet.
    ///
    /// # Errors
    /// [`EgressError::Setup`] for an authority or a proxy that cannot be used.
    // CONTROL: CON-2
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the client with a host allow-list, checked addresses, time limits and no redirects"
    )]
    pub fn new(options: EgressOptions, resolver: Arc<dyn Resolver>) -> Result<Self, EgressError> {
        let EgressOptions {
            limits,
            networks,
            authorities,
            proxy,
        } = options;
        let checked = match proxy {
            None => Checked::new(resolver, networks.clone()),
            Some(_) => Checked::of_proxy(resolver),
        };
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only()
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .dns_resolver(checked)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            // SECURITY: a kept connection would outlive the check of its address. It would also belong to the runtime of
            // whichever worker opened it.
            .pool_max_idle_per_host(0);
        if let Some(url) = proxy {
            let is_plain = url.username().is_empty() && url.password().is_none() && url.scheme() == "http";
            let proxy = reqwest::Proxy::all(url).ok().filter(|_| is_plain);
            builder = builder.proxy(proxy.ok_or(EgressError::Setup { source: None })?);
        }
        for pem in authorities {
            builder = builder.add_root_certificate(reqwest::Certificate::from_pem(&pem).map_err(setup)?);
        }
        let client = builder.build().map_err(setup)?;
        Ok(Self {
            client,
            limits,
            networks,
        })
    }

    /// Sends a request, if it may leave, and reads the answer.
    ///
    /// # Errors
    /// Before anything left: [`EgressError::NotAllowed`], [`EgressError::Insecure`], [`EgressError::Address`],
    /// [`EgressError::Unresolved`], [`EgressError::TooLong`], [`EgressError::Unreached`].
    /// Afterwards, when nobody knows what the other side did: [`EgressError::Ambiguous`], [`EgressError::AnswerTooLong`].
    // CONTROL: CON-2
    pub async fn send(&self, allowed: &Allowed, request: Outgoing) -> Result<Answer, EgressError> {
        let Outgoing {
            method,
            url,
            headers,
            body,
            within,
        } = request;
        allowed.check(method, &url)?;
        self.networks.check_target(&url)?;
        if body.len() > self.limits.request_bytes {
            return Err(EgressError::TooLong);
        }
        let within = within.map_or(self.limits.total, |within| within.min(self.limits.total));
        let request = self
            .client
            .request(method.into(), url)
            .headers(headers)
            .body(body)
            .timeout(within);
        let mut answer = request.send().await.map_err(EgressError::of_transport)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(EgressError::of_transport)? {
            if body.len() + chunk.len() > self.limits.answer_bytes {
                return Err(EgressError::AnswerTooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(answer.headers_mut());
        Ok(Answer::new(answer.status().as_u16(), headers, body))
    }
}

fn setup(source: reqwest::Error) -> EgressError {
    EgressError::Setup {
        source: Some(source.without_url()),
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
