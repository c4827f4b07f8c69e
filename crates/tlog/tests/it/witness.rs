//! A witness: the printed request, each status of the specification, and two requests at once.

use crate::fixture::{Log, ORIGIN, key};
use bearingwall_tlog::merkle::{SourceError, consistency_proof};
use bearingwall_tlog::note::{CosigningKey, Note};
use bearingwall_tlog::witness::{
    AddCheckpointRequest, Answer, FileStore, MemoryStore, Witness, WitnessError, WitnessStore, WitnessedCheckpoint,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Barrier;

/// The request that C2SP tlog-witness prints.
const PRINTED: &str = "old 20852014\n\
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
    jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
    5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
    /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
    \n\
    example.com/behind-the-sofa\n\
    20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
    \n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

const NOW: u64 = 1_700_000_000;

fn cosigner() -> CosigningKey {
    CosigningKey::from_seed("witness.example/1", &[42; 32]).unwrap()
}

fn witness<S: WitnessStore>(store: S) -> Witness<S> {
    let known = BTreeMap::from([(ORIGIN.to_owned(), vec![key(1).verifier()])]);
    Witness::new(cosigner(), known, store)
}

fn request(log: &Log, old_size: u64, size: u64) -> AddCheckpointRequest {
    AddCheckpointRequest {
        old_size,
        proof: consistency_proof(&log.tree, old_size, size).unwrap(),
        checkpoint: log.checkpoint(size),
    }
}

fn ask<S: WitnessStore>(witness: &Witness<S>, request: &AddCheckpointRequest) -> Answer {
    witness.add_checkpoint(request.to_string().as_bytes(), NOW).unwrap()
}

#[test]
fn the_printed_request_is_read_and_written_the_same() {
    let request = AddCheckpointRequest::parse(PRINTED.as_bytes()).unwrap();
    assert_eq!(request.old_size, 20_852_014);
    assert_eq!(request.proof.len(), 4);
    assert_eq!(request.checkpoint.signatures().len(), 2);
    assert_eq!(request.to_string(), PRINTED);
}

#[test]
fn what_continues_is_cosigned() {
    let log = Log::new(50);
    let witness = witness(MemoryStore::default());
    for (old, size) in [(0, 7), (7, 7), (7, 8), (8, 50)] {
        let request = request(&log, old, size);
        let Answer::Accepted(signature) = ask(&witness, &request) else {
            panic!("{old} to {size}")
        };
        // As a client does: the answer's line below the checkpoint.
        let cosigned = format!("{}{}", request.checkpoint, Answer::Accepted(signature).body());
        let note = Note::parse(cosigned.as_bytes()).unwrap();
        let signers = note.verify(&[witness.verifier()]).unwrap();
        assert_eq!(signers[0].time_s, Some(NOW));
        assert_eq!(witness.store().latest(ORIGIN).unwrap().unwrap().size(), size);
    }
}

#[test]
fn every_refusal_has_the_status_of_the_specification() {
    let log = Log::new(50);
    let witness = witness(MemoryStore::default());
    ask(&witness, &request(&log, 0, 20));
    let check = |request: &AddCheckpointRequest, answer: Answer, status: u16| {
        assert_eq!(answer.status(), status);
        assert_eq!(ask(&witness, request), answer);
        assert_eq!(
            witness.store().latest(ORIGIN).unwrap().unwrap().size(),
            20,
            "nothing is stored"
        );
    };
    // 404
    let mut other = request(&log, 20, 30);
    let renamed = other.checkpoint.to_string().replace(ORIGIN, "another.example/log");
    other.checkpoint = Note::parse(renamed.as_bytes()).unwrap();
    check(&other, Answer::UnknownOrigin, 404);
    // 403: by another key, and by the right key over something else.
    let mut forged = request(&log, 20, 30);
    forged.checkpoint = log.checkpoint_by(30, &key(2));
    check(&forged, Answer::BadSignature, 403);
    let changed = log.checkpoint(30).to_string().replace("\n30\n", "\n31\n");
    forged.checkpoint = Note::parse(changed.as_bytes()).unwrap();
    check(&forged, Answer::BadSignature, 403);
    // 400: the old size is above the new one.
    let mut backwards = request(&log, 10, 10);
    backwards.old_size = 11;
    check(&backwards, Answer::Malformed, 400);
    // 409: not the latest size, older and newer.
    check(&request(&log, 10, 30), Answer::Conflict(20), 409);
    check(&request(&log, 25, 30), Answer::Conflict(20), 409);
    check(&request(&log, 0, 30), Answer::Conflict(20), 409);
    assert_eq!(Answer::Conflict(20).body(), "20\n");
    // 409: the same size with another root.
    check(&request(&Log::forked(50, 3), 20, 20), Answer::Conflict(20), 409);
    // 422: a fork, a proof too short, a proof where none belongs.
    check(&request(&Log::forked(50, 3), 20, 30), Answer::BadProof, 422);
    let mut short = request(&log, 20, 30);
    short.proof.pop();
    check(&short, Answer::BadProof, 422);
    let mut needless = request(&log, 20, 20);
    needless.proof = short.proof;
    check(&needless, Answer::BadProof, 422);
    for body in [
        "",
        "old 20\n",
        "old 020\n\n",
        "new 20\n\nx\n\n",
        &PRINTED.replacen("old", "old ", 1),
    ] {
        assert_eq!(witness.add_checkpoint(body.as_bytes(), NOW).unwrap(), Answer::Malformed);
    }
    let lines = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(64);
    let many = format!("old 20\n{lines}\n{}", log.checkpoint(30));
    assert_eq!(witness.add_checkpoint(many.as_bytes(), NOW).unwrap(), Answer::Malformed);
}

#[test]
fn a_fork_is_not_cosigned_from_the_start_either() {
    let witness = witness(MemoryStore::default());
    let log = Log::new(5);
    let mut request = request(&log, 0, 5);
    request.proof = vec![*log.signed(5).root()];
    assert_eq!(ask(&witness, &request), Answer::BadProof);
    assert!(witness.store().latest(ORIGIN).unwrap().is_none());
}

#[test]
fn a_folder_remembers_over_a_restart() {
    let log = Log::new(50);
    let folder = tempfile::tempdir().unwrap();
    let open = || witness(FileStore::open(folder.path().join("witness")).unwrap());
    assert_eq!(ask(&open(), &request(&log, 0, 20)).status(), 200);
    assert_eq!(ask(&open(), &request(&log, 0, 20)), Answer::Conflict(20));
    assert_eq!(ask(&open(), &request(&log, 20, 30)).status(), 200);
    // The file is the cosigned checkpoint.
    let store = FileStore::open(folder.path().join("witness")).unwrap();
    let note = Note::parse(&std::fs::read(store.path(ORIGIN)).unwrap()).unwrap();
    assert_eq!(note.text(), log.checkpoint(30).text());
    assert_eq!(
        note.verify(&[key(1).verifier(), cosigner().verifier()]).unwrap().len(),
        2
    );
    // A file that is damaged is an error, not a log that nobody has seen.
    std::fs::write(store.path(ORIGIN), b"").unwrap();
    let body = request(&log, 0, 20).to_string();
    assert!(matches!(
        open().add_checkpoint(body.as_bytes(), NOW),
        Err(WitnessError::Store(_))
    ));
}

/// A store that lets another request go first, as the race in the specification does.
struct Racing<'a> {
    inner: &'a MemoryStore,
    barrier: &'a Barrier,
}

