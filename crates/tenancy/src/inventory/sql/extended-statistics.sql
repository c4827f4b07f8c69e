SELECT g.name, format('extended statistics %I are gathered over all tenants', s.stxname), format('DROP STATISTICS %s.%I;', s.stxnamespace::regnamespace, s.stxname)
  FROM guarded g JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = g.oid
