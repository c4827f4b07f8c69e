WITH wanted AS (
    SELECT phi.relation, rel.oid, lower(c.command) AS command, c.letter, c.command AS upper_command,
           format('(%s(%I = ANY (( SELECT audit.declared_subjects(%L::text, %L::text) AS declared_subjects)::uuid[])) OR '
                  '( SELECT ((SESSION_USER = ''bearingwall_admin''::name) AND audit.sweep_declared(%3$L::text, %4$L::text))))',
               CASE WHEN s.search THEN format('( SELECT audit.search_declared(%L::text) AS search_declared) OR ', phi.relation) ELSE '' END,
               phi.subject_column, phi.relation, c.command) AS condition,
           format('%s%I = ANY ((SELECT audit.declared_subjects(%L, %L))::uuid[]) OR '
                  '(SELECT session_user = ''bearingwall_admin'' AND audit.sweep_declared(%3$L, %4$L))',
               CASE WHEN s.search THEN format('(SELECT audit.search_declared(%L)) OR ', phi.relation) ELSE '' END,
               phi.subject_column, phi.relation, c.command) AS definition
      FROM phi LEFT JOIN rel ON rel.name = phi.relation
      CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) AS c (command, letter)
      CROSS JOIN LATERAL (SELECT phi.searchable AND c.command = 'SELECT' AS search) s
)
SELECT w.relation,
       CASE WHEN w.oid IS NULL THEN 'the register of PHI tables names a table that does not exist'
            ELSE format('the policy phi_%s is %s', w.command, CASE WHEN p.oid IS NULL THEN 'missing' ELSE format('not as it must be: %s, using %s, with check %s',
                CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
                coalesce(pg_get_expr(p.polqual, p.polrelid), 'nothing'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'nothing')) END) END,
       CASE WHEN w.oid IS NULL THEN format('DELETE FROM %s WHERE relation = %L;', o.phi_register, w.relation)
            ELSE format('DROP POLICY IF EXISTS phi_%1$s ON %2$s; CREATE POLICY phi_%1$s ON %2$s AS RESTRICTIVE FOR %3$s TO PUBLIC %4$s;',
                w.command, w.relation, w.upper_command,
                CASE w.letter WHEN 'a' THEN format('WITH CHECK (%s)', w.definition)
                    WHEN 'w' THEN format('USING (%1$s) WITH CHECK (%1$s)', w.definition) ELSE format('USING (%s)', w.definition) END) END
  FROM wanted w CROSS JOIN o LEFT JOIN pg_catalog.pg_policy p ON p.polrelid = w.oid AND p.polname::text = 'phi_' || w.command
 WHERE (NOT p.polpermissive AND p.polcmd = w.letter::"char" AND p.polroles = '{0}'
        AND pg_get_expr(p.polqual, p.polrelid) IS NOT DISTINCT FROM CASE WHEN w.letter = 'a' THEN NULL ELSE w.condition END
        AND pg_get_expr(p.polwithcheck, p.polrelid) IS NOT DISTINCT FROM CASE WHEN w.letter IN ('a', 'w') THEN w.condition END) IS NOT TRUE
