//! Events in every shape, made from a few numbers.

use bearingwall_events::{Event, EventType};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const PHASES: [&str; 4] = ["intended", "completed", "failed", "timed_out"];
pub(crate) const OUTCOMES: [&str; 4] = ["success", "denied", "failure", "unknown"];

/// The members that may lack a value, one for each bit of a shape.
pub(crate) const OPTIONAL: [&str; 25] = [
    "outcome_code",
    "access_id",
    "parent_id",
    "actor_roles",
    "on_behalf_of",
    "break_glass",
    "auth_method",
    "purpose_of_use",
    "legal_basis",
    "subject_id",
    "resource",
    "resource_id",
    "resource_version",
    "commands",
    "fields",
    "result_count",
    "recipient",
    "query_digest",
    "before_digest",
    "after_digest",
    "route",
    "http_status",
    "source_ip",
    "trace_id",
    "span_id",
];
/// The bit of the last one.
pub(crate) const SERVICE: u32 = 1 << 25;
pub(crate) const FULL: u32 = (1 << 26) - 1;

pub(crate) fn without(names: &[&str]) -> u32 {
    let bits = names.iter().map(|name| {
        let position = OPTIONAL.iter().position(|other| other == name).unwrap();
        1_u32 << position
    });
    FULL & !bits.fold(0, |all, bit| all | bit)
}

/// An event with the values that the bits of `shape` ask for; two seeds share no value.
pub(crate) fn event(kind: EventType, phase: &str, outcome: &str, shape: u32, seed: u32) -> Event {
    let has = |name: &str| without(&[name]) & shape != shape;
    let id = |n: u128| Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 | (u128::from(seed) << 16) | n);
    let bytes = |n: u8| {
        let mut bytes = [n; 32];
        bytes[..4].copy_from_slice(&seed.to_be_bytes());
        bytes
    };
    let text = |name: &str, text: &str| has(name).then(|| format!("{text}{seed}"));
    let address = if seed.is_multiple_of(2) {
        IpAddr::V4(Ipv4Addr::from_bits(seed))
    } else {
        IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(seed)))
    };
    let list = |name: &str, items: &[&str]| {
        let items = if has(name) { items } else { &[] };
        items.iter().map(|item| format!("{item}{seed}")).collect::<Vec<_>>()
    };
    let half = |n: u8| -> [u8; 16] { bytes(n)[..16].try_into().unwrap() };
    Event {
        customer_id: id(1),
        recorded_at: OffsetDateTime::from_unix_timestamp_nanos(
            1_795_676_690_000_000_000 + i128::from(seed) * 1_000_001_000,
        )
        .unwrap(),
        xid: u64::from(seed) + 1_000,
        db_role: format!("bearingwall_app{seed}"),
        actor_id: id(2),
        request_id: id(3),
        salt: half(0x77),
        event_id: id(4),
        schema_version: 1,
        event_type: kind.as_str().to_owned(),
        phase: phase.to_owned(),
        outcome: outcome.to_owned(),
        outcome_code: text("outcome_code", "AUT-"),
        access_id: has("access_id").then(|| id(5)),
        parent_id: has("parent_id").then(|| id(6)),
        actor_roles: list("actor_roles", &["authenticated", "therapist"]),
        on_behalf_of: has("on_behalf_of").then(|| id(7)),
        break_glass: has("break_glass").then(|| id(8)),
        auth_method: text("auth_method", "mfa"),
        purpose_of_use: text("purpose_of_use", "TREAT"),
        legal_basis: text("legal_basis", "art9.2.h"),
        subject_id: has("subject_id").then(|| id(9)),
        resource: text("resource", "crm.client_records"),
        resource_id: has("resource_id").then(|| id(10)),
        resource_version: has("resource_version").then_some(i64::from(seed) + 40_000),
        commands: list("commands", &["SELECT"]),
        fields: list("fields", &["name", "phone"]),
        result_count: has("result_count").then(|| i32::try_from(seed % 1_000_000).unwrap() + 2_000_000),
        recipient: text("recipient", "connector:ses"),
        query_digest: has("query_digest").then(|| bytes(0x11)),
        before_digest: has("before_digest").then(|| bytes(0x22)),
        after_digest: has("after_digest").then(|| bytes(0x33)),
        route: text("route", "GET /v1/clients/{client_id}/"),
        http_status: has("http_status").then(|| 100 + i16::try_from(seed % 500).unwrap()),
        source_ip: has("source_ip").then_some(address),
        trace_id: has("trace_id").then(|| half(0x44)),
        span_id: has("span_id").then(|| half(0x55)[..8].try_into().unwrap()),
        service: (shape & SERVICE != 0).then(|| format!("server-{seed}/0.1.{seed}")),
    }
}
