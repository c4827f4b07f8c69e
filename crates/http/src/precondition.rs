//! Optimistic concurrency: versions leave as entity tags and come back as preconditions (RFC 9110 section 13.1.1).

use crate::HttpError;
use actix_web::dev::Payload;
use actix_web::http::header::{ETAG, HeaderName, HeaderValue, IF_MATCH};
use actix_web::{FromRequest, HttpRequest};
use std::future::{Ready, ready};

/// The header name in declarations and in problems.
pub(crate) const NAME: &str = "If-Match";

/// The version that the caller has seen. A change without one is refused: it would overwrite what nobody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) i64);

impl FromRequest for IfMatch {
    type Error = crate::Problem;
    type Future = Ready<Result<Self, crate::Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all(IF_MATCH);
        let first = values.next();
        ready(parse(first, values.next().is_some()).map_err(Into::into))
    }
}

fn parse(value: Option<&HeaderValue>, more: bool) -> Result<IfMatch, HttpError> {
    let refused = |reason| HttpError::Header { name: NAME, reason };
    let value = value.ok_or_else(|| refused("is missing; send the entity tag of the version that was read"))?;
    if more {
        return Err(refused("stands there more than once"));
    }
    let digits = value
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    digits
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .map(IfMatch)
        .ok_or_else(|| refused("is not one strong entity tag of ours, as \"3\""))
}

/// The entity tag of a version.
pub(crate) fn etag(version: i64) -> (HeaderName, String) {
    (ETAG, format!("\"{version}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_strong_tag_of_digits_is_a_version() {
        let parsed = |text: &str| parse(Some(&HeaderValue::from_str(text).unwrap()), false).ok();
        assert_eq!(parsed("\"3\""), Some(IfMatch(3)));
        for refused in [
            "3",
            "W/\"3\"",
            "*",
            "\"3\", \"4\"",
            "\"\"",
            "\"-1\"",
            "\"+1\"",
            "\"99999999999999999999\"",
            "\"x\"",
        ] {
            assert_eq!(parsed(refused), None, "{refused}");
        }
        assert!(parse(None, false).is_err());
        assert!(parse(Some(&HeaderValue::from_static("\"3\"")), true).is_err());
    }
}
