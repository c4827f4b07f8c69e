//! A place in the record as a caller carries it from page to page.

use crate::HttpError;
use bearingwall_audit::Position;
use bearingwall_core::EventId;
use time::OffsetDateTime;
use uuid::Uuid;

/// Entries of a page that asks for no number.
pub(crate) const LIMIT_DEFAULT: u16 = 50;

/// `1795698290000001.0192…`: microseconds since 1970 and the id of the event.
pub(crate) fn encode(position: Position) -> String {
    let micros = position.recorded_at.unix_timestamp_nanos() / 1_000;
    format!("{micros}.{}", position.event_id)
}

pub(crate) fn decode(text: &str) -> Result<Position, HttpError> {
    let parsed = || {
        let (micros, id) = text.split_once('.')?;
        // Years that both this program and the database know: 1 to 9999.
        let nanos = micros.parse::<i64>().ok().map(i128::from)?.checked_mul(1_000)?;
        let recorded_at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        (1..=9_999).contains(&recorded_at.year()).then_some(())?;
        Some(Position {
            recorded_at,
            event_id: EventId::from_uuid(Uuid::try_parse(id).ok()?),
        })
    };
    parsed().ok_or(HttpError::Query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_place_survives_the_way_to_the_caller_and_back() {
        for at in [
            datetime!(2026-11-26 13:00:00.000_001 UTC),
            datetime!(1969-12-31 23:59:59.999_999 UTC),
        ] {
            let position = Position {
                recorded_at: at,
                event_id: EventId::from_uuid(Uuid::from_u128(7)),
            };
            assert_eq!(decode(&encode(position)).unwrap(), position);
        }
        for refused in [
            "",
            ".",
            "1",
            "1.x",
            "x.00000000-0000-0000-0000-000000000007",
            "-62135596800000001.00000000-0000-0000-0000-000000000007",
            "9223372036854775807.00000000-0000-0000-0000-000000000007",
        ] {
            assert!(decode(refused).is_err(), "{refused}");
        }
    }
}
