//! The tables of subscriptions as diesel sees them; the migrations are the truth.

use bearingwall_tenancy::statement;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

diesel::table! {
    connectors.subscriptions (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        host -> Text,
        port -> Integer,
        path -> Text,
        event_types -> Array<Text>,
        signature -> Text,
        created_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
        disabled_reason -> Nullable<Text>,
    }
}

diesel::table! {
    connectors.subscription_secrets (customer_id, id) {
        customer_id -> Uuid,
        id -> Uuid,
        subscription_id -> Uuid,
        reference -> Text,
        public_key -> Nullable<Text>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

statement!(pub(crate) Test { subscription: Uuid => SqlUuid } "tenancy.webhook_test" -> SqlUuid);
statement!(pub(crate) Deliveries {
    destination: String => Text,
    effect: Option<Uuid> => Nullable<SqlUuid>,
    before: Option<Uuid> => Nullable<SqlUuid>,
    limit: i32 => Integer,
} "effect_id, kind, state, attempts, outcome, code, enqueued_at, begun_at, ended_at, next_at, deliver_until FROM tenancy.effect_deliveries"
    -> (SqlUuid, Text, Text, BigInt, Nullable<Text>, Nullable<Text>, Timestamptz, Nullable<Timestamptz>, Nullable<Timestamptz>,
        Nullable<Timestamptz>, Timestamptz));
