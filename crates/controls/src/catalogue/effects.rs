//! The controls of what leaves the system: approvals, and how effects are made.

use super::cite;
use crate::Control;
use crate::Evidence::Tests;
use crate::Framework::{Gdpr, Hipaa, Iso27001, Nist80053, Soc2};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        id: "GAT-1",
        title: "What is approved is what is sent",
        statement: "An approval is of one operation byte for byte: a digest over tenant, number, kind, destination, what it \
                    is about and the stored payload, which the database recomputes, and content that two readers could \
                    read differently has no form in which it could be approved.",
        crate_name: "gates",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "PI1.3"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SI-7"),
            cite(Nist80053, "AC-3(2)"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-gates gat_1_")],
    },
    Control {
        id: "GAT-2",
        title: "Somebody else approves, and it is a person",
        statement: "An approval is given by a person of the tenant who is signed in and is neither who asked nor for whom \
                    it was asked; an agent, a service, a worker and the platform's staff give none.",
        crate_name: "gates",
        clauses: &[
            cite(Hipaa, "164.308(a)(4)(ii)(B)"),
            cite(Soc2, "CC6.3"),
            cite(Iso27001, "A.5.3"),
            cite(Nist80053, "AC-5"),
            cite(Nist80053, "AC-3(2)"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-gates gat_2_")],
    },
    Control {
        id: "GAT-3",
        title: "A gate goes forwards, in time",
        statement: "A request keeps what it says, is decided within its time, ends with one rejection, and an approval that \
                    is not used in time ends too; no SQL of the running system and no hand of the tables' owner does \
                    otherwise.",
        crate_name: "gates",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.3"),
            cite(Nist80053, "AC-3"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-gates gat_3_")],
    },
    Control {
        id: "GAT-4",
        title: "An approval is used once",
        statement: "An effect that takes an approval exists only with one of exactly that, and uses it up in the same \
                    transaction; there is one effect of an approval at the most, whoever tries at the same time.",
        crate_name: "gates",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "PI1.3"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "AC-3(2)"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-gates gat_4_")],
    },
    Control {
        id: "GAT-5",
        title: "Rules are only tightened",
        statement: "What takes an approval, of how many and for how long stands in a catalogue that the release ships and \
                    nobody changes; a tenant asks for more, and never for less.",
        crate_name: "gates",
        clauses: &[
            cite(Hipaa, "164.308(a)(8)"),
            cite(Soc2, "CC5.2"),
            cite(Iso27001, "A.8.9"),
            cite(Nist80053, "CM-5"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-gates gat_5_")],
    },
    Control {
        id: "GAT-6",
        title: "Every step at a gate is on record",
        statement: "Asking, approving, rejecting, taking back, using and expiring are on the tenant's record in their own \
                    transaction with the digest, and content is shown only after its reading is durably on record.",
        crate_name: "gates",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC7.2"),
            cite(Iso27001, "A.8.15"),
            cite(Nist80053, "AU-2"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-gates gat_6_")],
    },
    Control {
        id: "GAT-7",
        title: "Payloads are sealed under a key of their own",
        statement: "A payload that may hold personal data is stored as ciphertext bound to its tenant and number, under a \
                    key that opens nothing else of the tenant.",
        crate_name: "gates",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Gdpr, "32"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SC-28"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-gates gat_7_")],
    },
    Control {
        id: "OUT-1",
        title: "No effect without its reason",
        statement: "An effect is written in the transaction of what brings it about, comes from an approval or from a kind \
                    that needs none, and never changes; the worker that makes it can write nothing else.",
        crate_name: "outbox",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "PI1.3"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "AC-6"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-outbox out_1_")],
    },
    Control {
        id: "OUT-2",
        title: "Claimed in turn, and held by a lease",
        statement: "Workers claim effects from a queue without content, tenants in turn and each within its limits, enter \
                    only the tenant of a lease that lives, and are fenced off when it ends.",
        crate_name: "outbox",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "A1.1"),
            cite(Nist80053, "SC-5"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-outbox out_2_")],
    },
    Control {
        id: "OUT-3",
        title: "Nothing is lost, and nothing is repeated where that matters",
        statement: "An attempt is on record before its call; what may have arrived at a destination that cannot tell a \
                    repetition waits for a person, and everything else is tried again with the same key until it is done \
                    or given up.",
        crate_name: "outbox",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "PI1.4"),
            cite(Nist80053, "SI-10"),
            cite(Nist80053, "AU-2"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-outbox out_3_")],
    },
    Control {
        id: "OUT-4",
        title: "One thing after the other",
        statement: "Effects about the same thing leave in the order in which they were committed, each after the one before \
                    it is done.",
        crate_name: "outbox",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "PI1.3"),
            cite(Nist80053, "SI-7"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-outbox out_4_")],
    },
    Control {
        id: "OUT-5",
        title: "An outage burns nothing",
        statement: "A destination that fails in a row is left alone for a while and tried with one effect, for that tenant \
                    alone, and that it is away counts towards giving nothing up.",
        crate_name: "outbox",
        clauses: &[
            cite(Hipaa, "164.308(a)(7)(i)"),
            cite(Soc2, "A1.2"),
            cite(Nist80053, "CP-10"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-outbox out_5_")],
    },
    Control {
        id: "OUT-6",
        title: "A person settles what is in doubt",
        statement: "What was given up or may have arrived is sent again or ended by a person of the tenant with a reason on \
                    record, and is sent again only while its time lasts.",
        crate_name: "outbox",
        clauses: &[
            cite(Hipaa, "164.308(a)(6)(ii)"),
            cite(Soc2, "CC7.4"),
            cite(Nist80053, "IR-4"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-outbox out_6_")],
    },
];
