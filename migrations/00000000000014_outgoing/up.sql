-- What leaves for systems that a tenant names itself: notices of what happens (webhooks), and approved requests to its own endpoints.

SET LOCAL ROLE bearingwall_owner;

INSERT INTO tenancy.tenant_permissions (permission) VALUES ('webhook_subscription:read'), ('webhook_subscription:write'), ('connector:read'),
    ('connector:write'), ('http_request:write');

-- A notice is in clear, for nothing in it describes anybody; the retries of Standard Webhooks end after three days and a little.
INSERT INTO tenancy.action_kinds (kind, gated, quorum, self_ok, sealed, decide_within, execute_within, deliver_within, max_attempts) VALUES
    ('webhook.notify', false, 0, false, false, '1 minute', '1 minute', '4 days', 12),
    ('http.request',   true,  1, false, true,  '1 day',    '1 hour',   '1 day',  12);

CREATE INDEX effects_destination ON tenancy.effects (customer_id, destination, effect_id);

-- A UUID of version 7 (RFC 9562): its first 48 bits are the time, so that ids are in the order of time.
CREATE FUNCTION tenancy.uuid_by_time() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                                          FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$f$;
REVOKE ALL ON FUNCTION tenancy.uuid_by_time() FROM PUBLIC;

RESET ROLE;

GRANT USAGE ON SCHEMA connectors TO bearingwall_owner, bearingwall_worker;

-- CONTROL: CON-7
-- Where a tenant wants to be told of what happens, over HTTPS and nothing else.
CREATE TABLE connectors.subscriptions (
    customer_id     uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    id              uuid        NOT NULL,
    host            text        NOT NULL CHECK (length(host) BETWEEN 1 AND 253 AND host ~ '^[a-z0-9-]+([.][a-z0-9-]+)*$' AND host !~ '^[0-9.]+$'),
    port            integer     NOT NULL CHECK (port BETWEEN 1 AND 65535),
    path            text        NOT NULL CHECK (length(path) <= 1024 AND path ~ '^/[!-~]*$' AND strpos(path, '#') = 0),
    event_types     text[]      NOT NULL CHECK (cardinality(event_types) BETWEEN 1 AND 16
                                    AND event_types <@ ARRAY['chart_note.created', 'client.created', 'gate.approved', 'gate.expired', 'gate.rejected', 'gate.requested']),
    signature       text        NOT NULL CHECK (signature IN ('v1', 'v1a')),
    created_by      uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at     timestamptz,
    disabled_reason text        CHECK (disabled_reason IN ('by_person', 'gone', 'failing')),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, host, port, path),
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
COMMENT ON COLUMN connectors.subscriptions.path IS 'with its query; a receiver may know its sender by it';
COMMENT ON COLUMN connectors.subscriptions.signature IS 'Standard Webhooks: v1 is HMAC-SHA256 with a shared secret, v1a Ed25519';
COMMENT ON COLUMN connectors.subscriptions.disabled_reason IS 'gone: the receiver answered 410; failing: something could not be delivered for days';
CALL tenancy.protect('connectors.subscriptions');

-- CONTROL: CON-8
-- References to what signs. While two secrets are valid, both sign.
CREATE TABLE connectors.subscription_secrets (
    customer_id     uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id              uuid        NOT NULL,
    subscription_id uuid        NOT NULL,
    reference       text        NOT NULL CONSTRAINT reference_of_its_tenant CHECK (length(reference) <= 512 AND reference ~ '^(file[+]sealed|azure-kv|aws-sm)://'
                                            AND strpos(reference, 'tenants/' || customer_id || '/') > 0),
    public_key      text        CHECK (public_key ~ '^whpk_[A-Za-z0-9+/]{43}=$'),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at      timestamptz,
    PRIMARY KEY (customer_id, id),
    FOREIGN KEY (customer_id, subscription_id) REFERENCES connectors.subscriptions (customer_id, id)
);
COMMENT ON COLUMN connectors.subscription_secrets.public_key IS 'of an Ed25519 key, for whoever verifies';
CREATE INDEX subscription_secrets_subscription ON connectors.subscription_secrets (customer_id, subscription_id, created_at);
CALL tenancy.protect('connectors.subscription_secrets');

