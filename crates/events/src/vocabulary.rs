//! The vocabulary of the record: every code that may stand in it, in one table.

/// What sort of act an event is, which decides its form in other systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A client's data inside the tenant.
    Patient,
    /// A client's data leaves the tenant.
    Disclosure,
    /// Many clients' data leave the system in one piece.
    Export,
    /// Another system hands something over, or is handed something.
    Interface,
    /// Signing in and out.
    Authentication,
    /// Roles, keys, break-glass.
    Security,
    /// Approvals.
    Gate,
    /// The record itself.
    AuditLog,
    /// Something that security staff should look at.
    Alert,
    /// The platform's own settings.
    Configuration,
}

/// What is done, in the letters of FHIR's AuditEvent and of DICOM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Something is made.
    Create,
    /// Something is read.
    Read,
    /// Something is changed.
    Update,
    /// Something is removed.
    Delete,
    /// Something is carried out.
    Execute,
}

impl Action {
    /// `C`, `R`, `U`, `D` or `E`.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Create => "C",
            Self::Read => "R",
            Self::Update => "U",
            Self::Delete => "D",
            Self::Execute => "E",
        }
    }
}

/// What exactly is done, for the systems that tell more apart than five letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subtype {
    /// One thing is made.
    Create,
    /// One thing is read.
    Read,
    /// Things are looked for.
    Search,
    /// One thing is changed.
    Update,
    /// Something is handed to somebody outside.
    Disclose,
    /// Things leave in one piece.
    Export,
    /// An operation is carried out.
    Operation,
    /// A sign-in.
    Login,
    /// A sign-out.
    Logout,
    /// Roles change.
    Role,
    /// Access in an emergency.
    Emergency,
    /// Evidence is checked.
    Verify,
    /// Something is refused.
    Denied,
    /// Something is wrong.
    Alert,
    /// Things are removed.
    Delete,
}

macro_rules! vocabulary {
    ($($variant:ident $code:literal $when:literal $kind:ident $action:ident $subtype:ident $disclosure:literal $emitted:literal;)*) => {
        /// What happened. The code is what stands in the record and in exports; it never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(#[doc = $when] $variant,)*
        }

        impl EventType {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code in the record.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The event of a code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// When it is recorded, in one sentence.
            #[must_use]
            pub const fn when(self) -> &'static str {
                match self { $(Self::$variant => $when),* }
            }

            /// What sort of act it is.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),* }
            }

            /// What is done.
            #[must_use]
            pub const fn action(self) -> Action {
                match self { $(Self::$variant => Action::$action),* }
            }

            /// What exactly is done.
            #[must_use]
            pub const fn subtype(self) -> Subtype {
                match self { $(Self::$variant => Subtype::$subtype),* }
            }

            /// Whether it is a disclosure that 45 CFR 164.528 may ask an account of.
            #[must_use]
            pub const fn is_disclosure(self) -> bool {
                match self { $(Self::$variant => $disclosure),* }
            }

            /// Whether anything in the project records it yet; a code is fixed before its first use.
            #[must_use]
            pub const fn is_emitted(self) -> bool {
                match self { $(Self::$variant => $emitted),* }
            }
        }
    };
}

