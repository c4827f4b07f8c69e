//! The controls of what arrives from other systems and leaves for them.

use super::cite;
use crate::Control;
use crate::Evidence::{Live, Tests};
use crate::Framework::{Gdpr, Hipaa, Iso27001, Nist80053, Soc2};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        id: "CON-1",
        title: "A webhook is somebody's before it is read",
        statement: "A request to an endpoint is read only after its raw bytes were found to be signed by a holder of one \
                    of the endpoint's valid secrets, in the scheme of its sender and, where the scheme signs a time, \
                    within 300 seconds of it in either direction; every other request gets one and the same answer, and \
                    stands on the record.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "CC6.6"),
            cite(Soc2, "CC6.8"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SC-8"),
            cite(Nist80053, "SI-10"),
        ],
        evidence: &[
            Tests("cargo test --workspace con_1_"),
            Live("cargo xtask vectors --dir ../shared/vectors"),
        ],
    },
    Control {
        id: "CON-2",
        title: "One way out, to what was named",
        statement: "A request leaves only for a host, port and method that the operator named and the tenant did not \
                    take away, over TLS 1.2 or newer, without following redirects, within limits of size and time, and \
                    with no header that ends its line.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(e)(1)"),
            cite(Soc2, "CC6.6"),
            cite(Soc2, "CC6.7"),
            cite(Iso27001, "A.8.20"),
            cite(Iso27001, "A.8.22"),
            cite(Nist80053, "SC-7"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test --workspace con_2_")],
    },
    Control {
        id: "CON-3",
        title: "Addresses are checked and then connected to",
        statement: "A name is looked up once for each request, every one of its addresses must be public or in a network \
                    that the operator named, and the connection goes to an address that was checked.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(e)(1)"),
            cite(Soc2, "CC6.6"),
            cite(Iso27001, "A.8.20"),
            cite(Iso27001, "A.8.22"),
            cite(Nist80053, "SC-7"),
        ],
        evidence: &[Tests("cargo test --workspace con_3_")],
    },
    Control {
        id: "CON-4",
        title: "A key in a path leads to one tenant",
        statement: "What arrives without an identity reaches the tenant to which an unguessable key leads and no other; \
                    of the key only the SHA-256 is stored, and nobody can list keys or tenants.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.3"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test --workspace con_4_")],
    },
    Control {
        id: "CON-5",
        title: "Secrets of endpoints are in the vault, under their tenant",
        statement: "The database holds references to the secrets of endpoints, and takes no reference to another \
                    tenant's; a secret is shown to nobody, and one that was followed by another ends with its overlap.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Hipaa, "164.308(a)(5)(ii)(D)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.24"),
            cite(Iso27001, "A.5.17"),
            cite(Nist80053, "IA-5"),
            cite(Nist80053, "SC-12"),
        ],
        evidence: &[Tests("cargo test --workspace con_5_")],
    },
    Control {
        id: "CON-6",
        title: "What arrives is kept once, encrypted and unchanged",
        statement: "An event is on file once under its sender's id, encrypted under the key of its endpoint, in one \
                    transaction with its event on the record; another content under the same id raises an alarm and \
                    replaces nothing.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Soc2, "PI1.2"),
            cite(Soc2, "CC7.2"),
            cite(Iso27001, "A.8.15"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SI-7"),
            cite(Nist80053, "AU-2"),
            cite(Nist80053, "SC-28"),
        ],
        evidence: &[Tests("cargo test --workspace con_6_")],
    },
    Control {
        id: "CON-20",
        title: "What arrived is worked on once, or waits for a person",
        statement: "An event that was taken in waits in the queue from the same transaction on, is settled in \
                    the transaction of what it brought about by the worker that holds its job, and, where it \
                    cannot be worked on, is tried again and then shown to a person, who may put it back; \
                    whatever ends anywhere, nothing is done twice and nothing is lost.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "PI1.3"),
            cite(Soc2, "PI1.4"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SI-7"),
            cite(Nist80053, "AU-2"),
        ],
        evidence: &[Tests("cargo test --workspace con_20_")],
    },
    Control {
        id: "CON-21",
        title: "The worker touches what its event is about",
        statement: "Working on an event, the worker is inside the event's tenant alone, sees and writes rows of \
                    persons only where an access of one of its handlers is on the record ahead of it, can \
                    declare no other, holds rights on single columns of the tables that handlers write, and \
                    changes or removes nothing that it wrote.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.502(b)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.3"),
            cite(Iso27001, "A.8.2"),
            cite(Iso27001, "A.8.3"),
            cite(Nist80053, "AC-6"),
            cite(Nist80053, "AU-12"),
        ],
        evidence: &[Tests("cargo test --workspace con_21_")],
    },
    Control {
        id: "CON-22",
        title: "What arrived is kept for a while, and known for good",
        statement: "The content of an event that was settled is taken away after a time that the operator sets, \
                    30 days where nobody says otherwise and never within four days, how many were is on the \
                    record, and its id and digest stay for as long as the tenant, so that what is sent again has \
                    no effect.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.310(d)(2)(i)"),
            cite(Soc2, "C1.2"),
            cite(Gdpr, "5"),
            cite(Iso27001, "A.8.10"),
            cite(Nist80053, "SI-12"),
        ],
        evidence: &[Tests("cargo test --workspace con_22_")],
    },
];