-- Endpoints of the tenant's own systems, which approved requests go to.
CREATE TABLE connectors.http_endpoints (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    id          uuid        NOT NULL,
    name        text        NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{1,31}$'),
    host        text        NOT NULL CHECK (length(host) BETWEEN 1 AND 253 AND host ~ '^[a-z0-9-]+([.][a-z0-9-]+)*$' AND host !~ '^[0-9.]+$'),
    port        integer     NOT NULL CHECK (port BETWEEN 1 AND 65535),
    path        text        NOT NULL CHECK (length(path) <= 1024 AND path ~ '^/[!-~]*$' AND strpos(path, '#') = 0),
    methods     text[]      NOT NULL CHECK (cardinality(methods) BETWEEN 1 AND 5 AND methods <@ ARRAY['DELETE', 'GET', 'PATCH', 'POST', 'PUT']),
    idempotency text        NOT NULL CHECK (idempotency IN ('native', 'natural', 'none')),
    header      text        CHECK (header ~ '^[a-z0-9-]{1,64}$'),
    reference   text        CONSTRAINT reference_of_its_tenant CHECK (length(reference) <= 512 AND reference ~ '^(file[+]sealed|azure-kv|aws-sm)://'
                                            AND strpos(reference, 'tenants/' || customer_id || '/') > 0),
    created_by  uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz,
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, name),
    CHECK (header IS NULL OR reference IS NOT NULL)
);
COMMENT ON COLUMN connectors.http_endpoints.idempotency IS 'what happens when a request arrives twice: native takes a key, natural has the same result, none happens twice';
COMMENT ON COLUMN connectors.http_endpoints.header IS 'the header that holds the secret; without one it is a bearer token';
CALL tenancy.protect('connectors.http_endpoints');

REVOKE UPDATE ON connectors.subscriptions, connectors.subscription_secrets, connectors.http_endpoints FROM bearingwall_app;
REVOKE DELETE ON connectors.http_endpoints FROM bearingwall_app;
GRANT UPDATE (event_types, disabled_at, disabled_reason) ON connectors.subscriptions TO bearingwall_app;
GRANT UPDATE (expires_at) ON connectors.subscription_secrets TO bearingwall_app;
GRANT UPDATE (disabled_at) ON connectors.http_endpoints TO bearingwall_app;
-- The functions below are the owner's, and held to the tenant that was entered all the same.
GRANT SELECT, UPDATE (disabled_at, disabled_reason) ON connectors.subscriptions TO bearingwall_owner;
-- A worker reads where to, and with what.
GRANT SELECT ON connectors.subscriptions, connectors.subscription_secrets, connectors.http_endpoints, connectors.destinations TO bearingwall_worker;

SET LOCAL ROLE bearingwall_owner;

