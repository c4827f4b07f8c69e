//! The way back.

use crate::{conversation, draft, masker, masker_of};
use bearingwall_pii::error::MaskError;
use bearingwall_pii::own::{OwnRecognizer, OwnRecognizers, OwnRule};
use bearingwall_pii::{Action, Conversation, Entity, MaskStream, PolicyDraft, Replacement, UnmaskStream};
use proptest::prelude::*;

const TEXT: &str = "Write to ada@example.org or bob@example.org; ada@example.org is quicker. SSN 536-22-8147.";

#[test]
fn one_value_has_one_placeholder_in_its_conversation() {
    let mut talk = conversation();
    let masked = masker(&draft()).mask(TEXT, &mut talk, None).unwrap().text.into_string();
    let tokens: Vec<&str> = masked.split(['[', ']']).skip(1).step_by(2).collect();
    assert_eq!(tokens.len(), 4);
    assert_eq!(tokens[0], tokens[2]);
    assert!(
        tokens[0].starts_with("EMAIL_1_") && tokens[1].starts_with("EMAIL_2_") && tokens[3].starts_with("US_SSN_1_")
    );
    let again = masker(&draft())
        .mask("ADA@example.org", &mut talk, None)
        .unwrap()
        .text
        .into_string();
    // Another spelling of the same value: the same number, and its own way back.
    assert!(again.starts_with("[EMAIL_1_") && again[1..again.len() - 1] != *tokens[0]);
    assert_eq!(talk.unmask(&again), "ADA@example.org");
    assert_eq!(talk.unmask(&masked), TEXT);
}

#[test]
fn pii_3_placeholders_of_another_conversation_or_tenant_stay() {
    let masker = masker(&draft());
    let mut talk = conversation();
    let masked = masker.mask(TEXT, &mut talk, None).unwrap().text.into_string();
    for (tenant, id, key) in [
        ("tenant-b", "conversation-1", [1; 32]),
        ("tenant-a", "conversation-2", [1; 32]),
        ("tenant-a", "conversation-1", [2; 32]),
    ] {
        let mut other = Conversation::new(tenant, id, key);
        let own = masker_of(tenant)
            .mask("Write to eve@example.org", &mut other, None)
            .unwrap()
            .text
            .into_string();
        assert_eq!(other.unmask(&masked), masked);
        assert_eq!(talk.unmask(&own), own);
    }
    assert_eq!(
        talk.unmask("[EMAIL_1] [EMAIL_1_AAAAA] EMAIL 1"),
        "[EMAIL_1] [EMAIL_1_AAAAA] EMAIL 1"
    );
}

#[test]
fn a_stored_conversation_turns_back_what_it_issued_and_goes_on_counting() {
    let masker = masker(&draft());
    let mut talk = conversation();
    let masked = masker.mask(TEXT, &mut talk, None).unwrap().text.into_string();
    let mut stored = Conversation::restore("tenant-a", "conversation-1", [1; 32], talk.issued().to_vec());
    assert_eq!(stored.unmask(&masked), TEXT);
    let more = masker
        .mask("carl@example.org and ADA@example.org", &mut stored, None)
        .unwrap()
        .text
        .into_string();
    assert!(more.starts_with("[EMAIL_3_") && more.contains("[EMAIL_1_"));
}

#[test]
fn what_was_masked_is_not_masked_again() {
    // A word of the placeholders themselves, so that something would be found in them.
    let deny = vec![("EMAIL".into(), "ID_OTHER".into())];
    let masker = masker(&PolicyDraft { deny, ..draft() });
    let mut talk = conversation();
    let masked = masker.mask(TEXT, &mut talk, None).unwrap().text.into_string();
    assert_eq!(masker.mask(&masked, &mut talk, None).unwrap().text.as_str(), masked);
}

#[test]
fn what_models_do_to_placeholders_is_understood() {
    let mut talk = conversation();
    let masked = masker(&draft())
        .mask("SSN 536-22-8147", &mut talk, None)
        .unwrap()
        .text
        .into_string();
    let token = masked.strip_prefix("SSN ").unwrap();
    let bare = &token[1..token.len() - 1];
    let value = "536-22-8147";
    for (written, expected) in [
        (token.to_lowercase(), value.to_owned()),
        (format!("**{token}**"), format!("**{value}**")),
        (format!("`{token}`'s number"), format!("`{value}`'s number")),
        (format!("{bare}, then"), format!("{value}, then")),
        (bare.replace('_', " "), value.to_owned()),
        (bare.replace('_', "-"), value.to_owned()),
        (token.replace('_', "\\_"), value.to_owned()),
        (format!("\\[{bare}\\]"), value.to_owned()),
        (format!("({bare})"), value.to_owned()),
        (format!("all {bare}s"), format!("all {value}s")),
        (bare.replace("SSN", "SSNs"), value.to_owned()),
        (format!("{{\"a\":\"{token}\"}}"), format!("{{\"a\":\"{value}\"}}")),
    ] {
        assert_eq!(talk.unmask(&written), expected, "{written}");
    }
    for other in [
        format!("X{bare}"),
        bare.replace("_1_", "_2_"),
        format!("{bare}9"),
        bare.replace("SSN", "SIN"),
    ] {
        assert_eq!(talk.unmask(&other), other);
    }
}

