//! Invented values: the same for the same value within a tenant, and chosen by a keyed hash, so that nobody without the
//! key can tell from which value one was made.

use super::{TenantKey, normal};
use crate::entity::Entity;

const GIVEN: [&str; 32] = [
    "Alex", "Robin", "Sam", "Jordan", "Casey", "Morgan", "Taylor", "Jamie", "Riley", "Avery", "Quinn", "Rowan",
    "Charlie", "Drew", "Emery", "Finley", "Harper", "Hayden", "Jesse", "Kai", "Kendall", "Lane", "Logan", "Marley",
    "Micah", "Parker", "Peyton", "Reese", "River", "Sage", "Skyler", "Tatum",
];
const FAMILY: [&str; 32] = [
    "Abbott", "Barlow", "Calder", "Dalton", "Ellery", "Fenwick", "Garland", "Hadley", "Ingram", "Jarvis", "Kendrick",
    "Larkin", "Marlow", "Norwood", "Oakley", "Paxton", "Quincy", "Radley", "Sheldon", "Thorne", "Upton", "Vance",
    "Walden", "Yardley", "Ashby", "Beckett", "Carver", "Denham", "Easton", "Forrest", "Graves", "Holloway",
];
const PLACES: [&str; 16] = [
    "Ashford",
    "Brookvale",
    "Cedarton",
    "Dunmore",
    "Eastbrook",
    "Fairhaven",
    "Glenwood",
    "Harborview",
    "Ironbridge",
    "Juniper",
    "Kingsfield",
    "Lakemont",
    "Millbrook",
    "Northgate",
    "Oakridge",
    "Pinehurst",
];
const COMPANIES: [&str; 16] = [
    "Alder Group",
    "Birch Works",
    "Copper Lane",
    "Delta Crest",
    "Elm Partners",
    "Foxglove",
    "Granite Hall",
    "Hawthorn",
    "Indigo House",
    "Jasper Mills",
    "Keystone Row",
    "Linden Trust",
    "Maple Yard",
    "Nettle Bay",
    "Onyx Field",
    "Poplar Ridge",
];

/// Writes the invented value for this one.
pub(super) fn invent(key: &TenantKey, entity: Entity, value: &str, out: &mut String) {
    let digest = key.digest("pseudonym", entity.name(), normal(value).as_bytes());
    let mut numbers = digest.iter().copied();
    let mut pick = |list: &[&'static str]| {
        let byte = numbers.next().unwrap_or(0);
        list.get(usize::from(byte) % list.len().max(1))
            .copied()
            .unwrap_or_default()
    };
    match entity {
        Entity::Person => {
            out.push_str(pick(&GIVEN));
            out.push(' ');
            out.push_str(pick(&FAMILY));
        }
        Entity::Location => out.push_str(pick(&PLACES)),
        Entity::Organization => out.push_str(pick(&COMPANIES)),
        Entity::Email => {
            let id = super::hex(digest.get(8..14).unwrap_or(&[]));
            // RFC 2606 keeps this name for examples: no mail reaches anybody.
            out.push_str("user-");
            out.push_str(&id);
            out.push_str("@example.com");
        }
        Entity::Url => {
            out.push_str("https://example.com/");
            out.push_str(&super::hex(digest.get(8..14).unwrap_or(&[])));
        }
        _ => same_form(&digest, value, out),
    }
}

/// Digits for digits and letters for letters; values that are longer than the hash go on from its beginning.
fn same_form(digest: &[u8; 32], value: &str, out: &mut String) {
    let mut stream = digest.iter().copied().cycle().zip(0_u8..=255);
    for ch in value.chars() {
        let mut next = || {
            stream
                .next()
                .map_or(0, |(byte, place)| byte.wrapping_add(place / 32 * 7))
        };
        if ch.is_ascii_digit() {
            out.push(char::from(b'0' + next() % 10));
        } else if ch.is_lowercase() {
            out.push(char::from(b'a' + next() % 26));
        } else if ch.is_alphabetic() {
            out.push(char::from(b'A' + next() % 26));
        } else if ch.is_ascii() {
            out.push(ch);
        } else {
            out.push('-');
        }
    }
}
