//! Notes and keys: published examples, and everything that the form forbids.

use bearingwall_tlog::note::{CosigningKey, KeyKind, NOTE_MAX_SIGNATURES, Note, NoteError, SigningKey, VerifierKey};
use proptest::prelude::*;

/// Key, text and signature of the documentation of golang.org/x/mod/sumdb/note.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/// The example that C2SP signed-note prints; its key is not published.
const QUASIMODO: &str = "Ognuno sta solo sul cuor della terra\n\
    trafitto da un raggio di sole:\n\
    \n\
    ed è subito sera.\n\
    \n\
    — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

fn peter() -> VerifierKey {
    VerifierKey::parse(PETER).unwrap()
}

#[test]
fn the_published_note_verifies_and_is_signed_the_same() {
    let note = Note::parse(PETER_NOTE.as_bytes()).unwrap();
    let signers = note.verify(&[peter()]).unwrap();
    assert_eq!(signers.len(), 1);
    assert_eq!(signers[0].time_s, None);
    let secret = SigningKey::parse(PETER_SECRET).unwrap();
    let mut ours = Note::new(note.text()).unwrap();
    ours.sign(&secret);
    assert_eq!(ours.to_string(), PETER_NOTE);
    assert_eq!(*secret.danger_encode(), PETER_SECRET);
    assert_eq!(secret.verifier().to_string(), PETER);
}

#[test]
fn the_example_of_the_specification_is_split_at_its_last_empty_line() {
    let note = Note::parse(QUASIMODO.as_bytes()).unwrap();
    assert!(note.text().ends_with("\n\ned è subito sera.\n"));
    assert_eq!(note.signatures().len(), 1);
    assert_eq!(note.signatures()[0].id(), 0x367b_a04b);
    assert_eq!(note.signatures()[0].signature().len(), 64);
    assert_eq!(note.to_string(), QUASIMODO);
    assert_eq!(note.verify(&[peter()]), Err(NoteError::Unsigned));
}

/// Keys of the tests of golang.org/x/mod/sumdb/note and of transparency-dev/formats, whose ids somebody else computed.
#[test]
fn published_keys_have_their_ids() {
    for (text, kind) in [
        (PETER, KeyKind::Ed25519),
        (
            "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
            KeyKind::Ed25519,
        ),
        (
            "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
            KeyKind::Ed25519,
        ),
        (
            "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
            KeyKind::CosignatureV1,
        ),
    ] {
        let key = VerifierKey::parse(text).unwrap();
        assert_eq!(key.kind(), kind);
        assert_eq!(key.to_string(), text);
    }
}

#[test]
fn a_malformed_key_is_refused() {
    for text in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+0c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcÿQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcQQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAA==",
    ] {
        assert!(matches!(VerifierKey::parse(text), Err(NoteError::Key { .. })), "{text}");
    }
}

#[test]
fn keys_of_low_order_or_another_spelling_are_refused() {
    let mut identity = [0_u8; 32];
    identity[0] = 1;
    let mut above_p = [0xff_u8; 32];
    above_p[31] = 0x7f;
    // y = p + 3, which decodes to the point with y = 3.
    above_p[0] = 0xf0;
    let mut three = [0_u8; 32];
    three[0] = 3;
    assert!(VerifierKey::new("a", KeyKind::Ed25519, &three).is_ok());
    for public in [[0; 32], identity, above_p] {
        assert!(matches!(
            VerifierKey::new("a", KeyKind::Ed25519, &public),
            Err(NoteError::Key { .. })
        ));
    }
}

#[test]
fn a_malformed_note_is_refused() {
    let signature = PETER_NOTE.lines().last().unwrap();
    let with = |from: &str, to: &str| PETER_NOTE.replacen(from, to, 1).into_bytes();
    let many = format!("text\n\n{}", format!("{signature}\n").repeat(NOTE_MAX_SIGNATURES + 1));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("no signature", b"text\n\n".to_vec()),
        ("only a text", b"text\n".to_vec()),
        ("no final newline", PETER_NOTE.trim_end().into()),
        ("a blank line after the signatures", format!("{PETER_NOTE}\n").into()),
        ("a tab", with("think", "\t")),
        ("a carriage return", PETER_NOTE.replace('\n', "\r\n").into()),
        ("a hyphen for the dash", with("—", "-")),
        ("an en dash", with("—", "–")),
        ("two spaces", with("— ", "—  ")),
        ("no base64", with("x08go", "x08*o")),
        ("bits behind the end", with("JnAM=", "JnAN=")),
        ("no padding", with("JnAM=", "JnAM")),
        ("a short signature", b"text\n\n\xe2\x80\x94 a AAAAAA==\n".to_vec()),
        ("a plus in the name", with("— PeterNeumann", "— Peter+Neumann")),
        ("no UTF-8", [b"\xff".as_slice(), PETER_NOTE.as_bytes()].concat()),
        ("a line that is no signature", format!("{PETER_NOTE}more\n").into()),
        ("too many signatures", many.into()),
        ("too long", format!("{}\n{PETER_NOTE}", "a".repeat(1 << 20)).into()),
    ];
    for (what, bytes) in cases {
        assert!(
            matches!(Note::parse(&bytes), Err(NoteError::Malformed { .. })),
            "{what} was accepted"
        );
    }
}

