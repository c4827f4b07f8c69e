//! What does not get into a header: injection families, one by one and by property.

use super::{Of, address, customer, headers, letter, recipient, sender};
use bearingwall_connectors::mail::{
    Address, Attachment, BodyText, ClinicName, ContentType, DisplayName, LinkHost, MailError, Message, Recipient,
    Subject, TextFault,
};
use bearingwall_core::{Classified, Phi};
use proptest::prelude::*;

fn fault(made: Result<impl Sized, MailError>) -> Option<TextFault> {
    match made {
        Ok(_) => None,
        Err(MailError::Text { fault, .. }) => Some(fault),
        Err(other) => panic!("{other:?}"),
    }
}

/// Every way in, for a text that stands in the middle of an otherwise good one.
fn everywhere(inside: &str) -> [Option<TextFault>; 3] {
    let text = format!("Haut{inside}Haar");
    let clinic = ClinicName::parse(&text).map(|clinic| Subject::of(&[&"At ", &clinic]));
    [
        fault(DisplayName::parse(&text)),
        fault(clinic),
        fault(Attachment::new(
            &format!("{text}.pdf"),
            ContentType::Pdf,
            Phi::new(vec![1]),
        )),
    ]
}

#[test]
fn mai_1_what_ends_a_line_does_not_get_into_a_header() {
    for inside in [
        "\r\nBcc: thief@example.net",
        "\nBcc: thief@example.net",
        "\rBcc: thief@example.net",
        "\r\n\r\n<b>body</b>",
        "\r\n X-SES-CONFIGURATION-SET: none",
        "\0",
        "\t",
        "\u{b}",
        "\u{c}",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{85}Bcc: thief@example.net",
        "\u{2028}Bcc: thief@example.net",
        "\u{2029}Bcc: thief@example.net",
    ] {
        assert_eq!(everywhere(inside), [Some(TextFault::Control); 3], "{inside:?}");
    }
}

#[test]
fn mai_1_what_turns_or_hides_writing_does_not_get_into_a_header() {
    for inside in [
        '\u{202e}',
        '\u{202a}',
        '\u{202b}',
        '\u{202c}',
        '\u{202d}',
        '\u{2066}',
        '\u{2067}',
        '\u{2068}',
        '\u{2069}',
        '\u{200e}',
        '\u{200f}',
        '\u{61c}',
        '\u{200b}',
        '\u{2060}',
        '\u{feff}',
        '\u{ad}',
        '\u{e0041}',
        '\u{fff9}',
        '\u{3164}',
    ] {
        assert_eq!(
            everywhere(&inside.to_string()),
            [Some(TextFault::Invisible); 3],
            "U+{:04X}",
            u32::from(inside)
        );
    }
}

#[test]
fn mai_1_encoded_words_do_not_get_into_a_header() {
    // The library beneath writes a short ASCII text as it is, so that a mail program would decode it.
    for inside in [
        "=?utf-8?Q?=0D=0ABcc:_thief=40example.net?=",
        "=?utf-8?B?4oCu?=",
        " =?us-ascii?q?x?= ",
    ] {
        assert_eq!(everywhere(inside), [Some(TextFault::EncodedWord); 3], "{inside:?}");
    }
}

#[test]
fn mai_1_what_is_empty_or_too_long_does_not_get_into_a_header() {
    for text in ["", " ", " x", "x ", "\u{a0}x"] {
        assert_eq!(fault(DisplayName::parse(text)), Some(TextFault::Empty), "{text:?}");
    }
    assert_eq!(fault(DisplayName::parse(&"ä".repeat(78))), None);
    assert_eq!(fault(DisplayName::parse(&"ä".repeat(79))), Some(TextFault::TooLong));
    let long: &'static str = Box::leak("x".repeat(151).into_boxed_str());
    assert_eq!(fault(Subject::of(&[&long])), Some(TextFault::TooLong));
    let name = format!("{}.pdf", "x".repeat(117));
    let attachment = Attachment::new(&name, ContentType::Pdf, Phi::new(vec![1]));
    assert_eq!(fault(attachment), Some(TextFault::TooLong));
}

#[test]
fn mai_1_a_name_does_not_look_like_an_address_or_a_path() {
    for name in ["bank@example.net", "Bank <bank>", "bank\u{ff20}example.net"] {
        assert_eq!(fault(DisplayName::parse(name)), Some(TextFault::Misleading), "{name}");
    }
    for name in [
        "../consent.pdf",
        "a/b.pdf",
        "a\\b.pdf",
        ".pdf",
        "consent.pdf.exe",
        "consent.exe",
        "consent",
        "a\".pdf",
        "c:consent.pdf",
    ] {
        let attachment = Attachment::new(name, ContentType::Pdf, Phi::new(vec![1]));
        assert_eq!(fault(attachment), Some(TextFault::Misleading), "{name}");
    }
}

