//! What an answer, or none, says about an attempt.

use crate::egress::{Answer, EgressError};
use bearingwall_outbox::Outcome;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The longest time for which a receiver is left alone because it asks to be.
const AFTER_MAX: Duration = Duration::from_hours(6);

/// How an attempt ended that got no answer, and what is to happen where the other side certainly got nothing.
pub(crate) fn outcome_of(error: &EgressError, after: Option<Duration>) -> Outcome {
    let code = match error {
        EgressError::NotAllowed => "not-allowed",
        EgressError::Insecure => "insecure",
        EgressError::Address => "address",
        EgressError::TooLong => "too-long",
        EgressError::Header => "header",
        EgressError::Setup { .. } => "setup",
        EgressError::Unresolved => "unresolved",
        EgressError::Unreached(_) => "unreached",
        EgressError::Ambiguous(_) => "no-answer",
        EgressError::AnswerTooLong => "long-answer",
    }
    .to_owned();
    match error {
        EgressError::Ambiguous(_) | EgressError::AnswerTooLong => Outcome::Ambiguous { code },
        EgressError::Unresolved | EgressError::Unreached(_) => Outcome::Retry { code, after },
        // What our own rules refuse, they refuse again.
        _ => Outcome::Refused { code },
    }
}

/// How long the other side asks to be left alone, by its header `Retry-After` (RFC 9110, section 10.2.3): seconds or a date.
pub(crate) fn retry_after(answer: &Answer, now: OffsetDateTime) -> Option<Duration> {
    parsed(answer.header("retry-after")?, now)
}

fn parsed(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = OffsetDateTime::parse(text, &Rfc2822).ok()? - now;
            Duration::try_from(until).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(AFTER_MAX))
}

/// The vault or the database is away: nothing was sent.
pub(crate) fn unavailable(code: &str) -> Outcome {
    Outcome::Unavailable {
        code: code.to_owned(),
        after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn con_10_a_receiver_says_for_how_long_it_is_left_alone_and_not_for_ever() {
        let now = datetime!(2026-11-27 17:00:00 UTC);
        let seconds = Duration::from_secs;
        for (text, wait) in [
            ("0", Some(seconds(0))),
            ("120", Some(seconds(120))),
            ("999999999", Some(AFTER_MAX)),
            ("Fri, 27 Nov 2026 17:01:30 GMT", Some(seconds(90))),
            ("Fri, 27 Nov 2026 16:00:00 GMT", Some(seconds(0))),
            ("Fri, 27 Nov 2099 16:00:00 GMT", Some(AFTER_MAX)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parsed(text, now), wait, "{text}");
        }
    }
}
