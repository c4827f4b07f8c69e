//! What the catalogue must say, as one query a check: each row is a fault, no rows is what must be.

/// A check on the catalogue.
pub(super) struct Check {
    /// A stable word for machines.
    pub(super) name: &'static str,
    /// One column of text.
    pub(super) faults: &'static str,
}

/// What is no matter of isolation; the rest is the schema inventory's.
pub(super) const CHECKS: [Check; 1] = [
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
];
