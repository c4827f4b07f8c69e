//! The last look at the finished bytes: nothing is in them that was not meant, whatever the library beneath does.

use super::{ContentType, MailError};

/// Octets of a line without its end (RFC 5322, section 2.1.1).
const LINE_MAX: usize = 998;

/// Bytes of a message that Amazon SES takes over its first interface by default.
const MESSAGE_MAX_BYTES: usize = 10_000_000;

/// What was meant.
pub(super) struct Expected<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) reply_to: Option<&'a str>,
    pub(super) message_id: &'a str,
    pub(super) unsubscribe: Option<&'a str>,
    pub(super) boundary: Option<&'a str>,
    pub(super) content_types: Vec<ContentType>,
}

/// A header with its value, unfolded.
type Header<'a> = (&'a str, String);

/// Refuses what differs from what was meant.
///
/// Amazon SES obeys `X-SES-…` headers of a raw message, and every mail program obeys what it finds; so the header block holds
/// exactly the expected names, once each, and the addresses that the envelope has.
// CONTROL: MAI-1
pub(super) fn check(raw: &[u8], expected: &Expected<'_>) -> Result<(), MailError> {
    check_lines(raw)?;
    let text = std::str::from_utf8(raw).map_err(|_| finished("it is not of ASCII"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(finished("its header does not end"))?;
    let headers = unfold(head.split("\r\n"))?;
    check_names(&headers, expected)?;
    check_values(&headers, expected)?;
    check_parts(&headers, body, expected)
}

fn finished(reason: &'static str) -> MailError {
    MailError::Finished { reason }
}

fn check_lines(raw: &[u8]) -> Result<(), MailError> {
    if raw.len() > MESSAGE_MAX_BYTES {
        return Err(MailError::Body {
            reason: "it is too large",
        });
    }
    let rest = raw.strip_suffix(b"\r\n").unwrap_or(raw);
    for line in rest.split(|byte| *byte == b'\n') {
        let whole = line.strip_suffix(b"\r").unwrap_or(line);
        if whole.len() > LINE_MAX {
            return Err(finished("a line is too long"));
        }
        if whole.contains(&b'\r') {
            return Err(finished("a carriage return stands alone"));
        }
        if whole
            .iter()
            .any(|byte| !byte.is_ascii() || (byte.is_ascii_control() && *byte != b'\t'))
        {
            return Err(finished("it holds a control character, or is not of ASCII"));
        }
    }
    let line_feeds = raw.iter().filter(|byte| **byte == b'\n').count();
    let pairs = raw.windows(2).filter(|pair| pair == b"\r\n").count();
    if line_feeds == pairs {
        Ok(())
    } else {
        Err(finished("a line feed stands alone"))
    }
}

fn unfold<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Header<'a>>, MailError> {
    let mut headers: Vec<Header<'a>> = Vec::new();
    for line in lines {
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut().ok_or(finished("it begins with a folded line"))?;
            if line.trim().is_empty() {
                return Err(finished("a folded line is empty"));
            }
            value.push_str(line);
        } else {
            let (name, value) = line.split_once(':').ok_or(finished("a header has no name"))?;
            headers.push((name, value.to_owned()));
        }
    }
    for (_, value) in &mut headers {
        *value = value.trim().to_owned();
    }
    Ok(headers)
}

