//! Cedar with the shipped policy: callers are entities whose parents are their roles, loaded once.

use bearingwall_core::{Role, RoleSet};
use bearingwall_rbac::PermissionId;
use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request};
use std::collections::HashSet;

const POLICY: &str = include_str!("../policy.cedar");

pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    callers: Entities,
}

impl Cedar {
    pub fn shipped(role_sets: &[RoleSet]) -> Self {
        let roles = Role::ALL.map(|role| Entity::new_no_attrs(uid("Role", role.as_str()), HashSet::new()));
        let callers = role_sets.iter().map(|&roles| {
            let parents = roles.iter().map(|role| uid("Role", role.as_str()));
            Entity::new_no_attrs(caller(roles), parents.collect())
        });
        Self {
            authorizer: Authorizer::new(),
            policies: POLICY.parse().unwrap(),
            callers: Entities::from_entities(roles.into_iter().chain(callers), None).unwrap(),
        }
    }

    /// An answer that stands beside an error of the evaluation is none.
    pub fn allows(&self, question: &Request) -> bool {
        let response = self.authorizer.is_authorized(question, &self.policies, &self.callers);
        assert_eq!(response.diagnostics().errors().count(), 0);
        response.decision() == Decision::Allow
    }
}

/// As a request would ask: every name made anew.
pub fn question(roles: RoleSet, permission: PermissionId) -> Request {
    let action = uid("Action", permission.as_str());
    Request::new(caller(roles), action, uid("Api", "this"), Context::empty(), None).unwrap()
}

fn caller(roles: RoleSet) -> EntityUid {
    uid("Caller", &roles.index().to_string())
}

fn uid(kind: &str, name: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), name.parse().unwrap())
}
