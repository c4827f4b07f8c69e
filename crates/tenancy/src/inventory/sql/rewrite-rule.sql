SELECT rel.name, format('the rule %I rewrites statements on it', w.rulename), format('DROP RULE %I ON %s;', w.rulename, rel.name)
  FROM rel CROSS JOIN o JOIN pg_catalog.pg_rewrite w ON w.ev_class = rel.oid
 WHERE w.rulename <> '_RETURN' AND NOT (rel.control AND o.release AND NOT rel.relispartition)