/// Exactly the names that were meant, each once, in whatever order.
fn check_names(headers: &[Header<'_>], expected: &Expected<'_>) -> Result<(), MailError> {
    let mut wanted = vec![
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    ];
    if expected.boundary.is_none() {
        wanted.push("Content-Transfer-Encoding");
    }
    if expected.reply_to.is_some() {
        wanted.push("Reply-To");
    }
    if expected.unsubscribe.is_some() {
        wanted.extend(["List-Unsubscribe", "List-Unsubscribe-Post"]);
    }
    let mut found: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    if found == wanted {
        Ok(())
    } else {
        Err(finished("its header has other names than were meant"))
    }
}

fn value<'h>(headers: &'h [Header<'_>], name: &str) -> Option<&'h str> {
    headers
        .iter()
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.as_str())
}

fn check_values(headers: &[Header<'_>], expected: &Expected<'_>) -> Result<(), MailError> {
    let addresses = [
        ("From", Some(expected.from)),
        ("To", Some(expected.to)),
        ("Reply-To", expected.reply_to),
        ("Message-ID", Some(expected.message_id)),
        ("List-Unsubscribe", expected.unsubscribe),
    ];
    for (name, wanted) in addresses {
        let Some(wanted) = wanted else { continue };
        let found = value(headers, name).unwrap_or_default();
        if !found.ends_with(&format!("<{wanted}>"))
            || outside_quotes(found, '<') != 1
            || outside_quotes(found, ',') != 0
        {
            return Err(finished("a header names another address than was meant"));
        }
    }
    if value(headers, "MIME-Version") == Some("1.0") {
        Ok(())
    } else {
        Err(finished("its MIME version is another than was meant"))
    }
}

/// How often a character stands outside of quoted strings (RFC 5322, section 3.2.4).
fn outside_quotes(text: &str, wanted: char) -> usize {
    let (mut quoted, mut escaped, mut count) = (false, false, 0_usize);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == wanted && !quoted => count = count.saturating_add(1),
            _ => {}
        }
    }
    count
}

/// One text, or that text and the attachments, in order, and nothing between or behind.
fn check_parts(headers: &[Header<'_>], body: &str, expected: &Expected<'_>) -> Result<(), MailError> {
    let content_type = value(headers, "Content-Type").unwrap_or_default();
    let Some(boundary) = expected.boundary else {
        return check_part_type(content_type, "text/plain");
    };
    if content_type != format!("multipart/mixed; boundary=\"{boundary}\"") {
        return Err(finished("its content type is another than was meant"));
    }
    let parts = split(body, &format!("--{boundary}"), &format!("--{boundary}--"))?;
    let types = std::iter::once("text/plain").chain(expected.content_types.iter().map(|kind| kind.as_str()));
    if parts.len() != types.clone().count() {
        return Err(finished("it has other parts than were meant"));
    }
    for (part, wanted) in parts.iter().zip(types) {
        check_part(part, wanted)?;
    }
    Ok(())
}

/// The lines of each part. Nothing stands before the first delimiter or behind the last one, and no line looks like one.
fn split<'b>(body: &'b str, delimiter: &str, closing: &str) -> Result<Vec<Vec<&'b str>>, MailError> {
    let mut parts: Vec<Vec<&str>> = Vec::new();
    let mut closed = false;
    for line in body.split("\r\n") {
        match (line, parts.last_mut()) {
            (line, _) if closed && !line.is_empty() => return Err(finished("something stands behind its last part")),
            (line, _) if line == delimiter => parts.push(Vec::new()),
            (line, Some(_)) if line == closing => closed = true,
            (line, _) if line.starts_with(delimiter) => return Err(finished("a line looks like the end of a part")),
            ("", None) => {}
            (_, None) => return Err(finished("something stands before its first part")),
            (line, Some(part)) if !closed => part.push(line),
            (_, Some(_)) => {}
        }
    }
    if closed {
        Ok(parts)
    } else {
        Err(finished("its last part does not end"))
    }
}

fn check_part(lines: &[&str], wanted: &str) -> Result<(), MailError> {
    let end = lines
        .iter()
        .position(|line| line.is_empty())
        .ok_or(finished("a part's header does not end"))?;
    let headers = unfold(lines.get(..end).unwrap_or_default().iter().copied())?;
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let text: &[&str] = &["Content-Transfer-Encoding", "Content-Type"];
    let file: &[&str] = &["Content-Disposition", "Content-Transfer-Encoding", "Content-Type"];
    if names != text && names != file {
        return Err(finished("a part's header has other names than were meant"));
    }
    check_part_type(value(&headers, "Content-Type").unwrap_or_default(), wanted)
}

