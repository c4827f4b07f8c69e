SELECT rel.name, format('the table has no column %I and is open to %s', o.tenant_column, string_agg(reach.role, ', ' ORDER BY reach.role)),
       format('REVOKE ALL ON %s FROM PUBLIC, %s;', rel.name, string_agg(format('%I', reach.role), ', ' ORDER BY reach.role))
  FROM rel CROSS JOIN o JOIN reach ON reach.oid = rel.oid
 WHERE rel.relkind IN ('r', 'p') AND NOT rel.control AND rel.name <> ALL (o.global_tables) AND rel.oid NOT IN (SELECT oid FROM tenant)
   AND rel.oid NOT IN (SELECT oid FROM named)
 GROUP BY rel.name, o.tenant_column
