//! Every check of the inventory: its stable word and the query whose rows are its findings.

use std::fmt;

/// What is examined. The order is the order of the findings, in which their repairs can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Check {
    /// The server is older than the security floor.
    ServerVersion,
    /// Something in the control schemas is not as this release made it.
    ReleaseDrift,
    /// The tenant column is there in type, place and default, and never NULL.
    TenantColumn,
    /// Row security is enabled on every tenant table.
    RowSecurity,
    /// Row security binds the owner, too.
    ForcedRowSecurity,
    /// Both policies of a tenant table are there, word for word.
    TenantPolicy,
    /// No other permissive policy widens a tenant table.
    FurtherPolicy,
    /// Every table of the PHI class has exactly its policies.
    PhiPolicy,
    /// What looks like personal data is in the register of PHI tables.
    PhiRegister,
    /// The application reaches no table that has no tenant.
    TableWithoutTenant,
    /// Foreign keys begin with the tenant on both sides.
    ForeignKey,
    /// Primary keys begin with the tenant.
    PrimaryKey,
    /// Unique keys begin with the tenant.
    UniqueKey,
    /// Indexes begin with the tenant.
    IndexOrder,
    /// Constraints are validated over all rows.
    UnvalidatedConstraint,
    /// Partitions are reached through their parents only.
    PartitionPrivileges,
    /// Views read with the caller's eyes and let no condition run ahead.
    View,
    /// The application reaches no materialized view.
    MaterializedView,
    /// The application reaches no foreign table.
    ForeignTable,
    /// No number counts over all tenants where the application sees it.
    Sequence,
    /// No rule rewrites statements.
    RewriteRule,
    /// No trigger is switched off.
    Trigger,
    /// The append-only record rejects changes in every partition.
    AppendOnlyTrigger,
    /// Only listed functions run with their owner's rights.
    DefinerFunction,
    /// A function with its owner's rights looks names up in fixed places.
    FunctionSearchPath,
    /// No function is open to every role.
    FunctionPrivileges,
    /// No function of ours is called leak-proof.
    LeakproofFunction,
    /// No relation or column is open to every role.
    PublicPrivileges,
    /// Roles hold no more on tables than they need.
    TablePrivileges,
    /// Roles hold no more on schemas than they need.
    SchemaPrivileges,
    /// Roles hold no more on the database than they need.
    DatabasePrivileges,
    /// No type is open to every role.
    TypePrivileges,
    /// There are no large objects, which have no tenant.
    LargeObject,
    /// What is made later is open to nobody.
    DefaultPrivileges,
    /// The server's own catalog is as closed as it was delivered.
    CatalogPrivileges,
    /// The application owns nothing, and keys belong to a role that cannot log in.
    Ownership,
    /// No role has a power that it does not need.
    RoleAttributes,
    /// No role can become another one.
    RoleMembership,
    /// No settings are stored on roles, and none that matter on the database.
    RoleSettings,
    /// No login role may change a privileged setting.
    ParameterPrivileges,
    /// The server's own settings leave row security and triggers on.
    ServerSettings,
    /// No value statistics are gathered on what is personal.
    ColumnStatistics,
    /// No statistics over several columns are gathered.
    ExtendedStatistics,
    /// No value statistics are left over.
    StoredStatistics,
    /// No publication carries rows past row security.
    Publication,
    /// No extension or language opens a way around row security.
    Extension,
    /// The event triggers of the platform hardening fire in every session.
    EventTrigger,
    /// What the platform hardening closed is still closed.
    SideChannel,
    /// The platform hardening is installed.
    PlatformHardening,
}

