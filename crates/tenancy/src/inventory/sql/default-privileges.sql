-- What later objects would be open to.
SELECT format('default privileges of %s%s', r.rolname, coalesce(' in ' || quote_ident(n.nspname), '')),
       format('%s will have %s on every new %s', coalesce(g.rolname::text, 'every role'), x.privilege_type, k.thing),
       format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE %s ON %s FROM %s;', r.rolname, coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''), x.privilege_type, k.things,
           coalesce(quote_ident(g.rolname), 'PUBLIC'))
  FROM pg_catalog.pg_default_acl d JOIN pg_catalog.pg_roles r ON r.oid = d.defaclrole LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
  CROSS JOIN o CROSS JOIN LATERAL aclexplode(d.defaclacl) x LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee
  JOIN (VALUES ('r'::"char", 'table', 'TABLES'), ('S', 'sequence', 'SEQUENCES'), ('f', 'function', 'FUNCTIONS'), ('T', 'type', 'TYPES'), ('n', 'schema', 'SCHEMAS')) AS k (letter, thing, things)
    ON k.letter = d.defaclobjtype
 WHERE x.grantee = 0 OR g.rolname::text = ANY (o.application_roles)
    OR (o.owner_role <> '' AND x.grantee <> d.defaclrole AND g.rolname::text = ANY (o.service_roles))
UNION ALL
SELECT format('default privileges of %s', r.rolname), format('every role will have %s on every new %s', w.privilege, w.thing),
       format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE %s ON %s FROM PUBLIC;', r.rolname, w.privilege, w.things)
  FROM pg_catalog.pg_roles r CROSS JOIN o CROSS JOIN (VALUES ('f'::"char", 'EXECUTE', 'function', 'ROUTINES'), ('T', 'USAGE', 'type', 'TYPES')) AS w (letter, privilege, thing, things)
 WHERE (r.rolname::text = o.owner_role OR r.rolname::text = ANY (o.admin_roles))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_default_acl d WHERE d.defaclrole = r.oid AND d.defaclnamespace = 0 AND d.defaclobjtype = w.letter)
