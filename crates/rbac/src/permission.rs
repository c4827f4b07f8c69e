//! The closed list of permissions: an id for tables and documents, a type for signatures.

use std::fmt;
use std::str::FromStr;

/// What a permission reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The actor's own identity; needs no tenant.
    Identity,
    /// Data of the actor's tenant.
    Tenant,
    /// The platform itself, and no tenant's data.
    Platform,
}

/// A text names no permission.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a known permission")]
pub struct UnknownPermission;

mod sealed {
    /// Closes [`super::Permission`]: a permission outside the list would be outside the policy check too.
    pub trait Sealed {}
}

/// A permission as a type, so that a function can demand it in its signature.
pub trait Permission: sealed::Sealed + 'static {
    /// The same permission as a value.
    const ID: PermissionId;
}

/// A permission over one tenant's data: a permit for it exists only for an actor with a tenant.
pub trait TenantPermission: Permission {}

/// A permission over the platform itself, which only its own staff may hold.
pub trait PlatformPermission: Permission {}

// One list makes the enum, the names and the types, so that none of the three can miss a permission.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $object:literal : $action:literal, $scope:ident $(, $reach:ident)?;)*) => {
        /// A permission as a value: a column of the matrix.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum PermissionId {
            $($(#[$doc])* $name,)*
        }

        impl PermissionId {
            /// Every permission, in the order of the matrix.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The object, as `client`.
            #[must_use]
            pub const fn object(self) -> &'static str {
                match self { $(Self::$name => $object,)* }
            }

            /// The action, as `read`.
            #[must_use]
            pub const fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }

            /// Object and action, as `client:read`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => concat!($object, ":", $action),)* }
            }

            /// What it reaches.
            #[must_use]
            pub const fn scope(self) -> Scope {
                match self { $(Self::$name => Scope::$scope,)* }
            }

            /// Whether it opens health information about a person, the record of who saw some included.
            #[must_use]
            pub const fn is_phi(self) -> bool {
                match self { $(Self::$name => permissions!(@phi $($reach)?),)* }
            }

            /// Whether it says to whom else health information is opened.
            #[must_use]
            pub const fn opens_phi(self) -> bool {
                match self { $(Self::$name => permissions!(@gate $($reach)?),)* }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}
            impl sealed::Sealed for $name {}
            impl Permission for $name {
                const ID: PermissionId = PermissionId::$name;
            }
            permissions!(@scope $scope $name);
        )*
    };
    (@phi) => { false };
    (@phi Phi) => { true };
    (@phi Gate) => { false };
    (@gate Gate) => { true };
    (@gate $($other:ident)?) => { false };
    (@scope Identity $name:ident) => {};
    (@scope Platform $name:ident) => { impl PlatformPermission for $name {} };
    (@scope Tenant $name:ident) => { impl TenantPermission for $name {} };
}

