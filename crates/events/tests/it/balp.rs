//! The constraints of IHE BALP 1.1.4 on the profiles that the renderings claim, and a check of them.
//!
//! Source: `IHE/ITI.BasicAudit`, `input/fsh/PatientCreate.fsh`, `PatientRead.fsh`, `PatientUpdate.fsh`,
//! `PatientDelete.fsh`, `PatientQuery.fsh` and `Disclose.fsh`: fixed codes, cardinalities, slices and the invariant
//! `val-audit-source`. An element that holds only an extension counts as present, as FHIR counts it.

use crate::samples::{FULL, OUTCOMES, PHASES, event, without};
use bearingwall_events::render::fhir::audit_event;
use bearingwall_events::{Event, EventType};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const REST: &str = "http://hl7.org/fhir/restful-interaction";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const BALP: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const PREFIX: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";

type Code = (&'static str, &'static str);

/// What a profile of a RESTful act fixes.
struct Rest {
    name: &'static str,
    /// One of these has to be there, or any subtype where the list is empty.
    subtypes: &'static [Code],
    action: &'static str,
    client: Code,
    server: Code,
    users: &'static [Code],
}

const AUTHORS: [Code; 3] = [(PARTICIPATION, "AUT"), (PARTICIPATION, "INF"), (PARTICIPATION, "CST")];
const RECIPIENT: [Code; 1] = [(PARTICIPATION, "IRCP")];
const CUSTODIAN: Code = (
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "custodian",
);

const RESTS: [Rest; 5] = [
    Rest {
        name: "Create",
        subtypes: &[(REST, "create")],
        action: "C",
        client: (DCM, "110153"),
        server: (DCM, "110152"),
        users: &AUTHORS,
    },
    Rest {
        name: "Read",
        subtypes: &[],
        action: "R",
        client: (DCM, "110152"),
        server: (DCM, "110153"),
        users: &RECIPIENT,
    },
    Rest {
        name: "Update",
        subtypes: &[],
        action: "U",
        client: (DCM, "110153"),
        server: (DCM, "110152"),
        users: &AUTHORS,
    },
    Rest {
        name: "Delete",
        subtypes: &[(REST, "delete")],
        action: "D",
        client: (DCM, "110150"),
        server: CUSTODIAN,
        users: &AUTHORS,
    },
    Rest {
        name: "Query",
        subtypes: &[],
        action: "E",
        client: (DCM, "110153"),
        server: (DCM, "110152"),
        users: &RECIPIENT,
    },
];

/// Collects what a profile finds wrong.
struct Report(Vec<String>);

impl Report {
    fn check(&mut self, holds: bool, rule: impl Into<String>) {
        if !holds {
            self.0.push(rule.into());
        }
    }

    /// Exactly one element, or at most one, of a slice.
    fn count(&mut self, slice: &[&Value], min: usize, name: &str) {
        self.check(slice.len() >= min, format!("{name}: {min}..1, there are none"));
        self.check(slice.len() <= 1, format!("{name}: {min}..1, there are {}", slice.len()));
    }

    fn has(&mut self, element: &Value, names: &[&str], slice: &str) {
        for name in names {
            self.check(has(element, name), format!("{slice}.{name}: 1..1"));
        }
    }

    fn lacks(&mut self, element: &Value, names: &[&str], slice: &str) {
        for name in names {
            self.check(!has(element, name), format!("{slice}.{name}: 0..0"));
        }
    }
}

/// Whether an element is there, with a value or with an extension alone.
fn has(element: &Value, name: &str) -> bool {
    let is_something = |value: &Value| match value {
        Value::Null => false,
        Value::Object(members) => !members.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    is_something(&element[name]) || is_something(&element[format!("_{name}")])
}

fn list<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    value[name]
        .as_array()
        .map(|values| values.iter().collect())
        .unwrap_or_default()
}

