SELECT r.name, 'every role may execute the ' || lower(r.kind), format('REVOKE EXECUTE ON %s %s FROM PUBLIC;', CASE r.kind WHEN 'AGGREGATE' THEN 'FUNCTION' ELSE r.kind END, r.name)
  FROM routine r CROSS JOIN o CROSS JOIN LATERAL aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) x
 WHERE x.grantee = 0 AND NOT r.extension AND NOT (r.control AND o.release)
