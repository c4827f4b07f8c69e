SELECT rel.name, format('the materialized view keeps a copy of rows without policies and is open to %s', string_agg(reach.role, ', ' ORDER BY reach.role)),
       format('REVOKE ALL ON %s FROM PUBLIC, %s;', rel.name, string_agg(format('%I', reach.role), ', ' ORDER BY reach.role))
  FROM rel CROSS JOIN o JOIN reach ON reach.oid = rel.oid WHERE rel.relkind = 'm' AND NOT (rel.control AND o.release) GROUP BY rel.name