#[test]
fn as_many_signatures_as_the_specification_asks_for_are_read() {
    let signature = PETER_NOTE.lines().last().unwrap();
    let text = PETER_NOTE.split("\n\n").next().unwrap();
    let note = format!("{text}\n\n{}", format!("{signature}\n").repeat(16));
    let note = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(note.verify(&[peter()]).unwrap().len(), 1, "one key is one signer");
}

#[test]
fn unknown_signatures_are_passed_over_and_bad_known_ones_are_not() {
    let stranger = SigningKey::from_seed("PeterNeumann", &[7; 32]).unwrap();
    let mut note = Note::parse(PETER_NOTE.as_bytes()).unwrap();
    note.sign(&stranger);
    assert_eq!(note.verify(&[peter()]).unwrap().len(), 1);
    assert_eq!(note.verify(&[peter(), stranger.verifier()]).unwrap().len(), 2);
    let changed = PETER_NOTE.replace("your problem,", "our problem,");
    let changed = Note::parse(changed.as_bytes()).unwrap();
    let bad = NoteError::BadSignature {
        name: "PeterNeumann".to_owned(),
    };
    assert_eq!(changed.verify(&[peter()]), Err(bad.clone()));
    // A good signature by another known key does not heal it.
    let mut changed = changed;
    changed.sign(&stranger);
    assert_eq!(changed.verify(&[stranger.verifier(), peter()]), Err(bad));
}

/// Made with another implementation of Ed25519 (OpenSSL, by way of Python) from the secret 00 01 … 1f.
#[test]
fn signature_and_cosignature_are_those_of_another_implementation() {
    const TEXT: &str = "example.org/log\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";
    const EXPECTED: &str = "example.org/log\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n\
        — example.org/log mK8CO9kejJsKx8e73LyvE6171fQyZdBb3jS18WPAAFMZiU0G3Ev5GmvB99O4i6y5SuOMmImUe7Zq0TIGUAu0fSUnRg4=\n\
        — witness.example/w1 519lMgAAAABlU/EAMq0zAyTIGPH31w8FnVHS9Vy2lZBjaytZqF0ma7YabQL0QQSG5yrNrh3cHH672sdiV3jniQY0J4sSemWdGuhjDg==\n";
    let seed: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let log = SigningKey::from_seed("example.org/log", &seed).unwrap();
    let witness = CosigningKey::from_seed("witness.example/w1", &seed).unwrap();
    let mut note = Note::new(TEXT).unwrap();
    note.sign(&log);
    note.cosign(&witness, 1_700_000_000).unwrap();
    assert_eq!(note.to_string(), EXPECTED);
    assert_eq!(
        log.verifier().to_string(),
        "example.org/log+98af023b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    );
    assert_eq!(
        witness.verifier().to_string(),
        "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    );
    let signers = note.verify(&[log.verifier(), witness.verifier()]).unwrap();
    assert_eq!(signers[1].time_s, Some(1_700_000_000));
    assert!(matches!(
        note.cosign(&witness, u64::MAX),
        Err(NoteError::Malformed { .. })
    ));
    // The time is signed.
    let later = EXPECTED.replace("AABlU/EA", "AABlU/EB");
    assert!(
        Note::parse(later.as_bytes())
            .unwrap()
            .verify(&[witness.verifier()])
            .is_err()
    );
}

#[test]
fn secrets_are_not_shown() {
    let secret = SigningKey::parse(PETER_SECRET).unwrap();
    let witness = CosigningKey::from_seed("w", &[3; 32]).unwrap();
    assert_eq!(format!("{secret:?}"), "SigningKey([hidden])");
    assert_eq!(format!("{witness:?}"), "CosigningKey([hidden])");
    assert_eq!(
        CosigningKey::parse(&witness.danger_encode()).unwrap().verifier(),
        witness.verifier()
    );
    assert!(
        SigningKey::parse(&witness.danger_encode()).is_err(),
        "one kind is not the other"
    );
}

proptest! {
    #[test]
    fn random_bytes_are_no_note_or_come_back_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn random_text_is_no_note_or_comes_back_the_same(text in "([a-z \n—+=A0]{0,40}\n\n(— [a+]{1,3} [A-D]{4,8}={0,2}\n){0,3}){0,2}") {
        if let Ok(note) = Note::parse(text.as_bytes()) {
            prop_assert_eq!(&note.to_string(), &text);
        }
        let _ = VerifierKey::parse(&text);
        let _ = SigningKey::parse(&text);
    }

    #[test]
    fn no_changed_byte_of_a_text_verifies(position in 0_usize..90, change in 1_u8..=255) {
        let mut bytes = PETER_NOTE.as_bytes().to_vec();
        bytes[position] ^= change;
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert!(note.verify(&[peter()]).is_err());
        }
    }
}