fn is_coding(value: &Value, (system, code): Code) -> bool {
    value["system"] == system && value["code"] == code
}

fn is_concept(value: &Value, code: Code) -> bool {
    list(value, "coding").iter().any(|coding| is_coding(coding, code))
}

fn agents<'v>(resource: &'v Value, types: &[Code]) -> Vec<&'v Value> {
    let mut agents = list(resource, "agent");
    agents.retain(|agent| types.iter().any(|code| is_concept(&agent["type"], *code)));
    agents
}

fn entities(resource: &Value, code: Code) -> Vec<&Value> {
    let mut entities = list(resource, "entity");
    entities.retain(|entity| is_coding(&entity["type"], code));
    entities
}

fn check_patient(resource: &Value, report: &mut Report, more: &[&str]) {
    let patients = entities(resource, (ENTITY_TYPE, "1"));
    report.count(&patients, 1, "entity[patient]");
    for patient in patients {
        report.check(
            is_coding(&patient["role"], (ENTITY_ROLE, "1")),
            "entity[patient].role: Patient",
        );
        report.has(patient, &["what"], "entity[patient]");
        let what = &patient["what"];
        let is_patient =
            what["type"] == "Patient" || what["reference"].as_str().is_some_and(|to| to.contains("Patient/"));
        report.check(is_patient, "entity[patient].what: Reference(Patient)");
        report.lacks(patient, more, "entity[patient]");
    }
}

fn check_rest(resource: &Value, rest: &Rest, is_patient: bool, report: &mut Report) {
    let is_delete = rest.name == "Delete";
    report.check(
        is_coding(
            &resource["type"],
            ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest"),
        ),
        "type: rest",
    );
    let subtypes = list(resource, "subtype");
    report.check(!subtypes.is_empty(), "subtype: 1..");
    for code in rest.subtypes {
        let found = subtypes.iter().filter(|subtype| is_coding(subtype, *code)).count();
        report.check(found == 1, format!("subtype[{}]: 1..1", code.1));
    }
    if is_delete {
        report.check(subtypes.len() == 1, "subtype: 1..1");
    }
    report.check(resource["action"] == rest.action, format!("action: {}", rest.action));
    report.has(resource, &["recorded"], "AuditEvent");
    report.check(resource["outcome"] == "0", "outcome: success");

    report.check(list(resource, "agent").len() >= 2, "agent: 2..");
    for (code, name) in [(rest.client, "agent[client]"), (rest.server, "agent[server]")] {
        let slice = agents(resource, &[code]);
        report.count(&slice, 1, name);
        for agent in slice {
            report.has(agent, &["who", "network"], name);
            report.lacks(agent, &["media"], name);
            if is_delete {
                report.lacks(
                    agent,
                    &["role", "altId", "name", "location", "policy", "purposeOfUse"],
                    name,
                );
            }
        }
    }
    let users = agents(resource, rest.users);
    report.count(&users, 0, "agent[user]");
    for user in users {
        report.has(user, &["who"], "agent[user]");
        report.check(user["requestor"] == true, "agent[user].requestor: true");
        report.lacks(user, &["media", "network"], "agent[user]");
        if is_delete {
            report.lacks(user, &["altId", "location", "policy"], "agent[user]");
        }
    }

    let of_the_act: &[&str] = &["lifecycle", "securityLabel", "name", "query", "detail"];
    let transactions = entities(resource, (BALP, "XrequestId"));
    report.count(&transactions, 0, "entity[transaction]");
    for transaction in transactions {
        report.has(
            &transaction["what"]["identifier"],
            &["value"],
            "entity[transaction].what.identifier",
        );
        if is_delete {
            report.lacks(transaction, of_the_act, "entity[transaction]");
        }
    }
    let objects = entities(resource, (ENTITY_TYPE, "2"));
    if rest.name == "Query" {
        report.count(&objects, 1, "entity[query]");
        for query in objects {
            report.check(
                is_coding(&query["role"], (ENTITY_ROLE, "24")),
                "entity[query].role: Query",
            );
            report.lacks(query, &["what", "lifecycle", "detail"], "entity[query]");
            report.has(query, &["query"], "entity[query]");
        }
    } else {
        report.count(&objects, 1, "entity[data]");
        for data in objects {
            let roles = ["4", "3", "20"];
            let has_role = roles.iter().any(|role| is_coding(&data["role"], (ENTITY_ROLE, role)));
            report.check(has_role, "entity[data].role: of RestObjectRoles");
            report.has(data, &["what"], "entity[data]");
            if is_delete {
                report.lacks(data, &["lifecycle", "name", "query", "detail"], "entity[data]");
            }
        }
    }
    if is_patient {
        report.check(list(resource, "entity").len() >= 2, "entity: 2..");
        check_patient(resource, report, if is_delete { of_the_act } else { &[] });
    }
}

