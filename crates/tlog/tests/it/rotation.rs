//! Rotations: which key is right at which size, and which chains are none.

use crate::fixture::{ORIGIN, key};
use bearingwall_tlog::note::{CosigningKey, Note, SigningKey};
use bearingwall_tlog::rotation::{KeyChain, Rotation, RotationError};
use proptest::prelude::*;

fn handover(old: &SigningKey, from_size: u64, new: &SigningKey) -> String {
    let rotation = Rotation::new(ORIGIN, from_size, new.verifier()).unwrap();
    rotation.sign(old).unwrap().to_string()
}

fn follow(trusted: &SigningKey, rotations: &[String]) -> Result<KeyChain, RotationError> {
    KeyChain::verify(ORIGIN, &trusted.verifier(), rotations)
}

#[test]
fn each_size_has_its_key() {
    let (first, second, third) = (key(1), key(2), key(3));
    let rotations = [handover(&first, 10, &second), handover(&second, 20, &third)];
    let chain = follow(&first, &rotations).unwrap();
    for (size, expected) in [
        (0, &first),
        (9, &first),
        (10, &second),
        (19, &second),
        (20, &third),
        (u64::MAX, &third),
    ] {
        assert_eq!(chain.key_at(size), Some(&expected.verifier()), "{size}");
    }
    let single = follow(&first, &[]).unwrap();
    assert_eq!(single, KeyChain::single(first.verifier()));
    // From a later key on, and nothing before it.
    let later = follow(&second, &rotations).unwrap();
    assert_eq!(later.key_at(9), None);
    assert_eq!(later.key_at(10), Some(&second.verifier()));
    assert_eq!(later.key_at(20), Some(&third.verifier()));
}

#[test]
fn the_text_has_four_lines() {
    let rotation = Rotation::new(ORIGIN, 10, key(2).verifier()).unwrap();
    let text = format!("{ORIGIN}\nbearingwall-key-rotation/v1\n10\n{}\n", key(2).verifier());
    assert_eq!(rotation.to_string(), text);
    assert_eq!(Rotation::parse(&text), Ok(rotation));
    for wrong in [
        text.replace("/v1", "/v2"),
        text.replace("\n10\n", "\n010\n"),
        text.replace("\n10\n", "\n"),
        format!("{text}more\n"),
        text.trim_end().to_owned(),
        text.replacen(ORIGIN, "", 1),
    ] {
        assert!(
            matches!(Rotation::parse(&wrong), Err(RotationError::Malformed { .. })),
            "{wrong}"
        );
    }
    let cosigner = CosigningKey::from_seed("w", &[4; 32]).unwrap();
    assert!(Rotation::new(ORIGIN, 1, cosigner.verifier()).is_err());
}

#[test]
fn what_the_key_before_did_not_sign_is_refused() {
    let (first, second, third) = (key(1), key(2), key(3));
    // By nobody, by itself, by a stranger, by the one before the one before.
    assert_eq!(
        follow(&first, &[handover(&second, 10, &second)]),
        Err(RotationError::Untrusted)
    );
    assert_eq!(
        follow(&first, &[handover(&third, 10, &second)]),
        Err(RotationError::Untrusted)
    );
    let skipping = [handover(&first, 10, &second), handover(&first, 20, &third)];
    assert_eq!(follow(&first, &skipping), Err(RotationError::Untrusted));
    let forged = handover(&first, 10, &second).replace("\n10\n", "\n11\n");
    assert!(matches!(follow(&first, &[forged]), Err(RotationError::Note(_))));
    assert_eq!(
        follow(&third, &[handover(&first, 10, &second)]),
        Err(RotationError::Untrusted)
    );
}

#[test]
fn a_chain_only_goes_forwards_and_stays_with_its_log() {
    let (first, second, third) = (key(1), key(2), key(3));
    let falling = [handover(&first, 20, &second), handover(&second, 19, &third)];
    assert_eq!(follow(&first, &falling), Err(RotationError::Order));
    let returning = [
        handover(&first, 10, &second),
        handover(&second, 20, &third),
        handover(&third, 30, &second),
    ];
    assert_eq!(follow(&first, &returning), Err(RotationError::Order));
    // A trusted key that comes back is trusted from there on, and what lies before is not.
    let returning = [handover(&first, 10, &second), handover(&second, 20, &first)];
    let chain = follow(&first, &returning).unwrap();
    assert_eq!((chain.key_at(19), chain.key_at(20)), (None, Some(&first.verifier())));
    let other = Rotation::new("another.example", 10, second.verifier()).unwrap();
    let other = other.sign(&first).unwrap().to_string();
    assert!(matches!(follow(&first, &[other]), Err(RotationError::Origin { .. })));
}

proptest! {
    #[test]
    fn random_rotations_are_refused_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[a-z\n0-9+/=]{0,80}") {
        prop_assert!(KeyChain::verify(ORIGIN, &key(1).verifier(), &[&bytes]).is_err());
        let mut text = text;
        text.push('\n');
        if let Ok(note) = Note::new(text.clone()) {
            let mut note = note;
            note.sign(&key(1));
            prop_assert!(KeyChain::verify(ORIGIN, &key(1).verifier(), &[note.to_string()]).is_err());
        }
    }
}