#[test]
fn an_escape_before_a_value_is_no_part_of_its_placeholder() {
    let mut talk = conversation();
    let text = "\\1 200-200-0000";
    let masked = masker(&draft()).mask(text, &mut talk, None).unwrap();
    assert!(masked.text.as_str().starts_with("\\[PHONE_1_"));
    assert_eq!(talk.unmask(masked.text.as_str()), text);
}

#[test]
fn the_arguments_of_a_tool_call_stay_json() {
    let mut talk = conversation();
    let deny = vec![("Ada Lovelace".into(), "PERSON".into())];
    let draft = PolicyDraft { deny, ..draft() };
    let masked = masker(&draft)
        .mask("Ada \"\nLovelace", &mut talk, None)
        .unwrap()
        .text
        .into_string();
    let call = format!("{{\"to\":\"{masked}\"}}");
    let parsed: serde_json::Value = serde_json::from_str(&talk.unmask_json(&call)).unwrap();
    assert_eq!(parsed["to"], "Ada \"\nLovelace");
}

#[test]
fn a_conversation_shows_nothing_of_what_it_holds() {
    let mut talk = conversation();
    masker(&draft()).mask(TEXT, &mut talk, None).unwrap();
    let people = OwnRule::Dictionary(vec!["Ada Lovelace".into()]);
    let own = |rule: OwnRule| OwnRecognizer {
        name: "people".into(),
        entity: Entity::Person,
        score: 0.9,
        rule,
    };
    let recognizers = vec![own(people), own(OwnRule::Pattern("536-22-8147".into()))];
    let compiled = OwnRecognizers::compile(&recognizers).unwrap();
    let draft = PolicyDraft {
        allow: vec!["ada@example.org".into()],
        deny: vec![("Ada Lovelace".into(), "PERSON".into())],
        recognizers,
        ..draft()
    };
    for shown in [
        format!("{talk:?}"),
        format!("{:?}", talk.issued()),
        format!("{draft:?}"),
        format!("{compiled:?}"),
    ] {
        assert!(
            !shown.to_lowercase().contains("ada") && !shown.contains("536"),
            "{shown}"
        );
    }
}

#[test]
fn pii_3_a_masker_touches_no_other_tenants_conversation() {
    let masker = masker(&draft());
    let mut other = Conversation::new("tenant-b", "conversation-1", [1; 32]);
    let refused = masker.mask("nothing", &mut other, None);
    assert!(matches!(refused, Err(MaskError::OtherTenant)));
    assert!(matches!(masker.preview("nothing", &other), Err(MaskError::OtherTenant)));
    let mut stream = MaskStream::new(&masker, None);
    // Too short to be given on yet.
    assert!(stream.push("nothing", &mut other).is_ok());
    assert!(matches!(stream.finish(&mut other), Err(MaskError::OtherTenant)));
}

fn pieces() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        "[a-z]{4,8}@[a-z]{4,8}[.]org",
        "SSN [1-8][0-9]{2}-[1-9][0-9]-[0-9]{3}[1-9]",
        "[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}",
        "\\PC{0,6}",
        "[\\[\\]_*\\\\ (){}]{1,4}",
        Just("\n\n".to_owned()),
    ];
    proptest::collection::vec(piece, 0..30)
}

proptest! {
    #[test]
    fn pii_3_unmasking_is_the_inverse_of_masking(pieces in pieces()) {
        let text = pieces.join(" ");
        let mut talk = conversation();
        let masked = masker(&draft()).mask(&text, &mut talk, None).unwrap();
        // What the floor redacts ("cvv 200-200-0000" may be a card's code) does not come back.
        let redacted = |replacement: &Replacement| replacement.action == Action::Redact;
        let expected = |replacement: &Replacement| match replacement.entity {
            Entity::CardCode => redacted(replacement),
            Entity::HealthData => replacement.action == Action::Allow,
            _ => replacement.action == Action::Placeholder,
        };
        prop_assert!(masked.replacements.iter().all(expected));
        if !masked.replacements.iter().any(redacted) {
            prop_assert_eq!(talk.unmask(masked.text.as_str()), text);
        }
    }

    #[test]
    fn pii_5_a_stream_is_unmasked_as_the_whole_however_it_is_cut(pieces in pieces(), sizes in proptest::collection::vec(1_usize..60, 1..30)) {
        let text = pieces.join("");
        let mut talk = conversation();
        let masked = masker(&draft()).mask(&text, &mut talk, None).unwrap().text.into_string();
        // As a model may have changed it.
        let changed = masked.to_lowercase().replace('[', "").repeat(2);
        for written in [masked, changed] {
            let whole = talk.unmask(&written);
            let mut stream = UnmaskStream::new();
            let mut out = String::new();
            let mut rest = written.as_str();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let mut take = (*size).min(rest.len());
                while !rest.is_char_boundary(take) {
                    take += 1;
                }
                out.push_str(&stream.push(&rest[..take], &talk));
                rest = &rest[take..];
            }
            out.push_str(&stream.finish(&talk));
            prop_assert_eq!(out, whole);
        }
    }
}
