-- Both are needed, and in every partition: see audit.guard. Only ENABLE ALWAYS fires under session_replication_role, too.
WITH place AS (
    SELECT rel.oid, rel.name, rel.relispartition FROM rel CROSS JOIN o WHERE rel.name = ANY (o.append_only) AND NOT (rel.control AND o.release)
    UNION SELECT c.oid, c.name, c.relispartition FROM rel CROSS JOIN o CROSS JOIN LATERAL pg_partition_tree(rel.oid) t JOIN rel c ON c.oid = t.relid
     WHERE rel.name = ANY (o.append_only) AND c.relispartition
)
SELECT p.name, format('the trigger %I is %s', w.trigger_name, CASE WHEN t.oid IS NULL THEN 'missing' WHEN t.tgenabled <> 'A' THEN 'not enabled always'
           ELSE 'not as it must be: ' || pg_get_triggerdef(t.oid) END),
       -- A row trigger comes to a partition from its parent.
       CASE WHEN (t.oid IS NOT NULL AND t.tgenabled <> 'A') OR (p.relispartition AND w.each_row) THEN format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;', p.name, w.trigger_name)
            ELSE format('%s CREATE TRIGGER %I BEFORE %s ON %s FOR EACH %s EXECUTE FUNCTION audit.reject_mutation(); ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;',
                CASE WHEN t.oid IS NULL THEN '' ELSE format('DROP TRIGGER %I ON %s;', w.trigger_name, p.name) END,
                w.trigger_name, CASE WHEN w.each_row THEN 'UPDATE OR DELETE' ELSE 'UPDATE OR DELETE OR TRUNCATE' END, p.name,
                CASE WHEN w.each_row THEN 'ROW' ELSE 'STATEMENT' END, p.name, w.trigger_name) END
  FROM place p CROSS JOIN (VALUES ('append_only', false, 2 + 8 + 16 + 32), ('append_only_row', true, 1 + 2 + 8 + 16)) AS w (trigger_name, each_row, type_bits)
  LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.oid AND t.tgname::text = w.trigger_name
 WHERE (t.tgenabled = 'A' AND t.tgtype = w.type_bits AND t.tgqual IS NULL AND t.tgattr = ''
        AND t.tgfoid = (SELECT f.oid FROM routine f WHERE f.name = 'audit.reject_mutation()')) IS NOT TRUE
