//! The tables of what arrives as diesel sees them; the migrations are the truth.

diesel::table! {
    connectors.endpoints (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        connector -> Text,
        key_sha256 -> Bytea,
        kek_version -> Text,
        wrapped -> Bytea,
        created_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    connectors.endpoint_secrets (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        algorithm -> Nullable<Text>,
        reference -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    connectors.events (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        event_id -> Text,
        digest -> Bytea,
        secret_id -> Uuid,
        signed_at -> Nullable<Timestamptz>,
        sealed -> Bytea,
        received_at -> Timestamptz,
        conflicts -> Integer,
    }
}
