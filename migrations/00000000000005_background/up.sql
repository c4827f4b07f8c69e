-- Work without a caller: a queue of ids, out of which a worker enters the one tenant of a row that it has leased, and the
-- canary, which a server uses to see that its own login cannot look across.

SET LOCAL ROLE bearingwall_owner;

-- Ids and codes, no payload: what there is to do stands in the tenant's own tables.
CREATE TABLE tenancy.jobs (
    customer_id  uuid        NOT NULL REFERENCES tenancy.customers (customer_id),
    job_id       uuid        NOT NULL,
    request_id   uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_.]{1,63}$'),
    available_at timestamptz NOT NULL,
    attempts     integer     NOT NULL DEFAULT 0,
    lease        uuid,
    leased_until timestamptz,
    -- Of the tenant: an id that another tenant has queued must not be told by a conflict.
    PRIMARY KEY (customer_id, job_id),
    CHECK ((lease IS NULL) = (leased_until IS NULL))
);
COMMENT ON COLUMN tenancy.jobs.request_id IS 'the request that asked for the work: the correlation id of what the worker does';
CREATE INDEX jobs_available ON tenancy.jobs (kind, available_at);

CREATE FUNCTION tenancy.job_enqueue(p_job uuid, p_kind text, p_available_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    IF EXISTS (SELECT FROM tenancy.customers t WHERE t.customer_id = v_ids[1] AND t.reserved) THEN
        RAISE EXCEPTION 'the platform''s own tenants have no jobs' USING ERRCODE = '42501';
    END IF;
    INSERT INTO tenancy.jobs (job_id, customer_id, request_id, kind, available_at) VALUES (p_job, v_ids[1], v_ids[3], p_kind, p_available_at);
END $f$;

-- CONTROL: TEN-7
-- Leases the job that has waited longest, of a tenant in one of the worker's regions. The lease is a random number that the worker shows again; the tenant is not told.
CREATE FUNCTION tenancy.job_lease(p_kinds text[], p_regions text[], p_seconds int, OUT job uuid, OUT kind text, OUT lease uuid, OUT attempts int)
RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF (p_seconds BETWEEN 1 AND 900) IS NOT TRUE THEN
        RAISE EXCEPTION 'a lease lasts 1 to 900 seconds' USING ERRCODE = '22023';
    END IF;
    RETURN QUERY
    UPDATE tenancy.jobs j SET lease = gen_random_uuid(), leased_until = clock_timestamp() + make_interval(secs => p_seconds), attempts = j.attempts + 1
     WHERE (j.customer_id, j.job_id) = (SELECT w.customer_id, w.job_id FROM tenancy.jobs w
                         JOIN tenancy.customers c ON c.customer_id = w.customer_id AND c.status = 'active' AND c.region = ANY (p_regions)
                        WHERE w.kind = ANY (p_kinds) AND w.available_at <= clock_timestamp()
                          AND (w.leased_until IS NULL OR w.leased_until < clock_timestamp())
                        ORDER BY w.available_at, w.job_id LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
    RETURNING j.job_id, j.kind, j.lease, j.attempts;
END $f$;

-- CONTROL: TEN-7
-- Enters the tenant of a leased row, and no other: the worker names no tenant and holds no key.
CREATE FUNCTION tenancy.enter_job(p_job uuid, p_lease uuid, p_regions text[]) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_customer uuid;
    v_request  uuid;
    v_status   text;
    v_region   text;
    v_served   text[];
BEGIN
    SELECT j.customer_id, j.request_id, t.status, t.region, c.regions INTO v_customer, v_request, v_status, v_region, v_served
      FROM tenancy.jobs j JOIN tenancy.customers t ON t.customer_id = j.customer_id CROSS JOIN tenancy.config c
     WHERE j.job_id = p_job AND j.lease = p_lease AND j.leased_until > clock_timestamp();
    IF v_customer IS NULL THEN
        RAISE EXCEPTION 'no such lease' USING ERRCODE = '28000', DETAIL = 'no-such-lease';
    END IF;
    IF v_status <> 'active' THEN
        RAISE EXCEPTION 'tenant is not active' USING ERRCODE = '28000', DETAIL = 'tenant-not-active';
    END IF;
    IF (v_region = '*' OR (v_region = ANY (p_regions) AND v_region = ANY (v_served))) IS NOT TRUE THEN
        RAISE EXCEPTION 'the region of the tenant is not served here' USING ERRCODE = '28000', DETAIL = 'region-not-served';
    END IF;
    PERFORM tenancy.seal_context(v_customer, '00000000-0000-8000-8000-000000000005', v_request);
    RETURN v_region;
END $f$;

-- Done: the row leaves the queue, in the transaction that did the work: only the tenant and request of the job finish it.
CREATE FUNCTION tenancy.job_finish(p_job uuid, p_lease uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_ids uuid[] := tenancy.current_ids();
BEGIN
    DELETE FROM tenancy.jobs j WHERE j.job_id = p_job AND j.lease = p_lease AND j.leased_until > clock_timestamp()
       AND j.customer_id = v_ids[1] AND j.request_id = v_ids[3];
    RETURN FOUND;
END $f$;

-- Given back, to be leased again after a while.
CREATE FUNCTION tenancy.job_return(p_job uuid, p_lease uuid, p_after interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    UPDATE tenancy.jobs j SET lease = NULL, leased_until = NULL, available_at = clock_timestamp() + p_after
     WHERE j.job_id = p_job AND j.lease = p_lease AND j.leased_until > clock_timestamp();
    RETURN FOUND;
END $f$;

-- Two tenants of the platform's own with one row each. A server enters the first and tries to see the second.
INSERT INTO tenancy.customers (customer_id, slug, name, region, reserved) VALUES
    ('00000000-0000-8000-8000-00000000000a', 'probe-a', 'Probe A', '*', true),
    ('00000000-0000-8000-8000-00000000000b', 'probe-b', 'Probe B', '*', true);
CREATE TABLE tenancy.canaries (
    customer_id uuid NOT NULL DEFAULT tenancy.claimed_customer_id() REFERENCES tenancy.customers (customer_id),
    id          uuid NOT NULL,
    PRIMARY KEY (customer_id, id)
);
INSERT INTO tenancy.canaries (customer_id, id) VALUES
    ('00000000-0000-8000-8000-00000000000a', '00000000-0000-8000-8000-0000000000aa'),
    ('00000000-0000-8000-8000-00000000000b', '00000000-0000-8000-8000-0000000000bb');
CALL tenancy.protect('tenancy.canaries');
REVOKE INSERT, UPDATE, DELETE ON tenancy.canaries FROM bearingwall_app;

-- Without a proof, for there is nothing to prove: the tenant is the platform's own, and its one row is known to everybody.
CREATE FUNCTION tenancy.enter_canary() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    PERFORM tenancy.seal_context('00000000-0000-8000-8000-00000000000a', '00000000-0000-8000-8000-000000000004', gen_random_uuid());
    RETURN '*';
END $f$;

REVOKE ALL ON tenancy.jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.job_enqueue(uuid, text, timestamptz) TO bearingwall_app, bearingwall_worker;
GRANT EXECUTE ON FUNCTION tenancy.job_lease(text[], text[], int), tenancy.enter_job(uuid, uuid, text[]), tenancy.job_finish(uuid, uuid),
    tenancy.job_return(uuid, uuid, interval) TO bearingwall_worker;
GRANT EXECUTE ON FUNCTION tenancy.enter_canary() TO bearingwall_app;

RESET ROLE;