impl WitnessStore for Racing<'_> {
    fn latest(&self, origin: &str) -> Result<Option<WitnessedCheckpoint>, SourceError> {
        self.inner.latest(origin)
    }

    fn compare_and_store(
        &self,
        origin: &str,
        expected: Option<&WitnessedCheckpoint>,
        new: &WitnessedCheckpoint,
    ) -> Result<bool, SourceError> {
        self.barrier.wait();
        self.inner.compare_and_store(origin, expected, new)
    }
}

#[test]
fn two_requests_at_once_never_roll_the_log_back() {
    let log = Log::new(50);
    let (store, barrier) = (MemoryStore::default(), Barrier::new(2));
    ask(&witness(&store), &request(&log, 0, 10));
    let (one, other) = std::thread::scope(|scope| {
        let run = |size| {
            let racing = Racing {
                inner: &store,
                barrier: &barrier,
            };
            let request = request(&log, 10, size);
            scope.spawn(move || ask(&witness(racing), &request))
        };
        let (one, other) = (run(30), run(20));
        (one.join().unwrap(), other.join().unwrap())
    });
    let size = store.latest(ORIGIN).unwrap().unwrap().size();
    match (one, other) {
        (Answer::Accepted(_), Answer::Conflict(30)) => assert_eq!(size, 30),
        (Answer::Conflict(20), Answer::Accepted(_)) => assert_eq!(size, 20),
        both => panic!("{both:?}"),
    }
}

proptest! {
    #[test]
    fn random_bodies_are_refused_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), change in 1_u8..=255) {
        let witness = witness(MemoryStore::default());
        prop_assert_ne!(witness.add_checkpoint(&bytes, NOW).unwrap().status(), 200);
        let log = Log::new(9);
        ask(&witness, &request(&log, 0, 5));
        let mut body = request(&log, 5, 9).to_string().into_bytes();
        let at = at.index(body.len());
        body[at] ^= change;
        prop_assert_ne!(witness.add_checkpoint(&body, NOW).unwrap().status(), 200);
    }
}
