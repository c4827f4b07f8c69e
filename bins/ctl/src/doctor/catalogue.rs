//! What the catalogue must say, as one query a check: each row is a fault, no rows is what must be.

/// A check on the catalogue.
pub(super) struct Check {
    /// A stable word for machines.
    pub(super) name: &'static str,
    /// One column of text.
    pub(super) faults: &'static str,
}

/// Every check, in the order of printing.
pub(super) const CHECKS: [Check; 6] = [
    Check {
        name: "event-triggers",
        // Disabled or replica-only is as good as absent: only `ENABLE ALWAYS` fires in every session.
        faults: "SELECT 'the event trigger ' || t.name || CASE WHEN e.evtname IS NULL THEN ' is missing' ELSE ' is not enabled always' END
            FROM unnest(ARRAY['refuse_runtime_ddl', 'guard_audit_before', 'guard_audit_ddl', 'guard_audit_drop', 'guard_audit_rewrite']) AS t (name)
            LEFT JOIN pg_catalog.pg_event_trigger e ON e.evtname = t.name WHERE e.evtenabled IS DISTINCT FROM 'A'",
    },
    Check {
        name: "audit-partitions",
        // Without the month's partition no access can be recorded, and so nothing can be read.
        faults: "SELECT 'the partition of ' || to_char(m.month, 'YYYY-MM') || ' is missing'
            FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n) AS month FROM generate_series(0, 1) n) m
            WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i
                JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
                JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
                WHERE n.nspname = 'audit' AND p.relname = 'events' AND c.relname = 'events_' || to_char(m.month, 'YYYYMM'))",
    },
    Check {
        name: "append-only-triggers",
        faults: "SELECT c.oid::regclass::text || ' has no trigger ' || t.name || ' that fires always'
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            CROSS JOIN unnest(ARRAY['append_only', 'append_only_row']) AS t (name)
            WHERE n.nspname = 'audit' AND c.relkind IN ('r', 'p') AND c.relname ~ '^events(_|$)'
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = t.name AND g.tgenabled = 'A')",
    },
    Check {
        name: "row-security-forced",
        // The registry and the keys in `tenancy` are guarded by privileges instead: nobody but the owner holds any.
        faults: "SELECT 'row security is not forced on ' || c.oid::regclass::text
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
            WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('tenancy', 'pg_catalog', 'information_schema')
              AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
    },
    Check {
        name: "tenant-policies",
        // Partitions of the record have no policy and no grant: they are reached through their parent only.
        faults: "SELECT c.oid::regclass::text || ' has no restrictive policy for the tenant'
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('tenancy', 'pg_catalog', 'information_schema')
              AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd = '*'
                  AND pg_get_expr(p.polqual, p.polrelid) LIKE '%current_customer_id()%')",
    },
    Check {
        name: "phi-policies",
        faults: "SELECT t.relation || ' has no restrictive policy ' || p.name
            FROM audit.phi_tables t CROSS JOIN unnest(ARRAY['phi_select', 'phi_insert', 'phi_update', 'phi_delete']) AS p (name)
            WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_policy l
                WHERE l.polrelid = to_regclass(t.relation) AND l.polname = p.name AND NOT l.polpermissive)",
    },
];
