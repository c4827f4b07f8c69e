-- Keys that turn: a tenant's key has versions, each under the key-encryption key that is the tenant's at the time; what is
-- under an old version is put under the new one, and the old one is destroyed when nothing is under it any more. And what is
-- read out of a vault stands on the record.

SET LOCAL bearingwall.audit_ddl = 'on';
SET LOCAL ROLE bearingwall_owner;

-- CONTROL: SEC-4
-- A read of a vault, under the platform's own tenant: who reads is a program, and what it read is a name and a version.
CREATE FUNCTION audit.record_secret_read(p_event_id uuid, p_event_type text, p_outcome text, p_code text, p_request uuid, p_reference text, p_version text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_since timestamptz := clock_timestamp() - interval '1 second';
    v_limit int := (SELECT c.refusals_per_s FROM audit.config c);
    v_place text := regexp_replace(p_reference, '[^!-~]', '?', 'g');
BEGIN
    IF (p_event_type IN ('secret.read', 'secret.stale')) IS NOT TRUE THEN
        RAISE EXCEPTION 'not a read of a secret' USING ERRCODE = '22023';
    END IF;
    IF (SELECT count(*) FROM (SELECT FROM audit.events e WHERE e.customer_id = '00000000-0000-8000-8000-000000000001'
            AND e.recorded_at > v_since AND e.event_type = p_event_type LIMIT v_limit) r) >= v_limit THEN
        RAISE EXCEPTION 'too many reads of secrets in this second' USING ERRCODE = '53400';
    END IF;
    -- A long path loses its middle: the store's kind and the secret's name stay.
    IF length(v_place) > 120 THEN
        v_place := left(v_place, 40) || '...' || right(v_place, 77);
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, route)
    VALUES ('00000000-0000-8000-8000-000000000001', '00000000-0000-8000-8000-000000000003', p_request, p_event_id, p_event_type,
            'completed', p_outcome, CASE WHEN p_outcome <> 'success' THEN p_code WHEN p_version ~ '^[A-Za-z0-9._-]{1,64}$' THEN p_version END,
            'FETCH /' || v_place);
END $f$;

-- CONTROL: SEC-5
-- What becomes of a tenant's keys stands on its record, whoever does it: no call that somebody must remember. The operator's
-- erasure of a whole tenant has events of its own.
CREATE FUNCTION audit.record_tenant_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids     uuid[];
    v_version int  := CASE WHEN TG_OP = 'DELETE' THEN OLD.version ELSE NEW.version END;
    v_kek     text := CASE WHEN TG_OP = 'DELETE' THEN OLD.kek_version ELSE NEW.kek_version END;
BEGIN
    IF session_user = 'bearingwall_admin' OR (TG_OP = 'INSERT' AND v_version = 1) THEN
        RETURN NULL;
    END IF;
    v_ids := tenancy.current_ids();
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource, resource_version)
    VALUES (v_ids[1], v_ids[2], v_ids[3], gen_random_uuid(),
            CASE TG_OP WHEN 'INSERT' THEN 'key.rotated' WHEN 'UPDATE' THEN 'key.rewrapped' ELSE 'key.destroyed' END, 'completed', 'success',
            CASE WHEN v_kek ~ '^[A-Za-z0-9._-]{1,64}$' THEN v_kek END, TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, v_version);
    RETURN NULL;
END $f$;

-- CONTROL: SEC-5
-- Puts every active tenant in the queue whose keys nobody is about to look after: 'keys.turn' does what is due, 'keys.rotate'
-- makes a new version now, 'keys.verify' opens every key once. The answer is how many were put there.
CREATE FUNCTION tenancy.keys_enqueue(p_kind text, p_customer uuid) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_count int;
BEGIN
    IF (p_kind IN ('keys.turn', 'keys.rotate', 'keys.verify')) IS NOT TRUE THEN
        RAISE EXCEPTION 'not work on keys' USING ERRCODE = '22023';
    END IF;
    INSERT INTO tenancy.jobs (customer_id, job_id, request_id, kind, available_at)
    SELECT c.customer_id, gen_random_uuid(), gen_random_uuid(), p_kind, clock_timestamp() FROM tenancy.customers c
     WHERE NOT c.reserved AND c.status = 'active' AND (p_customer IS NULL OR c.customer_id = p_customer)
       AND NOT EXISTS (SELECT FROM tenancy.jobs j WHERE j.customer_id = c.customer_id AND j.kind = p_kind);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $f$;

