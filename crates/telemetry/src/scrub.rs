//! Blanks what identifies a person, or opens a door, in free text.
//!
//! It is the second line: personal data is wrapped in `Phi`, which prints as nothing, and fields are on an allow-list.
//! What is left is text that somebody else made, such as a database's or a library's error.

use regex::{Captures, Regex};
use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// Longer texts are cut before they are searched: a note does not belong in a log, and searching has a price.
const MAX_INPUT_BYTES: usize = 8 * 1024;
/// And again afterwards.
const MAX_OUTPUT_BYTES: usize = 1024;
const CUT: &str = "…";

/// From this many digits on, a number may be a telephone, card, record or social security number.
const MAX_DIGITS: usize = 6;

/// Ids of ours stay readable.
const UUID: &str = r"(?P<keep>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)";

/// Each list is one pass over the text, so that what a later list leaves alone cannot hide what an earlier one blanks.
/// Within a list, where two match at the same place, the first one wins.
const SECRETS: [&str; 11] = [
    // The mark that every record of the sample data carries.
    r"(?P<canary>CANARY-[\w-]*)",
    r"(?P<pem>-----BEGIN [^-]*-----[\s\S]*)",
    r"(?P<token>\beyJ[\w-]{4,}(?:\.[\w-]*){0,2})",
    r"(?P<bearer>(?i:\b(?:bearer|basic)\s+)[\w.~+/=-]{6,})",
    r"(?P<url>://[^\s/@]+@)",
    r#"(?P<assigned>(?i:\b\w*(?:password|passwd|pwd|secret|token|api_?key)=)[^\s&;,"]+)"#,
    // PostgreSQL's DETAIL lines repeat the row.
    r"(?P<row>(?i:failing row contains)\b[\s\S]*)",
    r"(?P<values>\)=\([^)]*\)?)",
    r"(?P<email>[\w.%+'-]+(?:@|%40)[\w.-]+)",
    // Text in quotation marks is somebody's input, unless it is the name of a table or column.
    r#"(?P<quoted>(?P<before>: |string |character |value |input )?"(?P<inside>[^"]*)(?:"|$))"#,
    UUID,
];

const NUMBERS: [&str; 6] = [
    UUID,
    r"(?P<ipv4>\b\d{1,3}(?:\.\d{1,3}){3}\b)",
    r"(?P<ipv6>(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4})",
    r"(?P<date>\b(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{4})\b)",
    r"(?P<number>[+(]?\d[\d\s().\-/]{4,}\d)",
    r"(?P<opaque>\b[\w-]{24,}\b)",
];

const NAMES: [&str; 2] = [
    r"(?P<titled>\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\b\.?\s+\p{Lu}[\p{L}'’-]+)",
    r"(?P<name>\b\p{Lu}[\p{L}'’-]*\p{Ll}[\p{L}'’-]*(?:\s+\p{Lu}(?:\.|[\p{L}'’-]*\p{Ll}[\p{L}'’-]*))*)",
];

/// Our own messages are lower case and a sentence's first word may be capitalised: any other capitalised word is taken
/// for a name, except for these.
const PHRASES: [&str; 22] = [
    "Access Denied",
    "Bad Gateway",
    "Bad Request",
    "Conflict",
    "Connection Refused",
    "Content Too Large",
    "Forbidden",
    "Gateway Timeout",
    "Internal Server Error",
    "Invalid Token",
    "Method Not Allowed",
    "Moved Permanently",
    "Not Acceptable",
    "Not Found",
    "Not Implemented",
    "Payload Too Large",
    "PostgreSQL",
    "Rust",
    "Service Unavailable",
    "Too Many Requests",
    "Unauthorized",
    "Unsupported Media Type",
];

/// The passes, in their order; `None` if a pattern does not compile.
static PASSES: LazyLock<Option<[Regex; 3]>> = LazyLock::new(|| {
    let pass = |patterns: &[&str]| Regex::new(&patterns.join("|")).ok();
    Some([pass(&SECRETS)?, pass(&NUMBERS)?, pass(&NAMES)?])
});

/// The text without e-mail addresses, telephone and other long numbers, dates, public addresses, quoted input,
/// capitalised names, tokens, passwords and control characters; cut where it is long.
#[must_use]
// CONTROL: TEL-1
pub fn scrub(text: &str) -> String {
    let text = without_controls(cut(text, MAX_INPUT_BYTES));
    if is_plain(&text) {
        return cut_with_mark(&text);
    }
    match PASSES.as_ref() {
        Some(passes) => cut_with_mark(&run(passes, text)),
        // A pattern that does not compile is a defect that a test finds; nothing is shown unscrubbed in the meantime.
        None => crate::WITHHELD.to_owned(),
    }
}

