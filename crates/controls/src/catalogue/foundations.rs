//! The controls of the lower layers: tenants apart, personal data found and masked.

use super::cite;
use crate::Control;
use crate::Evidence::{Live, Tests};
use crate::Framework::{Gdpr, Hipaa, Iso27001, Nist80053, Soc2};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        id: "TEN-1",
        title: "Sealed tenant context",
        statement: "A transaction reads and writes only in the tenant for which `tenancy.enter` verified a MAC over \
                    customer, subject, request, expiry and regions, and every SQL statement that alters the context \
                    afterwards makes tenant tables answer SQLSTATE 28000.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.308(a)(4)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.3"),
            cite(Gdpr, "25"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.3"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test --workspace ten_1_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "TEN-2",
        title: "Row security forced on every tenant table",
        statement: "Every table with a `customer_id` column, partitions included, has row security enabled and \
                    forced and the restrictive tenant policy made by the one helper, and its keys, indexes and \
                    foreign keys start with the tenant.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.308(a)(4)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.3"),
            cite(Gdpr, "25"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.3"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test --workspace ten_2_"), Live("cargo demo -- --check")],
    },
    Control {
        id: "TEN-3",
        title: "One way to the database",
        statement: "Application code reaches the database only through a `TenantTx` that `TenantPool::run` lends it, \
                    and one transaction cannot enter a second tenant.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Gdpr, "25"),
            cite(Iso27001, "A.8.3"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test --workspace ten_3_")],
    },
    Control {
        id: "TEN-4",
        title: "Nothing carried over on a pooled connection",
        statement: "A connection that is taken from the pool holds no tenant context, setting, role, temporary \
                    object, cursor, lock or foreign prepared statement of the one who used it before.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Nist80053, "AC-4"),
            cite(Nist80053, "SC-4"),
        ],
        evidence: &[Tests("cargo test --workspace ten_4_")],
    },
    Control {
        id: "TEN-5",
        title: "Excess power, an old server or another schema is refused",
        statement: "A server does not start on a login role with more power than declared, on a PostgreSQL below the \
                    security floor or on a schema version that it was not built for, and it names each reason.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.308(a)(8)"),
            cite(Soc2, "CC6.3"),
            cite(Soc2, "CC7.1"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.2"),
            cite(Iso27001, "A.8.9"),
            cite(Nist80053, "AC-6"),
            cite(Nist80053, "CM-6"),
            cite(Nist80053, "SI-2"),
        ],
        evidence: &[Tests("cargo test --workspace ten_5_")],
    },
    Control {
        id: "TEN-6",
        title: "Schema inventory",
        statement: "Everything in the database's catalog that isolation rests on is compared with what it must be; every \
                    difference is a typed finding with the SQL that repairs it, and every single weakening that the catalog \
                    of the migrated schema suggests is found.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.308(a)(8)"),
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC7.1"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.9"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "CM-6"),
            cite(Nist80053, "SI-7"),
        ],
        evidence: &[Tests("cargo test --workspace ten_6_")],
    },
    Control {
        id: "TEN-7",
        title: "Split key, break-glass and leased work",
        statement: "In the split-key profile a server holds no key: the database itself verifies the caller's RS256 access \
                    token against the issuer's keys and opens for at most 60 seconds the tenant that the token names, or for \
                    platform staff a tenant with an open break-glass session that somebody else approved; background work \
                    enters only the tenant of a job that it has leased.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.312(a)(2)(ii)"),
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.3"),
            cite(Gdpr, "25"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.2"),
            cite(Iso27001, "A.8.5"),
            cite(Nist80053, "AC-4"),
            cite(Nist80053, "AC-6"),
            cite(Nist80053, "IA-5"),
        ],
        evidence: &[Tests("cargo test --workspace ten_7_")],
    },
    Control {
        id: "TEN-8",
        title: "Canary",
        statement: "Before a server listens and at every interval after, its own login tries from inside one tenant to see a \
                    row of another; a server that ever sees one does not start, or tells log, record and metrics and is not \
                    ready until its process ends, and one whose probes prove nothing three times in a row is not ready \
                    until one does.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.308(a)(1)(ii)(D)"),
            cite(Hipaa, "164.308(a)(8)"),
            cite(Soc2, "CC7.1"),
            cite(Soc2, "CC7.2"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.16"),
            cite(Nist80053, "CA-7"),
            cite(Nist80053, "SI-4"),
            cite(Nist80053, "SI-6"),
        ],
        evidence: &[Tests("cargo test --workspace ten_8_")],
    },
    Control {
        id: "TEN-9",
        title: "Tenant life cycle",
        statement: "A suspended tenant admits nobody, and a tenant is erased only under a two-person record that the database \
                    enforces: both persons proven by access tokens, the same export, 24 hours, suspended throughout; keys go \
                    first, no row remains in any table with a tenant column, and the record stays.",
        crate_name: "tenancy",
        clauses: &[
            cite(Hipaa, "164.310(d)(2)(i)"),
            cite(Hipaa, "164.308(a)(3)(ii)(C)"),
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.5"),
            cite(Soc2, "C1.2"),
            cite(Gdpr, "17"),
            cite(Gdpr, "20"),
            cite(Gdpr, "28"),
            cite(Iso27001, "A.8.10"),
            cite(Iso27001, "A.5.3"),
            cite(Nist80053, "AC-3"),
            cite(Nist80053, "AC-5"),
            cite(Nist80053, "MP-6"),
        ],
        evidence: &[Tests("cargo test --workspace ten_9_")],
    },
    Control {
        id: "PII-1",
        title: "What is found is hidden",
        statement: "Every value that a recognizer proposes above its threshold is replaced as its tenant's policy \
                    says, whole and whatever overlaps it, and no four characters of it are left but those that the \
                    policy keeps.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Hipaa, "164.514(b)(2)"),
            cite(Soc2, "C1.1"),
            cite(Gdpr, "25"),
            cite(Iso27001, "A.8.11"),
            cite(Nist80053, "SI-19"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_1_")],
    },
    Control {
        id: "PII-2",
        title: "No answer instead of raw text",
        statement: "If a required recognizer is missing, fails or answers with what cannot be placed, or a shipped model is \
                    damaged, there is no masked text.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.514(b)(2)"),
            cite(Soc2, "C1.1"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.12"),
            cite(Nist80053, "SI-19"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_2_")],
    },
    Control {
        id: "PII-3",
        title: "Placeholders come back in their conversation only",
        statement: "A placeholder is turned back by the conversation that issued it, exactly, and by no other tenant's \
                    or conversation's, nor is one that somebody made up.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.514(c)"),
            cite(Soc2, "C1.1"),
            cite(Gdpr, "4(5)"),
            cite(Iso27001, "A.8.11"),
            cite(Nist80053, "AC-4"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_3_")],
    },
    Control {
        id: "PII-4",
        title: "A floor under every policy",
        statement: "Whatever a tenant's policy says, each kind of value is treated at least as strictly as the \
                    platform's floor, and no allow list, threshold, language or cutting of texts gets below it.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Soc2, "C1.1"),
            cite(Soc2, "CC6.1"),
            cite(Gdpr, "25"),
            cite(Nist80053, "SI-19"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_4_")],
    },
    Control {
        id: "PII-5",
        title: "A stream is treated as the whole",
        statement: "A text that arrives in parts is masked and unmasked to the same bytes as the whole, however it is \
                    cut, what is held back is bounded, and no cut of ours parts a value.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Soc2, "C1.1"),
            cite(Iso27001, "A.8.12"),
            cite(Nist80053, "SI-19"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_5_")],
    },
    Control {
        id: "PII-6",
        title: "A tenant's recognizers run in bounds",
        statement: "A tenant's own patterns and dictionaries read a text in time that grows with its length alone \
                    and in bounded memory, and what cannot is refused when its policy is compiled, before it reads \
                    any text.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.308(a)(1)(ii)(B)"),
            cite(Soc2, "A1.1"),
            cite(Nist80053, "SC-5"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_6_")],
    },
    Control {
        id: "PII-7",
        title: "No policy is in force that was not tested",
        statement: "What a tenant wants done with personal data comes into force in exactly the content that passed its \
                    own samples over the platform's present floor, by a named person, on the record; no version is \
                    ever changed, and one that was written by other means is refused.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.308(a)(8)"),
            cite(Soc2, "CC8.1"),
            cite(Gdpr, "25"),
            cite(Nist80053, "CM-3"),
        ],
        evidence: &[
            Tests("cargo test -p bearingwall-domain pii_7_"),
            Tests("cargo test -p bearingwall-server pii_7_"),
        ],
    },
    Control {
        id: "PII-8",
        title: "What placeholders stand for is sealed, bound and gone in time",
        statement: "The vault holds no value and no digest that needs no key; a value opens for its tenant and \
                    conversation, under an access that is on record, until the conversation has expired, and then for \
                    nobody.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Hipaa, "164.312(b)"),
            cite(Hipaa, "164.514(c)"),
            cite(Soc2, "C1.2"),
            cite(Gdpr, "32"),
            cite(Nist80053, "SC-28"),
        ],
        evidence: &[
            Tests("cargo test -p bearingwall-domain pii_8_"),
            Tests("cargo test -p bearingwall-server pii_8_"),
        ],
    },
    Control {
        id: "PII-9",
        title: "Nothing unmasked is answered for a masked text",
        statement: "Where the policy in force, the tenant's key, the engine or the record is not as it must be, a text \
                    is refused with a code, and the refusal is on the record where there is one.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
            cite(Soc2, "C1.1"),
            cite(Iso27001, "A.8.12"),
            cite(Nist80053, "SC-24"),
        ],
        evidence: &[
            Tests("cargo test -p bearingwall-domain pii_9_"),
            Tests("cargo test -p bearingwall-server pii_9_"),
        ],
    },
];
