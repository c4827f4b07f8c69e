SELECT d.datname::text, format('%s has %s', coalesce(r.rolname::text, 'every role'), x.privilege_type),
       format('REVOKE %s ON DATABASE %I FROM %s;', x.privilege_type, d.datname, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  FROM pg_catalog.pg_database d CROSS JOIN o CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
 WHERE d.datname = current_database() AND x.grantee <> d.datdba
   AND (x.grantee = 0 OR (r.rolname::text = ANY (o.application_roles || o.service_roles) AND (x.privilege_type <> 'CONNECT' OR x.is_grantable)))
