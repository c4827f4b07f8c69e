-- What every check starts from: the options as one row, and the relations that they speak of.
WITH o AS MATERIALIZED (
    SELECT $1::text AS tenant_column, $2::text AS tenant_type, $3::bool AS tenant_first, $4::text[] AS application_roles,
           $5::text[] AS schemas, $6::text[] AS control_schemas, $7::text AS isolation, $8::text AS base,
           $9::text AS context_function, $10::text[] AS tenant_defaults, $11::text[] AS definer_functions,
           $12::text[] AS named_tables, $13::text[] AS append_only, $14::text[] AS global_tables, $15::text AS personal_columns,
           $16::bool AS every_column, $17::text AS owner_role, $18::text[] AS admin_roles, $19::text[] AS service_roles,
           $20::text[] AS admitted_powers, $21::text[] AS admitted_members, $22::text[] AS admitted_grants,
           $23::text[] AS narrowed_tables, $24::bool AS release, $25::text AS phi_register
), phi AS MATERIALIZED (
    SELECT p.relation, p.subject_column, p.searchable FROM unnest($26::text[], $27::text[], $28::bool[]) AS p (relation, subject_column, searchable)
), app AS MATERIALIZED (
    SELECT r.oid, r.rolname::text AS name FROM pg_catalog.pg_roles r, o WHERE r.rolname::text = ANY (o.application_roles)
), ns AS MATERIALIZED (
    SELECT n.oid, n.nspname::text AS name, n.nspowner, n.nspacl, n.nspname::text = ANY (o.control_schemas) AS control
      FROM pg_catalog.pg_namespace n, o
     WHERE n.nspname::text !~ '^pg_' AND n.nspname <> 'information_schema'
       AND (cardinality(o.schemas) = 0 OR n.nspname::text = ANY (o.schemas || o.control_schemas))
), rel AS MATERIALIZED (
    SELECT c.oid, c.relkind, c.relowner, c.relacl, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
           coalesce(c.reloptions, '{}') AS reloptions, ns.control, ns.name AS schema, format('%I.%I', ns.name, c.relname) AS name
      FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
), named AS MATERIALIZED (
    SELECT rel.oid FROM rel, o WHERE rel.name = ANY (o.named_tables)
    UNION SELECT t.relid FROM rel, o, LATERAL pg_partition_tree(rel.oid) t WHERE rel.name = ANY (o.named_tables)
), tenant AS MATERIALIZED (
    SELECT rel.*, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull
      FROM rel CROSS JOIN o JOIN pg_catalog.pg_attribute a ON a.attrelid = rel.oid AND a.attname::text = o.tenant_column AND NOT a.attisdropped
     WHERE rel.relkind IN ('r', 'p') AND NOT rel.control AND rel.oid NOT IN (SELECT oid FROM named) AND rel.name <> ALL (o.global_tables)
), guarded AS MATERIALIZED (
    SELECT oid, name, relispartition, relrowsecurity, relforcerowsecurity, relacl, relowner FROM tenant
    UNION ALL SELECT rel.oid, rel.name, rel.relispartition, rel.relrowsecurity, rel.relforcerowsecurity, rel.relacl, rel.relowner
      FROM rel JOIN named ON named.oid = rel.oid
), reach AS MATERIALIZED (
    -- What an application role may read or change, by whatever way it came to the right.
    SELECT rel.oid, app.name AS role FROM rel CROSS JOIN app WHERE rel.relkind <> 'S'
       AND (has_table_privilege(app.oid, rel.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
            OR has_any_column_privilege(app.oid, rel.oid, 'SELECT, INSERT, UPDATE'))
), granted AS MATERIALIZED (
    SELECT rel.oid, rel.name, rel.control, rel.relkind, rel.relispartition, NULL::text AS column_name, rel.relowner, x.grantee,
           coalesce(r.rolname::text, 'PUBLIC') AS role, x.privilege_type AS privilege, x.is_grantable
      FROM rel CROSS JOIN LATERAL aclexplode(rel.relacl) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
    UNION ALL
    SELECT rel.oid, rel.name, rel.control, rel.relkind, rel.relispartition, a.attname::text, rel.relowner, x.grantee,
           coalesce(r.rolname::text, 'PUBLIC'), x.privilege_type, x.is_grantable
      FROM rel JOIN pg_catalog.pg_attribute a ON a.attrelid = rel.oid AND a.attacl IS NOT NULL
      CROSS JOIN LATERAL aclexplode(a.attacl) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
), routine AS MATERIALIZED (
    SELECT p.oid, ns.name AS schema, ns.control, p.prosecdef, p.proleakproof, p.proacl, p.proowner, p.prorettype, p.proconfig,
           CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END AS kind, p.oid::regprocedure::text AS name,
           e.objid IS NOT NULL AS extension
      FROM pg_catalog.pg_proc p JOIN ns ON ns.oid = p.pronamespace
      LEFT JOIN pg_catalog.pg_depend e ON e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
)
