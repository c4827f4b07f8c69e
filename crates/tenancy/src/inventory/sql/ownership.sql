-- An owner switches row security off, and grants what it likes.
WITH thing AS (
    SELECT rel.name, CASE rel.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
           rel.relowner AS owner, rel.control AND NOT rel.relispartition AS control
      FROM rel WHERE rel.relkind <> 'S' OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = rel.oid AND d.deptype IN ('a', 'i'))
    UNION ALL SELECT r.name, r.kind, r.proowner, r.control FROM routine r WHERE NOT r.extension
    UNION ALL SELECT quote_ident(ns.name), 'SCHEMA', ns.nspowner, ns.control FROM ns
    UNION ALL SELECT quote_ident(d.datname), 'DATABASE', d.datdba, false FROM pg_catalog.pg_database d WHERE d.datname = current_database()
)
SELECT t.name, format('the %s is owned by %s', lower(t.kind), r.rolname),
       format('ALTER %s %s OWNER TO %I;', t.kind, t.name, coalesce(nullif(o.owner_role, ''),
           (SELECT d.datdba::regrole::text FROM pg_catalog.pg_database d WHERE d.datname = current_database() AND d.datdba NOT IN (SELECT oid FROM app)), 'postgres'))
  FROM thing t CROSS JOIN o JOIN pg_catalog.pg_roles r ON r.oid = t.owner
 WHERE NOT (t.control AND o.release)
   AND (r.rolname::text = ANY (o.application_roles)
        OR (o.owner_role <> '' AND NOT r.rolsuper AND r.rolname::text <> ALL (o.admin_roles || o.owner_role)))
