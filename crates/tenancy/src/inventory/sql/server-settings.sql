SELECT s.name, format('the server runs with %s = %s', s.name, s.reset_val),
       CASE WHEN starts_with(s.name, 'log_parameter_max_length') THEN format('ALTER SYSTEM SET %s = 0;', s.name) ELSE format('ALTER SYSTEM RESET %s;', s.name) END
  FROM pg_catalog.pg_settings s
 WHERE s.source NOT IN ('session', 'override', 'user', 'database', 'database user')
   AND ((s.name = 'session_replication_role' AND s.reset_val <> 'origin') OR (s.name = 'row_security' AND s.reset_val <> 'on')
        OR (s.name = 'max_prepared_transactions' AND s.reset_val <> '0') OR (s.name = 'allow_system_table_mods' AND s.reset_val <> 'off')
        -- A statement that is logged takes its bind values along: tokens, signatures and sealed content.
        OR (starts_with(s.name, 'log_parameter_max_length') AND s.reset_val <> '0')
        OR (s.name = 'backtrace_functions' AND starts_with(s.reset_val, 'bw1_')))
