SELECT s.name, format('the server runs with %s = %s', s.name, s.reset_val),
       CASE WHEN s.name = 'max_prepared_transactions' THEN 'ALTER SYSTEM RESET max_prepared_transactions;' ELSE format('ALTER SYSTEM RESET %s;', s.name) END
  FROM pg_catalog.pg_settings s
 WHERE s.source NOT IN ('session', 'override', 'user', 'database', 'database user')
   AND ((s.name = 'session_replication_role' AND s.reset_val <> 'origin') OR (s.name = 'row_security' AND s.reset_val <> 'on')
        OR (s.name = 'max_prepared_transactions' AND s.reset_val <> '0') OR (s.name = 'allow_system_table_mods' AND s.reset_val <> 'off')
        OR (s.name = 'backtrace_functions' AND starts_with(s.reset_val, 'bw1_')))
