//! The policy compiled into eight masks: every question is asked once, at start, and a request costs one shift.

use crate::{Permission, PermissionId, PermissionSet, Permit, PolicyEngine, RbacError, Scope};
use bearingwall_core::{CustomerId, Held, Principal, Role, RoleSet};
use std::sync::Arc;

/// One line of the permission matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixRow {
    /// The permission.
    pub permission: PermissionId,
    /// Whether the role at the same place of [`Role::ALL`] grants it.
    pub granted: [bool; Role::ALL.len()],
}

/// Which set of roles grants which permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTable {
    /// One mask of permissions for each of the eight sets of roles, by [`RoleSet::index`].
    masks: [u128; 8],
}

impl PolicyTable {
    /// Asks `engine` every question there is, once, and keeps the answers.
    ///
    /// # Errors
    /// When the engine fails on any question, when a permission is granted to nobody, when a tenant permission is
    /// granted to two roles, or to `internal_admin`, which enters a tenant only with a reason on record, and when a permission
    /// of the platform is granted to anybody else.
    pub fn compile(engine: &dyn PolicyEngine) -> Result<Self, RbacError> {
        let mut single = [0_u128; Role::ALL.len()];
        for (mask, role) in single.iter_mut().zip(Role::ALL) {
            for &permission in PermissionId::ALL {
                let allowed = engine.allows(role, permission).map_err(|source| RbacError::Engine {
                    role,
                    permission,
                    source,
                })?;
                if allowed {
                    *mask |= permission.bit();
                }
            }
        }
        refuse_unsound(&single)?;

        let mut masks = [0_u128; 8];
        for set in all_role_sets() {
            let held = Role::ALL
                .into_iter()
                .zip(&single)
                .filter(|(role, _)| set.contains(*role));
            if let Some(mask) = masks.get_mut(set.index()) {
                *mask = held.fold(0, |union, (_, mask)| union | mask);
            }
        }
        Ok(Self { masks })
    }

    /// Whether any role of the set grants `permission`. A set that holds no role grants nothing.
    #[must_use]
    pub fn allows(&self, roles: RoleSet, permission: PermissionId) -> bool {
        self.masks
            .get(roles.index())
            .is_some_and(|mask| mask & permission.bit() != 0)
    }

    /// The proof that `principal` may do `P`: by a role of its token, or by what its tenant has `assigned` to it.
    ///
    /// # Errors
    /// [`RbacError::Denied`] when neither grants it, [`RbacError::NoTenant`] when the permission is about a tenant's
    /// data and the principal has no tenant, or only the platform's own.
    // CONTROL: RBC-1
    // CONTROL: RBC-5
    pub fn permit<P: Permission>(
        &self,
        principal: &Arc<Principal>,
        assigned: PermissionSet,
    ) -> Result<Permit<P>, RbacError> {
        if !self.allows(principal.roles, P::ID) && !counted(principal, assigned).contains(P::ID) {
            return Err(RbacError::Denied { permission: P::ID });
        }
        match P::ID.scope() {
            Scope::Tenant if tenant_of(principal).is_none() => Err(RbacError::NoTenant { permission: P::ID }),
            Scope::Tenant | Scope::Identity | Scope::Platform => Ok(Permit::new(Arc::clone(principal))),
        }
    }

    /// Everything that `principal` holds in its tenant, for whoever hands a part of it on; `None` without a tenant.
    // CONTROL: RBC-5
    #[must_use]
    pub fn held(&self, principal: &Principal, assigned: PermissionSet) -> Option<Held> {
        let customer = tenant_of(principal)?;
        let by_roles = self.masks.get(principal.roles.index()).copied().unwrap_or_default();
        let all = PermissionSet::of_mask(by_roles).union(counted(principal, assigned));
        let names = all.iter().map(PermissionId::as_str).collect();
        #[expect(clippy::disallowed_methods, reason = "this is the table that knows")]
        let held = Held::danger_assume_held(principal.subject, customer, names);
        Some(held)
    }