vocabulary! {
    ClientCreated "client.created" "A client's record is created." Patient Create Create false true;
    ClientRead "client.read" "A client's record is read." Patient Read Read false true;
    ClientListed "client.listed" "A page of clients' records is read." Patient Read Search false true;
    ClientChanged "client.changed" "A client's record is changed." Patient Update Update false true;
    ClientSearched "client.searched" "Clients are looked up by name, phone or e-mail." Patient Execute Search false true;
    ClientImported "client.imported" "Clients are imported." Patient Create Create false true;
    ClientDeidentified "client.deidentified" "A client's record and notes are read for a de-identified export." Patient Read Export false true;
    NoteCreated "chart_note.created" "A chart note is written." Patient Create Create false true;
    NoteRead "chart_note.read" "A chart note is read." Patient Read Read false true;
    NoteListed "chart_note.listed" "The chart notes of a client are read." Patient Read Search false true;
    NoteChanged "chart_note.changed" "A chart note is changed." Patient Update Update false true;
    NoteImported "chart_note.imported" "Chart notes are imported." Patient Create Create false true;
    InvoiceCreated "invoice.created" "An invoice is written for a client." Patient Create Create false true;
    InvoiceRead "invoice.read" "An invoice and its payments are read." Patient Read Read false true;
    InvoiceListed "invoice.listed" "The invoices of a client are read." Patient Read Search false true;
    InvoiceVoided "invoice.voided" "An open invoice becomes void." Patient Update Update false true;
    InvoicePaid "invoice.paid" "An invoice is paid." Interface Update Update false true;
    PaymentRecorded "payment.recorded" "A payment of an invoice, or a refund, that a provider told of is put on file." Patient Create Create false true;
    PaymentSurplus "payment.surplus" "An invoice that was paid is paid once more." Alert Execute Alert false true;
    MessageReceived "message.received" "A message that a connector brought is put on a client's record, or kept for a person to assign." Patient Create Create false true;
    MessageListed "message.listed" "The messages of a client are read." Patient Read Search false true;
    UnmatchedListed "message.unmatched_listed" "Messages of which it is unknown whose they are, are read." Patient Read Search false true;
    MessageAssigned "message.assigned" "Somebody says whose a message is." Patient Update Update false true;
    SmsConsentChanged "sms_consent.changed" "Somebody wants no more text messages, or does again." Interface Update Update false true;
    PiiMasked "pii.masked" "A text is masked, and what its placeholders stand for is kept." Interface Create Operation false true;
    PiiUnmasked "pii.unmasked" "Placeholders of a conversation are turned back." Interface Read Operation false true;
    PiiRefused "pii.refused" "A text could not be looked at as the policy asks, and is not given on." Alert Execute Denied false true;
    PiiPolicyProposed "pii_policy.proposed" "A tenant proposes what is to be done with personal data." Security Create Operation false true;
    PiiPolicyTested "pii_policy.tested" "A proposed policy is tried on its samples." Security Execute Operation false true;
    PiiPolicyActivated "pii_policy.activated" "A tested policy comes into force." Security Update Operation false true;
    DisclosureMade "disclosure.made" "A client's data is handed to somebody outside." Disclosure Read Disclose true false;
    ExportRequested "export.requested" "An export of clients' data is asked for." Export Execute Export false false;
    ExportCompleted "export.completed" "An export of clients' data is handed out." Export Read Export true false;
    MessageSent "message.sent" "A message about a client leaves the system." Disclosure Execute Disclose true false;
    WebhookReceived "webhook.received" "A connector's message is taken in." Interface Create Create false true;
    WebhookConflicted "webhook.conflicted" "A connector's message arrives again with another content." Alert Execute Alert false true;
    WebhookProcessed "webhook.processed" "What a connector's message tells of has been done, once." Interface Execute Operation false true;
    WebhookIgnored "webhook.ignored" "Nothing is to be done with a connector's message." Interface Execute Operation false true;
    WebhookParked "webhook.parked" "A connector's message waits for a person." Alert Execute Alert false true;
    WebhookReplayed "webhook.replayed" "A person has a connector's message tried again." Interface Execute Operation false true;
    WebhookPruned "webhook.pruned" "The content of connectors' messages is taken away after its time." Interface Delete Delete false true;
    EndpointCreated "webhook_endpoint.created" "An endpoint for webhooks is made." Configuration Create Operation false true;
    EndpointDisabled "webhook_endpoint.disabled" "An endpoint for webhooks takes nothing any more." Configuration Update Operation false true;
    EndpointSecretChanged "webhook_endpoint.secret_changed" "An endpoint for webhooks gets a secret, or an old one ends." Security Update Operation false true;
    DestinationChanged "destination.changed" "A tenant changes what a connector may reach." Configuration Update Operation false true;
    SubscriptionCreated "webhook_subscription.created" "A tenant asks to be told of what happens." Configuration Create Operation false true;
    SubscriptionChanged "webhook_subscription.changed" "A tenant asks to be told of other things, or again." Configuration Update Operation false true;
    SubscriptionDisabled "webhook_subscription.disabled" "A subscription is told of nothing any more: by a person, because the receiver is gone, or because nothing arrives." Configuration Update Operation false true;
    SubscriptionRemoved "webhook_subscription.removed" "A subscription is removed." Configuration Delete Operation false true;
    SubscriptionSecretChanged "webhook_subscription.secret_changed" "A subscription gets a secret, or an old one ends." Security Update Operation false true;
    SubscriptionTested "webhook_subscription.tested" "A notice is sent to try a receiver." Interface Execute Operation false true;
    HttpEndpointCreated "http_endpoint.created" "A tenant names an endpoint of its own for approved requests." Configuration Create Operation false true;
    HttpEndpointDisabled "http_endpoint.disabled" "Such an endpoint is sent nothing any more." Configuration Update Operation false true;
    ModelCalled "model.called" "Masked text goes to a language model." Interface Execute Operation false false;
    SessionStarted "session.started" "Somebody signs in." Authentication Execute Login false true;
    SessionEnded "session.ended" "Somebody signs out, or the session ends." Authentication Execute Logout false true;
    SessionRevoked "session.revoked" "An operator ends a session, or all sessions of somebody." Security Execute Logout false true;
    SignInFailed "session.refused" "A sign-in fails." Authentication Execute Login false true;
    RoleSetDefined "role_set.defined" "A tenant defines a set of permissions." Security Create Role false true;
    RoleSetRetired "role_set.retired" "A set of permissions is given to nobody any more." Security Update Role false true;
    RoleRequested "role.requested" "A role is asked for somebody." Security Create Role false true;
    RoleGranted "role.granted" "A role is given to somebody." Security Update Role false true;
    RoleDeclined "role.declined" "A role that was asked for is refused." Security Update Role false true;
    RoleRevoked "role.revoked" "A role is taken from somebody." Security Update Role false true;
    RoleReviewed "role.reviewed" "Somebody's role is reviewed, and kept or taken." Security Update Role false true;
    RoleClaimed "role.claimed" "Somebody is seen in a tenant for the first time, or with other roles in the token than before." Security Update Role false true;
    AccessReviewRead "access_review.read" "Who has which roles is read." Security Read Search false true;
    AccessReviewExported "access_review.exported" "Who has which roles is exported." Security Read Export false true;
    GateRequested "gate.requested" "An approval is asked for." Gate Create Operation false true;
    GateApproved "gate.approved" "An approval is given." Gate Update Operation false true;
    GateDeclined "gate.declined" "An approval is refused." Gate Update Operation false true;
    GateConsumed "gate.consumed" "An approved action is carried out." Gate Execute Operation false true;
    GateExpired "gate.expired" "An approval was not given or used in time." Gate Update Operation false true;
    GateSeconded "gate.seconded" "Somebody approves; whether that is enough, another event says." Gate Update Operation false true;
    GateCancelled "gate.cancelled" "An approval that was asked for or given is taken back." Gate Update Operation false true;
    GateRead "gate.read" "What waits for an approval is shown to somebody." Gate Read Read false true;
    GatePolicySet "gate.policy_set" "A tenant asks for more approvals, or quicker ones." Gate Update Operation false true;
    MachineRegistered "machine.registered" "A subject is marked as an agent or a service, which approves nothing." Security Create Operation false true;
    EffectEnqueued "effect.enqueued" "Something that is to leave the system is written down." Interface Create Create false true;
    EffectAttempted "effect.attempted" "Something is sent to another system; the event that says how that ended has the same access." Interface Execute Operation false true;
    EffectParked "effect.parked" "Something could not be sent, or may have arrived, and waits for a person." Alert Execute Alert false true;
    EffectReplayed "effect.replayed" "A person has something sent again." Interface Execute Operation false true;
    EffectResolved "effect.resolved" "A person says what became of something that was to be sent." Interface Update Update false true;
    BreakGlassOpened "break_glass.opened" "A member of the platform's staff asks for a session into a tenant." Security Execute Emergency false true;
    BreakGlassApproved "break_glass.approved" "A second member of staff agrees to it." Security Execute Emergency false true;
    BreakGlassClosed "break_glass.closed" "The session ends." Security Execute Emergency false true;
    BreakGlassReviewed "break_glass.reviewed" "The tenant accepts or disputes a session that has ended." Security Update Operation false true;
    AccessLogRead "access_log.read" "The access log of a client is read." AuditLog Read Read false true;
    AuditRead "audit.read" "Events of the record are read." AuditLog Read Search false true;
    AuditExported "audit.exported" "Events of the record are exported." AuditLog Read Export false true;
    AuditReported "audit.reported" "A report over the record is made." AuditLog Read Search false true;
    AuditVerified "audit.verified" "The record is verified against its signed checkpoints." AuditLog Execute Verify false true;
    AuditProven "audit.proven" "A checkpoint or a proof is handed out." AuditLog Read Read false true;
    RequestDenied "http.request.denied" "A request with a proven identity is refused." Alert Execute Denied false true;
    RequestUnauthenticated "http.request.unauthenticated" "A request without a proven identity is refused." Alert Execute Denied false true;
    IsolationBreached "isolation.breached" "A probe of tenant isolation reached another tenant's row." Alert Execute Alert false true;
    SchemaMigrated "schema.migrated" "The schema is migrated." Configuration Update Operation false true;
    ConfigurationChanged "configuration.changed" "A setting of the platform is changed." Configuration Update Operation false true;
    IsolationChanged "isolation.changed" "The profile by which tenants are entered is changed." Security Update Operation false true;
    TenantCreated "tenant.created" "A tenant is created." Configuration Create Operation false true;
    TenantSuspended "tenant.suspended" "A tenant is suspended." Configuration Update Operation false true;
    TenantResumed "tenant.resumed" "A tenant is active again." Configuration Update Operation false true;
    TenantExported "tenant.exported" "All of a tenant's data is exported for its owner." Export Read Export false true;
    OffboardingRequested "tenant.offboarding_requested" "A tenant's erasure is asked for." Configuration Delete Operation false true;
    OffboardingApproved "tenant.offboarding_approved" "A second person agrees to a tenant's erasure." Configuration Delete Operation false true;
    ErasureBegun "tenant.erasure_begun" "A tenant's erasure begins." Configuration Delete Operation false true;
    TenantErased "tenant.erased" "The rows of a table of a tenant are erased." Patient Delete Delete false true;
    TenantOffboarded "tenant.offboarded" "A tenant's erasure is complete." Configuration Delete Operation false true;
    KeyInstalled "key.installed" "A key is installed." Security Create Operation false true;
    KeyRetired "key.retired" "A key is retired." Security Delete Operation false true;
    KeyRotated "key.rotated" "A tenant's key gets a new version." Security Create Operation false true;
    KeyRewrapped "key.rewrapped" "A tenant's key is put under another key-encryption key, or another version of it." Security Update Operation false true;
    KeyDestroyed "key.destroyed" "A version of a tenant's key is destroyed, with nothing under it." Security Delete Operation false true;
    KeyStoreChanged "key.store_changed" "A tenant's keys are to be under another key-encryption key." Security Update Operation false true;
    SecretRead "secret.read" "A secret is read out of a vault." Security Read Operation false true;
    SecretStale "secret.stale" "A secret is used beyond its time, because its vault is away." Security Read Alert false true;
    IssuersSynced "issuer.synced" "The keys of an issuer are installed in the database." Security Update Operation false true;
    IssuerRemoved "issuer.removed" "An issuer is removed." Security Delete Operation false true;
    RetentionLengthened "retention.lengthened" "The record of a tenant is to be kept for longer." Configuration Update Operation false true;
    HoldOpened "legal_hold.opened" "A legal hold is opened." Configuration Create Operation false true;
    HoldClosed "legal_hold.closed" "A legal hold is closed." Configuration Update Operation false true;
    RetirementRequested "retirement.requested" "A month's leaving the record is asked for." AuditLog Delete Operation false true;
    RetirementApproved "retirement.approved" "A second person agrees to it." AuditLog Delete Operation false true;
    RetirementExecuted "retirement.executed" "A month has left the record; its leaves stay." AuditLog Delete Operation false true;
    SealingStarted "sealing.started" "The sealer starts to seal." AuditLog Execute Operation false true;
    SealingAlive "sealing.alive" "The sealer's sign of life in a quiet time." AuditLog Execute Operation false true;
    SealingKeyRotated "sealing.key_rotated" "The sealer signs with a new key, which the old one has signed." Security Update Operation false true;
    SealingCaughtUp "sealing.caught_up" "The sealer went through all events, because the database's transaction ids had begun anew." AuditLog Execute Operation false true;
    WitnessRefused "witness.refused" "A witness refused a checkpoint." Alert Execute Alert false true;
    WitnessUnreachable "witness.unreachable" "A witness could not be reached." Alert Execute Alert false true;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_of_the_shape_that_the_database_checks() {
        let codes: HashSet<&str> = EventType::ALL.iter().map(|event| event.as_str()).collect();
        assert_eq!(codes.len(), EventType::ALL.len());
        for code in codes {
            let parts: Vec<&str> = code.split('.').collect();
            assert!((2..=4).contains(&parts.len()) && code.len() <= 64, "{code}");
            assert!(
                parts
                    .iter()
                    .all(|part| part.starts_with(|c: char| c.is_ascii_lowercase())
                        && part
                            .chars()
                            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')),
                "{code}"
            );
        }
    }

    #[test]
    fn every_code_is_found_again() {
        for event in EventType::ALL {
            assert_eq!(EventType::from_code(event.as_str()), Some(*event));
        }
        assert_eq!(EventType::from_code("client.unheard_of"), None);
    }
}