fn run(passes: &[Regex; 3], text: Cow<'_, str>) -> String {
    passes.iter().fold(text.into_owned(), |text, pass| {
        pass.replace_all(&text, |found: &Captures<'_>| replacement(&text, found))
            .into_owned()
    })
}

/// Text in which none of the patterns can match, told at a fraction of their price: most messages of ours.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || b" _.,;:'`-(){}/*+!?".contains(&byte);
    text.bytes().all(plain)
        && text.bytes().filter(|byte| *byte == b':').count() < 3
        && !["://", "bearer", "basic", "failing row"]
            .iter()
            .any(|mark| text.contains(mark))
}

fn cut_with_mark(text: &str) -> String {
    let kept = cut(text, MAX_OUTPUT_BYTES);
    if kept.len() < text.len() {
        format!("{kept}{CUT}")
    } else {
        kept.to_owned()
    }
}

fn replacement(text: &str, found: &Captures<'_>) -> String {
    let whole = found.get(0).map_or("", |whole| whole.as_str());
    let is = |group: &str| found.name(group).is_some();
    let blank = |mark: &str| mark.to_owned();
    if is("keep") {
        whole.to_owned()
    } else if is("canary") {
        blank("[canary]")
    } else if is("pem") {
        blank("[key]")
    } else if is("token") || is("bearer") {
        blank("[token]")
    } else if is("url") {
        blank("://[credentials]@")
    } else if is("assigned") {
        let name = whole.split_once('=').map_or("", |(name, _)| name);
        format!("{name}=[secret]")
    } else if is("row") {
        blank("failing row withheld")
    } else if is("values") {
        blank(")=([values])")
    } else if is("email") {
        blank("[email]")
    } else if is("quoted") {
        quoted(found, whole)
    } else if is("ipv4") {
        address(whole, whole.parse().is_ok_and(|address: Ipv4Addr| is_internal(address)))
    } else if is("ipv6") {
        // Times and paths have colons too.
        address(
            whole,
            whole.parse().map_or(true, |address: Ipv6Addr| address.is_loopback()),
        )
    } else if is("date") {
        blank("[date]")
    } else if is("number") {
        number(whole)
    } else if is("opaque") {
        let random = whole.len() >= 24 && digits(whole) >= 3 && !whole.contains('-');
        if random || digits(whole) > MAX_DIGITS {
            blank("[token]")
        } else {
            whole.to_owned()
        }
    } else {
        let start = found.get(0).map_or(0, |whole| whole.start());
        name(text.get(..start).unwrap_or_default(), whole, is("titled"))
    }
}

fn name(before: &str, words: &str, is_titled: bool) -> String {
    let phrase = before.trim_end_matches([' ', ',']);
    let begins_sentence = phrase.chars().next_back().is_none_or(|last| ":.!?".contains(last));
    let follows_a_mark = phrase.len() == before.len();
    let is_one_word = !words.contains(char::is_whitespace);
    let is_kept = PHRASES.contains(&words) || (is_one_word && (begins_sentence || follows_a_mark));
    if is_kept && !is_titled {
        words.to_owned()
    } else {
        "[name]".to_owned()
    }
}

fn quoted(found: &Captures<'_>, whole: &str) -> String {
    let before = found.name("before").map(|before| before.as_str());
    let inside = found.name("inside").map_or("", |inside| inside.as_str());
    let is_identifier = inside.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && inside
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.')
        && (inside.contains(['_', '.']));
    match before {
        None if is_identifier => whole.to_owned(),
        before => format!("{}[quoted]", before.unwrap_or_default()),
    }
}

fn address(whole: &str, keep: bool) -> String {
    if keep { whole.to_owned() } else { "[address]".to_owned() }
}

/// Addresses of our own networks help an operator; a caller's address identifies a person (45 CFR 164.514(b)(2)).
const fn is_internal(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private() || address.is_unspecified() || address.is_link_local()
}

fn number(whole: &str) -> String {
    if digits(whole) > MAX_DIGITS {
        "[number]".to_owned()
    } else {
        whole.to_owned()
    }
}

fn digits(text: &str) -> usize {
    text.chars().filter(|letter| letter.is_numeric()).count()
}

