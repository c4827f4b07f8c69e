-- Identity: what ends before its time. Tokens are verified by the servers; that a session or a person is signed out is kept
-- here, so that every server knows it within seconds, and is forgotten once no token can be left that it concerns.

SET LOCAL bearingwall.audit_ddl = 'on';
SET LOCAL ROLE bearingwall_owner;

-- Keys are digests of issuer and session, or of issuer and subject: the platform's own, and nobody's data.
CREATE TABLE tenancy.revocations (
    -- What the key names is a part of it: an entry of one kind never stands in the way of another.
    kind       text        NOT NULL CHECK (kind IN ('session', 'subject', 'sessionless', 'logout')),
    key        uuid        NOT NULL,
    -- Tokens issued until then are refused; for ever where it is a session that has ended.
    not_before timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    version    bigint      NOT NULL UNIQUE,
    PRIMARY KEY (kind, key)
);
COMMENT ON TABLE tenancy.revocations IS 'the deny-list: sessions and subjects whose tokens are refused, subjects whose tokens without a session are, and logout tokens that were used';
CREATE INDEX revocations_expiry ON tenancy.revocations (expires_at);

-- One row, locked by whoever adds to the list: versions become visible in their order, and a reader who has seen one has
-- missed none before it.
CREATE TABLE tenancy.revocation_version (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version  bigint  NOT NULL
);
INSERT INTO tenancy.revocation_version (version) VALUES (0);

-- Sessions in a browser. The browser holds a random number of which this is the digest; what the provider handed out is
-- encrypted by the servers under a key that is not here.
-- CONTROL: AUT-5
CREATE TABLE tenancy.browser_sessions (
    id_sha256     bytea       PRIMARY KEY CHECK (octet_length(id_sha256) = 32),
    subject       uuid        NOT NULL,
    -- Of issuer and `sid`, as in the deny-list; NULL where the provider names no sessions.
    session_key   uuid,
    sealed        bytea       NOT NULL,
    -- Of what is sealed: whoever renews it has seen the one before.
    version       integer     NOT NULL DEFAULT 1,
    claimed_until timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    idle          interval    NOT NULL CHECK (idle BETWEEN interval '1 second' AND interval '12 hours'),
    ends_at       timestamptz NOT NULL
);
COMMENT ON TABLE tenancy.browser_sessions IS 'sessions of people in browsers: digests, pseudonymous ids, and tokens in ciphertext';
CREATE INDEX browser_sessions_session ON tenancy.browser_sessions (session_key);
CREATE INDEX browser_sessions_subject ON tenancy.browser_sessions (subject);
CREATE INDEX browser_sessions_end ON tenancy.browser_sessions (ends_at);

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