fn check_disclosure(resource: &Value, report: &mut Report) {
    report.lacks(resource, &["modifierExtension"], "AuditEvent");
    report.check(is_coding(&resource["type"], (DCM, "110106")), "type: Export");
    report.check(resource["action"] == "R", "action: R");
    let disclose = ("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose");
    let is_disclosure = list(resource, "subtype")
        .iter()
        .any(|subtype| is_coding(subtype, disclose));
    report.check(is_disclosure, "subtype[disclosure]: 1..");
    report.has(resource, &["recorded", "outcome"], "AuditEvent");
    report.check(list(resource, "agent").len() >= 2, "agent: 2..*");
    for (code, name) in [("110153", "agent[source]"), ("110152", "agent[recipient]")] {
        let slice = agents(resource, &[(DCM, code)]);
        report.count(&slice, 1, name);
        for agent in slice {
            report.has(agent, &["who", "network"], name);
            let is_observer = agent["who"] == resource["source"]["observer"];
            report.check(code == "110152" || is_observer, "val-audit-source");
        }
    }
    report.check(list(resource, "entity").len() >= 2, "entity: 2..*");
    check_patient(resource, report, &[]);
}

/// What the profiles that a resource claims find wrong with it.
fn violations(resource: &Value) -> Vec<String> {
    let mut report = Report(Vec::new());
    for profile in list(&resource["meta"], "profile") {
        let name = profile.as_str().unwrap().strip_prefix(PREFIX).unwrap();
        if name == "PrivacyDisclosure.Source" {
            check_disclosure(resource, &mut report);
            continue;
        }
        let (name, is_patient) = name.strip_prefix("Patient").map_or((name, false), |rest| (rest, true));
        let rest = RESTS.iter().find(|rest| rest.name == name).expect("a profile of BALP");
        check_rest(resource, rest, is_patient, &mut report);
    }
    report.0
}

fn claimed(resource: &Value) -> Option<&str> {
    resource["meta"]["profile"][0]
        .as_str()
        .and_then(|profile| profile.strip_prefix(PREFIX))
}

/// Shapes with and without each thing that a profile demands.
fn shapes() -> Vec<u32> {
    let mut shapes = vec![FULL, 0, FULL & !crate::samples::SERVICE];
    for name in crate::samples::OPTIONAL {
        shapes.push(without(&[name]));
    }
    shapes.push(without(&["resource", "resource_id"]));
    shapes.push(without(&["subject_id", "resource"]));
    shapes
}

