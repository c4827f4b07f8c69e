//! What connectors there are: each is declared here, from the types of what it sends.

use crate::endpoints::{self, HttpRequest};
use crate::subscriptions::{self, Notice};
use bearingwall_gates::{Operation, Recourse};
use bearingwall_outbox::Idempotency;

/// Something that a connector sends, as its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its kind in the catalogue of the database, `tenancy.action_kinds`.
    pub kind: &'static str,
    /// Whether somebody else must approve it.
    pub is_gated: bool,
    /// Whether it may hold personal data, and is stored as ciphertext.
    pub may_hold_phi: bool,
}

impl Action {
    /// What the type of an operation says about it. There is no other way to an action, so that a declaration cannot say anything
    /// else than what the outbox takes: an approval of that type, or an operation that needs none.
    // CONTROL: CON-11
    #[must_use]
    pub const fn of<Op: Operation>() -> Self {
        Self {
            kind: Op::KIND,
            is_gated: <Op::Recourse as Recourse>::GATED,
            may_hold_phi: Op::SEALED,
        }
    }
}

/// A way out of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Its name, in `connectors.destinations` and in the operator's catalogue.
    pub name: &'static str,
    /// What it sends.
    pub actions: &'static [Action],
    /// What of the tenant's own stands in the vault for it.
    pub secrets: &'static str,
    /// What may happen when something is sent twice; an endpoint says which of them it is.
    pub idempotency: &'static [Idempotency],
}

/// Every connector that is declared.
pub const CONNECTORS: &[Connector] = &[
    Connector {
        name: subscriptions::CONNECTOR,
        actions: &[Action::of::<Notice>()],
        secrets: "one that signs for each subscription, and those before it during an overlap",
        idempotency: &[Idempotency::Native],
    },
    Connector {
        name: endpoints::CONNECTOR,
        actions: &[Action::of::<HttpRequest>()],
        secrets: "a bearer token or a header's value for each endpoint that asks for one",
        idempotency: &[Idempotency::Native, Idempotency::Natural, Idempotency::None],
    },
];

/// The connector of this name.
#[must_use]
pub fn connector(name: &str) -> Option<&'static Connector> {
    CONNECTORS.iter().find(|connector| connector.name == name)
}
