SELECT current_database()::text, 'the platform hardening is not installed: side channels stay open, and DDL is limited by privileges alone',
       '-- as superuser: bearingwall-ctl bootstrap, without --without-platform'
  FROM o WHERE o.release AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'platform')
