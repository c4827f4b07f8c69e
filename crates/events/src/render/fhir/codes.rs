//! Which codes an event of the vocabulary has in FHIR, DICOM and IHE BALP.

use crate::vocabulary::{Action, EventType, Kind, Subtype};
use serde_json::{Value, json};

/// A code of a code system. Displays are given where they are DICOM's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) struct Coding {
    system: &'static str,
    pub(in crate::render) code: &'static str,
    display: Option<&'static str>,
}

const fn dcm(code: &'static str, display: &'static str) -> Coding {
    Coding {
        system: "http://dicom.nema.org/resources/ontology/DCM",
        code,
        display: Some(display),
    }
}

const fn of(system: &'static str, code: &'static str) -> Coding {
    Coding {
        system,
        code,
        display: None,
    }
}

const fn interaction(code: &'static str) -> Coding {
    of("http://hl7.org/fhir/restful-interaction", code)
}

const fn participation(code: &'static str) -> Coding {
    of("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", code)
}

const REST: Coding = of("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest");
pub(super) const APPLICATION_ACTIVITY: Coding = dcm("110100", "Application Activity");
const AUDIT_LOG_USED: Coding = dcm("110101", "Audit Log Used");
const EXPORT: Coding = dcm("110106", "Export");
const IMPORT: Coding = dcm("110107", "Import");
const SECURITY_ALERT: Coding = dcm("110113", "Security Alert");
const USER_AUTHENTICATION: Coding = dcm("110114", "User Authentication");
const LOGIN: Coding = dcm("110122", "Login");
const LOGOUT: Coding = dcm("110123", "Logout");
const EMERGENCY_STARTED: Coding = dcm("110127", "Emergency Override Started");
const SECURITY_CONFIGURATION: Coding = dcm("110129", "Security Configuration");
const RESTRICTED_FUNCTION: Coding = dcm("110132", "Use of Restricted Function");
const ROLES_CHANGED: Coding = dcm("110136", "Security Roles Changed");
const EMERGENCY_STOPPED: Coding = dcm("110138", "Emergency Override Stopped");
const DISCLOSE: Coding = of("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose");
const APPLICATION: Coding = dcm("110150", "Application");
pub(super) const DESTINATION: Coding = dcm("110152", "Destination Role ID");
const SOURCE: Coding = dcm("110153", "Source Role ID");
const CUSTODIAN: Coding = of(
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "custodian",
);

impl Coding {
    pub(super) fn to_value(self) -> Value {
        match self.display {
            Some(display) => json!({ "system": self.system, "code": self.code, "display": display }),
            None => json!({ "system": self.system, "code": self.code }),
        }
    }

    pub(super) fn to_concept(self) -> Value {
        json!({ "coding": [self.to_value()] })
    }
}

/// `AuditEvent.type`. A refusal is a security alert whatever was refused, but a refused sign-in stays one.
pub(in crate::render) const fn kind(event: EventType, is_denied: bool) -> Coding {
    match event.kind() {
        Kind::Authentication => USER_AUTHENTICATION,
        Kind::Security | Kind::Alert => SECURITY_ALERT,
        Kind::Patient
        | Kind::Disclosure
        | Kind::Export
        | Kind::Interface
        | Kind::Gate
        | Kind::AuditLog
        | Kind::Configuration
            if is_denied =>
        {
            SECURITY_ALERT
        }
        Kind::Patient => REST,
        Kind::Disclosure | Kind::Export => EXPORT,
        Kind::Interface => match event.action() {
            Action::Create => IMPORT,
            Action::Read | Action::Update | Action::Delete | Action::Execute => APPLICATION_ACTIVITY,
        },
        // DICOM means reading by it; what the sealer does to the record is activity.
        Kind::AuditLog => match event.action() {
            Action::Read => AUDIT_LOG_USED,
            Action::Execute if matches!(event.subtype(), Subtype::Verify) => AUDIT_LOG_USED,
            Action::Create | Action::Update | Action::Delete | Action::Execute => APPLICATION_ACTIVITY,
        },
        Kind::Gate | Kind::Configuration => APPLICATION_ACTIVITY,
    }
}

