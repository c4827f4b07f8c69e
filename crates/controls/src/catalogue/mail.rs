//! The controls of mail: what leaves by it, and what comes back about it.

use super::cite;
use crate::Control;
use crate::Evidence::{File, Live, Tests};
use crate::Framework::{Gdpr, Hipaa, Iso27001, Nist80053, Soc2};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        id: "MAI-1",
        title: "Nothing is injected into a message",
        statement: "The header of a message holds exactly the names that were meant, once each, and the addresses of its \
                    envelope, whatever stands in the names, texts and files that it is made of.",
        crate_name: "connector-ses",
        clauses: &[
            cite(Hipaa, "164.312(c)(1)"),
            cite(Hipaa, "164.312(e)(2)(i)"),
            cite(Soc2, "CC6.6"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SI-10"),
        ],
        evidence: &[
            Tests("cargo test -p bearingwall-connectors mai_1_"),
            Tests("cargo test -p bearingwall-interop mai_1_"),
        ],
    },
    Control {
        id: "MAI-2",
        title: "Health information leaves by a person's act and over TLS alone",
        statement: "A message with health information is made only with the proof that a person of that tenant is sending it, \
                    which is used up; it goes only over a configuration set that requires TLS; no subject line and no \
                    automatic message takes health information.",
        crate_name: "connector-ses",
        clauses: &[
            cite(Hipaa, "164.312(e)(1)"),
            cite(Hipaa, "164.312(e)(2)(ii)"),
            cite(Hipaa, "164.502(b)"),
            cite(Soc2, "CC6.7"),
            cite(Gdpr, "32(1)(a)"),
            cite(Iso27001, "A.5.14"),
            cite(Nist80053, "SC-8"),
        ],
        evidence: &[
            Tests("cargo test -p bearingwall-connectors mai_2_"),
            Tests("cargo test -p bearingwall-connector-ses mai_2_"),
            Tests("cargo test -p bearingwall-connectors --doc mail"),
        ],
    },
    Control {
        id: "MAI-3",
        title: "An address that is stopped gets nothing",
        statement: "No transport is given a message whose recipient has bounced for good or complained, or for whom the list \
                    cannot be asked; the list holds keyed digests of addresses.",
        crate_name: "connector-ses",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Soc2, "CC7.4"),
            cite(Gdpr, "21(3)"),
            cite(Iso27001, "A.5.34"),
            cite(Nist80053, "PT-2"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-connectors mai_3_")],
    },
    Control {
        id: "MAI-4",
        title: "Only what our topics have signed is believed",
        statement: "A document about mail counts only with a signature over every field that is used, by a valid certificate \
                    from the topic's own host, of one of the listed topics, at an age within the bound.",
        crate_name: "connector-ses",
        clauses: &[
            cite(Hipaa, "164.312(c)(2)"),
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.26"),
            cite(Nist80053, "SC-23"),
            cite(Nist80053, "SI-7"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-connectors mai_4_")],
    },
    Control {
        id: "MAI-5",
        title: "The posture of the sending domain is shown",
        statement: "SPF, DKIM and DMARC of the domain that mail is sent from are looked at as receivers do; what is missing, \
                    weak, or cannot be looked up does not pass, and the result says when it was seen.",
        crate_name: "connector-ses",
        clauses: &[
            cite(Hipaa, "164.308(a)(8)"),
            cite(Soc2, "CC7.1"),
            cite(Iso27001, "A.8.20"),
            cite(Nist80053, "SI-8"),
            cite(Nist80053, "CA-7"),
        ],
        evidence: &[
            Tests("cargo test -p bearingwall-connectors mai_5_"),
            Tests("cargo test -p bearingwall-ctl mai_5_"),
            Live("bearingwall-ctl mail posture clinic.example --dkim TOKEN"),
            File("docs/operations/mail.md"),
        ],
    },
    Control {
        id: "MAI-6",
        title: "No program sends a message twice",
        statement: "A message is used up by one attempt; an attempt after which nobody knows whether it arrived is an outcome \
                    of its own, and nothing tries again by itself.",
        crate_name: "connector-ses",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Soc2, "PI1.3"),
            cite(Iso27001, "A.5.14"),
            cite(Nist80053, "SI-10"),
        ],
        evidence: &[
            Tests("cargo test -p bearingwall-connector-ses mai_6_"),
            Tests("cargo test -p bearingwall-interop mai_6_"),
        ],
    },
];
