//! Checkpoints: the printed examples, the exact form, and who may sign.

use bearingwall_tlog::Hash;
use bearingwall_tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use bearingwall_tlog::note::{CosigningKey, Note, NoteError, SigningKey};
use proptest::prelude::*;

/// The example that C2SP tlog-cosignature prints: the one of tlog-checkpoint with a cosignature.
const SOFA: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

const ORIGIN: &str = "example.org/log";

fn log() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn signed(size: u64) -> Note {
    let root = if size == 0 {
        Hash::empty_root()
    } else {
        Hash::leaf(b"root")
    };
    Checkpoint::new(ORIGIN, size, root).unwrap().sign(&[&log()]).unwrap()
}

#[test]
fn the_printed_example_is_read_and_written_the_same() {
    let note = Note::parse(SOFA.as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(
        checkpoint.root().to_base64(),
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    );
    assert_eq!(checkpoint.to_string(), note.text());
    // The cosignature's time is the one in the specification's signed message: 1679315147.
    let time = note.signatures()[1].signature()[..8].try_into().unwrap();
    assert_eq!(u64::from_be_bytes(time), 1_679_315_147);
}

#[test]
fn a_malformed_text_is_refused() {
    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for text in [
        String::new(),
        "\n".to_owned(),
        "a\n1\n".to_owned(),
        format!("a\n1\n{ROOT}"),
        format!("\n1\n{ROOT}\n"),
        format!("a\n01\n{ROOT}\n"),
        format!("a\n+1\n{ROOT}\n"),
        format!("a\n-1\n{ROOT}\n"),
        format!("a\n1 \n{ROOT}\n"),
        format!("a\n\n{ROOT}\n"),
        format!("a\n18446744073709551616\n{ROOT}\n"),
        format!("a\n1\n{}\n", ROOT.trim_end_matches('=')),
        "a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n".to_owned(),
        "a\n1\nAAAA\n".to_owned(),
        format!("a\n1\n{ROOT}\n\n"),
        format!("a\n1\n{ROOT}\nx\n\ny\n"),
        // The empty tree has one root.
        format!("a\n0\n{ROOT}\n"),
    ] {
        assert!(
            matches!(Checkpoint::parse(&text), Err(CheckpointError::Malformed { .. })),
            "{text:?}"
        );
    }
    let extended = format!("a\n18446744073709551615\n{ROOT}\nx\ny z\n");
    let checkpoint = Checkpoint::parse(&extended).unwrap();
    assert_eq!(checkpoint.extensions(), ["x", "y z"]);
    assert_eq!(checkpoint.to_string(), extended);
}

#[test]
fn only_the_logs_own_key_opens_a_checkpoint() {
    let bytes = signed(3).to_string();
    let open = |origin: &str, keys: &[_]| SignedCheckpoint::open(bytes.as_bytes(), origin, keys);
    assert_eq!(open(ORIGIN, &[log().verifier()]).unwrap().size(), 3);
    let other = SigningKey::from_seed(ORIGIN, &[2; 32]).unwrap();
    assert_eq!(
        open(ORIGIN, &[other.verifier()]),
        Err(CheckpointError::Note(NoteError::Unsigned))
    );
    assert!(matches!(
        open("example.org/other", &[log().verifier()]),
        Err(CheckpointError::Origin { .. })
    ));
    assert!(open(ORIGIN, &[]).is_err());
}

#[test]
fn a_quorum_counts_witnesses_and_nobody_twice() {
    let first = CosigningKey::from_seed("w.example/1", &[11; 32]).unwrap();
    let second = CosigningKey::from_seed("w.example/2", &[12; 32]).unwrap();
    // The first witness under another name.
    let alias = CosigningKey::from_seed("w.example/alias", &[11; 32]).unwrap();
    let mut note = signed(3);
    note.cosign(&first, 5).unwrap();
    note.cosign(&first, 6).unwrap();
    note.cosign(&alias, 6).unwrap();
    let keys = [first.verifier(), second.verifier(), alias.verifier(), log().verifier()];
    let opened = SignedCheckpoint::verify(note.clone(), ORIGIN, &[log().verifier()]).unwrap();
    assert_eq!(opened.cosigners(&keys, 1).unwrap().len(), 1);
    assert_eq!(
        opened.cosigners(&keys, 2),
        Err(CheckpointError::Quorum { found: 1, needed: 2 })
    );
    note.cosign(&second, 7).unwrap();
    let opened = SignedCheckpoint::verify(note, ORIGIN, &[log().verifier()]).unwrap();
    assert_eq!(opened.cosigners(&keys, 2).unwrap().len(), 2);
}

proptest! {
    #[test]
    fn random_text_is_no_checkpoint_or_comes_back_the_same(text in "[a0-9\n]{0,20}([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n)?[a\n]{0,3}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }
}