    /// A set that a tenant names, held to this table: permissions over a tenant's data that some role grants.
    ///
    /// # Errors
    /// [`RbacError::NotAssignable`] with the first name that is none.
    // CONTROL: RBC-5
    pub fn role_set<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) -> Result<PermissionSet, RbacError> {
        let granted = PermissionSet::of_mask(self.masks.iter().fold(0, |all, mask| all | mask));
        names.into_iter().try_fold(PermissionSet::EMPTY, |set, name| {
            let name = name.as_ref();
            let one = PermissionSet::of_names([name]);
            if one.iter().any(|permission| granted.contains(permission)) {
                Ok(set.union(one))
            } else {
                let name = name.to_owned();
                Err(RbacError::NotAssignable { name })
            }
        })
    }

    /// The whole table, one row a permission, for people to read and for a reviewed file to be compared with.
    #[must_use]
    pub fn matrix(&self) -> Vec<MatrixRow> {
        let row = |permission: PermissionId| MatrixRow {
            permission,
            granted: Role::ALL.map(|role| self.allows(RoleSet::EMPTY.with(role), permission)),
        };
        PermissionId::ALL.iter().copied().map(row).collect()
    }
}

/// The tenant of a principal that is not the platform's own.
fn tenant_of(principal: &Principal) -> Option<CustomerId> {
    principal.customer.filter(|customer| !customer.is_platform())
}

/// What counts of what a tenant assigned. SECURITY: nothing for the platform's staff, who are in a tenant under a session
/// that says what they may do there, and nothing outside of a tenant.
fn counted(principal: &Principal, assigned: PermissionSet) -> PermissionSet {
    if principal.roles.contains(Role::InternalAdmin) || tenant_of(principal).is_none() {
        PermissionSet::EMPTY
    } else {
        assigned
    }
}

/// Refuses a policy that no server may serve.
// CONTROL: RBC-3
fn refuse_unsound(single: &[u128; Role::ALL.len()]) -> Result<(), RbacError> {
    for &permission in PermissionId::ALL {
        let mut holders = Role::ALL
            .into_iter()
            .zip(single)
            .filter(|(_, mask)| *mask & permission.bit() != 0);
        let Some((first, _)) = holders.next() else {
            return Err(RbacError::Unassigned { permission });
        };
        let second = holders.next();
        if permission.scope() == Scope::Platform && (first != Role::InternalAdmin || second.is_some()) {
            return Err(RbacError::Misplaced { permission });
        }
        if permission.scope() == Scope::Tenant {
            if first == Role::InternalAdmin || second.is_some_and(|(role, _)| role == Role::InternalAdmin) {
                return Err(RbacError::Unbounded { permission });
            }
            if second.is_some() {
                return Err(RbacError::Shared { permission });
            }
        }
    }
    Ok(())
}