/// Line breaks and escape sequences could forge a second log line or drive a terminal.
fn without_controls(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(
            text.chars()
                .map(|letter| if letter.is_control() { ' ' } else { letter })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

fn cut(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    let end = (0..=max_bytes)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tel_1_free_text_loses_what_identifies_a_person() {
        for (text, scrubbed) in [
            ("no client ada.lovelace+spa@example.org here", "no client [email] here"),
            ("ada%40example.org", "[email]"),
            ("call (415) 555-0119 or +1 415 555 0119", "call [number] or [number]"),
            ("call 415.555.0119, 4155550119", "call [number], [number]"),
            (
                "ssn 900-12-3456, card 4242 4242 4242 4242",
                "ssn [number], card [number]",
            ),
            ("born 1942-11-07 or 11/07/1942", "born [date] or [date]"),
            ("MRN 1702635.", "MRN [number]."),
            ("Benjamin Hamilton presented", "[name] presented"),
            ("Ada B. Lovelace-O’Brien called", "[name] called"),
            (
                "lovelace, Ada; her daughter Megan; Lovelace,Ada",
                "lovelace, [name]; her daughter [name]; [name],[name]",
            ),
            (
                "Refused. Consult with David: Benjamin Hamilton",
                "Refused. Consult with [name]: [name]",
            ),
            ("asked Mrs. Mcguire to wait", "asked [name] to wait"),
            (
                "from 203.0.113.9 and 2001:db8:0:0:0:0:0:1",
                "from [address] and [address]",
            ),
            ("note CANARY-000F4481502E end", "note [canary] end"),
            (
                "duplicate key: Key (email, id)=(ada@x.org, 5) already exists",
                "duplicate key: Key (email, id)=([values]) already exists",
            ),
            ("Failing row contains (1, Ada, botox)", "failing row withheld"),
            (
                "invalid input syntax for type uuid: \"ada\"",
                "invalid input syntax for type uuid: [quoted]",
            ),
            (
                "invalid type: string \"ada_lovelace\", expected u32",
                "invalid type: string [quoted], expected u32",
            ),
            (
                "refused: Failing row contains (1, Ada, botox)",
                "refused: failing row withheld",
            ),
            ("refused: Ada@example.org", "refused: [email]"),
            ("Failed Password=hunter", "[name]=[secret]"),
            ("text of \"a chart note that was cut", "text of [quoted]"),
        ] {
            assert_eq!(scrub(text), scrubbed, "{text}");
        }
    }

    #[test]
    fn tel_1_free_text_loses_what_opens_a_door() {
        let jwt = ["eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJl"].join(".");
        for (text, scrubbed) in [
            (format!("token {jwt} refused"), "token [token] refused"),
            (
                "Authorization: Bearer abcdef.123456".to_owned(),
                "Authorization: [token]",
            ),
            (
                "postgres://app:hunter2@db/spa".to_owned(),
                "postgres://[credentials]@db/spa",
            ),
            (
                "host=db password=hunter2 user=app".to_owned(),
                "host=db password=[secret] user=app",
            ),
            ("key -----BEGIN PRIVATE KEY-----\nMC4CAQ".to_owned(), "key [key]"),
            (
                "opaque 9f86d081884c7d659a2feaa0c55ad015 end".to_owned(),
                "opaque [token] end",
            ),
        ] {
            assert_eq!(scrub(&text), scrubbed, "{text}");
        }
    }

    #[test]
    fn what_an_operator_needs_stays_readable() {
        for text in [
            "request 0190d6f0-1234-7000-8000-000000000001 failed with AUD-003",
            "relation \"crm.clients\" does not exist (SQLSTATE 42P01)",
            "cannot connect to 127.0.0.1:5432 or 10.0.0.5:5432 or [::1]:5432",
            "Connection refused (os error 111)",
            "upstream answered 503 Service Unavailable after 3 attempts in 12.5 ms",
            "schema version 202611 is older than 202612",
            "listening on 0.0.0.0:8080 at 12:34:56",
            "bearingwall_http::middleware::correlation::tests_of_everything",
        ] {
            assert_eq!(scrub(text), text);
        }
    }

    #[test]
    fn a_text_cannot_forge_a_line_or_flood_the_log() {
        assert_eq!(scrub("one\n{\"level\":1}\u{1b}[2J"), "one {[quoted]:1} [2J");
        let long = "palabra ".repeat(5000);
        assert!(scrub(&long).len() <= MAX_OUTPUT_BYTES + CUT.len());
    }

    proptest! {
        #[test]
        fn tel_1_no_email_telephone_or_canary_survives_anywhere(
            before in ".{0,40}", after in ".{0,40}",
            local in "[a-z][a-z0-9.]{0,12}", area in 200..999_u32, line in 0..9999_u32, mark in "[0-9A-F]{12}",
        ) {
            let email = format!("{local}@example.org");
            let phone = format!("({area}) 555-{line:04}");
            let text = format!("{before} {email} {after} {phone} {before} CANARY-{mark} {after}");
            let scrubbed = scrub(&text);
            prop_assert!(!scrubbed.contains(&email), "{}", scrubbed);
            prop_assert!(!scrubbed.contains(&phone), "{}", scrubbed);
            prop_assert!(!scrubbed.contains("CANARY"), "{}", scrubbed);
        }

        #[test]
        fn plain_text_is_text_in_which_no_pattern_matches(text in "[a-z :;_.,'`(){}/*+!?-]{0,80}") {
            if is_plain(&text) {
                prop_assert_eq!(run(PASSES.as_ref().unwrap(), Cow::Borrowed(&text)), text);
            }
        }

        #[test]
        fn any_text_is_scrubbed_without_growing_much_or_failing(text in any::<String>()) {
            let scrubbed = scrub(&text);
            prop_assert!(!scrubbed.chars().any(char::is_control));
            prop_assert!(scrubbed.len() <= MAX_OUTPUT_BYTES + CUT.len());
        }
    }
}
