//! The shapes that allowed values must have: personal data under an allowed name does not fit, and is withheld.

use super::{Raw, Shown};
use crate::scrub::scrub;
use std::net::SocketAddr;

/// The shape of an allowed field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldClass {
    /// A number; text only if it is one of up to 19 digits.
    Number,
    /// True or false.
    Flag,
    /// A UUID, or 16 or 32 hexadecimal digits.
    Id,
    /// One short word of letters, digits and `._:*+-`, without a long number.
    Word,
    /// A route's template, as `GET /v1/clients/{id}`: segments of few digits.
    Route,
    /// A socket address, or a host name with or without a port.
    Address,
    /// A URL without user, query and fragment.
    Url,
    /// An absolute path.
    Path,
    /// A file of our source and a line.
    Location,
    /// Free text, scrubbed.
    Text,
}

impl FieldClass {
    /// The value, if it has this shape.
    pub(super) fn show(self, value: Raw<'_>) -> Option<Shown> {
        match (self, value) {
            (Self::Number, Raw::Text(text)) => number(text),
            (Self::Number, Raw::Signed(number)) => Some(Shown::Signed(number)),
            (Self::Number, Raw::Unsigned(number)) => Some(Shown::Unsigned(number)),
            (Self::Number, Raw::Float(number)) => Some(Shown::Float(number)),
            (Self::Flag, Raw::Flag(flag)) => Some(Shown::Flag(flag)),
            (Self::Flag, Raw::Text(text)) => text.parse().ok().map(Shown::Flag),
            (Self::Text, Raw::Text(text)) => Some(Shown::Text(scrub(text))),
            (_, Raw::Text(text)) => self.fits(text).then(|| Shown::Text(text.to_owned())),
            _ => None,
        }
    }

    fn fits(self, text: &str) -> bool {
        match self {
            Self::Id => is_id(text),
            Self::Word => is_word(text) && is_clean(text),
            Self::Route => is_route(text),
            Self::Address => is_address(text),
            Self::Url => is_url(text),
            Self::Path => is_path(text) && is_clean(text),
            Self::Location => is_path_text(text) && is_clean(text),
            Self::Number | Self::Flag | Self::Text => false,
        }
    }
}

fn number(text: &str) -> Option<Shown> {
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Shown::Unsigned))?
}

/// Whether the scrubber finds nothing to blank.
fn is_clean(text: &str) -> bool {
    scrub(text) == text
}

fn is_id(text: &str) -> bool {
    let hexadecimal = || text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.len() {
        16 | 32 => hexadecimal(),
        36 => uuid::Uuid::try_parse(text).is_ok(),
        _ => false,
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:*+-".contains(&byte))
}

/// SECURITY: a raw path is refused, since it may hold a signing page's token or somebody's search term.
fn is_route(text: &str) -> bool {
    let path = match text.split_once(' ') {
        Some((method, path)) if method.bytes().all(|byte| byte.is_ascii_uppercase()) => path,
        Some(_) => return false,
        None => text,
    };
    let fixed = |segment: &str| {
        segment.len() <= 32
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
            && segment.bytes().filter(u8::is_ascii_digit).count() <= 3
    };
    let parameter = |segment: &str| {
        let (name, verb) = segment.split_once('}').unwrap_or((segment, "!"));
        name.strip_prefix('{')
            .is_some_and(|name| fixed(name.trim_end_matches(".*").trim_end_matches(":.*")))
            && (verb.is_empty() || verb.strip_prefix(':').is_some_and(fixed))
    };
    path.len() <= 128
        && path
            .strip_prefix('/')
            .is_some_and(|path| path.split('/').all(|part| fixed(part) || parameter(part)))
}

fn is_address(text: &str) -> bool {
    let host = match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => text,
    };
    let is_host = (1..=253).contains(&host.len())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
        && is_clean(host);
    text.parse::<SocketAddr>().is_ok() || is_host || (is_path(text) && is_clean(text))
}

fn is_url(text: &str) -> bool {
    let plain = |url: &url::Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    text.len() <= 256 && url::Url::parse(text).is_ok_and(|url| plain(&url)) && is_clean(text)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && is_path_text(text)
}

fn is_path_text(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._:+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(class: FieldClass, text: &str) -> bool {
        class.show(Raw::Text(text)).is_some()
    }

    #[test]
    fn tel_1_personal_data_under_an_allowed_name_does_not_fit_its_shape() {
        use FieldClass::*;
        for class in [Number, Flag, Id, Word, Route, Address, Url, Path, Location] {
            for text in [
                "Ada Lovelace",
                "ada@example.org",
                "(415) 555-0119",
                "415-555-0119",
                "900-12-3456",
                "CANARY-000F4481502E",
                "Tolerated well. Next visit in 12 weeks.",
                "",
            ] {
                assert!(!shown(class, text), "{class:?} {text}");
            }
        }
    }

    #[test]
    fn ordinary_values_fit() {
        for (class, texts) in [
            (FieldClass::Number, &["0", "1234567890123"][..]),
            (FieldClass::Flag, &["true", "false"]),
            (
                FieldClass::Id,
                &[
                    "0190d6f0-0000-7000-8000-000000000001",
                    "0af7651916cd43dd8448eb211c80319c",
                    "b7ad6b7169203331",
                ],
            ),
            (
                FieldClass::Word,
                &[
                    "AUT-003",
                    "http.request.denied",
                    "us-east-1",
                    "15.18",
                    "crm.clients",
                    "GET",
                    "42P01",
                ],
            ),
            (
                FieldClass::Route,
                &[
                    "GET /v1/clients/{id}",
                    "/v1/clients:import",
                    "POST /v1/gates/{id}:decide",
                    "/{tail:.*}",
                    "/",
                    "GET /v1/clients/{id}/access-log",
                ],
            ),
            (
                FieldClass::Address,
                &[
                    "127.0.0.1:8080",
                    "[::1]:8080",
                    "db.example.org:5432",
                    "localhost",
                    "/run/pg/.s.PGSQL.5432",
                ],
            ),
            (
                FieldClass::Url,
                &["https://login.example.org/realms/spa", "http://127.0.0.1:9000/"],
            ),
            (FieldClass::Path, &["/etc/bearingwall/server.toml"]),
            (FieldClass::Location, &["crates/http/src/edge.rs:64"]),
        ] {
            for text in texts {
                assert!(shown(class, text), "{class:?} {text}");
            }
        }
    }

    #[test]
    fn tel_1_a_raw_path_is_no_route() {
        for text in [
            "/v1/clients/0190d6f0-0000-7000-8000-000000000001",
            "/forms/Zm9ybS10b2tlbi1vZi1zb21lYm9keS1lbHNl",
            "/v1/clients?name=ada",
            "GET /v1/clients/4155550119",
            "get /v1/clients",
        ] {
            assert!(!shown(FieldClass::Route, text), "{text}");
        }
    }

    #[test]
    fn numbers_under_a_word_or_id_are_withheld() {
        assert!(FieldClass::Word.show(Raw::Unsigned(4_155_550_119)).is_none());
        assert!(FieldClass::Id.show(Raw::Signed(1)).is_none());
        assert_eq!(FieldClass::Number.show(Raw::Unsigned(7)), Some(Shown::Unsigned(7)));
    }
}
