//! Well signed tokens whose claims must not be believed.

use super::{Attack, CLAIM, TYPE, attack, with_claims};
use crate::fixture::{AUDIENCE, Idp, NOW_S, OTHER_TENANT, TENANT};
use serde_json::{Value, json};

pub(super) fn claim_attacks(idp: &Idp) -> Vec<Attack> {
    let mut all = Vec::new();
    let mut push = |name: String, code, change: &dyn Fn(&mut Value)| {
        all.push(attack(name, code, with_claims(idp, change)));
    };
    for claim in ["iss", "aud", "sub", "exp", "iat"] {
        push(format!("{claim} missing"), CLAIM, &|c| {
            drop(c.as_object_mut().unwrap().remove(claim))
        });
        for value in [json!(null), json!({}), json!([]), json!(true), json!([1]), json!(1.5)] {
            push(
                format!("{claim} = {value}"),
                if claim == "aud" && value == json!([]) {
                    "AUT-010"
                } else {
                    CLAIM
                },
                &|c| {
                    c[claim] = value.clone();
                },
            );
        }
    }
    for iss in [
        "https://attacker.example".to_owned(),
        String::new(),
        format!("{}/", idp.issuer),
        idp.issuer.to_uppercase(),
    ] {
        push(format!("iss `{iss}`"), "AUT-009", &|c| c["iss"] = json!(iss));
    }
    push("iss a list with ours".to_owned(), CLAIM, &|c| {
        c["iss"] = json!([idp.issuer])
    });
    for aud in [
        json!("account"),
        json!(""),
        json!(["account", "x"]),
        json!(format!("{AUDIENCE}/")),
        json!(AUDIENCE.to_uppercase()),
    ] {
        push(format!("aud {aud}"), "AUT-010", &|c| c["aud"] = aud.clone());
    }
    push("aud with a number in it".to_owned(), CLAIM, &|c| {
        c["aud"] = json!([AUDIENCE, 7])
    });
    push("aud an object".to_owned(), CLAIM, &|c| {
        c["aud"] = json!({ AUDIENCE: true })
    });
    for sub in ["", " ", "\t", "a\u{0}b", "a\nb", &"s".repeat(256)] {
        push(format!("sub `{}`", sub.escape_debug()), CLAIM, &|c| {
            c["sub"] = json!(sub)
        });
    }
    push("sub a number".to_owned(), CLAIM, &|c| c["sub"] = json!(7));
    push("expired".to_owned(), "AUT-011", &|c| c["exp"] = json!(NOW_S - 30));
    push("expired long ago".to_owned(), "AUT-011", &|c| c["exp"] = json!(1));
    for exp in [
        json!((NOW_S + 60).to_string()),
        json!(-1),
        json!(9.0e99),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(253_402_300_800_i64),
    ] {
        push(format!("exp {exp}"), CLAIM, &|c| c["exp"] = exp.clone());
    }
    push("exp with a fraction".to_owned(), CLAIM, &|c| {
        c["exp"] = json!(1_795_421_000.5)
    });
    push("iat in the future".to_owned(), "AUT-012", &|c| {
        c["iat"] = json!(NOW_S + 31)
    });
    push("nbf in the future".to_owned(), "AUT-012", &|c| {
        c["nbf"] = json!(NOW_S + 31)
    });
    for nbf in [json!("0"), json!(null), json!(1.5), json!(-1)] {
        push(format!("nbf {nbf}"), CLAIM, &|c| c["nbf"] = nbf.clone());
    }
    push("exp not after iat".to_owned(), "AUT-013", &|c| {
        c["iat"] = json!(NOW_S + 20);
        c["exp"] = json!(NOW_S + 20);
    });
    for typ in [
        json!("ID"),
        json!("Refresh"),
        json!("Logout"),
        json!("bearer"),
        json!(""),
        json!(null),
        json!(["Bearer"]),
    ] {
        push(format!("claim typ {typ}"), TYPE, &|c| c["typ"] = typ.clone());
    }
    for cnf in [
        json!({"jkt": "AAAA"}),
        json!({"x5t#S256": "AAAA"}),
        json!(null),
        json!({}),
    ] {
        push(format!("cnf {cnf}"), "AUT-014", &|c| c["cnf"] = cnf.clone());
    }
    for roles in [
        json!("customer_admin"),
        json!({"customer_admin": true}),
        json!(["authenticated", 1]),
        json!([["authenticated"]]),
        json!(null),
    ] {
        push(format!("roles {roles}"), CLAIM, &|c| {
            c["realm_access"]["roles"] = roles.clone()
        });
    }
    for access in [json!([["customer_admin"]]), json!("customer_admin"), json!(null)] {
        push(format!("realm_access {access}"), CLAIM, &|c| {
            c["realm_access"] = access.clone()
        });
    }
    all
}

pub(super) fn tenant_attacks(idp: &Idp) -> Vec<Attack> {
    let mut all = Vec::new();
    let values = [
        json!(null),
        json!(""),
        json!("*"),
        json!(7),
        json!([TENANT]),
        json!([TENANT, OTHER_TENANT]),
        json!({"id": TENANT}),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("00000000-0000-8000-8000-000000000001"),
        json!("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        json!(TENANT.to_uppercase()),
        json!(TENANT.replace('-', "")),
        json!(format!("{{{TENANT}}}")),
        json!(format!("{TENANT} ")),
        json!(format!("{TENANT}'--")),
    ];
    for value in values {
        all.push(attack(
            format!("customer_id {value}"),
            "AUT-015",
            with_claims(idp, |c| c["customer_id"] = value.clone()),
        ));
        let staff = with_claims(idp, |c| {
            c["customer_id"] = value.clone();
            c["realm_access"]["roles"] = json!(["internal_admin"]);
        });
        all.push(attack(format!("staff with customer_id {value}"), "AUT-015", staff));
    }
    let without = with_claims(idp, |c| drop(c.as_object_mut().unwrap().remove("customer_id")));
    all.push(attack("no customer_id", "AUT-015", without));
    all
}
