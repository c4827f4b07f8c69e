//! The controls themselves, grouped by the crate that owns them, in the order of the layers.

use crate::Evidence::{File, Live, Tests};
use crate::Framework::{Gdpr, Hipaa, Iso27001, Nist80053, Soc2};
use crate::{Clause, Control, Framework};

const fn cite(framework: Framework, cite: &'static str) -> Clause {
    Clause { framework, cite }
}

/// Every control of the system.
pub const CATALOGUE: &[Control] = &[
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
        id: "AUT-1",
        title: "Strict bearer verification",
        statement: "A bearer token is accepted only as a compact RS256 or ES256 JWS of a configured issuer, signed \
                    by a key of that issuer, with the expected type, audience, times and tenant; every other token \
                    is refused.",
        crate_name: "authn",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Hipaa, "164.312(a)(2)(i)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.6"),
            cite(Gdpr, "32"),
            cite(Iso27001, "A.8.5"),
            cite(Nist80053, "IA-2"),
            cite(Nist80053, "IA-8"),
        ],
        evidence: &[
            Tests("cargo test --workspace aut_1_"),
            Live("cargo demo -- --check"),
            Live("cargo xtask vectors --dir ../shared/vectors"),
        ],
    },
    Control {
        id: "AUT-2",
        title: "Key rotation without a flood",
        statement: "A new signing key of an issuer is taken up without a restart, a removed one stops verifying, and \
                    any number of tokens with unknown key ids causes at most one fetch in the configured interval.",
        crate_name: "authn",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "IA-5"),
            cite(Nist80053, "SC-12"),
            cite(Nist80053, "SC-5"),
        ],
        evidence: &[Tests("cargo test --workspace aut_2_")],
    },
    Control {
        id: "RBC-1",
        title: "No route without a declared permission",
        statement: "A route is registered only together with the permission that its handler's first argument \
                    proves, or as public with a written reason; anything else does not compile or does not start.",
        crate_name: "rbac",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.308(a)(4)"),
            cite(Soc2, "CC6.3"),
            cite(Gdpr, "25(2)"),
            cite(Iso27001, "A.5.15"),
            cite(Nist80053, "AC-3"),
        ],
        evidence: &[
            Tests("cargo test --workspace rbc_1_"),
            Live("bearingwall-ctl matrix"),
            File("docs/controls/permission-matrix.txt"),
        ],
    },
    Control {
        id: "RBC-2",
        title: "The compiled table equals the policy engine",
        statement: "For every role and every permission, the table that requests are decided by gives the answer \
                    that the policy engine gives.",
        crate_name: "rbac",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.308(a)(4)(ii)(B)"),
            cite(Soc2, "CC6.3"),
            cite(Iso27001, "A.5.15"),
            cite(Nist80053, "AC-3"),
        ],
        evidence: &[
            Tests("cargo test --workspace rbc_2_"),
            Live("bearingwall-ctl matrix"),
            File("docs/controls/permission-matrix.txt"),
        ],
    },
    Control {
        id: "RBC-3",
        title: "Disjoint roles",
        statement: "No role contains another: each of the three roles has exactly the permissions that the policy \
                    lists for it, and an internal administrator reads no tenant's data.",
        crate_name: "rbac",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Hipaa, "164.308(a)(4)(ii)(C)"),
            cite(Soc2, "CC6.3"),
            cite(Iso27001, "A.5.15"),
            cite(Iso27001, "A.8.2"),
            cite(Nist80053, "AC-5"),
            cite(Nist80053, "AC-6"),
        ],
        evidence: &[
            Tests("cargo test --workspace rbc_3_"),
            Live("cargo demo -- --check"),
            File("docs/controls/permission-matrix.txt"),
        ],
    },
    Control {
        id: "SEC-1",
        title: "Secrets by reference only",
        statement: "A secret reaches a process only through a reference that a secret store resolves; a value that \
                    looks like a credential in the environment, the arguments or the configuration stops the start, \
                    and is not repeated in the message.",
        crate_name: "secrets",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "IA-5(7)"),
        ],
        evidence: &[Tests("cargo test --workspace sec_1_")],
    },
    Control {
        id: "SEC-2",
        title: "Ciphertexts bound to their place",
        statement: "A ciphertext opens only for the table, column, tenant and row that it was sealed for; any \
                    changed byte and any other place is refused.",
        crate_name: "secrets",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Hipaa, "164.312(c)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Gdpr, "32(1)(a)"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SC-13"),
            cite(Nist80053, "SC-28"),
        ],
        evidence: &[Tests("cargo test --workspace sec_2_")],
    },
    Control {
        id: "TEL-1",
        title: "Logs hold no personal data",
        statement: "A log line or trace attribute shows the value of a field only if the field is on the allow-list, \
                    and free text only after e-mail addresses, telephone numbers, long numbers and tokens were \
                    blanked.",
        crate_name: "telemetry",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.7"),
            cite(Gdpr, "5(1)(c)"),
            cite(Iso27001, "A.8.12"),
            cite(Nist80053, "AU-3(3)"),
            cite(Nist80053, "SI-11"),
        ],
        evidence: &[Tests("cargo test --workspace tel_1_"), Live("cargo demo -- --check")],
    },
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
            cite(Gdpr, "25"),
            cite(Iso27001, "A.8.11"),
            cite(Nist80053, "SI-19"),
        ],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_1_")],
    },
    Control {
        id: "PII-2",
        title: "No answer instead of raw text",
        statement: "If a required recognizer fails or answers with what cannot be placed, there is no masked text.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.514(b)(2)"),
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
                    platform's floor, and no allow list or threshold gets below it.",
        crate_name: "pii",
        clauses: &[
            cite(Hipaa, "164.502(b)"),
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
                    cut, and what is held back is bounded.",
        crate_name: "pii",
        clauses: &[cite(Hipaa, "164.502(b)"), cite(Iso27001, "A.8.12"), cite(Nist80053, "SI-19")],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_5_")],
    },
    Control {
        id: "PII-6",
        title: "A tenant's recognizers run in bounds",
        statement: "A tenant's own pattern or dictionary that cannot run in linear time and bounded memory is refused \
                    when its policy is compiled, before it reads any text.",
        crate_name: "pii",
        clauses: &[cite(Soc2, "A1.1"), cite(Nist80053, "SC-5")],
        evidence: &[Tests("cargo test -p bearingwall-pii pii_6_")],
    },
];
