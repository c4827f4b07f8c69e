-- The life of a tenant: suspended and back, handed out to its owner, and erased in the end under the approval of two persons.

SET LOCAL bearingwall.audit_ddl = 'on';
SET LOCAL ROLE bearingwall_owner;

ALTER TABLE tenancy.customers ADD COLUMN suspended_at timestamptz;
COMMENT ON COLUMN tenancy.customers.suspended_at IS 'since when nobody could enter, without a break: what was exported since then is all there is';

-- Rows are never deleted, and say for ever who asked for what, who agreed and when it was done.
-- SECURITY: the two persons, the term and the order of events are constraints, so that no function and no hand can be wrong
-- about them.
-- CONTROL: TEN-9
CREATE TABLE tenancy.offboardings (
    offboarding_id  uuid        PRIMARY KEY,
    customer_id     uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    suspended_at    timestamptz NOT NULL,
    manifest_sha256 bytea       NOT NULL CHECK (octet_length(manifest_sha256) = 32),
    requested_by    uuid        NOT NULL,
    requested_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > requested_at AND expires_at <= requested_at + interval '24 hours'),
    approved_by     uuid        CHECK (approved_by <> requested_by),
    approved_at     timestamptz CHECK (approved_at BETWEEN requested_at AND expires_at),
    begun_at        timestamptz CHECK (begun_at BETWEEN approved_at AND expires_at),
    executed_at     timestamptz CHECK (executed_at >= begun_at),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (begun_at IS NULL OR approved_at IS NOT NULL),
    CHECK (executed_at IS NULL OR begun_at IS NOT NULL)
);
COMMENT ON TABLE tenancy.offboardings IS 'the two-person record under which a tenant''s rows are erased';
COMMENT ON COLUMN tenancy.offboardings.manifest_sha256 IS 'of the export that both persons had before them';
-- A tenant is erased once.
CREATE UNIQUE INDEX offboardings_begun ON tenancy.offboardings (customer_id) WHERE begun_at IS NOT NULL;

CREATE FUNCTION tenancy.guard_offboarding() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_OP = 'UPDATE'
       AND ROW(NEW.offboarding_id, NEW.customer_id, NEW.suspended_at, NEW.manifest_sha256, NEW.requested_by, NEW.requested_at, NEW.expires_at)
           IS NOT DISTINCT FROM
           ROW(OLD.offboarding_id, OLD.customer_id, OLD.suspended_at, OLD.manifest_sha256, OLD.requested_by, OLD.requested_at, OLD.expires_at)
       AND (OLD.approved_at IS NULL OR (NEW.approved_by = OLD.approved_by AND NEW.approved_at = OLD.approved_at) IS TRUE)
       AND (OLD.begun_at IS NULL OR (NEW.begun_at = OLD.begun_at) IS TRUE)
       AND OLD.executed_at IS NULL
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the record of offboardings keeps what it says: % rejected', TG_OP USING ERRCODE = '42501';
END $f$;
CREATE TRIGGER keep_row BEFORE UPDATE OR DELETE ON tenancy.offboardings FOR EACH ROW EXECUTE FUNCTION tenancy.guard_offboarding();
CREATE TRIGGER keep_table BEFORE TRUNCATE ON tenancy.offboardings FOR EACH STATEMENT EXECUTE FUNCTION tenancy.guard_offboarding();
ALTER TABLE tenancy.offboardings ENABLE ALWAYS TRIGGER keep_row;
ALTER TABLE tenancy.offboardings ENABLE ALWAYS TRIGGER keep_table;

-- The status of a customer's tenant, held until the end of the transaction.
CREATE FUNCTION tenancy.hold_tenant(p_customer uuid) RETURNS tenancy.customers
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_tenant tenancy.customers;
BEGIN
    SELECT * INTO v_tenant FROM tenancy.customers c WHERE c.customer_id = p_customer AND NOT c.reserved FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such tenant' USING ERRCODE = '22023';
    END IF;
    IF v_tenant.status = 'offboarded' THEN
        RAISE EXCEPTION 'the tenant is offboarded, and there is no way back' USING ERRCODE = '55000';
    END IF;
    RETURN v_tenant;
END $f$;