-- CONTROL: SEC-5
-- SECURITY: a key that injected SQL replaced or removed would take its data with it. The application makes a tenant's first
-- version and no other; the worker adds the next one, wraps anew what is there, and removes a version that is not the newest, has
-- been out of use for a while and has nothing under it (which the foreign keys see to). Nothing else changes.
CREATE FUNCTION tenancy.guard_tenant_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_newest int;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.customer_id, NEW.version, NEW.created_at, NEW.active_from) IS DISTINCT FROM (OLD.customer_id, OLD.version, OLD.created_at, OLD.active_from) THEN
            RAISE EXCEPTION 'of a tenant''s key only the wrapping changes' USING ERRCODE = '42501';
        END IF;
        RETURN NEW;
    END IF;
    IF session_user = 'bearingwall_admin' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    SELECT max(k.version) INTO v_newest FROM crm.tenant_keys k;
    IF TG_OP = 'INSERT' THEN
        IF NEW.version <> coalesce(v_newest, 0) + 1 AND NOT (NEW.version = 1 AND EXISTS (SELECT FROM crm.tenant_keys k WHERE k.version = 1)) THEN
            RAISE EXCEPTION 'versions of a tenant''s key follow on each other' USING ERRCODE = '42501';
        END IF;
        IF NEW.version > 1 AND session_user = 'bearingwall_app' THEN
            RAISE EXCEPTION 'the application makes no second version of a tenant''s key' USING ERRCODE = '42501';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.version >= v_newest OR NOT EXISTS (SELECT FROM crm.tenant_keys k WHERE k.version > OLD.version AND k.active_from <= clock_timestamp()) THEN
        RAISE EXCEPTION 'the version of the tenant''s key that is in use is not destroyed' USING ERRCODE = '42501';
    END IF;
    IF NOT EXISTS (SELECT FROM crm.index_keys) THEN
        RAISE EXCEPTION 'the key of the blind indexes would be destroyed with this version' USING ERRCODE = '42501';
    END IF;
    RETURN OLD;
END $f$;

-- Of a key under the tenant's only the wrapping changes, and only forwards, to a version that is active.
CREATE FUNCTION tenancy.guard_wrapped_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF to_jsonb(NEW) - ARRAY['tenant_version', 'wrapped'] IS DISTINCT FROM to_jsonb(OLD) - ARRAY['tenant_version', 'wrapped']
       OR NEW.tenant_version <= OLD.tenant_version
       OR NOT EXISTS (SELECT FROM crm.tenant_keys k WHERE k.version = NEW.tenant_version AND k.active_from <= clock_timestamp()) THEN
        RAISE EXCEPTION 'of a wrapped key only the wrapping changes, to a newer active version' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $f$;

