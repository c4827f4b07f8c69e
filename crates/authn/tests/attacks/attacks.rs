//! The attacks on bearer tokens, by family: every token here must be refused, for the reason that stands beside it.
//!
//! Two tests run them: one asks the verifier, the other the whole edge.

mod algorithms;
mod claims;
pub(crate) mod fixture;
mod forms;
mod headers;
pub(crate) mod signatures;

use fixture::{Idp, KEYS, es256, header};
use serde_json::Value;

/// A token that must be refused.
pub(crate) struct Attack {
    pub(crate) family: &'static str,
    pub(crate) name: String,
    /// Why: the code in log and record.
    pub(crate) code: &'static str,
    pub(crate) token: String,
}

/// The variants of one family, while they are made.
struct Variants<'a> {
    idp: &'a Idp,
    family: &'static str,
    all: Vec<Attack>,
}

impl Variants<'_> {
    fn push(&mut self, name: impl Into<String>, code: &'static str, token: String) {
        self.all.push(Attack {
            family: self.family,
            name: name.into(),
            code,
            token,
        });
    }

    /// A token whose header is changed and whose signature, by the issuer's own key, is right.
    fn header(&mut self, name: impl Into<String>, code: &'static str, change: impl Fn(&mut Value)) {
        let mut header = header("ES256", "ec-1");
        change(&mut header);
        self.push(name, code, es256(&header, &self.idp.claims()));
    }

    /// A token whose claims are changed and whose signature, by the issuer's own key, is right.
    fn claims(&mut self, name: impl Into<String>, code: &'static str, change: impl Fn(&mut Value)) {
        self.push(name, code, with_claims(self.idp, change));
    }
}

/// A family: what it is called, its variants, and how many there must be at least.
type Family = (&'static str, fn(&mut Variants<'_>), usize);

const FAMILIES: [Family; 15] = [
    ("algorithm", algorithms::algorithm, 13),
    ("key confusion", algorithms::confusion, 20),
    ("key id", headers::key_id, 14),
    ("key injection", headers::key_injection, 9),
    ("critical members", headers::critical, 8),
    ("type", headers::token_type, 8),
    ("time", claims::time, 10),
    ("audience", claims::audience, 8),
    ("issuer and subject", claims::issuer_and_subject, 8),
    ("signature", signatures::signature, 17),
    ("form", forms::form, 19),
    ("duplicate members", forms::duplicate, 5),
    ("tenant", claims::tenant, 7),
    ("roles", claims::roles, 5),
    ("sender constraint", claims::sender, 3),
];

/// Every attack on this issuer, which from now on publishes keys that may not verify, too.
pub(crate) fn all(idp: &Idp) -> Vec<Attack> {
    idp.serves(fixture::JWKS, &KEYS.jwks_with_traps());
    let mut all = Vec::new();
    for (family, add, least) in FAMILIES {
        let mut variants = Variants {
            idp,
            family,
            all: Vec::new(),
        };
        add(&mut variants);
        assert!(variants.all.len() >= least, "{family}: {}", variants.all.len());
        all.append(&mut variants.all);
    }
    all
}

/// A token whose claims are changed and whose signature, by the issuer's own key, is right.
pub(crate) fn with_claims(idp: &Idp, change: impl Fn(&mut Value)) -> String {
    let mut claims = idp.claims();
    change(&mut claims);
    es256(&header("ES256", "ec-1"), &claims)
}

// The reasons, as `docs/errors.md` lists them.
pub(crate) const SHAPE: &str = "AUT-001";
pub(crate) const ALGORITHM: &str = "AUT-002";
const KEY: &str = "AUT-003";
pub(crate) const SIGNATURE: &str = "AUT-004";
const TYPE: &str = "AUT-006";
const CLAIMS: &str = "AUT-007";
const CLAIM: &str = "AUT-008";
const ISSUER: &str = "AUT-009";
const AUDIENCE: &str = "AUT-010";
const EXPIRED: &str = "AUT-011";
const EARLY: &str = "AUT-012";
const LIFETIME: &str = "AUT-013";
const SENDER: &str = "AUT-014";
const TENANT: &str = "AUT-015";
