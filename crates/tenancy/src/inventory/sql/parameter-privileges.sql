-- The verified context is kept in a setting that only the owner of the functions may change.
SELECT p.parname, format('%s has %s', coalesce(r.rolname::text, 'every role'), x.privilege_type),
       format('REVOKE %s ON PARAMETER %s FROM %s;', x.privilege_type, p.parname, coalesce(quote_ident(r.rolname), 'PUBLIC'))
  FROM pg_catalog.pg_parameter_acl p CROSS JOIN o CROSS JOIN LATERAL aclexplode(p.paracl) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
 WHERE coalesce(r.rolsuper, false) IS NOT TRUE
   AND (x.grantee = 0 OR r.rolname::text = ANY (o.application_roles || o.service_roles || o.admin_roles)
        OR (p.parname = 'backtrace_functions' AND o.owner_role <> '' AND (r.rolname::text <> o.owner_role OR x.privilege_type <> 'SET')))