fn check_part_type(found: &str, wanted: &str) -> Result<(), MailError> {
    let kind = found.split(';').next().unwrap_or_default();
    if kind == wanted {
        Ok(())
    } else {
        Err(finished("a part is of another type than was meant"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "From: \"Haut, Haar\" <desk@clinic.example>\r\nTo: <ada@example.com>\r\nSubject: Hello\r\n\
        Date: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@clinic.example>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello.\r\n";

    const MIXED: &str = "From: <desk@clinic.example>\r\nTo: <ada@example.com>\r\nSubject: Hello\r\n\
        Date: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@clinic.example>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"bw_1\"\r\n\r\n\r\n--bw_1\r\n\
        Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello.\r\n\r\n--bw_1\r\n\
        Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\r\n--bw_1--\r\n";

    fn expected(mixed: bool) -> Expected<'static> {
        Expected {
            from: "desk@clinic.example",
            to: "ada@example.com",
            reply_to: None,
            message_id: "1@clinic.example",
            unsubscribe: None,
            boundary: mixed.then_some("bw_1"),
            content_types: if mixed { vec![ContentType::Pdf] } else { Vec::new() },
        }
    }

    fn passes(text: &str) -> bool {
        let mixed = text.contains("multipart/");
        check(text.as_bytes(), &expected(mixed)).is_ok()
    }

    #[test]
    fn mai_1_the_last_look_refuses_what_was_not_meant() {
        assert!(passes(PLAIN) && passes(MIXED));
        for (text, from, to) in [
            (PLAIN, "Subject: Hello", "Subject: Hello\r\nBcc: <thief@example.net>"),
            (
                PLAIN,
                "Subject: Hello",
                "Subject: Hello\r\nX-SES-CONFIGURATION-SET: none",
            ),
            (PLAIN, "Subject: Hello", "Subject: Hello\r\nTo: <thief@example.net>"),
            (PLAIN, "Subject: Hello", "subject: Hello"),
            (PLAIN, "Subject: Hello\r\n", ""),
            (
                PLAIN,
                "Subject: Hello",
                "Subject: Hello\r\nList-Unsubscribe: <https://example.net>",
            ),
            (PLAIN, "Subject: Hello", "Subject: Hello\r\n \r\n\tx"),
            (PLAIN, "Subject: Hello", "Subject: Hello\r\nno name"),
            (PLAIN, "Subject: Hello", "Subject: Hello\nBcc: <thief@example.net>"),
            (PLAIN, "Subject: Hello", "Subject: Hello\rBcc: <thief@example.net>"),
            (PLAIN, "Subject: Hello", "Subject: Hello\0"),
            (PLAIN, "Subject: Hello", "Subject: Hellö"),
            (PLAIN, "<ada@example.com>", "<thief@example.net>"),
            (PLAIN, "<ada@example.com>", "<thief@example.net>, <ada@example.com>"),
            (PLAIN, "<ada@example.com>", "thief@example.net, <ada@example.com>"),
            (PLAIN, "<ada@example.com>", "<ada@example.com> (x)"),
            (PLAIN, "<desk@clinic.example>", "<desk@clinic.example.net>"),
            (PLAIN, "<1@clinic.example>", "<2@clinic.example>"),
            (PLAIN, "MIME-Version: 1.0", "MIME-Version: 2.0"),
            (PLAIN, "text/plain", "text/html"),
            (MIXED, "\"bw_1\"", "\"bw_2\""),
            (MIXED, "multipart/mixed;", "multipart/alternative;"),
            (MIXED, "application/pdf", "text/html"),
            (MIXED, "filename=\"a.pdf\"", "filename=\"a.pdf\"\r\nX-Other: x"),
            (MIXED, "Hello.", "Hello.\r\n--bw_1\r\nContent-Type: text/html\r\n\r\nx"),
            (MIXED, "Hello.", "Hello.\r\n--bw_1 \r\n"),
            (MIXED, "Hello.", "Hello.\r\n--bw_1--\r\n"),
            (MIXED, "--bw_1--\r\n", "--bw_1--\r\nbehind\r\n"),
            (MIXED, "--bw_1--\r\n", ""),
            (MIXED, "\r\n\r\n\r\n--bw_1\r\n", "\r\n\r\nbefore\r\n--bw_1\r\n"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(!passes(&changed), "{from} -> {to}");
        }
        let long = "x".repeat(999);
        assert!(!passes(&PLAIN.replace("Hello.", &long)));
        assert!(passes(&PLAIN.replace("Hello.", &"x".repeat(998))));
    }

    #[test]
    fn a_message_that_is_too_large_is_refused() {
        let line = format!("{}\r\n", "x".repeat(98));
        let large = PLAIN.replace("Hello.", &line.repeat(100_000));
        let refused = check(large.as_bytes(), &expected(false));
        assert!(matches!(refused, Err(MailError::Body { .. })), "{refused:?}");
    }
}
