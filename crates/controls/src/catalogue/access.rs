//! The controls of identity, permission, secrets and what is logged.

use super::cite;
use crate::Control;
use crate::Evidence::{File, Live, Tests};
use crate::Framework::{Gdpr, Hipaa, Iso27001, Nist80053, Soc2};

pub(super) const CONTROLS: &[Control] = &[
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
        id: "AUT-3",
        title: "Bounded life of a token",
        statement: "No token is accepted that lives longer than the deployment, its issuer or its tenant allows, and no \
                    clock may be wrong by more than two minutes.",
        crate_name: "authn",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iii)"),
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Nist80053, "IA-5(13)"),
            cite(Nist80053, "AC-12"),
        ],
        evidence: &[Tests("cargo test --workspace aut_3_")],
    },
    Control {
        id: "AUT-4",
        title: "Sign-out and revocation within seconds",
        statement: "A session that its provider or an operator has ended, and a person who was signed out, are refused by \
                    every server within two seconds, remembered tokens included; where that cannot be known, nobody is let in.",
        crate_name: "authn",
        clauses: &[
            cite(Hipaa, "164.308(a)(3)(ii)(C)"),
            cite(Hipaa, "164.312(a)(2)(iii)"),
            cite(Soc2, "CC6.2"),
            cite(Soc2, "CC6.3"),
            cite(Nist80053, "AC-2(13)"),
            cite(Nist80053, "AC-12"),
        ],
        evidence: &[Tests("cargo test --workspace aut_4_")],
    },
    Control {
        id: "AUT-5",
        title: "Sessions in a browser",
        statement: "A browser holds a random number in a cookie that no script reads, and never a token; a session begins \
                    only where its sign-in began, and ends by rest, by age, at sign-out and with the provider's session.",
        crate_name: "authn",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iii)"),
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Nist80053, "AC-11"),
            cite(Nist80053, "AC-12"),
            cite(Nist80053, "SC-23"),
        ],
        evidence: &[Tests("cargo test --workspace aut_5_")],
    },
    Control {
        id: "AUT-6",
        title: "No other page acts in a session",
        statement: "A request with a session is served only if it comes from a page of ours, and changes something only with \
                    the session's own token; a session and a bearer token on one request are refused.",
        crate_name: "authn",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.6"),
            cite(Nist80053, "SC-23"),
        ],
        evidence: &[Tests("cargo test --workspace aut_6_")],
    },
    Control {
        id: "AUT-7",
        title: "Personal data behind a second factor",
        statement: "Where it is configured, and in the profile `hipaa` always, routes of personal data, and those \
                    that open it to somebody (break-glass, roles), are open only to sign-ins that the issuer's claims call strong.",
        crate_name: "authn",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Nist80053, "IA-2(1)"),
            cite(Nist80053, "IA-2(2)"),
        ],
        evidence: &[Tests("cargo test --workspace aut_7_")],
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
        id: "RBC-4",
        title: "Staff in a tenant only under a session that the tenant sees",
        statement: "The platform's staff reach a tenant's data only under a session that names one tenant, a reason, a ticket \
                    and an end within the hour, that a second person has agreed to, and that marks all that is done under \
                    it; the tenant sees and judges it.",
        crate_name: "rbac",
        clauses: &[
            cite(Hipaa, "164.308(a)(4)"),
            cite(Hipaa, "164.312(a)(2)(ii)"),
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.3"),
            cite(Iso27001, "A.8.2"),
            cite(Nist80053, "AC-5"),
            cite(Nist80053, "AC-6(9)"),
        ],
        evidence: &[
            Tests("cargo test --workspace rbc_4_"),
            Live("GET /v1/break-glass/visits"),
        ],
    },
    Control {
        id: "RBC-5",
        title: "A tenant's own roles take two persons",
        statement: "What a tenant gives its people beside the roles of their tokens is a named set of permissions over its own \
                    data, asked for by one person and agreed to by another, neither of them the one who gains, both of \
                    whom hold all of it; what is given is exactly what was seen, once and in time, and stands on record.",
        crate_name: "rbac",
        clauses: &[
            cite(Hipaa, "164.308(a)(3)(ii)(A)"),
            cite(Hipaa, "164.308(a)(4)(ii)(B)"),
            cite(Hipaa, "164.308(a)(4)(ii)(C)"),
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.2"),
            cite(Soc2, "CC6.3"),
            cite(Iso27001, "A.5.18"),
            cite(Iso27001, "A.8.2"),
            cite(Nist80053, "AC-2"),
            cite(Nist80053, "AC-5"),
            cite(Nist80053, "AC-6"),
        ],
        evidence: &[Tests("cargo test --workspace rbc_5_"), Live("GET /v1/roles/changes")],
    },
    Control {
        id: "RBC-6",
        title: "Access review",
        statement: "A tenant's administrator sees who has what, since when, from whom and last used when, of assignments and of \
                    tokens' roles, with what is stale and what nobody answers for; looking, exporting and judging are on \
                    record, and nobody judges what they have themselves.",
        crate_name: "rbac",
        clauses: &[
            cite(Hipaa, "164.308(a)(3)(ii)(B)"),
            cite(Hipaa, "164.308(a)(4)(ii)(C)"),
            cite(Soc2, "CC6.2"),
            cite(Soc2, "CC6.3"),
            cite(Iso27001, "A.5.18"),
            cite(Nist80053, "AC-2"),
            cite(Nist80053, "AC-6(7)"),
        ],
        evidence: &[Tests("cargo test --workspace rbc_6_"), Live("GET /v1/access/review")],
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
        id: "SEC-3",
        title: "Vaults as an identity that the platform vouches for",
        statement: "Azure Key Vault and AWS are asked as a workload, machine or federated identity, with tokens that \
                    expire and are replaced, over verified TLS; no client secret and no access key exists that could \
                    be kept, and no token is given to anybody but the configured authority and vault.",
        crate_name: "secrets",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC6.6"),
            cite(Iso27001, "A.8.5"),
            cite(Nist80053, "IA-5(7)"),
            cite(Nist80053, "IA-9"),
        ],
        evidence: &[
            Tests("cargo test --workspace sec_3_"),
            Tests("cargo test -p bearingwall-interop sec_3_"),
        ],
    },
    Control {
        id: "SEC-4",
        title: "Secrets in memory for a bounded time, and reads on the record",
        statement: "A secret is used for a bounded time after it was read; a rotated one comes without a restart; an \
                    outage of the vault is survived for a bounded time and then nothing is served; a refusal ends \
                    the use at once; and every read of a vault is an event that names the secret and its version.",
        crate_name: "secrets",
        clauses: &[
            cite(Hipaa, "164.312(b)"),
            cite(Soc2, "CC6.1"),
            cite(Soc2, "CC7.2"),
            cite(Iso27001, "A.8.15"),
            cite(Nist80053, "AU-2"),
            cite(Nist80053, "IA-5(7)"),
        ],
        evidence: &[Tests("cargo test --workspace sec_4_")],
    },
    Control {
        id: "SEC-5",
        title: "Keys that turn, and are destroyed only when nothing is under them",
        statement: "A tenant's key has versions; a new one is made at its age or on demand, everything under the old \
                    one is put under the new one while requests go on, and the old one is destroyed only when \
                    nothing is under it; the key-encryption key turns in the same way, and may be the tenant's own; \
                    no login that serves requests can change or remove a key.",
        crate_name: "secrets",
        clauses: &[
            cite(Hipaa, "164.312(a)(2)(iv)"),
            cite(Soc2, "CC6.1"),
            cite(Gdpr, "32(1)(a)"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SC-12"),
        ],
        evidence: &[
            Tests("cargo test --workspace sec_5_"),
            Live("bearingwall-ctl keys verify"),
        ],
    },
    Control {
        id: "SEC-6",
        title: "Database logins by what turns by itself",
        statement: "A program logs in at its database by a certificate, by a token of the platform's that ends within \
                    minutes, by the account it runs as, or by a password out of a vault; what it shows is asked for \
                    anew for each connection, and whatever is no password goes over TLS with a verified name only.",
        crate_name: "vaults",
        clauses: &[
            cite(Hipaa, "164.312(d)"),
            cite(Hipaa, "164.312(e)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "IA-5(7)"),
        ],
        evidence: &[Tests("cargo test --workspace sec_6_")],
    },
    Control {
        id: "SEC-7",
        title: "The memory of a program is its own",
        statement: "A program that holds secrets leaves no core dump, and shows its memory, its environment and its \
                    open files to no other process of its user.",
        crate_name: "program",
        clauses: &[
            cite(Hipaa, "164.312(a)(1)"),
            cite(Soc2, "CC6.1"),
            cite(Iso27001, "A.8.24"),
            cite(Nist80053, "SC-28"),
        ],
        evidence: &[Tests("cargo test --workspace sec_7_")],
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
];
