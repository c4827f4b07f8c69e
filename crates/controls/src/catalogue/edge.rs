//! The controls of the edge, and of the schema that everything stands on.

use super::cite;
use crate::Control;
use crate::Evidence::{Live, Tests};
use crate::Framework::{Hipaa, Iso27001, Nist80053, Soc2};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        id: "HTP-1",
        title: "Errors reveal nothing internal",
        statement: "Every error body is an `application/problem+json` with a stable code, the correlation id and \
                    text from a fixed list; no text of a library, the database or a cause reaches a client.",
        crate_name: "http",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.7"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SI-11"),
        ],
        evidence: &[Tests("cargo test --workspace htp_1_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "HTP-2",
        title: "Another tenant's object answers like a missing one",
        statement: "A request for an object of another tenant gets the same status, code and body as a request for \
                    an object that never existed.",
        crate_name: "http",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.3"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "AC-4"),
            cite(Nist80053, "SI-11"),
        ],
        evidence: &[Tests("cargo test --workspace htp_2_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "HTP-3",
        title: "The correlation id is ours",
        statement: "The correlation id of a request is made by the server; a caller's own id is kept apart, checked \
                    for its form, and never used as ours.",
        crate_name: "http",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC7.2"),
            cite(Iso27001, "A.8.15"),
            cite(Nist80053, "AU-3"),
            cite(Nist80053, "AU-10"),
        ],
        evidence: &[Tests("cargo test --workspace htp_3_")],
    },
    Control {
        id: "HTP-4",
        title: "Rates and alarms",
        statement: "An actor, and a tenant as a whole, ask only so often in each class of routes; a network that proves no \
                    identity again and again is told to wait, and whoever is refused or told to wait too often is an alarm \
                    on the record.",
        crate_name: "http",
        clauses: &[
            cite(Hipaa, "164.308(a)(5)(ii)(C)"),
            cite(Soc2, "CC6.6"),
            cite(Soc2, "CC7.2"),
            cite(Soc2, "A1.1"),
            cite(Iso27001, "A.8.6"),
            cite(Nist80053, "AC-7"),
            cite(Nist80053, "SC-5"),
        ],
        evidence: &[Tests("cargo test --workspace htp_4_")],
    },
    Control {
        id: "HTP-5",
        title: "The answers are those that are declared",
        statement: "Whatever is sent to an operation, as whichever role, it answers what the OpenAPI document declares for \
                    it, and never with a failure of the server.",
        crate_name: "http",
        clauses: &[
            cite(Hipaa, "164.308(a)(8)"),
            cite(Soc2, "CC7.1"),
            cite(Iso27001, "A.8.29"),
            cite(Nist80053, "SI-10"),
            cite(Nist80053, "CA-8"),
        ],
        evidence: &[Tests("cargo test --workspace htp_5_"), Live(".ci/api-attacks.sh")],
    },
    Control {
        id: "HTP-6",
        title: "Pages that can send nothing elsewhere",
        statement: "A page of ours runs its own script only, loads from and talks to its own server only, puts what it is \
                    given on the page as text, keeps nothing of it in the browser, and holds no data itself.",
        crate_name: "http",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "CC6.6"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SI-10"),
            cite(Nist80053, "SC-18"),
        ],
        evidence: &[Tests("cargo test --workspace htp_6_"), Live("GET /pages/pii")],
    },
    Control {
        id: "MIG-1",
        title: "Migrations by the admin only",
        statement: "The schema changes only through numbered migrations that the admin role applies in order under a \
                    lock, and a dirty, reordered, edited or newer schema is refused before anything is applied.",
        crate_name: "migrations",
        clauses: &[
            cite(Hipaa, "164.308(a)(8)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "CC8.1"),
            cite(Iso27001, "A.8.32"),
            cite(Nist80053, "CM-3"),
            cite(Nist80053, "CM-5"),
        ],
        evidence: &[Tests("cargo test --workspace mig_1_")],
    },
];
