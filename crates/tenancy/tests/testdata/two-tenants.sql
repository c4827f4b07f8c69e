-- Two tenants in the migrated schema, of the same shape and size as in tutorial.sql, for the attack suite.
-- By a superuser: what the application could not write without an access event stands here, too.
UPDATE tenancy.config SET regions = '{us-east-1,eu-west-1}';
INSERT INTO tenancy.customers (customer_id, slug, name, region) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'juniper', 'Juniper', 'us-east-1'),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'saltmarsh', 'Saltmarsh Confidential', 'eu-west-1');
INSERT INTO crm.tenant_keys (customer_id, version, kek_version, wrapped) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 1, '1', convert_to('JUNIPER-KEY', 'UTF8')),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 1, '1', convert_to('SALTMARSH-KEY', 'UTF8'));
INSERT INTO crm.clients (customer_id, id, external_digest) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000001', convert_to('JUNIPER-CLIENT-OF-TENANT-A-00001', 'UTF8')),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000001', convert_to('SALTMARSH-MARKER-OF-TENANT-B-001', 'UTF8'));
INSERT INTO crm.clients (customer_id, id)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', gen_random_uuid() FROM generate_series(1, 999);
INSERT INTO crm.client_records (customer_id, client_id, payload) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000001', convert_to('JUNIPER-PAYLOAD', 'UTF8')),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000001', convert_to('SALTMARSH-PAYLOAD', 'UTF8'));
INSERT INTO crm.chart_notes (customer_id, id, client_id, import_key) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', NULL),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000001',
     convert_to('SALTMARSH-IMPORT-OF-TENANT-B-001', 'UTF8'));
INSERT INTO crm.chart_notes (customer_id, id, client_id)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', gen_random_uuid(), 'b0000000-0000-4000-8000-000000000001' FROM generate_series(1, 999);
INSERT INTO audit.events (customer_id, actor_id, request_id, subject_id, event_id, event_type, phase, outcome)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000005', gen_random_uuid(),
           'b0000000-0000-4000-8000-000000000001', gen_random_uuid(), 'client.saltmarsh.read', 'completed', 'success'
      FROM generate_series(1, 1000);
INSERT INTO audit.events (customer_id, actor_id, request_id, subject_id, event_id, event_type, phase, outcome) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000005', gen_random_uuid(),
     'a0000000-0000-4000-8000-000000000001', gen_random_uuid(), 'client.read', 'completed', 'success');
ANALYZE;
