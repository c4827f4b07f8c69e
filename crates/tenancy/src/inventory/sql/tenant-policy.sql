-- A partition without any policy denies everything to whoever comes past its parent.
WITH wanted AS (
    SELECT t.oid, t.name, w.* FROM tenant t CROSS JOIN o CROSS JOIN LATERAL (
        SELECT quote_ident(o.tenant_column) AS col, o.context_function AS fun, quote_ident(split_part(o.context_function, '.', 2)) AS short) n
    CROSS JOIN LATERAL (VALUES
        (o.isolation, false,
            format('(%s = ( SELECT %s() AS %s))', n.col, n.fun, n.short),
            format('(%s = ( SELECT %s() AS %s))', n.col, n.fun, n.short),
            format('AS RESTRICTIVE FOR ALL TO PUBLIC USING (%1$s = (SELECT %2$s())) WITH CHECK (%1$s = (SELECT %2$s()))', n.col, n.fun)),
        (o.base, true,
            format('CASE WHEN (%s = ANY (ARRAY[( SELECT %s() AS %s)])) THEN true ELSE false END', n.col, n.fun, n.short),
            format('(%s <> ALL (ARRAY[''00000000-0000-8000-8000-00000000000a''::uuid, ''00000000-0000-8000-8000-00000000000b''::uuid]))', n.col),
            format('AS PERMISSIVE FOR ALL TO PUBLIC USING (CASE WHEN %1$s = ANY (ARRAY[(SELECT %2$s())]) THEN true ELSE false END) WITH CHECK (%1$s <> ALL (ARRAY[''00000000-0000-8000-8000-00000000000a''::uuid, ''00000000-0000-8000-8000-00000000000b''::uuid]))', n.col, n.fun))
    ) AS w (policy, permissive, using_text, check_text, definition)
    WHERE NOT t.relispartition OR EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = t.oid)
)
SELECT w.name,
       format('the policy %I is %s', w.policy, CASE WHEN p.oid IS NULL THEN 'missing' ELSE format('not as it must be: %s, for %s, to %s, using %s, with check %s',
           CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
           CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           CASE WHEN p.polroles = '{0}' THEN 'PUBLIC' ELSE p.polroles::regrole[]::text END,
           coalesce(pg_get_expr(p.polqual, p.polrelid), 'nothing'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'nothing')) END),
       format('DROP POLICY IF EXISTS %1$I ON %2$s; CREATE POLICY %1$I ON %2$s %3$s;', w.policy, w.name, w.definition)
  FROM wanted w LEFT JOIN pg_catalog.pg_policy p ON p.polrelid = w.oid AND p.polname::text = w.policy
 WHERE (p.polpermissive = w.permissive AND p.polcmd = '*' AND p.polroles = '{0}'
        AND btrim(regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[[:space:]]+', ' ', 'g')) = w.using_text AND pg_get_expr(p.polwithcheck, p.polrelid) = w.check_text) IS NOT TRUE
