-- Who reaches a tenant table, may log in and owns none; where there is nobody, the owners who log in themselves.
WITH t AS MATERIALIZED (
    SELECT c.oid, c.relowner FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname::text = $1::text AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p') AND n.nspname::text !~ '^pg_' AND n.nspname <> 'information_schema'
), r AS MATERIALIZED (
    SELECT r.oid, r.rolname::text AS name, EXISTS (SELECT FROM t WHERE t.relowner = r.oid) AS owns FROM pg_catalog.pg_roles r
     WHERE r.rolcanlogin AND NOT r.rolsuper
       AND EXISTS (SELECT FROM t WHERE has_table_privilege(r.oid, t.oid, 'SELECT, INSERT, UPDATE, DELETE')
                                    OR has_any_column_privilege(r.oid, t.oid, 'SELECT, INSERT, UPDATE'))
)
SELECT r.name FROM r WHERE NOT r.owns OR NOT EXISTS (SELECT FROM r AS other WHERE NOT other.owns) ORDER BY r.name COLLATE "C"