-- Puts a session or a subject on the list, and that it was done on the record, both or neither. Answers false, and does
-- nothing, where the logout token `p_once` has been used before. With a session, `p_person` is whose it was: tokens of that
-- person that name no session, issued by then, end with it, for nobody could tell that they are another session's.
-- CONTROL: AUT-4
CREATE FUNCTION tenancy.revoke(p_kind text, p_key uuid, p_not_before bigint, p_seconds int, p_once uuid, p_person uuid, p_actor uuid, p_request uuid, p_type text, p_route text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_version    bigint;
    v_expires_at timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
    v_issued     timestamptz := to_timestamp(p_not_before);
    v_not_before timestamptz := CASE p_kind WHEN 'session' THEN 'infinity' WHEN 'subject' THEN v_issued END;
    v_person     uuid := CASE p_kind WHEN 'session' THEN p_person END;
BEGIN
    IF v_not_before IS NULL OR p_key IS NULL OR (p_seconds BETWEEN 1 AND 90000) IS NOT TRUE OR p_type NOT IN ('session.ended', 'session.revoked')
       OR v_person IS NOT NULL AND v_issued IS NULL THEN
        RAISE EXCEPTION 'not a revocation' USING ERRCODE = '22023';
    END IF;
    IF v_issued > clock_timestamp() + interval '5 minutes' THEN
        RAISE EXCEPTION 'a revocation does not reach into the future' USING ERRCODE = '22023';
    END IF;
    UPDATE tenancy.revocation_version SET version = version + 3 RETURNING version INTO v_version;
    DELETE FROM tenancy.revocations r WHERE r.expires_at < clock_timestamp();
    IF p_once IS NOT NULL THEN
        INSERT INTO tenancy.revocations (key, kind, not_before, expires_at, version) VALUES (p_once, 'logout', '-infinity', v_expires_at, v_version - 2)
            ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    INSERT INTO tenancy.revocations AS r (kind, key, not_before, expires_at, version)
    SELECT e.kind, e.key, e.not_before, v_expires_at, e.version
      FROM (VALUES (p_kind, p_key, v_not_before, v_version), ('sessionless', v_person, v_issued, v_version - 1)) e (kind, key, not_before, version)
     WHERE e.key IS NOT NULL
        ON CONFLICT (kind, key) DO UPDATE SET not_before = greatest(r.not_before, excluded.not_before),
            expires_at = greatest(r.expires_at, excluded.expires_at), version = excluded.version;
    -- Sessions in a browser end with it, a person's whenever they began: the provider's clock and ours are two.
    DELETE FROM tenancy.browser_sessions b WHERE p_kind = 'session' AND b.session_key = p_key
        OR b.session_key IS NULL AND b.subject = v_person
        OR p_kind = 'subject' AND b.subject = p_key;
    PERFORM audit.record_session(gen_random_uuid(), p_type, p_actor, p_request, p_route, p_kind, p_key);
    RETURN true;
END $f$;

-- What was added after a version, and first of all the version that the list stands at: it goes back where the database was
-- restored, and the list is then to be read from its beginning. Seconds since 1970; NULL where a session has ended for good.
CREATE FUNCTION tenancy.revocations_after(p_version bigint, OUT kind text, OUT key uuid, OUT not_before bigint, OUT expires_at bigint, OUT version bigint)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
    SELECT NULL::text, NULL::uuid, NULL::bigint, NULL::bigint, v.version FROM tenancy.revocation_version v
    UNION ALL
    SELECT r.kind, r.key, CASE WHEN r.not_before <> 'infinity' THEN floor(extract(epoch FROM r.not_before))::bigint END,
           ceil(extract(epoch FROM r.expires_at))::bigint, r.version
      FROM tenancy.revocations r WHERE r.version > p_version AND r.kind <> 'logout' AND r.expires_at > clock_timestamp()
$f$;

-- Whether a token of this person, session and second has ended.
-- CONTROL: AUT-4
CREATE FUNCTION tenancy.is_ended(p_subject uuid, p_session uuid, p_issued bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $f$
    SELECT EXISTS (SELECT FROM tenancy.revocations r WHERE r.not_before >= to_timestamp(p_issued)
        AND (r.kind = 'session' AND r.key = p_session OR r.kind = 'subject' AND r.key = p_subject
             OR r.kind = 'sessionless' AND r.key = p_subject AND p_session IS NULL))
$f$;

-- Begins a session, on record; not one that has ended meanwhile, by the token of this second (`p_issued`). Whoever adds to the
-- list and whoever begins a session wait for each other: what was ended before is seen here, and what is ended after ends this.
-- CONTROL: AUT-4
CREATE FUNCTION tenancy.session_start(p_id bytea, p_subject uuid, p_session uuid, p_issued bigint, p_sealed bytea, p_idle_s int, p_absolute_s int, p_request uuid, p_route text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    IF (p_absolute_s BETWEEN 1 AND 86400) IS NOT TRUE THEN
        RAISE EXCEPTION 'a session lasts a day at the most' USING ERRCODE = '22023';
    END IF;
    PERFORM FROM tenancy.revocation_version FOR SHARE;
    IF p_issued IS NULL OR tenancy.is_ended(p_subject, p_session, p_issued) THEN
        RETURN false;
    END IF;
    DELETE FROM tenancy.browser_sessions b WHERE b.ends_at < clock_timestamp();
    INSERT INTO tenancy.browser_sessions (id_sha256, subject, session_key, sealed, idle, ends_at)
    VALUES (p_id, p_subject, p_session, p_sealed, make_interval(secs => p_idle_s), clock_timestamp() + make_interval(secs => p_absolute_s));
    PERFORM audit.record_session(gen_random_uuid(), 'session.started', p_subject, p_request, p_route, 'session', p_session);
    RETURN true;
END $f$;

-- What is sealed in a session that is neither idle nor over. A look counts as use, written down every ten seconds.
CREATE FUNCTION tenancy.session_use(p_id bytea, OUT sealed bytea, OUT version int) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_now  timestamptz := clock_timestamp();
    v_row  tenancy.browser_sessions;
BEGIN
    SELECT * INTO v_row FROM tenancy.browser_sessions b WHERE b.id_sha256 = p_id AND b.ends_at > v_now AND b.seen_at + b.idle > v_now;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF v_row.seen_at < v_now - least(interval '10 seconds', v_row.idle / 10) THEN
        UPDATE tenancy.browser_sessions b SET seen_at = v_now WHERE b.id_sha256 = p_id;
    END IF;
    sealed := v_row.sealed;
    version := v_row.version;
    RETURN NEXT;
END $f$;

-- Whether the caller, and nobody else for fifteen seconds, may renew what is sealed: a refresh token is good once.
CREATE FUNCTION tenancy.session_claim(p_id bytea, p_version int) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    UPDATE tenancy.browser_sessions b SET claimed_until = clock_timestamp() + interval '15 seconds'
     WHERE b.id_sha256 = p_id AND b.version = p_version AND (b.claimed_until IS NULL OR b.claimed_until < clock_timestamp());
    RETURN FOUND;
END $f$;

CREATE FUNCTION tenancy.session_renew(p_id bytea, p_version int, p_sealed bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
BEGIN
    UPDATE tenancy.browser_sessions b SET sealed = p_sealed, version = p_version + 1, claimed_until = NULL
     WHERE b.id_sha256 = p_id AND b.version = p_version;
    RETURN FOUND;
END $f$;

-- Ends a session, on record. Its tokens were nowhere but here; the provider's session may go on, and says itself when it ends.
CREATE FUNCTION tenancy.session_end(p_id bytea, p_request uuid, p_route text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_row tenancy.browser_sessions;
BEGIN
    DELETE FROM tenancy.browser_sessions b WHERE b.id_sha256 = p_id RETURNING b.* INTO v_row;
    IF v_row.id_sha256 IS NULL THEN
        RETURN false;
    END IF;
    PERFORM audit.record_session(gen_random_uuid(), 'session.ended', v_row.subject, p_request, p_route, 'session', v_row.session_key);
    RETURN true;
END $f$;

-- Where the key is split, the database lets people in by their tokens, and looks at the list itself: a server that was taken over
-- lets nobody in who was signed out.
-- CONTROL: AUT-4
CREATE FUNCTION tenancy.login(p_jwt text, p_customer uuid, OUT subject uuid, OUT expiry_ms bigint, OUT nonce uuid, OUT mac bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
    v_claims jsonb;
    v_issued bigint;
    v_ended  boolean;
BEGIN
    SELECT t.subject, t.expiry_ms, t.nonce, t.mac INTO subject, expiry_ms, nonce, mac FROM tenancy.ticket(p_jwt, p_customer) t;
    -- It was verified, so it can be read.
    v_claims := convert_from(tenancy.base64url(split_part(p_jwt, '.', 2)), 'UTF8')::jsonb;
    v_issued := floor((v_claims ->> 'iat')::numeric)::bigint;
    v_ended := CASE coalesce(jsonb_typeof(v_claims -> 'sid'), 'none')
                   WHEN 'string' THEN tenancy.is_ended(subject, tenancy.digest_of(ARRAY['sid', v_claims ->> 'iss', v_claims ->> 'sid']), v_issued)
                   WHEN 'none' THEN tenancy.is_ended(subject, NULL, v_issued) END;
    IF v_ended IS DISTINCT FROM false THEN
        RAISE EXCEPTION 'tenant token rejected' USING ERRCODE = '28000';
    END IF;
END $f$;

REVOKE ALL ON tenancy.browser_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.session_start(bytea, uuid, uuid, bigint, bytea, int, int, uuid, text), tenancy.session_use(bytea), tenancy.session_claim(bytea, int),
    tenancy.session_renew(bytea, int, bytea), tenancy.session_end(bytea, uuid, text) TO bearingwall_app;
REVOKE ALL ON tenancy.revocations, tenancy.revocation_version FROM PUBLIC;
REVOKE ALL ON FUNCTION audit.record_session(uuid, text, uuid, uuid, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.revoke(text, uuid, bigint, int, uuid, uuid, uuid, uuid, text, text) TO bearingwall_app, bearingwall_admin;
GRANT EXECUTE ON FUNCTION tenancy.login(text, uuid) TO bearingwall_app;
GRANT EXECUTE ON FUNCTION tenancy.revocations_after(bigint) TO bearingwall_app, bearingwall_admin;

RESET ROLE;
SET LOCAL bearingwall.audit_ddl = '';
