//! Offline proofs: the printed form, and everything that must hold of one.

use crate::fixture::{Log, ORIGIN, key};
use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::{MerkleError, inclusion_proof};
use bearingwall_tlog::note::CosigningKey;
use bearingwall_tlog::proof::{LogProof, ProofError};
use proptest::prelude::*;

/// The example that C2SP tlog-proof prints. Its signatures and its extra data are abbreviated there, so that the lines
/// with `[...]` are filled up here and the extra data is other.
const PRINTED: &str = "c2sp.org/tlog-proof@v1\n\
    extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n\
    index 73894\n\
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n\
    B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\
    EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n\
    RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n\
    AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n\
    \n\
    example.com/fancylog\n\
    109482\n\
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\
    \n\
    — example.com/fancylog hI2DJwAAAAAA\n\
    — witness1.example mJIirAAAAAAA\n";

fn proof(log: &Log, index: u64, size: u64) -> LogProof {
    LogProof {
        extra: Some(b"extra".to_vec()),
        index,
        hashes: inclusion_proof(&log.tree, index, size).unwrap(),
        checkpoint: log.checkpoint(size),
    }
}

#[test]
fn the_printed_form_is_read_and_written_the_same() {
    let proof = LogProof::parse(PRINTED.as_bytes()).unwrap();
    assert_eq!(
        proof.extra.as_deref(),
        Some(b"age-v1.2.1-darwin-arm64.tar.gz".as_slice())
    );
    assert_eq!(proof.index, 73_894);
    assert_eq!(proof.hashes.len(), 5);
    assert_eq!(proof.to_string(), PRINTED);
    let without = PRINTED.replace("extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n", "");
    let proof = LogProof::parse(without.as_bytes()).unwrap();
    assert_eq!(proof.extra, None);
    assert_eq!(proof.to_string(), without);
}

#[test]
fn a_malformed_proof_is_refused() {
    let with = |from: &str, to: &str| PRINTED.replacen(from, to, 1);
    for text in [
        String::new(),
        with("@v1", "@v2"),
        with("extra YWdl", "extra *"),
        with("extra ", "Extra "),
        with("index 73894\n", ""),
        with("index 73894", "index 073894"),
        with("index 73894", "index  73894"),
        with("PlQ=", "PlQ"),
        with("PlQ=", "PlR="),
        with("PlQ=\n", "PlQ=\n\n"),
        with("\n\nexample.com/fancylog", "\nexample.com/fancylog"),
        with("109482\n", "109482\n\t"),
        PRINTED.replace('\n', "\r\n"),
        with(
            "index 73894\n",
            &format!(
                "index 73894\n{}",
                "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n".repeat(60)
            ),
        ),
    ] {
        assert!(LogProof::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_proof_holds_for_its_entry_its_log_and_its_witnesses_only() {
    let log = Log::new(100);
    let leaf = Hash::leaf(&log.lines[37]);
    let keys = [log.key.verifier()];
    let witness = CosigningKey::from_seed("witness.example", &[8; 32]).unwrap();
    let witnesses = [witness.verifier()];
    let mut proof = proof(&log, 37, 100);
    let read = LogProof::parse(proof.to_string().as_bytes()).unwrap();
    assert_eq!(read, proof);
    assert_eq!(read.verify(&leaf, ORIGIN, &keys, &[], 0).unwrap().size(), 100);
    assert!(read.verify(&leaf, ORIGIN, &keys, &witnesses, 1).is_err());
    proof.checkpoint.cosign(&witness, 1).unwrap();
    proof.verify(&leaf, ORIGIN, &keys, &witnesses, 1).unwrap();
    let other = Hash::leaf(&log.lines[38]);
    assert!(matches!(
        proof.verify(&other, ORIGIN, &keys, &[], 0),
        Err(ProofError::Inclusion(MerkleError::Root))
    ));
    assert!(proof.verify(&leaf, "other", &keys, &[], 0).is_err());
    assert!(proof.verify(&leaf, ORIGIN, &[key(2).verifier()], &[], 0).is_err());
    proof.index = 36;
    assert!(proof.verify(&leaf, ORIGIN, &keys, &[], 0).is_err());
}

proptest! {
    #[test]
    fn no_changed_byte_of_a_proof_verifies(at in any::<prop::sample::Index>(), change in 1_u8..=255) {
        let log = Log::new(20);
        let mut proof = proof(&log, 11, 20);
        proof.extra = None;
        let mut bytes = proof.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        if let Ok(read) = LogProof::parse(&bytes) {
            prop_assert!(read.verify(&Hash::leaf(&log.lines[11]), ORIGIN, &[log.key.verifier()], &[], 0).is_err());
        }
    }

    #[test]
    fn random_bytes_are_no_proof(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = [b"c2sp.org/tlog-proof@v1\n".as_slice(), &bytes].concat();
        for bytes in [bytes, text] {
            if let Ok(proof) = LogProof::parse(&bytes) {
                prop_assert_eq!(proof.to_string().into_bytes(), bytes);
            }
        }
    }
}
