SELECT ns.name, format('%s has %s', coalesce(r.rolname::text, 'every role'), x.privilege_type),
       format('REVOKE %s ON SCHEMA %I FROM %s;', x.privilege_type, ns.name, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  FROM ns CROSS JOIN o CROSS JOIN LATERAL aclexplode(coalesce(ns.nspacl, acldefault('n', ns.nspowner))) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
 WHERE NOT (ns.control AND o.release) AND x.grantee <> ns.nspowner
   AND (x.grantee = 0
        OR (x.privilege_type = 'CREATE' AND r.rolname::text = ANY (o.application_roles || o.service_roles))
        OR (x.is_grantable AND r.rolname::text = ANY (o.application_roles || o.service_roles))
        OR (o.owner_role <> '' AND r.rolname::text <> ALL (o.application_roles || o.service_roles || o.admin_roles || o.owner_role)))
