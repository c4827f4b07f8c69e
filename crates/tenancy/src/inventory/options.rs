//! What the inventory compares a database with.

use super::InventoryError;

/// What to look at, and what is expected there.
#[derive(Clone, Debug)]
pub struct InventoryOptions {
    /// The column that names the tenant.
    pub tenant_column: String,
    /// The type of that column, as `format_type` writes it; empty: any.
    pub tenant_type: String,
    /// Whether the tenant column must be the first of its table.
    pub tenant_first: bool,
    /// The defaults that the tenant column may have; empty: any but a constant.
    pub tenant_defaults: Vec<String>,
    /// The roles that the application logs in with; empty: every role that may log in and reaches a tenant table without
    /// owning it.
    pub application_roles: Vec<String>,
    /// The schemas with tenant tables; empty: all but the system's own.
    pub schemas: Vec<String>,
    /// The schemas that hold keys and functions instead: guarded by privileges and by [`InventoryOptions::release_schemas`].
    pub control_schemas: Vec<String>,
    /// The function, `schema.name`, that returns the verified tenant.
    pub context_function: String,
    /// The name of the restrictive policy that compares with it.
    pub isolation_policy: String,
    /// The name of the only permissive policy.
    pub base_policy: String,
    /// The functions that may be SECURITY DEFINER, as `schema.name(type,type)`.
    pub definer_functions: Vec<String>,
    /// Tables with the tenant column and policies of their own kind, as `schema.table`; partitions included.
    pub named_tables: Vec<String>,
    /// Those of them, and of others, that reject every change.
    pub append_only_tables: Vec<String>,
    /// Tables that have no tenant, and are open to the application all the same.
    pub global_tables: Vec<String>,
    /// A regular expression for the names of columns with personal data; empty: none.
    pub personal_columns: String,
    /// Whether no column at all may have value statistics; otherwise those of the tenant and of personal columns may not.
    pub every_column: bool,
    /// The role, without login, that owns keys and functions; empty: unknown.
    pub owner_role: String,
    /// The roles that migrate.
    pub admin_roles: Vec<String>,
    /// Further login roles of the installation: workers, auditors, backups.
    pub service_roles: Vec<String>,
    /// `ROLE ATTRIBUTE` that a role may have although others may not.
    pub admitted_powers: Vec<String>,
    /// `MEMBER ROLE` that is as it should be.
    pub admitted_members: Vec<String>,
    /// `ROLE PRIVILEGE` on every tenant table or `ROLE PRIVILEGE schema.table`; empty: only the application's are looked at.
    pub admitted_grants: Vec<String>,
    /// `schema.table PRIVILEGE`: on a table that is named here, the application may have no other.
    pub narrowed_tables: Vec<String>,
    /// The table, `schema.table`, that lists the tables of the PHI class; empty: none.
    pub phi_register: String,
    /// The schemas that must be exactly as this release made them.
    pub release_schemas: Vec<String>,
    /// A server version below the floor that the operator has accepted, as `15.18`.
    pub accepted_version: Option<String>,
}

impl InventoryOptions {
    /// A database whose tables name their tenant in this column, with nothing else known about it.
    pub fn for_tenant_column(column: impl Into<String>) -> Self {
        Self {
            tenant_column: column.into(),
            tenant_type: "uuid".to_owned(),
            tenant_first: false,
            tenant_defaults: Vec::new(),
            application_roles: Vec::new(),
            schemas: Vec::new(),
            control_schemas: Vec::new(),
            context_function: "tenancy.current_customer_id".to_owned(),
            isolation_policy: "tenant_isolation".to_owned(),
            base_policy: "tenant_base".to_owned(),
            definer_functions: Vec::new(),
            named_tables: Vec::new(),
            append_only_tables: Vec::new(),
            global_tables: Vec::new(),
            personal_columns: "(^|_)(ssn|sin|nino|passport|e?mail|phone|mobile|fax|name|surname|birth|born|dob|gender|sex|race|religion|\
                               address|street|city|zip|postcode|diagnos|medic|allerg|note|iban|account_number)"
                .to_owned(),
            every_column: false,
            owner_role: String::new(),
            admin_roles: Vec::new(),
            service_roles: Vec::new(),
            admitted_powers: Vec::new(),
            admitted_members: Vec::new(),
            admitted_grants: Vec::new(),
            narrowed_tables: Vec::new(),
            phi_register: String::new(),
            release_schemas: Vec::new(),
            accepted_version: None,
        }
    }

