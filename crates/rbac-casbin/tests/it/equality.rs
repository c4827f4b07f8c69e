//! RBC-2: the table that requests read says what casbin says, for every question there is.

use bearingwall_core::{Classified, Role, RoleSet};
use bearingwall_rbac::{PermissionId, PolicyEngine, PolicyTable, Scope};
use bearingwall_rbac_casbin::CasbinEngine;
use proptest::prelude::*;

fn role_sets() -> impl Iterator<Item = RoleSet> {
    (0_u8..8).map(|bits| {
        (0..3)
            .filter(|at| bits >> at & 1 == 1)
            .map(|at| Role::ALL[at])
            .collect()
    })
}

fn assert_equal(table: &PolicyTable, engine: &CasbinEngine) {
    for set in role_sets() {
        for &permission in PermissionId::ALL {
            let engine_says = set.iter().any(|role| engine.allows(role, permission).unwrap());
            assert_eq!(table.allows(set, permission), engine_says, "{set:?} {permission}");
        }
    }
}

#[tokio::test]
async fn rbc_2_the_table_answers_as_casbin_does_for_every_set_of_roles_and_permission() {
    let engine = CasbinEngine::shipped().await.unwrap();
    let table = PolicyTable::compile(&engine).unwrap();
    assert_equal(&table, &engine);
}

/// A policy text, and for each pair whether a row grants it.
fn random_policy() -> impl Strategy<Value = Vec<(Role, PermissionId)>> {
    // Each tenant permission goes to one of two roles, or (one time in twenty) to a random set, so that both sound and
    // unsound policies come up; each identity permission goes to any set of roles.
    let one = |permission: PermissionId| {
        let bits = match permission.scope() {
            Scope::Tenant => prop_oneof![19 => prop_oneof![Just(1_u8), Just(2_u8)], 1 => 0_u8..8].boxed(),
            Scope::Platform => prop_oneof![19 => Just(4_u8), 1 => 0_u8..8].boxed(),
            Scope::Identity => (0_u8..8).boxed(),
        };
        bits.prop_map(move |bits| {
            (0..3)
                .filter(|at| bits >> at & 1 == 1)
                .map(|at| (Role::ALL[at], permission))
                .collect::<Vec<_>>()
        })
    };
    PermissionId::ALL
        .iter()
        .copied()
        .map(one)
        .collect::<Vec<_>>()
        .prop_map(|rows| rows.concat())
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rbc_2_random_policies_compile_to_casbins_answers_or_are_refused_for_a_named_reason(pairs in random_policy()) {
        let text: String = pairs
            .iter()
            .map(|(role, permission)| format!("p, {role}, {}, {}\n", permission.object(), permission.action()))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let held = |permission: PermissionId| pairs.iter().filter(move |(_, held)| *held == permission).map(|(role, _)| *role);
        let complete = PermissionId::ALL.iter().all(|&permission| held(permission).next().is_some());
        let engine = runtime.block_on(CasbinEngine::from_policy(&text));
        prop_assert_eq!(engine.is_ok(), complete);
        let Ok(engine) = engine else { return Ok(()) };
        for role in Role::ALL {
            for &permission in PermissionId::ALL {
                prop_assert_eq!(engine.allows(role, permission).unwrap(), pairs.contains(&(role, permission)));
            }
        }
        let tenant = |permission: &&PermissionId| permission.scope() == Scope::Tenant;
        let nested = PermissionId::ALL.iter().filter(tenant).any(|&permission| {
            held(permission).count() > 1 || held(permission).any(|role| role == Role::InternalAdmin)
        });
        let platform = |permission: &&PermissionId| permission.scope() == Scope::Platform;
        let misplaced = PermissionId::ALL
            .iter()
            .filter(platform)
            .any(|&permission| held(permission).any(|role| role != Role::InternalAdmin));
        match PolicyTable::compile(&engine) {
            Ok(table) => {
                prop_assert!(!nested && !misplaced);
                assert_equal(&table, &engine);
            }
            Err(refused) => match refused.code() {
                "RBC-005" | "RBC-006" => prop_assert!(nested, "{}", refused),
                "RBC-008" => prop_assert!(misplaced, "{}", refused),
                _ => prop_assert!(false, "{}", refused),
            },
        }
    }
}

#[tokio::test]
async fn a_policy_with_a_wrong_line_is_refused_by_its_number() {
    let refused = CasbinEngine::from_policy("p, authenticated, me, read\np, root, client, write\n")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "RBC-010");
    assert_eq!(refused.to_string(), "line 2 of the policy: unknown role");
}