impl Check {
    /// Every check, in order.
    pub const ALL: [Self; 49] = [
        Self::ServerVersion,
        Self::ReleaseDrift,
        Self::TenantColumn,
        Self::RowSecurity,
        Self::ForcedRowSecurity,
        Self::TenantPolicy,
        Self::FurtherPolicy,
        Self::PhiPolicy,
        Self::PhiRegister,
        Self::TableWithoutTenant,
        Self::ForeignKey,
        Self::PrimaryKey,
        Self::UniqueKey,
        Self::IndexOrder,
        Self::UnvalidatedConstraint,
        Self::PartitionPrivileges,
        Self::View,
        Self::MaterializedView,
        Self::ForeignTable,
        Self::Sequence,
        Self::RewriteRule,
        Self::Trigger,
        Self::AppendOnlyTrigger,
        Self::DefinerFunction,
        Self::FunctionSearchPath,
        Self::FunctionPrivileges,
        Self::LeakproofFunction,
        Self::PublicPrivileges,
        Self::TablePrivileges,
        Self::SchemaPrivileges,
        Self::DatabasePrivileges,
        Self::TypePrivileges,
        Self::LargeObject,
        Self::DefaultPrivileges,
        Self::CatalogPrivileges,
        Self::Ownership,
        Self::RoleAttributes,
        Self::RoleMembership,
        Self::RoleSettings,
        Self::ParameterPrivileges,
        Self::ServerSettings,
        Self::ColumnStatistics,
        Self::ExtendedStatistics,
        Self::StoredStatistics,
        Self::Publication,
        Self::Extension,
        Self::EventTrigger,
        Self::SideChannel,
        Self::PlatformHardening,
    ];