fn all_role_sets() -> impl Iterator<Item = RoleSet> {
    (0_u8..8).map(|bits| {
        Role::ALL
            .into_iter()
            .enumerate()
            .filter(move |(at, _)| bits >> at & 1 == 1)
            .map(|(_, role)| role)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PolicyError, ReadClient, ReadSelf, WriteClient};
    use bearingwall_core::{Classified, ErrorKind, SubjectId};
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use uuid::Uuid;

    /// An engine that answers from a set of pairs, or fails on one.
    struct Pairs {
        granted: Vec<(Role, PermissionId)>,
        fails_on: Option<(Role, PermissionId)>,
    }

    impl PolicyEngine for Pairs {
        fn allows(&self, role: Role, permission: PermissionId) -> Result<bool, PolicyError> {
            if self.fails_on == Some((role, permission)) {
                return Err(PolicyError::new("out of order"));
            }
            Ok(self.granted.contains(&(role, permission)))
        }
    }

    fn sound() -> Pairs {
        let granted = PermissionId::ALL
            .iter()
            .flat_map(|&permission| match (permission.scope(), permission.action()) {
                (Scope::Identity, _) => Role::ALL.map(|role| (role, permission)).to_vec(),
                (Scope::Platform, _) => vec![(Role::InternalAdmin, permission)],
                (Scope::Tenant, "read" | "search") => vec![(Role::Authenticated, permission)],
                (Scope::Tenant, _) => vec![(Role::CustomerAdmin, permission)],
            })
            .collect();
        Pairs {
            granted,
            fails_on: None,
        }
    }

    fn principal(roles: &[Role], customer: Option<CustomerId>) -> Arc<Principal> {
        Arc::new(Principal {
            subject: SubjectId::from_uuid(Uuid::from_u128(7)),
            customer,
            roles: roles.iter().copied().collect(),
            expires_at: OffsetDateTime::UNIX_EPOCH,
            names: None,
            strong: false,
            signed_in: false,
        })
    }

    fn tenant() -> Option<CustomerId> {
        Some(CustomerId::from_uuid(Uuid::from_u128(42)))
    }

    #[test]
    fn rbc_1_a_permit_exists_only_where_a_role_grants_it() {
        let table = PolicyTable::compile(&sound()).unwrap();
        let reader = principal(&[Role::Authenticated], tenant());
        assert_eq!(
            table
                .permit::<ReadClient>(&reader, PermissionSet::EMPTY)
                .unwrap()
                .principal()
                .subject,
            reader.subject
        );
        let refused = table.permit::<WriteClient>(&reader, PermissionSet::EMPTY).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "RBC-001"));
        let nobody = principal(&[], tenant());
        assert_eq!(
            table
                .permit::<ReadSelf>(&nobody, PermissionSet::EMPTY)
                .unwrap_err()
                .code(),
            "RBC-001"
        );
    }

    #[test]
    fn rbc_1_a_tenant_permission_needs_a_tenant() {
        let table = PolicyTable::compile(&sound()).unwrap();
        for customer in [None, Some(CustomerId::PLATFORM)] {
            let stray = principal(&[Role::Authenticated, Role::InternalAdmin], customer);
            let refused = table.permit::<ReadClient>(&stray, PermissionSet::EMPTY).unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "RBC-004"));
            assert!(table.permit::<ReadSelf>(&stray, PermissionSet::EMPTY).is_ok());
        }
    }

    #[test]
    fn rbc_5_an_assignment_gives_what_it_says_beside_the_roles_and_nothing_more() {
        let table = PolicyTable::compile(&sound()).unwrap();
        let desk = table.role_set(["client:write"]).unwrap();
        for roles in [&[][..], &[Role::Authenticated]] {
            let somebody = principal(roles, tenant());
            assert!(table.permit::<WriteClient>(&somebody, desk).is_ok());
            assert_eq!(table.permit::<ReadClient>(&somebody, desk).is_ok(), !roles.is_empty());
            assert_eq!(
                table.permit::<crate::ImportClient>(&somebody, desk).unwrap_err().code(),
                "RBC-001"
            );
        }
    }

    #[test]
    fn rbc_5_an_assignment_gives_nothing_without_a_tenant_and_nothing_to_staff() {
        let table = PolicyTable::compile(&sound()).unwrap();
        let everything = PermissionSet::of_names(PermissionId::ALL.iter().map(|permission| permission.as_str()));
        for (roles, customer, code) in [
            (&[][..], None, "RBC-001"),
            (&[][..], Some(CustomerId::PLATFORM), "RBC-001"),
            (&[Role::CustomerAdmin][..], Some(CustomerId::PLATFORM), "RBC-004"),
            (&[Role::InternalAdmin, Role::Authenticated][..], tenant(), "RBC-001"),
        ] {
            let stranger = principal(roles, customer);
            let refused = table.permit::<WriteClient>(&stranger, everything).unwrap_err();
            assert_eq!(refused.code(), code, "{roles:?}");
            let held = table.held(&stranger, everything);
            assert!(
                held.is_none_or(|held| !held.permissions().contains(&"client:write")),
                "{roles:?}"
            );
        }
        let nobody = principal(&[], tenant());
        assert_eq!(
            table
                .permit::<crate::ManageBreakGlass>(&nobody, everything)
                .unwrap_err()
                .code(),
            "RBC-001"
        );
        assert_eq!(
            table.permit::<ReadSelf>(&nobody, everything).unwrap_err().code(),
            "RBC-001"
        );
    }

    #[test]
    fn rbc_5_what_is_held_is_the_union_of_roles_and_assignments_in_the_tenant() {
        let table = PolicyTable::compile(&sound()).unwrap();
        let reader = principal(&[Role::Authenticated], tenant());
        let held = table.held(&reader, table.role_set(["client:write"]).unwrap()).unwrap();
        assert_eq!((held.subject(), Some(held.customer())), (reader.subject, tenant()));
        let expected: Vec<&str> = PermissionId::ALL
            .iter()
            .filter(|&&permission| {
                let by_role = table.allows(reader.roles, permission) && permission.scope() == Scope::Tenant;
                by_role || permission == PermissionId::WriteClient
            })
            .map(|permission| permission.as_str())
            .collect();
        assert_eq!(held.permissions(), expected);
    }

    #[test]
    fn rbc_5_a_role_set_holds_nothing_but_a_tenants_permissions() {
        let table = PolicyTable::compile(&sound()).unwrap();
        for name in ["break_glass:manage", "me:read", "client:*", "client:delete", ""] {
            let refused = table.role_set(["client:read", name]).unwrap_err();
            assert_eq!(
                (refused.kind(), refused.code()),
                (ErrorKind::Invalid, "RBC-009"),
                "{name}"
            );
        }
        let set = table.role_set(["client:write", "client:read", "client:read"]).unwrap();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [PermissionId::ReadClient, PermissionId::WriteClient]
        );
    }

    #[test]
    fn rbc_3_a_policy_that_nests_roles_is_refused() {
        let mut shared = sound();
        shared.granted.push((Role::CustomerAdmin, PermissionId::ReadClient));
        assert_eq!(PolicyTable::compile(&shared).unwrap_err().code(), "RBC-005");

        for holder in [Role::Authenticated, Role::InternalAdmin] {
            let mut unbounded = sound();
            unbounded
                .granted
                .retain(|(_, permission)| *permission != PermissionId::ReadChartNote);
            unbounded.granted.extend([
                (holder, PermissionId::ReadChartNote),
                (Role::InternalAdmin, PermissionId::ReadChartNote),
            ]);
            assert_eq!(PolicyTable::compile(&unbounded).unwrap_err().code(), "RBC-006");
        }
    }

    #[test]
    fn rbc_3_the_platforms_own_permissions_are_its_staffs_alone() {
        let table = PolicyTable::compile(&sound()).unwrap();
        let staff = principal(&[Role::InternalAdmin], None);
        assert!(
            table
                .permit::<crate::ManageBreakGlass>(&staff, PermissionSet::EMPTY)
                .is_ok()
        );
        let everything_else = principal(&[Role::Authenticated, Role::CustomerAdmin], tenant());
        assert_eq!(
            table
                .permit::<crate::ManageBreakGlass>(&everything_else, PermissionSet::EMPTY)
                .unwrap_err()
                .code(),
            "RBC-001"
        );
        for holders in [&[Role::CustomerAdmin][..], &[Role::InternalAdmin, Role::Authenticated]] {
            let mut misplaced = sound();
            misplaced
                .granted
                .retain(|(_, permission)| *permission != PermissionId::ManageBreakGlass);
            let granted = holders.iter().map(|role| (*role, PermissionId::ManageBreakGlass));
            misplaced.granted.extend(granted);
            assert_eq!(PolicyTable::compile(&misplaced).unwrap_err().code(), "RBC-008");
        }
    }

    #[test]
    fn a_policy_with_a_hole_is_refused() {
        let mut hole = sound();
        hole.granted
            .retain(|(_, permission)| *permission != PermissionId::ImportClient);
        assert_eq!(PolicyTable::compile(&hole).unwrap_err().code(), "RBC-003");

        let mut broken = sound();
        broken.fails_on = Some((Role::InternalAdmin, PermissionId::ReadAccessLog));
        let refused = PolicyTable::compile(&broken).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Internal, "RBC-002"));
        assert_eq!(
            refused.to_string(),
            "the policy has no answer for `internal_admin` and `access_log:read`"
        );
    }

    proptest! {
        #[test]
        fn rbc_3_a_set_of_roles_grants_exactly_the_union(admin in proptest::collection::vec(any::<bool>(), PermissionId::ALL.len()), own in 1_u8..8) {
            let granted = PermissionId::ALL.iter().zip(admin).flat_map(|(&permission, admin)| match permission.scope() {
                Scope::Tenant if admin => vec![(Role::CustomerAdmin, permission)],
                Scope::Tenant => vec![(Role::Authenticated, permission)],
                Scope::Platform => vec![(Role::InternalAdmin, permission)],
                Scope::Identity => {
                    let held = Role::ALL.into_iter().enumerate().filter(|(at, _)| own >> at & 1 == 1);
                    held.map(|(_, role)| (role, permission)).collect()
                }
            }).collect();
            let engine = Pairs { granted, fails_on: None };
            let table = PolicyTable::compile(&engine).unwrap();
            for set in all_role_sets() {
                for &permission in PermissionId::ALL {
                    let union = set.iter().any(|role| engine.granted.contains(&(role, permission)));
                    prop_assert_eq!(table.allows(set, permission), union);
                }
            }
        }
    }
}
