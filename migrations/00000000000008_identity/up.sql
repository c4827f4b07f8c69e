-- Identity: what ends before its time. Tokens are verified by the servers; that a session or a person is signed out is kept
-- here, so that every server knows it within seconds, and is forgotten once no token can be left that it concerns.

SET LOCAL bearingwall.audit_ddl = 'on';
SET LOCAL ROLE bearingwall_owner;

-- Keys are digests of issuer and session, or of issuer and subject: the platform's own, and nobody's data.
CREATE TABLE tenancy.revocations (
    key        uuid        PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('session', 'subject', 'logout')),
    -- Tokens issued until then are refused; for ever where it is a session that has ended.
    not_before timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    version    bigint      NOT NULL UNIQUE
);
COMMENT ON TABLE tenancy.revocations IS 'the deny-list: sessions and subjects whose tokens are refused, and logout tokens that were used';
CREATE INDEX revocations_expiry ON tenancy.revocations (expires_at);

-- One row, locked by whoever adds to the list: versions become visible in their order, and a reader who has seen one has
-- missed none before it.
CREATE TABLE tenancy.revocation_version (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version  bigint  NOT NULL
);
INSERT INTO tenancy.revocation_version (version) VALUES (0);

-- What happened to a session, under the platform: whose tenant it is stands in the token, which the database has not seen.
CREATE FUNCTION audit.record_session(p_event uuid, p_type text, p_actor uuid, p_request uuid, p_route text, p_resource text, p_resource_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF p_type IS NULL OR p_type NOT IN ('session.started', 'session.ended', 'session.revoked') THEN
        RAISE EXCEPTION 'not an event of a session' USING ERRCODE = '22023';
    END IF;
    INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, route, resource, resource_id)
    VALUES ('00000000-0000-8000-8000-000000000001', coalesce(p_actor, '00000000-0000-8000-8000-000000000003'), p_request,
            p_event, p_type, 'completed', 'success', p_route, p_resource, p_resource_id);
END $f$;

-- Puts a session (`p_not_before` is NULL) or a subject on the list, and that it was done on the record, both or neither. Answers
-- false, and does nothing, where the logout token `p_once` has been used before.
-- CONTROL: AUT-4
CREATE FUNCTION tenancy.revoke(p_kind text, p_key uuid, p_not_before bigint, p_seconds int, p_once uuid, p_actor uuid, p_request uuid, p_type text, p_route text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_version    bigint;
    v_expires_at timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
    v_not_before timestamptz := CASE p_kind WHEN 'session' THEN 'infinity' WHEN 'subject' THEN to_timestamp(p_not_before) END;
BEGIN
    IF v_not_before IS NULL OR p_key IS NULL OR (p_seconds BETWEEN 1 AND 90000) IS NOT TRUE OR p_type NOT IN ('session.ended', 'session.revoked') THEN
        RAISE EXCEPTION 'not a revocation' USING ERRCODE = '22023';
    END IF;
    IF p_kind = 'subject' AND v_not_before > clock_timestamp() + interval '5 minutes' THEN
        RAISE EXCEPTION 'a revocation does not reach into the future' USING ERRCODE = '22023';
    END IF;
    UPDATE tenancy.revocation_version SET version = version + 2 RETURNING version INTO v_version;
    DELETE FROM tenancy.revocations r WHERE r.expires_at < clock_timestamp();
    IF p_once IS NOT NULL THEN
        INSERT INTO tenancy.revocations (key, kind, not_before, expires_at, version) VALUES (p_once, 'logout', '-infinity', v_expires_at, v_version - 1)
            ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    INSERT INTO tenancy.revocations AS r (key, kind, not_before, expires_at, version) VALUES (p_key, p_kind, v_not_before, v_expires_at, v_version)
        ON CONFLICT (key) DO UPDATE SET not_before = greatest(r.not_before, excluded.not_before),
            expires_at = greatest(r.expires_at, excluded.expires_at), version = excluded.version;
    PERFORM audit.record_session(gen_random_uuid(), p_type, p_actor, p_request, p_route, p_kind, p_key);
    RETURN true;
END $f$;

-- What was added after a version, and first of all the version that the list stands at: it goes back where the database was
-- restored, and the list is then to be read from its beginning. Seconds since 1970; NULL where a session has ended for good.
CREATE FUNCTION tenancy.revocations_after(p_version bigint, OUT key uuid, OUT not_before bigint, OUT expires_at bigint, OUT version bigint)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT NULL::uuid, NULL::bigint, NULL::bigint, v.version FROM tenancy.revocation_version v
    UNION ALL
    SELECT r.key, CASE WHEN r.not_before <> 'infinity' THEN floor(extract(epoch FROM r.not_before))::bigint END,
           ceil(extract(epoch FROM r.expires_at))::bigint, r.version
      FROM tenancy.revocations r WHERE r.version > p_version AND r.kind <> 'logout' AND r.expires_at > clock_timestamp()
$f$;

REVOKE ALL ON tenancy.revocations, tenancy.revocation_version FROM PUBLIC;
REVOKE ALL ON FUNCTION audit.record_session(uuid, text, uuid, uuid, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.revoke(text, uuid, bigint, int, uuid, uuid, uuid, text, text) TO bearingwall_app, bearingwall_admin;
GRANT EXECUTE ON FUNCTION tenancy.revocations_after(bigint) TO bearingwall_app, bearingwall_admin;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';