    /// The schema of this project, as its migrations make it.
    pub fn bearingwall() -> Self {
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Self {
            tenant_first: true,
            tenant_defaults: all(&["tenancy.claimed_customer_id()"]),
            application_roles: all(&["bearingwall_app"]),
            control_schemas: all(&["tenancy", "audit", "platform"]),
            named_tables: all(&[
                "audit.events",
                "audit.logs",
                "audit.leaves",
                "audit.log_keys",
                "audit.nodes",
                "audit.checkpoints",
                "audit.witnessed",
            ]),
            append_only_tables: all(&[
                "audit.events",
                "audit.logs",
                "audit.leaves",
                "audit.nodes",
                "audit.checkpoints",
                "audit.witnessed",
                "audit.seals",
                "audit.log_keys",
                "audit.orphan_sweeps",
            ]),
            global_tables: all(&["public.__diesel_schema_migrations", "public.bearingwall_migration_log"]),
            personal_columns: "^payload$".to_owned(),
            every_column: true,
            owner_role: "bearingwall_owner".to_owned(),
            admin_roles: all(&["bearingwall_admin"]),
            service_roles: all(&[
                "bearingwall_sealer",
                "bearingwall_worker",
                "bearingwall_auditor",
                "bearingwall_backup",
            ]),
            admitted_powers: all(&["bearingwall_backup BYPASSRLS"]),
            admitted_members: all(&["bearingwall_admin bearingwall_owner"]),
            admitted_grants: all(&[
                "bearingwall_app SELECT",
                "bearingwall_app INSERT",
                "bearingwall_app UPDATE",
                "bearingwall_app DELETE",
                "bearingwall_backup SELECT",
                "bearingwall_worker SELECT public.__diesel_schema_migrations",
                "bearingwall_worker SELECT pii.conversations",
                "bearingwall_worker DELETE pii.conversations",
                // It turns keys, and triggers and foreign keys hold it to that.
                "bearingwall_worker SELECT crm.tenant_keys",
                "bearingwall_worker INSERT crm.tenant_keys",
                "bearingwall_worker UPDATE crm.tenant_keys",
                "bearingwall_worker DELETE crm.tenant_keys",
                "bearingwall_worker SELECT crm.client_keys",
                "bearingwall_worker UPDATE crm.client_keys",
                "bearingwall_worker SELECT crm.index_keys",
                "bearingwall_worker INSERT crm.index_keys",
                "bearingwall_worker UPDATE crm.index_keys",
                "bearingwall_worker SELECT crm.key_stores",
                // It reads where what leaves goes to, and the references to what it is signed with.
                "bearingwall_worker SELECT connectors.subscriptions",
                "bearingwall_worker SELECT connectors.subscription_secrets",
                "bearingwall_worker SELECT connectors.http_endpoints",
                "bearingwall_worker SELECT connectors.destinations",
                // Its functions tell subscriptions of what happens, and end those that take nothing.
                "bearingwall_owner SELECT connectors.subscriptions",
                "bearingwall_owner UPDATE connectors.subscriptions",
                // It settles what arrived, and writes what the handlers of its events do; triggers, foreign keys and declared
                // accesses hold it to that.
                "bearingwall_worker SELECT connectors.endpoints",
                "bearingwall_worker SELECT connectors.events",
                "bearingwall_worker UPDATE connectors.events",
                "bearingwall_worker SELECT crm.invoices",
                "bearingwall_worker SELECT crm.invoice_records",
                "bearingwall_worker UPDATE crm.invoice_records",
                "bearingwall_worker SELECT crm.payments",
                "bearingwall_worker INSERT crm.payments",
                "bearingwall_worker SELECT crm.client_digests",
                "bearingwall_worker INSERT crm.messages",
                "bearingwall_worker INSERT crm.unmatched_messages",
                "bearingwall_worker INSERT crm.sms_consents",
                "bearingwall_auditor SELECT public.__diesel_schema_migrations",
            ]),
            // SECURITY: a key that injected SQL replaced or deleted would take its data with it, and a name of a member of
            // staff that accesses are compared with would hide them. What arrived from another system stays as it arrived.
            narrowed_tables: all(&[
                "crm.tenant_keys SELECT",
                "crm.tenant_keys INSERT",
                "crm.client_keys SELECT",
                "crm.client_keys INSERT",
                "crm.index_keys SELECT",
                "crm.key_stores SELECT",
                "crm.staff_digests SELECT",
                "crm.staff_digests INSERT",
                "pii.policies SELECT",
                "pii.policies INSERT",
                "pii.policy_tests SELECT",
                "pii.policy_tests INSERT",
                "pii.active_policies SELECT",
                "pii.active_policies INSERT",
                "pii.active_policies UPDATE",
                "pii.conversations SELECT",
                "pii.conversations INSERT",
                "pii.conversations UPDATE",
                "pii.vault SELECT",
                "pii.vault INSERT",
                "connectors.endpoints SELECT",
                "connectors.endpoints INSERT",
                "connectors.endpoints UPDATE",
                "connectors.endpoint_secrets SELECT",
                "connectors.endpoint_secrets INSERT",
                "connectors.endpoint_secrets UPDATE",
                "connectors.events SELECT",
                "connectors.events INSERT",
                "connectors.events UPDATE",
                "crm.invoices SELECT",
                "crm.invoices INSERT",
                "crm.invoice_records SELECT",
                "crm.invoice_records INSERT",
                "crm.invoice_records UPDATE",
                "crm.payments SELECT",
                "crm.messages SELECT",
                "crm.messages INSERT",
                "crm.unmatched_messages SELECT",
                "crm.unmatched_messages DELETE",
                "crm.sms_consents SELECT",
                "connectors.destinations SELECT",
                "connectors.destinations INSERT",
                "connectors.destinations DELETE",
                "connectors.subscriptions SELECT",
                "connectors.subscriptions INSERT",
                "connectors.subscriptions UPDATE",
                "connectors.subscriptions DELETE",
                "connectors.subscription_secrets SELECT",
                "connectors.subscription_secrets INSERT",
                "connectors.subscription_secrets UPDATE",
                "connectors.subscription_secrets DELETE",
                "connectors.http_endpoints SELECT",
                "connectors.http_endpoints INSERT",
                "connectors.http_endpoints UPDATE",
                "public.__diesel_schema_migrations SELECT",
                "public.bearingwall_migration_log NOTHING",
            ]),
            phi_register: "audit.phi_tables".to_owned(),
            release_schemas: all(&["tenancy", "audit", "platform", "crm", "pii", "connectors"]),
            ..Self::for_tenant_column("customer_id")
        }
    }

    /// The register's schema and table, which become part of a statement.
    pub(super) fn register(&self) -> Result<Option<(&str, &str)>, InventoryError> {
        if self.phi_register.is_empty() {
            return Ok(None);
        }
        let plain = |name: &str| {
            let mut bytes = name.bytes();
            bytes
                .next()
                .is_some_and(|byte| byte == b'_' || byte.is_ascii_lowercase())
                && bytes.all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        match self.phi_register.split_once('.') {
            Some((schema, table)) if plain(schema) && plain(table) => Ok(Some((schema, table))),
            _ => Err(InventoryError::BadName {
                name: self.phi_register.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_is_a_plain_name_or_nothing() {
        let mut options = InventoryOptions::for_tenant_column("tenant_id");
        assert!(options.register().unwrap().is_none());
        options.phi_register = "audit.phi_tables".to_owned();
        assert_eq!(options.register().unwrap(), Some(("audit", "phi_tables")));
        for bad in [
            "phi_tables",
            "audit.",
            ".x",
            "audit.x; DROP TABLE y",
            "Audit.x",
            "a.b.c",
        ] {
            options.phi_register = bad.to_owned();
            assert!(options.register().is_err(), "{bad}");
        }
    }
}
