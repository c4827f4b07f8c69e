//! Well signed tokens whose claims must not be believed.

use super::fixture::{self, NOW_S, OTHER_TENANT};
use super::{AUDIENCE, CLAIM, EARLY, EXPIRED, ISSUER, LIFETIME, SENDER, TENANT, Variants};
use serde_json::{Value, json};

/// Values of the wrong type, and none, for a claim that must be there.
fn of_wrong_types(all: &mut Variants<'_>, claim: &str) {
    all.claims(format!("{claim} missing"), CLAIM, |c| {
        drop(c.as_object_mut().unwrap().remove(claim));
    });
    for value in [json!(null), json!({}), json!(true), json!([1]), json!(1.5)] {
        all.claims(format!("{claim} = {value}"), CLAIM, |c| c[claim] = value.clone());
    }
}

pub(super) fn time(all: &mut Variants<'_>) {
    of_wrong_types(all, "exp");
    of_wrong_types(all, "iat");
    all.claims("expired", EXPIRED, |c| c["exp"] = json!(NOW_S - 30));
    all.claims("expired long ago", EXPIRED, |c| c["exp"] = json!(1));
    for exp in [
        json!((NOW_S + 60).to_string()),
        json!(-1),
        json!([]),
        json!(9.0e99),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(253_402_300_800_i64),
        json!(1_795_421_000.5),
    ] {
        all.claims(format!("exp {exp}"), CLAIM, |c| c["exp"] = exp.clone());
    }
    all.claims("exp in milliseconds", CLAIM, |c| c["exp"] = json!((NOW_S + 60) * 1000));
    all.claims("exp not after iat", LIFETIME, |c| {
        c["iat"] = json!(NOW_S + 20);
        c["exp"] = json!(NOW_S + 20);
    });
    all.claims("iat in the future", EARLY, |c| c["iat"] = json!(NOW_S + 31));
    all.claims("nbf in the future", EARLY, |c| c["nbf"] = json!(NOW_S + 31));
    all.claims("nbf at the end of time", EARLY, |c| c["nbf"] = json!(i64::MAX));
    for nbf in [json!("0"), json!(null), json!(1.5), json!(-1)] {
        all.claims(format!("nbf {nbf}"), CLAIM, |c| c["nbf"] = nbf.clone());
    }
}

pub(super) fn audience(all: &mut Variants<'_>) {
    of_wrong_types(all, "aud");
    let ours = fixture::AUDIENCE;
    for aud in [
        json!("account"),
        json!(""),
        json!([]),
        json!(["account", "x"]),
        json!(format!("{ours}/")),
        json!(format!("{ours}.attacker.example")),
        json!(format!("account {ours}")),
        json!(ours.to_uppercase()),
    ] {
        all.claims(aud.to_string(), AUDIENCE, |c| c["aud"] = aud.clone());
    }
    for aud in [json!([ours, 7]), json!([[ours]]), json!({ ours: true })] {
        all.claims(aud.to_string(), CLAIM, |c| c["aud"] = aud.clone());
    }
}

pub(super) fn issuer_and_subject(all: &mut Variants<'_>) {
    of_wrong_types(all, "iss");
    of_wrong_types(all, "sub");
    let ours = all.idp.issuer.clone();
    for iss in [
        "https://attacker.example".to_owned(),
        String::new(),
        format!("{ours}/"),
        format!("{ours} "),
        format!("{ours}.attacker.example"),
        ours.to_uppercase(),
    ] {
        all.claims(format!("iss `{iss}`"), ISSUER, |c| c["iss"] = json!(iss));
    }
    all.claims("iss a list with ours", CLAIM, |c| c["iss"] = json!([ours]));
    for sub in ["", " ", "\t", "a\u{0}b", "a\nb", &"s".repeat(256)] {
        all.claims(format!("sub `{}`", sub.escape_debug()), CLAIM, |c| {
            c["sub"] = json!(sub)
        });
    }
    all.claims("sub a number", CLAIM, |c| c["sub"] = json!(7));
}

pub(super) fn tenant(all: &mut Variants<'_>) {
    let ours = fixture::TENANT;
    let values = [
        json!(null),
        json!(""),
        json!("*"),
        json!(7),
        json!([ours]),
        json!([ours, OTHER_TENANT]),
        json!({ "id": ours }),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("00000000-0000-8000-8000-000000000001"),
        json!("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        json!(ours.to_uppercase()),
        json!(ours.replace('-', "")),
        json!(format!("{{{ours}}}")),
        json!(format!("{ours} ")),
        json!(format!("{ours}'--")),
    ];
    for value in values {
        all.claims(value.to_string(), TENANT, |c| c["customer_id"] = value.clone());
        all.claims(format!("staff with {value}"), TENANT, |c| {
            c["customer_id"] = value.clone();
            c["realm_access"]["roles"] = json!(["internal_admin"]);
        });
    }
    all.claims("none", TENANT, |c| {
        drop(c.as_object_mut().unwrap().remove("customer_id"))
    });
}

pub(super) fn roles(all: &mut Variants<'_>) {
    for roles in [
        json!("customer_admin"),
        json!({"customer_admin": true}),
        json!(["authenticated", 1]),
        json!([["authenticated"]]),
        json!(null),
    ] {
        all.claims(roles.to_string(), CLAIM, |c: &mut Value| {
            c["realm_access"]["roles"] = roles.clone();
        });
    }
    for access in [json!([["customer_admin"]]), json!("customer_admin"), json!(null)] {
        all.claims(format!("realm_access {access}"), CLAIM, |c| {
            c["realm_access"] = access.clone();
        });
    }
}

pub(super) fn sender(all: &mut Variants<'_>) {
    for cnf in [
        json!({"jkt": "AAAA"}),
        json!({"x5t#S256": "AAAA"}),
        json!(null),
        json!({}),
    ] {
        all.claims(cnf.to_string(), SENDER, |c| c["cnf"] = cnf.clone());
    }
}
