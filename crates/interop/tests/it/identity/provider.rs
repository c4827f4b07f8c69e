//! What the suite asks of an identity provider beyond the protocol: the things that its administrator does.

use bearingwall_core::{CustomerId, Role};
use uuid::Uuid;

/// Our application, as a provider knows it.
pub(crate) const CLIENT_ID: &str = "bearingwall-console";

/// What must stand in the `aud` of an access token.
pub(crate) const AUDIENCE: &str = "bearingwall";

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) roles: &'static [Role],
    /// The secret behind the one-time codes.
    pub(crate) second_factor: String,
}

impl Person {
    pub(crate) fn new(name: &'static str, customer: Option<CustomerId>, roles: &'static [Role]) -> Self {
        let second_factor = Uuid::new_v4().simple().to_string();
        Self {
            name,
            customer,
            roles,
            second_factor,
        }
    }

    /// The password: long, and not the name.
    pub(crate) fn password(&self) -> String {
        format!("correct horse of {}", self.name)
    }
}

/// A provider with one realm of its own, which ends with this value.
pub(crate) trait Provider {
    /// A realm whose one application stands at `origin`; nothing where the provider is not installed.
    fn start(origin: &str) -> Option<Self>
    where
        Self: Sized;

    /// The `iss` of its tokens.
    fn issuer(&self) -> String;

    /// The application's secret.
    fn client_secret(&self) -> String;

    /// Makes a person who can sign in.
    fn enrol(&self, person: &Person);

    /// A person may not sign in any more.
    fn disable(&self, person: &Person);

    /// Access tokens live so long from now on.
    fn access_token_lifetime(&self, seconds: u32);

    /// Signs with a new key; what the old one signed stays good.
    fn rotate(&self);

    /// Publishes the newest key only.
    fn withdraw_old_keys(&self);
}