-- CONTROL: TEN-9
-- From the next entry on, nobody enters: neither by a key nor by a token nor by a lease. True if that is new.
CREATE FUNCTION tenancy.suspend_tenant(p_customer uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_tenant tenancy.customers := tenancy.hold_tenant(p_customer);
BEGIN
    UPDATE tenancy.customers c SET status = 'suspended', suspended_at = clock_timestamp()
     WHERE c.customer_id = v_tenant.customer_id AND c.status = 'active';
    RETURN FOUND;
END $f$;

CREATE FUNCTION tenancy.resume_tenant(p_customer uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_tenant tenancy.customers := tenancy.hold_tenant(p_customer);
BEGIN
    IF EXISTS (SELECT FROM tenancy.offboardings o WHERE o.customer_id = p_customer AND o.begun_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the tenant''s erasure has begun, and there is no way back' USING ERRCODE = '55000';
    END IF;
    UPDATE tenancy.customers c SET status = 'active', suspended_at = NULL
     WHERE c.customer_id = v_tenant.customer_id AND c.status = 'suspended';
    RETURN FOUND;
END $f$;

-- Who of the platform's staff holds this token: verified here, so that no operator's word stands for a person.
CREATE FUNCTION tenancy.staff_of(p_jwt text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject  uuid;
    v_internal boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM tenancy.issuers i JOIN tenancy.issuer_keys k ON k.issuer = i.issuer
                    WHERE i.customer_id IS NULL AND k.not_after > clock_timestamp()) THEN
        RAISE EXCEPTION 'offboarding needs an issuer of the platform''s staff whose RS256 keys are installed in this database'
            USING ERRCODE = '55000', HINT = 'install them with bearingwall-ctl issuers sync';
    END IF;
    SELECT t.subject, t.internal INTO v_subject, v_internal FROM tenancy.verify_token(p_jwt) t;
    IF v_internal IS NOT TRUE OR v_subject IS NULL THEN
        RAISE EXCEPTION 'the token is not one of the platform''s staff' USING ERRCODE = '42501';
    END IF;
    RETURN v_subject;
END $f$;

-- Under the platform's own tenant, in the name of the person who was proven; the offboarding is the request.
CREATE FUNCTION tenancy.record_offboarding(p_event_type text, p_actor uuid, p_offboarding tenancy.offboardings) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $f$
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource_id)
    VALUES ('00000000-0000-8000-8000-000000000001', p_actor, p_offboarding.offboarding_id, gen_random_uuid(), p_event_type,
            'completed', 'success', encode(p_offboarding.manifest_sha256, 'hex'), p_offboarding.customer_id)
$f$;

-- CONTROL: TEN-9
-- The first person asks, with an export that was taken since the suspension began.
CREATE FUNCTION tenancy.offboard_request(p_offboarding uuid, p_customer uuid, p_manifest_sha256 bytea, p_suspended_at timestamptz, p_jwt text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject     uuid := tenancy.staff_of(p_jwt);
    v_tenant      tenancy.customers := tenancy.hold_tenant(p_customer);
    v_now         timestamptz := clock_timestamp();
    v_offboarding tenancy.offboardings;
BEGIN
    IF v_tenant.status <> 'suspended' THEN
        RAISE EXCEPTION 'the tenant is not suspended' USING ERRCODE = '55000';
    END IF;
    IF v_tenant.suspended_at IS DISTINCT FROM p_suspended_at THEN
        RAISE EXCEPTION 'the export was not taken under the suspension that is in force' USING ERRCODE = '55000';
    END IF;
    INSERT INTO tenancy.offboardings (offboarding_id, customer_id, suspended_at, manifest_sha256, requested_by, requested_at, expires_at)
    VALUES (p_offboarding, p_customer, v_tenant.suspended_at, p_manifest_sha256, v_subject, v_now, v_now + interval '24 hours')
    RETURNING * INTO v_offboarding;
    PERFORM tenancy.record_offboarding('tenant.offboarding_requested', v_subject, v_offboarding);
END $f$;

-- An offboarding that is still to be carried out, with the tenant as it was when it was asked for.
CREATE FUNCTION tenancy.hold_offboarding(p_offboarding uuid, p_manifest_sha256 bytea) RETURNS tenancy.offboardings
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_offboarding tenancy.offboardings;
    v_tenant      tenancy.customers;
BEGIN
    SELECT * INTO v_offboarding FROM tenancy.offboardings o WHERE o.offboarding_id = p_offboarding FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such offboarding' USING ERRCODE = '22023';
    END IF;
    v_tenant := tenancy.hold_tenant(v_offboarding.customer_id);
    IF v_tenant.status <> 'suspended' OR v_tenant.suspended_at IS DISTINCT FROM v_offboarding.suspended_at THEN
        RAISE EXCEPTION 'the tenant has not been suspended all the time since it was exported' USING ERRCODE = '55000';
    END IF;
    IF (v_offboarding.manifest_sha256 = p_manifest_sha256) IS NOT TRUE THEN
        RAISE EXCEPTION 'the offboarding was asked for with another manifest' USING ERRCODE = '42501';
    END IF;
    IF v_offboarding.begun_at IS NULL AND v_offboarding.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'the offboarding has expired' USING ERRCODE = '55000';
    END IF;
    RETURN v_offboarding;
END $f$;

-- CONTROL: TEN-9
-- The second person agrees to exactly the export that they had before them.
CREATE FUNCTION tenancy.offboard_approve(p_offboarding uuid, p_manifest_sha256 bytea, p_jwt text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_subject     uuid := tenancy.staff_of(p_jwt);
    v_offboarding tenancy.offboardings := tenancy.hold_offboarding(p_offboarding, p_manifest_sha256);
BEGIN
    IF v_offboarding.approved_at IS NOT NULL THEN
        RAISE EXCEPTION 'the offboarding is approved already' USING ERRCODE = '55000';
    END IF;
    IF v_offboarding.requested_by = v_subject THEN
        RAISE EXCEPTION 'nobody approves what they asked for themselves' USING ERRCODE = '42501';
    END IF;
    UPDATE tenancy.offboardings o SET approved_by = v_subject, approved_at = clock_timestamp() WHERE o.offboarding_id = p_offboarding;
    PERFORM tenancy.record_offboarding('tenant.offboarding_approved', v_subject, v_offboarding);
END $f$;

-- CONTROL: TEN-9
-- Opens the erasure, or goes on with one that was broken off; from here on there is no way back.
CREATE FUNCTION tenancy.offboard_begin(p_offboarding uuid, p_manifest_sha256 bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_offboarding tenancy.offboardings := tenancy.hold_offboarding(p_offboarding, p_manifest_sha256);
BEGIN
    IF v_offboarding.approved_at IS NULL THEN
        RAISE EXCEPTION 'the offboarding is not approved' USING ERRCODE = '42501';
    END IF;
    IF v_offboarding.begun_at IS NOT NULL THEN RETURN false; END IF;
    IF EXISTS (SELECT FROM tenancy.offboardings o WHERE o.customer_id = v_offboarding.customer_id AND o.begun_at IS NOT NULL) THEN
        RAISE EXCEPTION 'another offboarding of this tenant has begun' USING ERRCODE = '55000';
    END IF;
    UPDATE tenancy.offboardings o SET begun_at = clock_timestamp() WHERE o.offboarding_id = p_offboarding;
    PERFORM tenancy.record_offboarding('tenant.erasure_begun', '00000000-0000-8000-8000-000000000002', v_offboarding);
    RETURN true;
END $f$;

-- The end: what the platform itself kept for the tenant goes too, and the registry forgets its names. The id stays, because
-- the record refers to it; the slug is free again, because names of customers can be names of persons.
CREATE FUNCTION tenancy.offboard_finish(p_offboarding uuid, p_manifest_sha256 bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_offboarding tenancy.offboardings := tenancy.hold_offboarding(p_offboarding, p_manifest_sha256);
BEGIN
    IF v_offboarding.begun_at IS NULL THEN
        RAISE EXCEPTION 'the erasure has not begun' USING ERRCODE = '55000';
    END IF;
    DELETE FROM tenancy.jobs j WHERE j.customer_id = v_offboarding.customer_id;
    DELETE FROM tenancy.issuers i WHERE i.customer_id = v_offboarding.customer_id;
    UPDATE tenancy.customers c SET status = 'offboarded', name = 'Offboarded tenant',
           slug = 'offboarded-' || translate(c.customer_id::text, '-', '')
     WHERE c.customer_id = v_offboarding.customer_id;
    UPDATE tenancy.offboardings o SET executed_at = clock_timestamp() WHERE o.offboarding_id = p_offboarding;
    PERFORM tenancy.record_offboarding('tenant.offboarded', '00000000-0000-8000-8000-000000000002', v_offboarding);
END $f$;

-- For the operator's tool: all offboardings of a tenant, or one. Times as text, which no client's time zone changes.
CREATE FUNCTION tenancy.offboarding_list() RETURNS SETOF tenancy.offboardings
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT o.* FROM tenancy.offboardings o ORDER BY o.requested_at, o.offboarding_id
$f$;

-- The registry's row of one tenant.
CREATE FUNCTION tenancy.tenant(p_customer uuid) RETURNS SETOF tenancy.customers
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT c.* FROM tenancy.customers c WHERE c.customer_id = p_customer AND NOT c.reserved
$f$;

-- What the platform keeps about the entered tenant in tables of its own, row by row. The tenant is owed that as well.
CREATE FUNCTION tenancy.tenant_holdings() RETURNS TABLE (relation text, content text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT h.relation, h.content::text FROM (
        SELECT 'tenancy.break_glass' AS relation, to_jsonb(b) AS content, b.session_id::text AS place FROM tenancy.break_glass b WHERE b.customer_id = v_customer
        UNION ALL SELECT 'tenancy.customers', to_jsonb(c), '' FROM tenancy.customers c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.issuers', to_jsonb(i), i.issuer FROM tenancy.issuers i WHERE i.customer_id = v_customer
        UNION ALL SELECT 'tenancy.jobs', to_jsonb(j) - 'lease', j.job_id::text FROM tenancy.jobs j WHERE j.customer_id = v_customer
        UNION ALL SELECT 'tenancy.offboardings', to_jsonb(o), o.offboarding_id::text FROM tenancy.offboardings o WHERE o.customer_id = v_customer) h
        ORDER BY h.relation, h.place COLLATE "C";
END $f$;

-- How many rows there are of the entered tenant in those tables, in the one that only the platform's own tenants have rows in,
-- and in the record.
CREATE FUNCTION tenancy.tenant_holdings_count() RETURNS TABLE (relation text, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT 'tenancy.break_glass', count(*) FROM tenancy.break_glass b WHERE b.customer_id = v_customer
        UNION ALL SELECT 'tenancy.canaries', count(*) FROM tenancy.canaries c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.customers', count(*) FROM tenancy.customers c WHERE c.customer_id = v_customer
        UNION ALL SELECT 'tenancy.issuers', count(*) FROM tenancy.issuers i WHERE i.customer_id = v_customer
        UNION ALL SELECT 'tenancy.jobs', count(*) FROM tenancy.jobs j WHERE j.customer_id = v_customer
        UNION ALL SELECT 'tenancy.offboardings', count(*) FROM tenancy.offboardings o WHERE o.customer_id = v_customer
        UNION ALL SELECT 'audit.events', count(*) FROM audit.events e WHERE e.customer_id = v_customer;
END $f$;

-- The entered tenant's part of the record, up to an instant, a page at a time in the order of its key.
CREATE FUNCTION audit.tenant_events(p_after timestamptz, p_after_id uuid, p_until timestamptz, p_limit int)
RETURNS TABLE (recorded_at text, event_id uuid, content text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $f$
DECLARE
    v_customer uuid := tenancy.current_customer_id();
BEGIN
    RETURN QUERY SELECT e.recorded_at::text, e.event_id, to_jsonb(e)::text FROM audit.events e
        WHERE e.customer_id = v_customer AND (e.recorded_at, e.event_id) > (p_after, p_after_id) AND e.recorded_at < p_until
        ORDER BY e.recorded_at, e.event_id LIMIT p_limit;
END $f$;

REVOKE ALL ON tenancy.offboardings FROM PUBLIC;
REVOKE ALL ON FUNCTION tenancy.guard_offboarding(), tenancy.hold_tenant(uuid), tenancy.staff_of(text), tenancy.hold_offboarding(uuid, bytea),
    tenancy.record_offboarding(text, uuid, tenancy.offboardings) FROM PUBLIC;
-- Break-glass sessions: nobody deletes a row or changes what was asked for, and each step is on the record of the tenant.
-- CONTROL: TEN-7
CREATE FUNCTION tenancy.guard_break_glass() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'break-glass sessions are kept: % rejected', TG_OP USING ERRCODE = '42501';
    END IF;
    IF (NEW.session_id, NEW.customer_id, NEW.subject_id, NEW.reason, NEW.ticket, NEW.opened_at)
            IS DISTINCT FROM (OLD.session_id, OLD.customer_id, OLD.subject_id, OLD.reason, OLD.ticket, OLD.opened_at)
       OR NEW.expires_at > OLD.expires_at
       OR (OLD.approved_by, OLD.approved_at) IS DISTINCT FROM (NEW.approved_by, NEW.approved_at) AND OLD.approved_at IS NOT NULL
       OR (OLD.expires_at, OLD.approved_by, OLD.approved_at, OLD.closed_at) IS DISTINCT FROM (NEW.expires_at, NEW.approved_by, NEW.approved_at, NEW.closed_at)
          AND OLD.closed_at IS NOT NULL
       OR (OLD.reviewed_by, OLD.reviewed_at, OLD.verdict) IS DISTINCT FROM (NEW.reviewed_by, NEW.reviewed_at, NEW.verdict) AND OLD.reviewed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a break-glass session is approved, closed and reviewed once each, and nothing else of it changes' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $f$;

CREATE FUNCTION tenancy.record_break_glass() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, outcome_code, resource_id, break_glass)
    SELECT NEW.customer_id, coalesce(v.ids[2], NEW.subject_id), coalesce(v.ids[3], NEW.session_id), gen_random_uuid(),
           CASE WHEN TG_OP = 'INSERT' THEN 'break_glass.opened' WHEN NEW.reviewed_at IS DISTINCT FROM OLD.reviewed_at THEN 'break_glass.reviewed'
                WHEN NEW.closed_at IS NOT NULL THEN 'break_glass.closed' ELSE 'break_glass.approved' END,
           'completed', 'success', NEW.verdict, NEW.session_id, NEW.session_id
      FROM (SELECT CASE WHEN starts_with(current_setting('backtrace_functions'), 'bw1_')
                          OR coalesce(current_setting('app.tenant_seal', true), '') <> '' THEN tenancy.current_ids() END) AS v (ids)
     WHERE TG_OP = 'INSERT' OR (OLD.approved_by, OLD.closed_at, OLD.reviewed_at) IS DISTINCT FROM (NEW.approved_by, NEW.closed_at, NEW.reviewed_at);
    RETURN NULL;
END $f$;

CREATE TRIGGER keep_row BEFORE UPDATE OR DELETE ON tenancy.break_glass FOR EACH ROW EXECUTE FUNCTION tenancy.guard_break_glass();
CREATE TRIGGER keep_table BEFORE TRUNCATE ON tenancy.break_glass FOR EACH STATEMENT EXECUTE FUNCTION tenancy.guard_break_glass();
CREATE TRIGGER record_row AFTER INSERT OR UPDATE ON tenancy.break_glass FOR EACH ROW EXECUTE FUNCTION tenancy.record_break_glass();
ALTER TABLE tenancy.break_glass ENABLE ALWAYS TRIGGER keep_row;
ALTER TABLE tenancy.break_glass ENABLE ALWAYS TRIGGER keep_table;
ALTER TABLE tenancy.break_glass ENABLE ALWAYS TRIGGER record_row;
REVOKE ALL ON FUNCTION tenancy.guard_break_glass(), tenancy.record_break_glass() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION tenancy.suspend_tenant(uuid), tenancy.resume_tenant(uuid),
    tenancy.offboard_request(uuid, uuid, bytea, timestamptz, text), tenancy.offboard_approve(uuid, bytea, text),
    tenancy.offboard_begin(uuid, bytea), tenancy.offboard_finish(uuid, bytea), tenancy.offboarding_list(), tenancy.tenant(uuid),
    tenancy.tenant_holdings(), tenancy.tenant_holdings_count() TO bearingwall_admin;
GRANT EXECUTE ON FUNCTION audit.tenant_events(timestamptz, uuid, timestamptz, int) TO bearingwall_admin;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';
