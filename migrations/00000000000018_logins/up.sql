-- What the worker and the sealer read out of a vault stands on the record, as what the server reads does.

SET LOCAL bearingwall.audit_ddl = 'on';
SET LOCAL ROLE bearingwall_owner;

-- CONTROL: SEC-4
GRANT USAGE ON SCHEMA audit TO bearingwall_worker;
GRANT EXECUTE ON FUNCTION audit.record_secret_read(uuid, text, text, text, uuid, text, text) TO bearingwall_worker, bearingwall_sealer;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';