#[test]
fn unicode_that_people_write_passes() {
    for name in [
        "Zoë Müller",
        "O'Brien, \"Pat\"",
        "김하늘",
        "שלום עולם",
        "سلام می\u{200c}کنم",
        "👩\u{200d}⚕️ Praxis",
        "a\\b",
        "x = ? y",
    ] {
        assert!(DisplayName::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn mai_1_only_plain_addresses_are_addresses() {
    for (good, wire) in [
        ("ada@example.com", "ada@example.com"),
        ("ada.l+x@EXAMPLE.com", "ada.l+x@example.com"),
        ("o'brien@a.b-c.example", "o'brien@a.b-c.example"),
        ("ada@köln.example", "ada@xn--kln-sna.example"),
        ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
    ] {
        assert_eq!(address(good).wire(), wire);
    }
    let long = format!("{}@example.com", "x".repeat(65));
    for bad in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@@example.com",
        "ada@b@example.com",
        "ada@example.com\r\nBcc: thief@example.net",
        "ada@example.com\n",
        "ada\0@example.com",
        "ada @example.com",
        " ada@example.com",
        "ada@example.com,thief@example.net",
        "Ada <ada@example.com>",
        "<ada@example.com>",
        "\"a b\"@example.com",
        "\"a\\\r\nb\"@example.com",
        "ada@[192.0.2.1]",
        "ada@192.0.2.1",
        "ada@-a.example",
        "ada@a_b.example",
        "ada@a..example",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "ädä@example.com",
        "ada(comment)@example.com",
        "=?utf-8?q?ada?=@example.com",
        "ada@exam\u{200b}ple.com\u{2028}",
        "ada@exa\u{202e}mple.com",
        "ada@%61.example",
        long.as_str(),
    ] {
        let refused = Address::parse(bad).unwrap_err();
        assert_eq!(refused.code(), "MAI-002", "{bad:?}");
        let shown = format!("{refused} {refused:?}");
        assert!(bad.len() < 5 || !shown.contains(bad), "{shown}");
    }
    for bad in [
        "",
        "localhost",
        "a.example/path",
        "a.example?x",
        "a.example:80",
        "user@a.example",
        "A.example",
        "a.example\r\n",
    ] {
        assert!(LinkHost::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_body_holds_lines_and_no_controls() {
    assert!(BodyText::parse("eins\r\nzwei\n\tdrei \u{202e}").is_ok());
    for bad in ["", "\n \n", "a\0b", "a\rb", "a\u{1b}b", "a\u{85}b"] {
        assert!(BodyText::parse(bad).is_err(), "{bad:?}");
    }
    assert!(BodyText::parse(&"x".repeat(BodyText::MAX_BYTES + 1)).is_err());
}

proptest! {
    /// Whatever is taken for a name makes a message with the very headers that were meant; all else is refused before.
    #[test]
    fn mai_1_whatever_is_taken_for_a_name_adds_nothing(name in "\\PC{0,90}|[ -~\\r\\n\\t=?@<>,;:\"\\\\]{0,90}|.{0,40}") {
        let Ok(display) = DisplayName::parse(&name) else { return Ok(()) };
        let clinic = ClinicName::parse(&name).unwrap();
        let to = Recipient::new(address("ada@example.com")).named(display);
        let template = Of { subject: vec![&"At ", &clinic], body: vec![&clinic, &"\n"] };
        let message = Message::plain(&letter(customer(), &sender(), &to), &template).unwrap();
        let mut found: Vec<String> = headers(message.raw()).into_iter().map(|(name, _)| name).collect();
        found.sort();
        prop_assert_eq!(
            found,
            ["Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"]
        );
    }

    /// Whatever is taken for an address is one on the wire: ASCII, one `@`, no white space, no angle bracket.
    #[test]
    fn mai_1_whatever_is_taken_for_an_address_is_one(text in "\\PC{0,40}@\\PC{0,40}|[a-z.@<>, \\r\\n\"-]{0,60}|.{0,30}") {
        let Ok(address) = Address::parse(&text) else { return Ok(()) };
        let wire = address.wire();
        prop_assert!(wire.is_ascii() && wire.len() <= 254);
        prop_assert!(!wire.contains(|c: char| c.is_ascii_control() || " <>,;:\"()[]\\".contains(c)));
        prop_assert_eq!(wire.matches('@').count(), 1);
        let again = Address::parse(wire).unwrap();
        prop_assert_eq!(again.wire(), wire);
    }

    /// Whatever is taken for a body goes out in lines of a lawful length, without a control character.
    #[test]
    fn mai_1_whatever_is_taken_for_a_body_goes_out_in_lawful_lines(text in ".{0,200}|\\PC{900,1100}|[a-z\\r\\n.= \\t-]{0,300}") {
        let Ok(body) = BodyText::parse(&text) else { return Ok(()) };
        let content = bearingwall_connectors::mail::PhiContent {
            subject: Subject::of(&[&"A message"]).unwrap(),
            text: Phi::new(body),
            attachments: vec![Attachment::new("a.csv", ContentType::Csv, Phi::new(text.into_bytes())).unwrap()],
        };
        let customer = customer();
        let (from, to) = (sender(), recipient());
        let message = Message::phi(super::operator(customer), &letter(customer, &from, &to), content).unwrap();
        for line in message.raw().split(|byte| *byte == b'\n') {
            prop_assert!(line.len() <= 999);
        }
    }
}
