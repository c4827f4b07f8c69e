//! Witnesses take what continues, and nothing else.

use crate::fixture::{ORIGIN, Record, SPRUCE, key, seal_all};
use bearingwall_sealing::{FileWitness, Left, log_origin};
use bearingwall_tlog::note::CosigningKey;
use bearingwall_tlog::witness::{Answer, MemoryStore, Witness};
use std::collections::BTreeMap;

#[tokio::test]
async fn aud_5_a_directory_keeps_each_checkpoint_and_refuses_what_does_not_continue() {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    let directory = tempfile::tempdir().unwrap();
    let witness = FileWitness::new("vault", directory.path());
    let origin = log_origin(ORIGIN, SPRUCE);
    for count in [3, 300] {
        record.write(SPRUCE, count).await;
        seal_all(&mut sealer).await;
        for due in sealer.due("vault").await.unwrap() {
            let left = witness.leave(&due.offer).unwrap();
            assert_eq!(left, Left::Kept(None));
            sealer.answered(&due, "vault", &left).await.unwrap();
        }
        assert!(sealer.due("vault").await.unwrap().is_empty(), "nothing is left twice");
    }
    let kept: Vec<u64> = witness
        .kept(&origin)
        .unwrap()
        .into_iter()
        .map(|(size, _)| size)
        .collect();
    assert_eq!(kept, [3, 303]);

    // The same size with another note, and a smaller one.
    let mut due = sealer.due("another").await.unwrap();
    let offer = &mut due.iter_mut().find(|due| due.customer == SPRUCE).unwrap().offer;
    assert_eq!(
        witness.leave(offer).unwrap(),
        Left::Kept(None),
        "the same again is no harm"
    );
    offer.note.push('\n');
    assert_eq!(witness.leave(offer).unwrap(), Left::Refused("forked"));
    offer.size = 200;
    assert_eq!(witness.leave(offer).unwrap(), Left::Refused("rewound"));
    let refused = due.iter().find(|due| due.customer == SPRUCE).unwrap();
    sealer
        .answered(refused, "vault", &Left::Refused("rewound"))
        .await
        .unwrap();
    assert_eq!(
        record
            .number(&format!(
                "SELECT count(*) FROM audit.events WHERE event_type = 'witness.refused' AND resource_id = '{SPRUCE}'"
            ))
            .await,
        1
    );
    assert!(
        FileWitness::new("gone", directory.path().join("nowhere"))
            .leave(&refused.offer)
            .is_err()
    );
}

#[tokio::test]
async fn aud_5_what_is_offered_is_what_a_c2sp_witness_takes() {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    let origin = log_origin(ORIGIN, SPRUCE);
    let cosigner = CosigningKey::from_seed("witness.example.net", &[7; 32]).unwrap();
    let known = BTreeMap::from([(origin.clone(), vec![key(1).verifier(&origin).unwrap()])]);
    let witness = Witness::new(cosigner, known, MemoryStore::default());
    for (round, count) in [1, 1, 270, 3].into_iter().enumerate() {
        record.write(SPRUCE, count).await;
        seal_all(&mut sealer).await;
        let due = sealer.due("witness.example.net").await.unwrap();
        let due = due.iter().find(|due| due.customer == SPRUCE).unwrap();
        assert_eq!(due.offer.old_size == 0, round == 0);
        let answer = witness
            .add_checkpoint(due.offer.to_body().as_bytes(), 1_750_000_000)
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.body());
        sealer
            .answered(due, "witness.example.net", &Left::Kept(Some(answer.body())))
            .await
            .unwrap();
        // Without the proof it does not.
        if round > 0 {
            let mut without = due.offer.clone();
            without.old_size = 0;
            without.proof.clear();
            let refused: Answer = witness
                .add_checkpoint(without.to_body().as_bytes(), 1_750_000_000)
                .unwrap();
            assert_eq!(refused.status(), 409);
        }
    }
}
