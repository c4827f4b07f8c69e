SET LOCAL ROLE bearingwall_owner;
INSERT INTO tenancy.tenant_permissions (permission) VALUES ('client:deidentify');
