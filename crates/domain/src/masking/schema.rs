//! The tables of masking as diesel sees them; the migrations are the truth.

diesel::table! {
    pii.policies (customer_id, version) {
        customer_id -> Uuid,
        version -> Integer,
        content -> Bytea,
        lists -> Bytea,
        samples -> Bytea,
        digest -> Bytea,
        proposed_by -> Uuid,
        proposed_at -> Timestamptz,
    }
}

diesel::table! {
    pii.policy_tests (customer_id, version, digest, floor, passed) {
        customer_id -> Uuid,
        version -> Integer,
        digest -> Bytea,
        floor -> Bytea,
        passed -> Bool,
        samples -> Integer,
        failures -> Integer,
    }
}

diesel::table! {
    pii.active_policies (customer_id) {
        customer_id -> Uuid,
        revision -> BigInt,
        version -> Integer,
        digest -> Bytea,
        floor -> Bytea,
        activated_by -> Uuid,
        activated_at -> Timestamptz,
    }
}

diesel::table! {
    pii.conversations (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        wrapped -> Bytea,
        issued -> Integer,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    pii.vault (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        conversation_id -> Uuid,
        position -> Integer,
        spelling -> Bytea,
        payload -> Bytea,
        expires_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(policies, policy_tests, active_policies);