    /// The stable word for machines.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ServerVersion => "server-version",
            Self::ReleaseDrift => "release-drift",
            Self::TenantColumn => "tenant-column",
            Self::RowSecurity => "row-security",
            Self::ForcedRowSecurity => "forced-row-security",
            Self::TenantPolicy => "tenant-policy",
            Self::FurtherPolicy => "further-policy",
            Self::PhiPolicy => "phi-policy",
            Self::PhiRegister => "phi-register",
            Self::TableWithoutTenant => "table-without-tenant",
            Self::ForeignKey => "foreign-key",
            Self::PrimaryKey => "primary-key",
            Self::UniqueKey => "unique-key",
            Self::IndexOrder => "index-order",
            Self::UnvalidatedConstraint => "unvalidated-constraint",
            Self::PartitionPrivileges => "partition-privileges",
            Self::View => "view",
            Self::MaterializedView => "materialized-view",
            Self::ForeignTable => "foreign-table",
            Self::Sequence => "sequence",
            Self::RewriteRule => "rewrite-rule",
            Self::Trigger => "trigger",
            Self::AppendOnlyTrigger => "append-only-trigger",
            Self::DefinerFunction => "definer-function",
            Self::FunctionSearchPath => "function-search-path",
            Self::FunctionPrivileges => "function-privileges",
            Self::LeakproofFunction => "leakproof-function",
            Self::PublicPrivileges => "public-privileges",
            Self::TablePrivileges => "table-privileges",
            Self::SchemaPrivileges => "schema-privileges",
            Self::DatabasePrivileges => "database-privileges",
            Self::TypePrivileges => "type-privileges",
            Self::LargeObject => "large-object",
            Self::DefaultPrivileges => "default-privileges",
            Self::CatalogPrivileges => "catalog-privileges",
            Self::Ownership => "ownership",
            Self::RoleAttributes => "role-attributes",
            Self::RoleMembership => "role-membership",
            Self::RoleSettings => "role-settings",
            Self::ParameterPrivileges => "parameter-privileges",
            Self::ServerSettings => "server-settings",
            Self::ColumnStatistics => "column-statistics",
            Self::ExtendedStatistics => "extended-statistics",
            Self::StoredStatistics => "stored-statistics",
            Self::Publication => "publication",
            Self::Extension => "extension",
            Self::EventTrigger => "event-trigger",
            Self::SideChannel => "side-channel",
            Self::PlatformHardening => "platform-hardening",
        }
    }

    /// Whether a finding breaks isolation or is only worth knowing.
    pub const fn severity(self) -> Severity {
        match self {
            Self::PlatformHardening => Severity::Notice,
            _ => Severity::Violation,
        }
    }

    /// The query of a check: object, what was found, repair. The two others are compared in the program.
    pub(super) const fn sql(self) -> Option<&'static str> {
        Some(match self {
            Self::ServerVersion | Self::ReleaseDrift => return None,
            Self::RowSecurity => include_str!("sql/row-security.sql"),
            Self::ForcedRowSecurity => include_str!("sql/forced-row-security.sql"),
            Self::TenantPolicy => include_str!("sql/tenant-policy.sql"),
            Self::FurtherPolicy => include_str!("sql/further-policy.sql"),
            Self::PhiPolicy => include_str!("sql/phi-policy.sql"),
            Self::PhiRegister => include_str!("sql/phi-register.sql"),
            Self::TenantColumn => include_str!("sql/tenant-column.sql"),
            Self::TableWithoutTenant => include_str!("sql/table-without-tenant.sql"),
            Self::ForeignKey => include_str!("sql/foreign-key.sql"),
            Self::PrimaryKey => include_str!("sql/primary-key.sql"),
            Self::UniqueKey => include_str!("sql/unique-key.sql"),
            Self::IndexOrder => include_str!("sql/index-order.sql"),
            Self::UnvalidatedConstraint => include_str!("sql/unvalidated-constraint.sql"),
            Self::PartitionPrivileges => include_str!("sql/partition-privileges.sql"),
            Self::View => include_str!("sql/view.sql"),
            Self::MaterializedView => include_str!("sql/materialized-view.sql"),
            Self::ForeignTable => include_str!("sql/foreign-table.sql"),
            Self::Sequence => include_str!("sql/sequence.sql"),
            Self::RewriteRule => include_str!("sql/rewrite-rule.sql"),
            Self::Trigger => include_str!("sql/trigger.sql"),
            Self::AppendOnlyTrigger => include_str!("sql/append-only-trigger.sql"),
            Self::DefinerFunction => include_str!("sql/definer-function.sql"),
            Self::FunctionSearchPath => include_str!("sql/function-search-path.sql"),
            Self::FunctionPrivileges => include_str!("sql/function-privileges.sql"),
            Self::LeakproofFunction => include_str!("sql/leakproof-function.sql"),
            Self::PublicPrivileges => include_str!("sql/public-privileges.sql"),
            Self::TablePrivileges => include_str!("sql/table-privileges.sql"),
            Self::SchemaPrivileges => include_str!("sql/schema-privileges.sql"),
            Self::DatabasePrivileges => include_str!("sql/database-privileges.sql"),
            Self::TypePrivileges => include_str!("sql/type-privileges.sql"),
            Self::LargeObject => include_str!("sql/large-object.sql"),
            Self::DefaultPrivileges => include_str!("sql/default-privileges.sql"),
            Self::CatalogPrivileges => include_str!("sql/catalog-privileges.sql"),
            Self::Ownership => include_str!("sql/ownership.sql"),
            Self::RoleAttributes => include_str!("sql/role-attributes.sql"),
            Self::RoleMembership => include_str!("sql/role-membership.sql"),
            Self::RoleSettings => include_str!("sql/role-settings.sql"),
            Self::ParameterPrivileges => include_str!("sql/parameter-privileges.sql"),
            Self::ServerSettings => include_str!("sql/server-settings.sql"),
            Self::ColumnStatistics => include_str!("sql/column-statistics.sql"),
            Self::ExtendedStatistics => include_str!("sql/extended-statistics.sql"),
            Self::StoredStatistics => include_str!("sql/stored-statistics.sql"),
            Self::Publication => include_str!("sql/publication.sql"),
            Self::Extension => include_str!("sql/extension.sql"),
            Self::EventTrigger => include_str!("sql/event-trigger.sql"),
            Self::SideChannel => include_str!("sql/side-channel.sql"),
            Self::PlatformHardening => include_str!("sql/platform-hardening.sql"),
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a finding means for isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Isolation, or a second wall of it that was there, no longer holds.
    Violation,
    /// Isolation holds; something that would strengthen it is not there.
    Notice,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_kebab_case() {
        let mut words: Vec<&str> = Check::ALL.iter().map(|check| check.word()).collect();
        assert!(
            words
                .iter()
                .all(|word| word.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()))
        );
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Check::ALL.len());
    }

    #[test]
    fn checks_are_listed_in_the_order_of_the_enumeration() {
        assert!(Check::ALL.is_sorted());
    }
}