-- CONTROL: CON-9
-- The only words of a notice: its type, ids and the time, in the canonical form of RFC 8785. There is no place for anything else.
CREATE FUNCTION tenancy.notice_enqueue(p_type text, p_resource uuid, p_subscription uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_effect uuid := tenancy.uuid_by_time();
BEGIN
    PERFORM tenancy.effect_enqueue(v_effect, 'webhook.notify', 'webhook.' || p_subscription, NULL,
        convert_to('{"data":{"id":"' || p_resource || '","subscription_id":"' || p_subscription || '"},"timestamp":"'
                   || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","type":"' || p_type || '"}', 'UTF8'),
        NULL, NULL, NULL);
    RETURN v_effect;
END $f$;

-- CONTROL: CON-9
-- What happens is told in the transaction in which it happens, by the table itself: no code has to remember it. A row that is put
-- back outside of any tenant (a restore, a repair by the superuser) is nothing that happens.
CREATE FUNCTION tenancy.notify_subscribers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_type         text := TG_ARGV[0];
    v_resource     uuid;
    v_subscription uuid;
BEGIN
    IF NOT (starts_with(current_setting('backtrace_functions'), 'bw1_') OR coalesce(current_setting('app.tenant_seal', true), '') <> '') THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'gate_requests' THEN
        v_resource := NEW.gate_id;
        v_type := v_type || NEW.state;
    ELSE
        v_resource := NEW.id;
    END IF;
    FOR v_subscription IN SELECT s.id FROM connectors.subscriptions s
                           WHERE s.customer_id = NEW.customer_id AND s.disabled_at IS NULL AND v_type = ANY (s.event_types) ORDER BY s.id LOOP
        PERFORM tenancy.notice_enqueue(v_type, v_resource, v_subscription);
    END LOOP;
    RETURN NULL;
END $f$;

CREATE TRIGGER told AFTER INSERT OR UPDATE OF state ON tenancy.gate_requests FOR EACH ROW
    WHEN (NEW.state IN ('requested', 'approved', 'rejected', 'expired')) EXECUTE FUNCTION tenancy.notify_subscribers('gate.');
ALTER TABLE tenancy.gate_requests ENABLE ALWAYS TRIGGER told;

-- Tells one subscription of itself, so that a receiver can be tried.
CREATE FUNCTION tenancy.webhook_test(p_subscription uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    IF NOT EXISTS (SELECT FROM connectors.subscriptions s WHERE s.customer_id = v_customer AND s.id = p_subscription AND s.disabled_at IS NULL) THEN
        RAISE EXCEPTION 'no such subscription is told of anything' USING ERRCODE = '42501', DETAIL = 'no-such-effect';
    END IF;
    PERFORM tenancy.record_access(v_customer, 'webhook_subscription.tested', NULL, 'connectors.subscriptions', p_subscription, NULL, '{}');
    RETURN tenancy.notice_enqueue('webhook.test', p_subscription, p_subscription);
END $f$;

-- CONTROL: CON-10
-- What was sent to a destination of the entered tenant, and what became of it; newest first, no content. One effect, or a page.
CREATE FUNCTION tenancy.effect_deliveries(p_destination text, p_effect uuid, p_before uuid, p_limit int)
RETURNS TABLE (effect_id uuid, kind text, state text, attempts bigint, outcome text, code text, enqueued_at timestamptz, begun_at timestamptz,
    ended_at timestamptz, next_at timestamptz, deliver_until timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT e.effect_id, e.kind, coalesce(q.state, d.how),
           (SELECT count(*) FROM tenancy.effect_attempts a WHERE a.customer_id = v_customer AND a.effect_id = e.effect_id),
           l.outcome, l.code, e.enqueued_at, l.begun_at, l.ended_at, CASE WHEN q.state = 'queued' THEN q.available_at END, e.deliver_until
      FROM tenancy.effects e
      LEFT JOIN tenancy.effect_queue q ON q.customer_id = v_customer AND q.effect_id = e.effect_id
      LEFT JOIN tenancy.effect_ends d ON d.customer_id = v_customer AND d.effect_id = e.effect_id
      LEFT JOIN LATERAL (SELECT a.outcome, a.code, a.begun_at, a.ended_at FROM tenancy.effect_attempts a
                          WHERE a.customer_id = v_customer AND a.effect_id = e.effect_id ORDER BY a.attempt_no DESC LIMIT 1) l ON true
     WHERE e.customer_id = v_customer AND e.destination = p_destination AND (p_effect IS NULL OR e.effect_id = p_effect)
       AND (p_before IS NULL OR e.effect_id < p_before)
     ORDER BY e.effect_id DESC LIMIT least(p_limit, 101);
END $f$;

-- CONTROL: CON-10
-- A receiver that says it is gone, or to which something could not be delivered in all of its time and nothing else was either, is
-- told of nothing any more. What our own rules refuse says nothing about a receiver. Outside of a tenant (a worker that died too
-- often) the effect is parked, and that is all.
CREATE FUNCTION tenancy.webhook_given_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subscription uuid := substr(NEW.destination, 9)::uuid;
    v_written      timestamptz;
BEGIN
    IF NOT (starts_with(current_setting('backtrace_functions'), 'bw1_') OR coalesce(current_setting('app.tenant_seal', true), '') <> '') THEN
        RETURN NULL;
    END IF;
    IF NEW.last_code IS NOT DISTINCT FROM 'http-410' THEN
        UPDATE connectors.subscriptions s SET disabled_at = clock_timestamp(), disabled_reason = 'gone'
         WHERE s.customer_id = NEW.customer_id AND s.id = v_subscription AND s.disabled_at IS NULL;
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM tenancy.effect_attempts a WHERE a.customer_id = NEW.customer_id AND a.effect_id = NEW.effect_id
                  AND a.attempt_no = NEW.lease_no AND a.outcome = 'refused') THEN
        RETURN NULL;
    END IF;
    SELECT e.enqueued_at INTO STRICT v_written FROM tenancy.effects e WHERE e.customer_id = NEW.customer_id AND e.effect_id = NEW.effect_id;
    UPDATE connectors.subscriptions s SET disabled_at = clock_timestamp(), disabled_reason = 'failing'
     WHERE s.customer_id = NEW.customer_id AND s.id = v_subscription AND s.disabled_at IS NULL
       AND NOT EXISTS (SELECT FROM tenancy.effects e JOIN tenancy.effect_ends d ON d.customer_id = e.customer_id AND d.effect_id = e.effect_id
                        WHERE e.customer_id = NEW.customer_id AND e.destination = NEW.destination AND d.how = 'delivered' AND d.ended_at > v_written);
    RETURN NULL;
END $f$;
CREATE TRIGGER given_up AFTER UPDATE OF state ON tenancy.effect_queue FOR EACH ROW
    WHEN (NEW.state = 'dead' AND OLD.state <> 'dead' AND NEW.destination ~ '^webhook[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
    EXECUTE FUNCTION tenancy.webhook_given_up();
ALTER TABLE tenancy.effect_queue ENABLE ALWAYS TRIGGER given_up;

-- What is on its way to a subscription that ends, ends with it: nobody has to settle it one by one. What is under way finds out.
CREATE FUNCTION tenancy.webhook_drop() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids    uuid[];
    v_effect uuid;
BEGIN
    -- All of the queue of a tenant that leaves is removed when it has left.
    IF session_user = 'bearingwall_admin' THEN
        RETURN NULL;
    END IF;
    v_ids := tenancy.current_ids();
    FOR v_effect IN DELETE FROM tenancy.effect_queue q WHERE q.customer_id = v_ids[1] AND q.destination = 'webhook.' || OLD.id
                       AND q.state <> 'leased' AND (TG_OP = 'DELETE' OR q.state = 'queued') RETURNING q.effect_id LOOP
        INSERT INTO tenancy.effect_ends (customer_id, effect_id, how, ended_by, ended_at, reason)
        VALUES (v_ids[1], v_effect, 'abandoned', v_ids[2], clock_timestamp(), 'its subscription has ended');
        INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource, resource_id)
        VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(), 'effect.resolved', 'completed', 'success', 'abandoned', 'effect', v_effect);
    END LOOP;
    RETURN NULL;
END $f$;

-- What happens to the tables above is on the record in the transaction in which it happens.
CREATE FUNCTION tenancy.record_outgoing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_row  jsonb := to_jsonb(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END);
    v_was  jsonb := to_jsonb(OLD);
    v_type text;
    v_code text;
BEGIN
    -- A tenant that leaves has its own place on the record.
    IF TG_OP = 'DELETE' AND session_user = 'bearingwall_admin' THEN
        RETURN NULL;
    END IF;
    CASE TG_TABLE_NAME
        WHEN 'subscriptions' THEN
            v_type := 'webhook_subscription.' || CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'removed'
                      ELSE CASE WHEN v_was ->> 'disabled_at' IS NULL AND v_row ->> 'disabled_at' IS NOT NULL THEN 'disabled' ELSE 'changed' END END;
            v_code := CASE WHEN v_type = 'webhook_subscription.disabled' THEN v_row ->> 'disabled_reason' END;
        WHEN 'subscription_secrets' THEN
            v_type := 'webhook_subscription.secret_changed';
            v_code := lower(TG_OP);
        ELSE
            v_type := 'http_endpoint.' || CASE TG_OP WHEN 'INSERT' THEN 'created' ELSE 'disabled' END;
    END CASE;
    PERFORM tenancy.record_access((v_row ->> 'customer_id')::uuid, v_type, v_code, 'connectors.' || TG_TABLE_NAME, (v_row ->> 'id')::uuid, NULL, '{}');
    RETURN NULL;
END $f$;

-- A tenant has at most twenty subscriptions that are told of anything: each event is sent to each of them.
CREATE FUNCTION tenancy.guard_outgoing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_TABLE_NAME = 'subscriptions' THEN
        IF NEW.disabled_at IS NULL AND (SELECT count(*) FROM connectors.subscriptions s
                WHERE s.customer_id = NEW.customer_id AND s.id <> NEW.id AND s.disabled_at IS NULL) >= 20 THEN
            RAISE EXCEPTION 'a tenant has twenty subscriptions at the most' USING ERRCODE = '54000';
        END IF;
    ELSIF TG_TABLE_NAME = 'subscription_secrets' THEN
        IF NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at THEN
            RAISE EXCEPTION 'the end of a secret only comes nearer' USING ERRCODE = '55000';
        END IF;
    ELSIF OLD.disabled_at IS NOT NULL THEN
        RAISE EXCEPTION 'the endpoint has ended' USING ERRCODE = '55000';
    END IF;
    RETURN NEW;
END $f$;

REVOKE ALL ON FUNCTION tenancy.notice_enqueue(text, uuid, uuid), tenancy.notify_subscribers(), tenancy.webhook_test(uuid),
    tenancy.effect_deliveries(text, uuid, uuid, int), tenancy.webhook_given_up(), tenancy.webhook_drop(), tenancy.record_outgoing(),
    tenancy.guard_outgoing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.webhook_test(uuid), tenancy.effect_deliveries(text, uuid, uuid, int) TO bearingwall_app;
GRANT EXECUTE ON FUNCTION tenancy.notify_subscribers(), tenancy.webhook_drop(), tenancy.record_outgoing(), tenancy.guard_outgoing() TO bearingwall_admin;

RESET ROLE;

-- The second word of the type is the function's own where it depends on the row.
CREATE TRIGGER told AFTER INSERT ON crm.clients FOR EACH ROW EXECUTE FUNCTION tenancy.notify_subscribers('client.created');
CREATE TRIGGER told AFTER INSERT ON crm.chart_notes FOR EACH ROW EXECUTE FUNCTION tenancy.notify_subscribers('chart_note.created');
ALTER TABLE crm.clients ENABLE ALWAYS TRIGGER told;
ALTER TABLE crm.chart_notes ENABLE ALWAYS TRIGGER told;

CREATE TRIGGER dropped AFTER UPDATE OF disabled_at ON connectors.subscriptions FOR EACH ROW
    WHEN (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION tenancy.webhook_drop();
CREATE TRIGGER removed AFTER DELETE ON connectors.subscriptions FOR EACH ROW EXECUTE FUNCTION tenancy.webhook_drop();
ALTER TABLE connectors.subscriptions ENABLE ALWAYS TRIGGER dropped;
ALTER TABLE connectors.subscriptions ENABLE ALWAYS TRIGGER removed;

DO $d$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['subscriptions', 'subscription_secrets', 'http_endpoints'] LOOP
        EXECUTE format('CREATE TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON connectors.%I FOR EACH ROW EXECUTE FUNCTION tenancy.record_outgoing()', v_table);
        EXECUTE format('CREATE TRIGGER guarded BEFORE %s ON connectors.%I FOR EACH ROW EXECUTE FUNCTION tenancy.guard_outgoing()',
                       CASE v_table WHEN 'subscriptions' THEN 'INSERT OR UPDATE' ELSE 'UPDATE' END, v_table);
        EXECUTE format('ALTER TABLE connectors.%I ENABLE ALWAYS TRIGGER recorded', v_table);
        EXECUTE format('ALTER TABLE connectors.%I ENABLE ALWAYS TRIGGER guarded', v_table);
    END LOOP;
END $d$;
