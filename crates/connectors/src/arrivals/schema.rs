//! The tables of what arrived as a worker sees them; the migrations are the truth.

diesel::table! {
    connectors.endpoints (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        connector -> Text,
        kek_version -> Text,
        wrapped -> Bytea,
    }
}

diesel::table! {
    connectors.events (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        event_id -> Text,
        sealed -> Nullable<Bytea>,
        received_at -> Timestamptz,
        conflicts -> Integer,
        state -> Text,
        kind -> Nullable<Text>,
        code -> Nullable<Text>,
        settled_at -> Nullable<Timestamptz>,
        pruned_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(endpoints, events);
