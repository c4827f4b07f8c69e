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
        id: "CON-7",
        title: "A tenant names hosts, and the operator what may be named",
        statement: "What a tenant names as its own system is HTTPS to a host by its name; it is reached only \
                    where the operator's catalogue names the host, or opens a port to any host, and only at \
                    an address that is public or in one of the operator's networks at the time of the \
                    request; a tenant's own destinations narrow it further; subscriptions and endpoints are \
                    their tenant's own.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(e)(1)"),
            cite(Soc2, "CC6.6"),
            cite(Iso27001, "A.8.20"),
            cite(Iso27001, "A.8.22"),
            cite(Nist80053, "SC-7"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test --workspace con_7_")],
    },
    Control {
        id: "CON-8",
        title: "A notice is signed with its subscription's own secrets",
        statement: "Each notice is signed, as Standard Webhooks asks, with every secret of its subscription \
                    that is valid at the time of the attempt; a secret is made here, shown once, kept in the \
                    vault under its tenant, and ends with its overlap; with Ed25519 the private key is shown \
                    to nobody.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.24"),
            cite(Iso27001, "A.5.17"),
            cite(Nist80053, "SC-8"),
            cite(Nist80053, "IA-5"),
            cite(Nist80053, "SC-12"),
        ],
        evidence: &[Tests("cargo test --workspace con_8_")],
    },
    Control {
        id: "CON-9",
        title: "What happens is told by itself, and without health information",
        statement: "A notice is written by the table in which something happens, in the transaction in which \
                    it happens, to each subscription of that tenant that asks for it; it holds a type, ids \
                    and a time, and what leaves is made of a type that has no place for anything else.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Hipaa, "164.312(e)(1)"),
            cite(Soc2, "CC6.7"),
            cite(Soc2, "PI1.3"),
            cite(Iso27001, "A.8.12"),
            cite(Nist80053, "AC-4"),
            cite(Nist80053, "SI-10"),
        ],
        evidence: &[Tests("cargo test --workspace con_9_")],
    },
    Control {
        id: "CON-10",
        title: "A notice is tried for days, and its end is told",
        statement: "A notice is tried with one `webhook-id` by the schedule of Standard Webhooks until it is \
                    taken; a receiver that answers 410, or to which something could not be delivered in all \
                    of its time and nothing else was either, is told of nothing any more, on the record and \
                    in the list; every attempt can be seen, and what was given up can be sent again by a \
                    person.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "PI1.4"),
            cite(Soc2, "CC7.2"),
            cite(Nist80053, "AU-2"),
            cite(Nist80053, "SI-10"),
        ],
        evidence: &[Tests("cargo test --workspace con_10_")],
    },
    Control {
        id: "CON-11",
        title: "What may hold personal data leaves approved, as its type says",
        statement: "A connector is declared from the types of what it sends, which agree with the database's \
                    catalogue; what may hold personal data takes an approval of exactly that, is used once, \
                    and goes to the endpoint, method and idempotency that were approved.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "CC6.7"),
            cite(Soc2, "PI1.3"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "AC-4"),
            cite(Nist80053, "AC-6"),
        ],
        evidence: &[Tests("cargo test --workspace con_11_")],
    },
    Control {
        id: "CON-12",
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
        evidence: &[Tests("cargo test --workspace con_12_")],
    },
    Control {
        id: "CON-13",
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
        evidence: &[Tests("cargo test --workspace con_13_")],
    },
    Control {
        id: "CON-14",
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
        evidence: &[Tests("cargo test --workspace con_14_")],
    },
    Control {
        id: "CON-15",
        title: "A code is the answer to one attempt at one provider",
        statement: "A code is taken to a provider only after the browser brought it back with the state of an attempt \
                    at this provider, from its issuer where it names one, and only with the verifier of that attempt; \
                    an attempt and a code are used up by the one use that is made of them.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.5"),
            cite(Nist80053, "IA-2"),
            cite(Nist80053, "SC-23"),
        ],
        evidence: &[Tests("cargo test --workspace con_15_")],
    },
    Control {
        id: "CON-16",
        title: "A provider is asked by the one way out, and nothing that it says is repeated",
        statement: "Codes, tokens and the client's secret go to the endpoints that the operator names, by POST, over TLS \
                    and without following redirects; an answer that is not one of an authorization server, or grants \
                    more than was asked for, is refused, and no error or print holds a part of it.",
        crate_name: "connectors",
        clauses: &[
            cite(Hipaa, "164.312(e)(1)"),
            cite(Soc2, "CC6.6"),
            cite(Soc2, "CC6.7"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SC-8"),
            cite(Nist80053, "IA-5"),
        ],
        evidence: &[Tests("cargo test --workspace con_16_")],
    },
];