permissions! {
    /// Read one's own identity as the token states it.
    ReadSelf = "me":"read", Identity;
    /// Read a client's record, or a page of them.
    ReadClient = "client":"read", Tenant, Phi;
    /// Look a client up by name, phone or e-mail.
    SearchClient = "client":"search", Tenant, Phi;
    /// Create or change a client.
    WriteClient = "client":"write", Tenant, Phi;
    /// Load clients in bulk.
    ImportClient = "client":"import", Tenant, Phi;
    /// Export clients and their notes without what tells who they are.
    DeidentifyClient = "client":"deidentify", Tenant, Phi;
    /// Read a chart note, or a client's page of them.
    ReadChartNote = "chart_note":"read", Tenant, Phi;
    /// Create or change a chart note.
    WriteChartNote = "chart_note":"write", Tenant, Phi;
    /// Load chart notes in bulk.
    ImportChartNote = "chart_note":"import", Tenant, Phi;
    /// Read who saw a client, when and why.
    ReadAccessLog = "access_log":"read", Tenant, Phi;
    /// Read the events of the tenant's record.
    ReadAudit = "audit":"read", Tenant, Phi;
    /// Get checkpoints and proofs of the tenant's log.
    ProveAudit = "audit":"prove", Tenant;
    /// Make reports over the tenant's record.
    ReportAudit = "audit":"report", Tenant, Phi;
    /// Ask for, agree to and end a member of staff's session into a tenant.
    ManageBreakGlass = "break_glass":"manage", Platform, Gate;
    /// See and judge the platform's sessions into one's own tenant.
    ReviewBreakGlass = "break_glass":"review", Tenant;
    /// See the tenant's role sets, and who has asked for which.
    ReadRole = "role":"read", Tenant;
    /// Name a set of permissions, or retire one.
    DefineRole = "role":"define", Tenant;
    /// Ask for a role set for somebody else.
    RequestRole = "role":"request", Tenant, Gate;
    /// Decide on what somebody else has asked for.
    DecideRole = "role":"decide", Tenant, Gate;
    /// Take a role set from somebody.
    EndRole = "role":"end", Tenant;
    /// See who has what, export it, and judge it.
    ReviewAccess = "access":"review", Tenant;
    /// Find personal data in a text of one's own.
    DetectPii = "pii":"detect", Tenant;
    /// Mask a text, and keep what its placeholders stand for.
    MaskPii = "pii":"mask", Tenant, Phi;
    /// Turn placeholders of a conversation back.
    UnmaskPii = "pii":"unmask", Tenant, Phi;
    /// See what the tenant wants done with personal data, and what it wanted before.
    ReadPiiPolicy = "pii_policy":"read", Tenant;
    /// Propose another policy, and try it on samples.
    WritePiiPolicy = "pii_policy":"write", Tenant, Gate;
    /// Put a tested policy into force, or go back to an older one.
    ActivatePiiPolicy = "pii_policy":"activate", Tenant, Gate;
    /// See the tenant's endpoints for webhooks.
    ReadWebhookEndpoint = "webhook_endpoint":"read", Tenant;
    /// Make an endpoint for webhooks, give it another secret, or end it.
    WriteWebhookEndpoint = "webhook_endpoint":"write", Tenant;
    /// See who is told of what happens, and what was sent.
    ReadSubscription = "webhook_subscription":"read", Tenant;
    /// Make a subscription, change it, give it another secret, try it or remove it.
    WriteSubscription = "webhook_subscription":"write", Tenant;
    /// See the connectors, what they may reach, and the tenant's own endpoints.
    ReadConnector = "connector":"read", Tenant;
    /// Say what a connector may reach, and name endpoints.
    WriteConnector = "connector":"write", Tenant;
    /// Ask for a request to one of the tenant's own endpoints.
    WriteHttpRequest = "http_request":"write", Tenant, Gate;
    /// See what arrived by webhooks and what became of it, without its content.
    ReadWebhookEvent = "webhook_event":"read", Tenant;
    /// Have an event that waits for a person tried again.
    ReplayWebhookEvent = "webhook_event":"replay", Tenant;
    /// Read a client's invoices and their payments.
    ReadInvoice = "invoice":"read", Tenant, Phi;
    /// Write an invoice for a client, or make an open one void.
    WriteInvoice = "invoice":"write", Tenant, Phi;
    /// Read a client's messages.
    ReadMessage = "message":"read", Tenant, Phi;
    /// Read messages of which it is unknown whose they are, and say whose they are.
    AssignMessage = "message":"assign", Tenant, Phi;
    /// See what waits for an approval, without its content.
    ReadGate = "gate":"read", Tenant;
    /// See exactly what something that waits for an approval would do.
    ShowGate = "gate":"show", Tenant, Phi;
    /// Approve or reject what somebody else has asked for.
    DecideGate = "gate":"decide", Tenant, Gate;
    /// Take back what one has asked for or approved.
    CancelGate = "gate":"cancel", Tenant;
    /// See what could not be sent, or may have arrived.
    ReadOutbox = "outbox":"read", Tenant;
    /// Have such a thing sent again, or say what became of it.
    SettleOutbox = "outbox":"settle", Tenant, Gate;
}

impl PermissionId {
    /// The permission as a bit of a compiled mask.
    pub(crate) const fn bit(self) -> u128 {
        1 << (self as u8)
    }
}

// A mask is 128 bits wide; a 129th permission must not compile.
const _: () = assert!(PermissionId::ALL.len() <= 128);

impl fmt::Display for PermissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PermissionId {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL
            .iter()
            .copied()
            .find(|permission| permission.as_str() == text)
            .ok_or(UnknownPermission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_round_trip() {
        let names: HashSet<_> = PermissionId::ALL.iter().map(|permission| permission.as_str()).collect();
        assert_eq!(names.len(), PermissionId::ALL.len());
        for permission in PermissionId::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
            assert_eq!(
                permission.as_str(),
                format!("{}:{}", permission.object(), permission.action())
            );
        }
        assert_eq!("client:*".parse::<PermissionId>(), Err(UnknownPermission));
        assert_eq!("".parse::<PermissionId>(), Err(UnknownPermission));
    }

    #[test]
    fn every_permission_has_a_bit_of_its_own() {
        let all = PermissionId::ALL.iter().fold(0_u128, |mask, permission| {
            assert_eq!(mask & permission.bit(), 0, "{permission}");
            mask | permission.bit()
        });
        assert_eq!(all.count_ones() as usize, PermissionId::ALL.len());
    }
}
