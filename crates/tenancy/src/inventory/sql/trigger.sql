-- Of internal triggers, those of foreign keys must fire; of the others, those that were switched off or fire for a replica only.
SELECT g.name, format('the trigger %I is %s', t.tgname, CASE t.tgenabled WHEN 'D' THEN 'disabled' ELSE 'enabled for replicas only' END),
       format('ALTER TABLE %s ENABLE TRIGGER %I;', g.name, t.tgname)
  FROM rel g JOIN pg_catalog.pg_trigger t ON t.tgrelid = g.oid CROSS JOIN o
 WHERE t.tgenabled NOT IN ('O', 'A')
   AND NOT (t.tgname IN ('append_only', 'append_only_row') AND g.oid IN (SELECT oid FROM named)) AND NOT (g.control AND o.release AND NOT t.tgisinternal)
