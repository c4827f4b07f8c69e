-- Connectors: who may reach a tenant before anybody is known, what arrived from other systems, and where a tenant may reach to.

SET LOCAL ROLE bearingwall_owner;

INSERT INTO tenancy.tenant_permissions (permission) VALUES ('webhook_endpoint:read'), ('webhook_endpoint:write');

-- What leads to a tenant where no token does: digests of numbers that nobody guesses, and whose they are.
CREATE TABLE tenancy.locators (
    customer_id uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    kind        text        NOT NULL CHECK (kind ~ '^[a-z][a-z_]{1,31}$'),
    key_sha256  bytea       NOT NULL CHECK (octet_length(key_sha256) = 32),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, kind, key_sha256),
    -- Of everybody: a digest of 256 random bits is not met by chance, and says nothing to who meets it.
    UNIQUE (kind, key_sha256)
);
COMMENT ON TABLE tenancy.locators IS 'digests of unguessable keys, each of one tenant';

CREATE FUNCTION tenancy.locator_add(p_kind text, p_key_sha256 bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    IF EXISTS (SELECT FROM tenancy.customers t WHERE t.customer_id = v_customer AND t.reserved) THEN
        RAISE EXCEPTION 'nothing leads to the platform''s own tenants' USING ERRCODE = '42501';
    END IF;
    INSERT INTO tenancy.locators (customer_id, kind, key_sha256) VALUES (v_customer, p_kind, p_key_sha256);
END $f$;

-- CONTROL: CON-4
-- Enters the tenant that a key leads to, and no other: who asks names no tenant. The key is shown, and only its digest is kept,
-- so that reading the table opens nothing. What is done there is done by nobody's identity but the connectors' own.
CREATE FUNCTION tenancy.enter_located(p_kind text, p_key bytea, p_request uuid, p_regions text[]) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid;
    v_status   text;
    v_region   text;
    v_served   text[];
BEGIN
    -- SECURITY: a short key could be guessed, whatever whoever made it was thinking.
    IF (octet_length(p_key) >= 32 AND p_request IS NOT NULL) IS NOT TRUE THEN
        RAISE EXCEPTION 'no such key' USING ERRCODE = '28000', DETAIL = 'no-such-key';
    END IF;
    SELECT l.customer_id, t.status, t.region, c.regions INTO v_customer, v_status, v_region, v_served
      FROM tenancy.locators l JOIN tenancy.customers t ON t.customer_id = l.customer_id CROSS JOIN tenancy.config c
     WHERE l.kind = p_kind AND l.key_sha256 = sha256(p_key);
    IF v_customer IS NULL THEN
        RAISE EXCEPTION 'no such key' USING ERRCODE = '28000', DETAIL = 'no-such-key';
    END IF;
    IF v_status <> 'active' THEN
        RAISE EXCEPTION 'tenant is not active' USING ERRCODE = '28000', DETAIL = 'tenant-not-active';
    END IF;
    IF (v_region = '*' OR (v_region = ANY (p_regions) AND v_region = ANY (v_served))) IS NOT TRUE THEN
        RAISE EXCEPTION 'the region of the tenant is not served here' USING ERRCODE = '28000', DETAIL = 'region-not-served';
    END IF;
    PERFORM tenancy.seal_context(v_customer, '00000000-0000-8000-8000-000000000006', p_request);
    RETURN v_region;
END $f$;

-- Puts on the record what happens to the tables below, in the transaction in which it happens: no code has to remember it.
CREATE FUNCTION tenancy.record_connector() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_row  jsonb := to_jsonb(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END);
    v_type text;
    v_code text := lower(TG_OP);
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'events' THEN
            v_type := CASE TG_OP WHEN 'INSERT' THEN 'webhook.received' ELSE 'webhook.conflicted' END;
            v_code := NULL;
        WHEN 'endpoints' THEN
            v_type := CASE TG_OP WHEN 'INSERT' THEN 'webhook_endpoint.created' ELSE 'webhook_endpoint.disabled' END;
            v_code := v_row ->> 'connector';
        WHEN 'endpoint_secrets' THEN
            v_type := 'webhook_endpoint.secret_changed';
        ELSE
            v_type := 'destination.changed';
    END CASE;
    PERFORM tenancy.record_access((v_row ->> 'customer_id')::uuid, v_type, v_code, 'connectors.' || TG_TABLE_NAME, (v_row ->> 'id')::uuid, NULL, '{}');
    RETURN NULL;
END $f$;

-- What arrived stays as it arrived, and what has ended does not come back.
CREATE FUNCTION tenancy.guard_connector() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_TABLE_NAME = 'endpoints' THEN
        IF OLD.disabled_at IS NOT NULL THEN
            RAISE EXCEPTION 'the endpoint has ended' USING ERRCODE = '55000';
        END IF;
    ELSIF TG_TABLE_NAME = 'endpoint_secrets' THEN
        IF NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at THEN
            RAISE EXCEPTION 'the end of a secret only comes nearer' USING ERRCODE = '55000';
        END IF;
    ELSIF NEW.conflicts <> OLD.conflicts + 1 THEN
        RAISE EXCEPTION 'conflicts are counted one by one' USING ERRCODE = '55000';
    END IF;
    RETURN NEW;
END $f$;
-- With the keys, what the platform keeps about the entered tenant is what it was before and they.
ALTER FUNCTION tenancy.tenant_holdings() RENAME TO tenant_holdings_beside_locators;
ALTER FUNCTION tenancy.tenant_holdings_count() RENAME TO tenant_holdings_count_beside_locators;

CREATE FUNCTION tenancy.tenant_holdings() RETURNS TABLE (relation text, content text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT h.relation, h.content FROM (
        SELECT b.relation, b.content, b.ordinality::text AS place, b.ordinality FROM tenancy.tenant_holdings_beside_locators() WITH ORDINALITY b
        UNION ALL SELECT 'tenancy.locators', to_jsonb(l)::text, concat_ws('/', l.kind, encode(l.key_sha256, 'hex')), 0 FROM tenancy.locators l WHERE l.customer_id = v_customer) h
        ORDER BY h.relation, h.ordinality, h.place COLLATE "C";
END $f$;

CREATE FUNCTION tenancy.tenant_holdings_count() RETURNS TABLE (relation text, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT b.relation, b.entries FROM tenancy.tenant_holdings_count_beside_locators() b
        UNION ALL SELECT 'tenancy.locators', count(*) FROM tenancy.locators l WHERE l.customer_id = v_customer;
END $f$;

-- The keys of a tenant that leaves lead nowhere.
CREATE FUNCTION tenancy.locators_leave() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    DELETE FROM tenancy.locators l WHERE l.customer_id = NEW.customer_id;
    RETURN NULL;
END $f$;
CREATE TRIGGER locators_leave AFTER UPDATE OF executed_at ON tenancy.offboardings FOR EACH ROW
    WHEN (NEW.executed_at IS NOT NULL) EXECUTE FUNCTION tenancy.locators_leave();
ALTER TABLE tenancy.offboardings ENABLE ALWAYS TRIGGER locators_leave;

REVOKE ALL ON tenancy.locators FROM PUBLIC;
REVOKE ALL ON FUNCTION tenancy.locator_add(text, bytea), tenancy.enter_located(text, bytea, uuid, text[]), tenancy.record_connector(),
    tenancy.guard_connector(), tenancy.tenant_holdings(), tenancy.tenant_holdings_count(), tenancy.locators_leave() FROM PUBLIC;
REVOKE ALL ON FUNCTION tenancy.tenant_holdings_beside_locators(), tenancy.tenant_holdings_count_beside_locators() FROM bearingwall_admin;
GRANT EXECUTE ON FUNCTION tenancy.tenant_holdings(), tenancy.tenant_holdings_count() TO bearingwall_admin;
GRANT EXECUTE ON FUNCTION tenancy.locator_add(text, bytea), tenancy.enter_located(text, bytea, uuid, text[]) TO bearingwall_app;
GRANT EXECUTE ON FUNCTION tenancy.record_connector(), tenancy.guard_connector() TO bearingwall_admin;

RESET ROLE;

CREATE SCHEMA connectors;
REVOKE ALL ON SCHEMA connectors FROM PUBLIC;
GRANT USAGE ON SCHEMA connectors TO bearingwall_app, bearingwall_backup;

-- Where another system may send to. The path holds a key that is shown once; this is its digest.
CREATE TABLE connectors.endpoints (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    id          uuid        NOT NULL,
    connector   text        NOT NULL CHECK (connector IN ('github', 'standard', 'stripe', 'twilio')),
    key_sha256  bytea       NOT NULL CHECK (octet_length(key_sha256) = 32),
    kek_version text        NOT NULL CHECK (length(kek_version) <= 128),
    wrapped     bytea       NOT NULL,
    created_by  uuid        NOT NULL DEFAULT tenancy.claimed_subject_id(),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz,
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, key_sha256)
);
COMMENT ON COLUMN connectors.endpoints.wrapped IS 'the data key of what arrives here, wrapped by the key store''s key';
CALL tenancy.protect('connectors.endpoints');

-- CONTROL: CON-5
-- References to the secrets of an endpoint. The secrets stand in the vault, under a name that holds the tenant: an endpoint of
-- one tenant is never judged by another's.
CREATE TABLE connectors.endpoint_secrets (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id          uuid        NOT NULL,
    endpoint_id uuid        NOT NULL,
    algorithm   text        CHECK (algorithm IN ('auth_token', 'shared_key')),
    reference   text        NOT NULL CONSTRAINT reference_of_its_tenant CHECK (length(reference) <= 512 AND reference ~ '^(file[+]sealed|azure-kv|aws-sm)://'
                                            AND strpos(reference, 'tenants/' || customer_id || '/') > 0),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz,
    PRIMARY KEY (customer_id, id),
    FOREIGN KEY (customer_id, endpoint_id) REFERENCES connectors.endpoints (customer_id, id)
);
CREATE INDEX endpoint_secrets_endpoint ON connectors.endpoint_secrets (customer_id, endpoint_id, created_at);
CALL tenancy.protect('connectors.endpoint_secrets');

-- CONTROL: CON-6
-- What arrived and was signed by who should have: once, whatever the sender's number of attempts.
CREATE TABLE connectors.events (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    id          uuid        NOT NULL,
    endpoint_id uuid        NOT NULL,
    event_id    text        NOT NULL CHECK (event_id ~ '^[!-~]{1,255}$'),
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 32),
    secret_id   uuid        NOT NULL,
    signed_at   timestamptz,
    sealed      bytea       NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    conflicts   integer     NOT NULL DEFAULT 0 CHECK (conflicts >= 0),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, endpoint_id, event_id),
    FOREIGN KEY (customer_id, endpoint_id) REFERENCES connectors.endpoints (customer_id, id),
    FOREIGN KEY (customer_id, secret_id) REFERENCES connectors.endpoint_secrets (customer_id, id)
);
COMMENT ON COLUMN connectors.events.event_id IS 'the sender''s own id';
COMMENT ON COLUMN connectors.events.digest IS 'SHA-256 of what was signed: another one under the same id is a conflict';
COMMENT ON COLUMN connectors.events.sealed IS 'AES-256-GCM under the key of the endpoint, bound to table, column, tenant and row';
CALL tenancy.protect('connectors.events');