/// `AuditEvent.subtype`, without our own code.
pub(in crate::render) fn subtypes(event: EventType, is_denied: bool) -> Vec<Coding> {
    let mut subtypes = Vec::new();
    if is_denied && kind(event, true) == SECURITY_ALERT {
        subtypes.push(RESTRICTED_FUNCTION);
    }
    match event.kind() {
        // Here the interaction is what BALP's profile of the action demands.
        Kind::Patient => subtypes.push(interaction(match event.action() {
            Action::Create => "create",
            Action::Read => "read",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Execute => "search",
        })),
        Kind::Disclosure
        | Kind::Export
        | Kind::Interface
        | Kind::Authentication
        | Kind::Security
        | Kind::Gate
        | Kind::AuditLog
        | Kind::Alert
        | Kind::Configuration => subtypes.extend(own_subtype(event)),
    }
    if event.is_disclosure() && !subtypes.contains(&DISCLOSE) {
        subtypes.push(DISCLOSE);
    }
    subtypes.dedup();
    subtypes
}

fn own_subtype(event: EventType) -> Option<Coding> {
    match event.subtype() {
        Subtype::Login => Some(LOGIN),
        Subtype::Logout => Some(LOGOUT),
        Subtype::Role => Some(ROLES_CHANGED),
        Subtype::Emergency if event == EventType::BreakGlassClosed => Some(EMERGENCY_STOPPED),
        Subtype::Emergency => Some(EMERGENCY_STARTED),
        Subtype::Denied => Some(RESTRICTED_FUNCTION),
        Subtype::Disclose => Some(DISCLOSE),
        Subtype::Operation => (event.kind() == Kind::Security).then_some(SECURITY_CONFIGURATION),
        Subtype::Create
        | Subtype::Read
        | Subtype::Search
        | Subtype::Update
        | Subtype::Delete
        | Subtype::Export
        | Subtype::Verify
        | Subtype::Alert => None,
    }
}

/// `AuditEvent.action`. BALP fixes `R` for a disclosure at its source, whatever the vocabulary says.
pub(in crate::render) const fn action(event: EventType) -> Action {
    match event.kind() {
        Kind::Disclosure => Action::Read,
        Kind::Patient
        | Kind::Export
        | Kind::Interface
        | Kind::Authentication
        | Kind::Security
        | Kind::Gate
        | Kind::AuditLog
        | Kind::Alert
        | Kind::Configuration => event.action(),
    }
}

/// What each party is in the event: BALP tells the slices of `agent` apart by these.
pub(super) struct Roles {
    pub(super) client: Coding,
    pub(super) server: Coding,
    /// How the user took part; BALP says so only where a patient's data is touched.
    pub(super) user: Option<Coding>,
}

/// Of an event that is unknown here.
pub(super) const PLAIN_ROLES: Roles = Roles {
    client: SOURCE,
    server: DESTINATION,
    user: None,
};

impl Roles {
    pub(super) fn of(event: EventType) -> Self {
        let recipient = participation("IRCP");
        let author = participation("AUT");
        let (client, server, user) = match (event.kind(), action(event)) {
            // The data goes on to the recipient, who is the destination then.
            (Kind::Disclosure | Kind::Export, _) => (APPLICATION, SOURCE, recipient),
            (_, Action::Read) => (DESTINATION, SOURCE, recipient),
            // The parameters go from the client to the server.
            (_, Action::Execute) => (SOURCE, DESTINATION, recipient),
            (_, Action::Create | Action::Update) => (SOURCE, DESTINATION, author),
            (_, Action::Delete) => (APPLICATION, CUSTODIAN, author),
        };
        Self {
            client,
            server,
            user: (event.kind() == Kind::Patient).then_some(user),
        }
    }
}
