SELECT format('%I.%I', ns.name, t.typname), 'every role may use the type', format('REVOKE USAGE ON TYPE %I.%I FROM PUBLIC;', ns.name, t.typname)
  FROM pg_catalog.pg_type t JOIN ns ON ns.oid = t.typnamespace CROSS JOIN LATERAL aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) x
 WHERE x.grantee = 0 AND t.typelem = 0 AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
   AND t.typtype IN ('b', 'c', 'd', 'e', 'r')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
