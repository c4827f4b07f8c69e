//! The controls of the record and of what stands under it.

use super::cite;
use crate::Control;
use crate::Evidence::{Live, Tests};
use crate::Framework::{Gdpr, Hipaa, Iso27001, Nist80053, Soc2};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        id: "AUD-1",
        title: "No sight of PHI before it is on record",
        statement: "A PHI row is visible or writable only in a transaction whose sealed actor and request have an \
                    access event that covers the command, the resource and the subject, was committed by an earlier \
                    transaction and has not expired.",
        crate_name: "audit",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC7.2"),
            cite(Gdpr, "15"),
            cite(Gdpr, "30"),
            cite(Iso27001, "A.8.15"),
            cite(Nist80053, "AU-2"),
            cite(Nist80053, "AU-5"),
            cite(Nist80053, "AU-12"),
        ],
        evidence: &[Tests("cargo test --workspace aud_1_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "AUD-2",
        title: "Append-only record",
        statement: "No role that can log in, the admin included, can update, delete or truncate an audit event.",
        crate_name: "audit",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Hipaa, "164.312(c)(2)"),
            cite(Soc2, "CC7.2"),
            cite(Gdpr, "5(2)"),
            cite(Iso27001, "A.8.15"),
            cite(Iso27001, "A.5.33"),
            cite(Nist80053, "AU-9"),
        ],
        evidence: &[Tests("cargo test --workspace aud_2_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "AUD-3",
        title: "Refusals are on the record",
        statement: "Every request that is refused for want of an identity or a permission leaves an audit event with \
                    its correlation id and reason code, and without an invented identity.",
        crate_name: "audit",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.308(a)(5)(ii)(C)"),
            cite(Soc2, "CC6.8"),
            cite(Soc2, "CC7.2"),
            cite(Iso27001, "A.8.15"),
            cite(Iso27001, "A.8.16"),
            cite(Nist80053, "AU-2"),
            cite(Nist80053, "AU-12"),
        ],
        evidence: &[Tests("cargo test --workspace aud_3_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "AUD-4",
        title: "A client's access log",
        statement: "For one client the system lists who touched the record, when, in which request, by which \
                    operation and for which purpose, and reading that list is itself on the record.",
        crate_name: "audit",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.308(a)(1)(ii)(D)"),
            cite(Soc2, "CC7.2"),
            cite(Gdpr, "15"),
            cite(Iso27001, "A.8.15"),
            cite(Nist80053, "AU-3"),
            cite(Nist80053, "AU-6"),
        ],
        evidence: &[Tests("cargo test --workspace aud_4_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "AUD-6",
        title: "Every access has an end on the record",
        statement: "An access that is announced on the record is followed there by how it ended; one whose server died is \
                    ended as unknown by the sealer's sweep, once, and no row is changed for it.",
        crate_name: "audit",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC7.2"),
            cite(Iso27001, "A.8.15"),
            cite(Nist80053, "AU-3"),
            cite(Nist80053, "AU-12"),
        ],
        evidence: &[Tests("cargo test --workspace aud_6_"), Live("bearingwall-sealer")],
    },
    Control {
        id: "AUD-7",
        title: "The record is kept",
        statement: "A month of the record leaves it only after six years and every tenant's longer retention, without a legal \
                    hold, when all of it is sealed, and under the approval of two verified persons; its leaves stay, and \
                    each tenant's log says what left.",
        crate_name: "audit",
        clauses: &[
            cite(Hipaa, "164.316(b)(2)(i)"),
            cite(Gdpr, "5(1)(e)"),
            cite(Soc2, "C1.2"),
            cite(Iso27001, "A.5.33"),
            cite(Nist80053, "AU-11"),
        ],
        evidence: &[
            Tests("cargo test --workspace aud_7_"),
            Live("bearingwall-ctl audit retire plan --month 2018-01"),
        ],
    },
    Control {
        id: "AUD-8",
        title: "The record is examined, and that is on it",
        statement: "A tenant reads, proves and reviews its own part of the record and nobody else's; every reading of it is \
                    an event that is written first.",
        crate_name: "audit",
        clauses: &[
            cite(Hipaa, "164.308(a)(1)(ii)(D)"),
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.528"),
            cite(Soc2, "CC7.2"),
            cite(Gdpr, "15"),
            cite(Iso27001, "A.8.16"),
            cite(Nist80053, "AU-6"),
        ],
        evidence: &[Tests("cargo test --workspace aud_8_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "AUD-5",
        title: "Tamper evidence",
        statement: "Every committed audit event is a leaf of exactly one position of its tenant's signed Merkle tree, and \
                    whoever changes, removes, adds, repeats or moves an event afterwards, or forks or rewinds the log, is \
                    found by whoever holds the public key and, for a rewind, an earlier checkpoint.",
        crate_name: "sealing",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Hipaa, "164.312(c)(2)"),
            cite(Soc2, "CC7.2"),
            cite(Gdpr, "5(2)"),
            cite(Iso27001, "A.8.15"),
            cite(Nist80053, "AU-9"),
            cite(Nist80053, "AU-10"),
        ],
        evidence: &[Tests("cargo test --workspace aud_5_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "DOM-1",
        title: "Identity apart from records",
        statement: "No column holds personal data in clear: what identifies or describes a person is stored sealed \
                    under that person's key, and the spine holds pseudonymous ids only.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "C1.1"),
            cite(Gdpr, "25"),
            cite(Gdpr, "32(1)(a)"),
            cite(Iso27001, "A.8.11"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SC-28"),
        ],
        evidence: &[Tests("cargo test --workspace dom_1_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "DOM-2",
        title: "Look-ups by keyed digest under a search event",
        statement: "A person is found by name, telephone number or e-mail only through keyed digests, which are \
                    visible only under a committed search event of the same request.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "C1.1"),
            cite(Gdpr, "25"),
            cite(Iso27001, "A.8.11"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "AU-12"),
        ],
        evidence: &[Tests("cargo test --workspace dom_2_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "DOM-3",
        title: "What was changed is on the record without the content",
        statement: "A write to a person's data leaves the names of the changed fields and keyed digests of the content \
                    before and after on the record, a look-up a keyed digest of its question, and none can be read back.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "CC7.2"),
            cite(Soc2, "PI1.5"),
            cite(Gdpr, "17"),
            cite(Nist80053, "AU-3"),
            cite(Nist80053, "SI-7"),
        ],
        evidence: &[
            Tests("cargo test --workspace dom_3_"),
            Live("GET /v1/audit/events?event_type=client.changed"),
        ],
    },
    Control {
        id: "DOM-4",
        title: "Access to oneself and to one's namesakes is found",
        statement: "Before a member of staff whose token says a name gets to any person's data, keyed digests of the name are \
                    on file, and the review of activity flags accesses to clients of the same address, full name or family \
                    name without storing, logging or showing a name.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.308(a)(1)(ii)(D)"),
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC7.2"),
            cite(Gdpr, "25"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.16"),
            cite(Nist80053, "AU-6"),
        ],
        evidence: &[
            Tests("cargo test --workspace dom_4_"),
            Live("GET /v1/audit/reports/activity"),
        ],
    },
    Control {
        id: "DOM-5",
        title: "A de-identified export names nobody",
        statement: "The Safe Harbor export gives of a client and the notes only what 45 CFR 164.514(b)(2) leaves, masks every \
                    free text with the record's own values besides what the engine finds, gives no text in which one of \
                    those is left, and puts each client's access on record before it is seen.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Hipaa, "164.514(b)(2)"),
            cite(Hipaa, "164.514(c)"),
            cite(Soc2, "C1.1"),
            cite(Gdpr, "25"),
            cite(Iso27001, "A.8.11"),
            cite(Nist80053, "SI-19"),
        ],
        evidence: &[
            Tests("cargo test --workspace dom_5_"),
            Live("POST /v1/clients:deidentify"),
        ],
    },
    Control {
        id: "DOM-6",
        title: "An invoice is paid by a payment of its own",
        statement: "An invoice becomes paid only because a payment of exactly its amount and currency, which a \
                    signed event told of and which names it, is on file, each payment once; what does not fit \
                    waits for a person, a payment beyond the first raises an alarm, and the order and number of \
                    what a provider tells make no difference.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "PI1.2"),
            cite(Soc2, "PI1.3"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SI-7"),
            cite(Nist80053, "SI-10"),
        ],
        evidence: &[Tests("cargo test --workspace dom_6_")],
    },
    Control {
        id: "DOM-7",
        title: "A message is on the record of whose number it is, or on nobody's",
        statement: "A text message is sealed under the key of the one client of the tenant who has the sender's \
                    number, found under a search on the record; where nobody or several have it, it is sealed \
                    under the tenant's key, seen only under a look on the record, and put on a client's record \
                    by a person, once.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC6.1"),
            cite(Gdpr, "5"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SC-28"),
            cite(Nist80053, "AU-2"),
        ],
        evidence: &[Tests("cargo test --workspace dom_7_")],
    },
    Control {
        id: "DOM-8",
        title: "Who wants no more messages has said so for good",
        statement: "A word by which somebody stops text messages, or has them again, is kept under a keyed \
                    digest of the number in the transaction that takes the message in, the last word that \
                    arrived counts whatever the order of work, no program can take one back, and whoever sends \
                    asks first.",
        crate_name: "domain",
        clauses: &[
            cite(Hipaa, "164.522(b)"),
            cite(Soc2, "P3.2"),
            cite(Gdpr, "7"),
            cite(Iso27001, "A.5.34"),
            cite(Nist80053, "SI-12"),
        ],
        evidence: &[Tests("cargo test --workspace dom_8_")],
    },
];