REVOKE ALL ON FUNCTION audit.record_secret_read(uuid, text, text, text, uuid, text, text), audit.record_tenant_key(),
    tenancy.guard_tenant_key(), tenancy.guard_wrapped_key(), tenancy.keys_enqueue(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_secret_read(uuid, text, text, text, uuid, text, text) TO bearingwall_app;
GRANT EXECUTE ON FUNCTION audit.record_tenant_key(), tenancy.guard_tenant_key(), tenancy.guard_wrapped_key() TO bearingwall_admin;
GRANT EXECUTE ON FUNCTION tenancy.keys_enqueue(text, uuid) TO bearingwall_worker, bearingwall_admin;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';

-- When a version is made, every server must have heard of it before anything is put under it: each one remembers a tenant's keys
-- for some minutes.
ALTER TABLE crm.tenant_keys ADD COLUMN active_from timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE crm.tenant_keys ADD COLUMN kek text CHECK (kek ~ '^[a-z+-]{2,16}://[!-~]+$' AND length(kek) <= 420);
ALTER TABLE crm.tenant_keys ALTER COLUMN active_from SET STATISTICS 0, ALTER COLUMN kek SET STATISTICS 0;
COMMENT ON COLUMN crm.tenant_keys.active_from IS 'from when on new keys are put under this version';
COMMENT ON COLUMN crm.tenant_keys.kek IS 'the reference of the key-encryption key, where it is the tenant''s own; the installation''s otherwise';
-- What the application may say of a new row it said before; the version it may not choose (see below).

-- Which key-encryption key a tenant wants its keys under: the newest row counts, and rows are never changed.
CREATE TABLE crm.key_stores (
    customer_id uuid        NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    kek         text        CHECK (kek ~ '^[a-z+-]{2,16}://[!-~]+$' AND length(kek) <= 420),
    PRIMARY KEY (customer_id, since)
);
COMMENT ON COLUMN crm.key_stores.kek IS 'a reference, as azure-kv://vault/key; NULL is the installation''s own key';
CALL tenancy.protect('crm.key_stores');
REVOKE INSERT, UPDATE, DELETE ON crm.key_stores FROM bearingwall_app;

-- The keys of blind indexes. The first one came from the first version of the tenant's key; here it outlives that.
CREATE TABLE crm.index_keys (
    customer_id    uuid        NOT NULL DEFAULT tenancy.claimed_customer_id(),
    version        integer     NOT NULL CHECK (version > 0),
    tenant_version integer     NOT NULL,
    wrapped        bytea       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (customer_id, version),
    FOREIGN KEY (customer_id, tenant_version) REFERENCES crm.tenant_keys (customer_id, version)
);
CALL tenancy.protect('crm.index_keys');
REVOKE INSERT, UPDATE, DELETE ON crm.index_keys FROM bearingwall_app;

CREATE TRIGGER guard_row BEFORE INSERT OR UPDATE OR DELETE ON crm.tenant_keys FOR EACH ROW EXECUTE FUNCTION tenancy.guard_tenant_key();
ALTER TABLE crm.tenant_keys ENABLE ALWAYS TRIGGER guard_row;
CREATE TRIGGER record_row AFTER INSERT OR UPDATE OR DELETE ON crm.tenant_keys FOR EACH ROW EXECUTE FUNCTION audit.record_tenant_key();
ALTER TABLE crm.tenant_keys ENABLE ALWAYS TRIGGER record_row;

CREATE TRIGGER guard_row BEFORE UPDATE ON crm.client_keys FOR EACH ROW EXECUTE FUNCTION tenancy.guard_wrapped_key();
ALTER TABLE crm.client_keys ENABLE ALWAYS TRIGGER guard_row;
CREATE TRIGGER guard_row BEFORE UPDATE ON crm.index_keys FOR EACH ROW EXECUTE FUNCTION tenancy.guard_wrapped_key();
ALTER TABLE crm.index_keys ENABLE ALWAYS TRIGGER guard_row;

GRANT USAGE ON SCHEMA crm TO bearingwall_worker;
GRANT SELECT, INSERT (version, active_from, kek, kek_version, wrapped), UPDATE (kek, kek_version, wrapped), DELETE ON crm.tenant_keys TO bearingwall_worker;
GRANT SELECT, UPDATE (tenant_version, wrapped) ON crm.client_keys TO bearingwall_worker;
GRANT SELECT, INSERT (version, tenant_version, wrapped), UPDATE (tenant_version, wrapped) ON crm.index_keys TO bearingwall_worker;
GRANT SELECT ON crm.key_stores TO bearingwall_worker;