#[test]
fn every_claim_of_a_profile_holds() {
    let mut claims: BTreeMap<String, usize> = BTreeMap::new();
    for kind in EventType::ALL {
        for phase in PHASES {
            for outcome in OUTCOMES {
                for shape in shapes() {
                    let resource = audit_event(&event(*kind, phase, outcome, shape, 7));
                    assert_eq!(violations(&resource), Vec::<String>::new(), "{resource:#}");
                    if let Some(profile) = claimed(&resource) {
                        assert_eq!((phase, outcome), ("completed", "success"), "{resource:#}");
                        *claims.entry(profile.to_owned()).or_default() += 1;
                    }
                }
            }
        }
    }
    let names: Vec<&str> = claims.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "Create",
            "Delete",
            "PatientCreate",
            "PatientDelete",
            "PatientQuery",
            "PatientRead",
            "PatientUpdate",
            "PrivacyDisclosure.Source",
            "Query",
            "Read",
            "Update"
        ]
    );
    assert!(claims.values().all(|count| *count >= 1), "{claims:?}");
}

/// Whatever touches a patient's data claims its profile when all is known of it.
#[test]
fn complete_events_claim_the_profile_of_their_act() {
    for (kind, profile) in [
        (EventType::ClientCreated, Some("PatientCreate")),
        (EventType::ClientRead, Some("PatientRead")),
        (EventType::NoteListed, Some("PatientRead")),
        (EventType::ClientChanged, Some("PatientUpdate")),
        (EventType::ClientSearched, Some("PatientQuery")),
        (EventType::TenantErased, Some("PatientDelete")),
        (EventType::DisclosureMade, Some("PrivacyDisclosure.Source")),
        (EventType::MessageSent, Some("PrivacyDisclosure.Source")),
        (EventType::ExportCompleted, Some("PrivacyDisclosure.Source")),
        // An announcement of one, and an export for the owner of the data.
        (EventType::ExportRequested, None),
        (EventType::TenantExported, None),
        (EventType::SessionStarted, None),
        (EventType::AuditRead, None),
        (EventType::RequestDenied, None),
    ] {
        let resource = audit_event(&event(kind, "completed", "success", FULL, 7));
        assert_eq!(claimed(&resource), profile, "{}", kind.as_str());
    }
}

/// Drops the elements of a list that carry a code anywhere inside.
fn drop_with(resource: &mut Value, name: &str, code: &str) {
    let text = json!({ "code": code }).to_string();
    let text = text.trim_matches(['{', '}']);
    let values = resource[name].as_array_mut().unwrap();
    let before = values.len();
    values.retain(|value| !value.to_string().contains(text));
    assert!(values.len() < before, "nothing of `{code}` in `{name}`");
}

fn with(resource: &mut Value, name: &str, code: &str) -> usize {
    let text = json!({ "code": code }).to_string();
    let text = text.trim_matches(['{', '}']).to_owned();
    list(resource, name)
        .iter()
        .position(|value| value.to_string().contains(&text))
        .unwrap()
}