-- To what the tenant narrows a connector; what the operator's catalogue does not name is not reached all the same.
CREATE TABLE connectors.destinations (
    customer_id uuid     NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    id          uuid     NOT NULL,
    connector   text     NOT NULL CHECK (connector ~ '^[a-z][a-z0-9_]{1,31}$'),
    host        text     NOT NULL CHECK (length(host) BETWEEN 1 AND 253 AND host = lower(host)),
    port        integer  NOT NULL CHECK (port BETWEEN 1 AND 65535),
    methods     text[]   NOT NULL CHECK (cardinality(methods) BETWEEN 1 AND 5 AND methods <@ ARRAY['DELETE', 'GET', 'PATCH', 'POST', 'PUT']),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, id),
    UNIQUE (customer_id, connector, host, port)
);
CALL tenancy.protect('connectors.destinations');

-- SECURITY: what arrived stays as it arrived, and an endpoint or a secret that has ended does not come back.
REVOKE UPDATE, DELETE ON connectors.endpoints, connectors.endpoint_secrets, connectors.events FROM bearingwall_app;
REVOKE UPDATE ON connectors.destinations FROM bearingwall_app;
GRANT UPDATE (disabled_at) ON connectors.endpoints TO bearingwall_app;
GRANT UPDATE (expires_at) ON connectors.endpoint_secrets TO bearingwall_app;
GRANT UPDATE (conflicts) ON connectors.events TO bearingwall_app;


DO $d$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['endpoints', 'endpoint_secrets', 'events', 'destinations'] LOOP
        -- Rows of the others are removed only when the tenant leaves, which has its own place on the record.
        EXECUTE format('CREATE TRIGGER recorded AFTER INSERT OR %s ON connectors.%I FOR EACH ROW EXECUTE FUNCTION tenancy.record_connector()',
                       CASE v_table WHEN 'destinations' THEN 'DELETE' ELSE 'UPDATE' END, v_table);
        EXECUTE format('ALTER TABLE connectors.%I ENABLE ALWAYS TRIGGER recorded', v_table);
        IF v_table <> 'destinations' THEN
            EXECUTE format('CREATE TRIGGER guarded BEFORE UPDATE ON connectors.%I FOR EACH ROW EXECUTE FUNCTION tenancy.guard_connector()', v_table);
            EXECUTE format('ALTER TABLE connectors.%I ENABLE ALWAYS TRIGGER guarded', v_table);
        END IF;
    END LOOP;
END $d$;
