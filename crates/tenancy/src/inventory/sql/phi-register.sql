-- A table that looks like personal data, or that once was of the PHI class, and is not in the register.
WITH suspect AS (
    SELECT t.oid, t.name, min(format('the column %I', a.attname)) AS sign
      FROM tenant t CROSS JOIN o JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE o.phi_register <> '' AND o.personal_columns <> '' AND a.attname::text ~ o.personal_columns
     GROUP BY t.oid, t.name
    UNION SELECT t.oid, t.name, min(format('the policy %I', p.polname))
      FROM tenant t CROSS JOIN o JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid AND p.polname::text ~ '^phi_(select|insert|update|delete)$'
     WHERE o.phi_register <> ''
     GROUP BY t.oid, t.name
), marked AS (
    SELECT s.oid, s.name, min(s.sign) AS sign, (SELECT a.attname FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = s.oid AND a.attnum > 1 AND NOT a.attisdropped AND a.attnotnull AND a.atttypid = 'pg_catalog.uuid'::regtype
         ORDER BY a.attname <> 'client_id', a.attnum LIMIT 1) AS subject
      FROM suspect s GROUP BY s.oid, s.name
)
SELECT m.name, format('the table has %s and is not in the register of PHI tables', m.sign),
       CASE WHEN m.subject IS NULL THEN format('-- give %s a column that names the person, then CALL audit.protect_phi', m.name)
            ELSE format('%s CALL audit.protect_phi(%L, %L%s);',
                (SELECT string_agg(format('DROP POLICY %I ON %s;', p.polname, m.name), ' ' ORDER BY p.polname) FROM pg_catalog.pg_policy p WHERE p.polrelid = m.oid),
                m.name, m.subject, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = m.oid AND p.polname = 'phi_select'
                    AND pg_get_expr(p.polqual, p.polrelid) LIKE '%search_declared%') THEN ', true' ELSE '' END) END
  FROM marked m WHERE m.name NOT IN (SELECT relation FROM phi)