type Mutation = (&'static str, EventType, fn(&mut Value));

/// What a renderer could get wrong, one by one.
const MUTATIONS: [Mutation; 27] = [
    ("another type", EventType::ClientRead, |r| {
        r["type"]["code"] = json!("110100")
    }),
    ("no subtype", EventType::ClientRead, |r| r["subtype"] = json!([])),
    ("another action", EventType::ClientRead, |r| r["action"] = json!("E")),
    ("a failure", EventType::ClientRead, |r| r["outcome"] = json!("8")),
    ("no time", EventType::ClientRead, |r| r["recorded"] = Value::Null),
    ("no client", EventType::ClientRead, |r| drop_with(r, "agent", "110152")),
    ("no server", EventType::ClientRead, |r| drop_with(r, "agent", "110153")),
    ("two servers", EventType::ClientRead, |r| {
        let at = with(r, "agent", "110153");
        let copy = r["agent"][at].clone();
        r["agent"].as_array_mut().unwrap().push(copy);
    }),
    ("a client without a network", EventType::ClientRead, |r| {
        let at = with(r, "agent", "110152");
        r["agent"][at]["network"] = Value::Null;
    }),
    ("a client that is nobody", EventType::ClientRead, |r| {
        let at = with(r, "agent", "110152");
        r["agent"][at]["who"] = json!({});
    }),
    ("a user with a network", EventType::ClientRead, |r| {
        let at = with(r, "agent", "IRCP");
        r["agent"][at]["network"] = json!({ "address": "192.0.2.1" });
    }),
    ("a user who did not ask", EventType::ClientRead, |r| {
        let at = with(r, "agent", "IRCP");
        r["agent"][at]["requestor"] = json!(false);
    }),
    ("no patient", EventType::ClientRead, |r| {
        r["entity"].as_array_mut().unwrap().retain(|e| e["type"]["code"] != "1")
    }),
    ("a patient in another role", EventType::ClientRead, |r| {
        let at = list(r, "entity").iter().position(|e| e["type"]["code"] == "1").unwrap();
        r["entity"][at]["role"]["code"] = json!("4");
    }),
    ("a patient that is none", EventType::ClientRead, |r| {
        let at = list(r, "entity").iter().position(|e| e["type"]["code"] == "1").unwrap();
        r["entity"][at]["what"]["type"] = json!("Person");
    }),
    ("no data", EventType::ClientRead, |r| {
        r["entity"].as_array_mut().unwrap().retain(|e| e["type"]["code"] != "2")
    }),
    ("a request without its id", EventType::ClientRead, |r| {
        let at = with(r, "entity", "XrequestId");
        r["entity"][at]["what"]["identifier"] = json!({});
    }),
    ("a creation that is not called one", EventType::ClientCreated, |r| {
        drop_with(r, "subtype", "create")
    }),
    ("a deletion with two subtypes", EventType::TenantErased, |r| {
        r["subtype"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "code": "tenant.erased" }));
    }),
    ("a deletion at a destination", EventType::TenantErased, |r| {
        drop_with(r, "agent", "custodian")
    }),
    ("a search without its query", EventType::ClientSearched, |r| {
        let at = with(r, "entity", "24");
        r["entity"][at]["_query"] = Value::Null;
    }),
    ("a search that names a thing", EventType::ClientSearched, |r| {
        let at = with(r, "entity", "24");
        r["entity"][at]["what"] = json!({ "display": "crm.client_digests" });
    }),
    ("a search with data besides", EventType::ClientSearched, |r| {
        let copy = json!({ "type": { "system": ENTITY_TYPE, "code": "2" }, "role": { "system": ENTITY_ROLE, "code": "24" }, "query": "AA==" });
        r["entity"].as_array_mut().unwrap().push(copy);
    }),
    ("a disclosure that is not called one", EventType::DisclosureMade, |r| {
        drop_with(r, "subtype", "disclose")
    }),
    ("a disclosure to nobody", EventType::DisclosureMade, |r| {
        drop_with(r, "agent", "110152")
    }),
    ("a disclosure by another source", EventType::DisclosureMade, |r| {
        r["source"]["observer"] = json!({ "display": "another" })
    }),
    ("a disclosure with its own action", EventType::MessageSent, |r| {
        r["action"] = json!("E")
    }),
];

#[test]
fn every_mutation_is_noticed() {
    for (name, kind, mutate) in MUTATIONS {
        let mut resource = audit_event(&event(kind, "completed", "success", FULL, 7));
        assert_eq!(violations(&resource), Vec::<String>::new(), "{name}");
        mutate(&mut resource);
        assert_ne!(
            violations(&resource),
            Vec::<String>::new(),
            "{name} goes unnoticed: {resource:#}"
        );
    }
}

/// A code that a later version records is shown, and claims nothing.
#[test]
fn an_unknown_code_is_an_application_activity() {
    let event = Event {
        event_type: "client.unheard_of".to_owned(),
        ..event(EventType::ClientRead, "completed", "success", FULL, 7)
    };
    let resource = audit_event(&event);
    assert!(is_coding(&resource["type"], (DCM, "110100")));
    assert_eq!(resource["subtype"][0]["code"], "client.unheard_of");
    assert_eq!(claimed(&resource), None);
    assert!(!has(&resource, "action"));
}
