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
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', gen_random_uuid() FROM generate_series(1, 299);
INSERT INTO crm.client_records (customer_id, client_id, payload) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000001', convert_to('JUNIPER-PAYLOAD', 'UTF8')),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000001', convert_to('SALTMARSH-PAYLOAD', 'UTF8'));
INSERT INTO crm.chart_notes (customer_id, id, client_id, import_key) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', NULL),
    ('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000001',
     convert_to('SALTMARSH-IMPORT-OF-TENANT-B-001', 'UTF8'));
INSERT INTO crm.chart_notes (customer_id, id, client_id)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', gen_random_uuid(), 'b0000000-0000-4000-8000-000000000001' FROM generate_series(1, 299);
INSERT INTO audit.events (customer_id, actor_id, request_id, subject_id, event_id, event_type, phase, outcome)
    SELECT 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'b0000000-0000-4000-8000-000000000005', gen_random_uuid(),
           'b0000000-0000-4000-8000-000000000001', gen_random_uuid(), 'client.saltmarsh.read', 'completed', 'success'
      FROM generate_series(1, 300);
INSERT INTO audit.events (customer_id, actor_id, request_id, subject_id, event_id, event_type, phase, outcome) VALUES
    ('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'a0000000-0000-4000-8000-000000000005', gen_random_uuid(),
     'a0000000-0000-4000-8000-000000000001', gen_random_uuid(), 'client.read', 'completed', 'success');
-- Work that waits in B, with a lease that has run out, and work of A's that a worker may lease.
INSERT INTO tenancy.jobs (job_id, customer_id, request_id, kind, available_at, lease, leased_until) VALUES
    ('b0000000-0000-4000-8000-000000000009', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', gen_random_uuid(), 'saltmarsh.work', now(),
     'b0000000-0000-4000-8000-00000000000a', now() - interval '1 minute'),
    ('a0000000-0000-4000-8000-000000000009', 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', gen_random_uuid(), 'attack.own', now(), NULL, NULL);
INSERT INTO tenancy.break_glass (session_id, customer_id, subject_id, reason, ticket, expires_at) VALUES
    ('b0000000-0000-4000-8000-00000000000b', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', 'd0000000-0000-4000-8000-000000000001',
     'the till of saltmarsh does not close', 'T-7', now() + interval '1 hour');
-- Both profiles at once: what is blocked with either key in place is blocked in each profile.
INSERT INTO tenancy.enter_keys (kid, ipad, opad)
    SELECT 0, tenancy.hmac_pad(k, 54), tenancy.hmac_pad(k, 92) FROM (SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) AS k) r;
ANALYZE;
