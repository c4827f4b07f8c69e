//! Checkpoints, proofs, tiles and entries of a tenant's log, verified without the server; never of another tenant's.

use super::{bare, items, open};
use crate::clients::person;
use crate::site::Server;
use bearingwall_tlog::Hash;
use bearingwall_tlog::checkpoint::SignedCheckpoint;
use bearingwall_tlog::merkle::{self, SourceError, verify_consistency};
use bearingwall_tlog::note::CosigningKey;
use bearingwall_tlog::proof::LogProof;
use bearingwall_tlog::tile::{Tile, TilePath, TileReader, TileSource, decode_entries};
use serde_json::json;
use uuid::Uuid;

#[test]
fn aud_5_checkpoints_and_proofs_of_the_api_verify_without_the_server() {
    let (site, server) = open();
    let tenant = site.tenants.juniper;
    let token = site.administrator(tenant);
    let early = server.get("/v1/audit/checkpoints/latest", &token);
    assert_eq!(early.refusal(), (404, "AUD-004".to_owned()));
    let early = server.get("/v1/audit/proofs/consistency?from=0", &token);
    assert_eq!(early.refusal(), (404, "AUD-004".to_owned()));

    let (origin, key) = site.log_of(tenant);
    let keys = [key];
    let checkpoint = || {
        let answer = server.get("/v1/audit/checkpoints/latest", &token);
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "text/plain; charset=utf-8"),
            "{answer:?}"
        );
        SignedCheckpoint::open(answer.body.as_bytes(), &origin, &keys).unwrap()
    };
    let client = server.new_client(&token, &person("Ada", "Proven"));
    site.seal();
    let first = checkpoint();
    // Enough leaves that the proofs go through kept nodes of the first level and not through leaves alone.
    site.execute(&format!(
        "INSERT INTO audit.events (customer_id, event_id, actor_id, request_id, event_type, phase, outcome)
         SELECT '{tenant}', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'session.started', 'completed', 'success'
           FROM generate_series(1, 600)"
    ));
    site.seal();
    let second = checkpoint();
    assert!(second.size() > 600 && first.size() < second.size());

    // What a witness answered stands under the log's own signature.
    let witness = CosigningKey::from_seed("witness.example.net", &[9; 32]).unwrap();
    let mut cosigned = second.note().clone();
    cosigned.danger_cosign(&witness, 1_795_698_290).unwrap();
    let line = cosigned.signatures().last().unwrap();
    site.execute(&format!(
        "INSERT INTO audit.witnessed (customer_id, tree_size, witness, cosignature)
         VALUES ('{tenant}', {size}, 'witness.example.net', '{line}'), ('{tenant}', {size}, 'silent.example.net', NULL),
                ('{tenant}', {size}, 'broken.example.net', 'no signature')",
        size = second.size()
    ));
    let witnesses = [witness.verifier()];
    assert_eq!(checkpoint().cosigners(&witnesses, 1).unwrap().len(), 1);
    assert!(second.cosigners(&witnesses, 1).is_err());

    let (earlier, later) = (first.size(), second.size());
    let proof = server.get(
        &format!("/v1/audit/proofs/consistency?from={earlier}&to={later}"),
        &token,
    );
    let hashes: Vec<Hash> = proof.json()["hashes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| Hash::from_base64(hash.as_str().unwrap()).unwrap())
        .collect();
    verify_consistency(earlier, first.root(), later, second.root(), &hashes).unwrap();
    assert!(!hashes.is_empty());
    let newest = server
        .get(&format!("/v1/audit/proofs/consistency?from={later}"), &token)
        .json();
    assert_eq!(newest, json!({"from": later, "to": later, "hashes": []}));
    for (from, to) in [(later, earlier), (earlier, later + 1)] {
        let refused = server.get(&format!("/v1/audit/proofs/consistency?from={from}&to={to}"), &token);
        assert_eq!(refused.refusal(), (400, "AUD-005".to_owned()), "{from} {to}");
    }

    let events = items(&server.get(&format!("/v1/audit/events?client_id={client}"), &token));
    let filler = items(&server.get("/v1/audit/events?event_type=session.started&limit=2", &token));
    let mut proven = 0;
    for item in events.iter().chain(&filler).filter(|item| item["leaf_index"].is_u64()) {
        let id = item["event"]["event_id"].as_str().unwrap();
        let answer = server.get(&format!("/v1/audit/proofs/inclusion?event_id={id}"), &token);
        assert_eq!(answer.status, 200, "{answer:?}");
        let proof = LogProof::parse(answer.body.as_bytes()).unwrap();
        assert_eq!(json!(proof.index), item["leaf_index"]);
        // The event as it was answered is the data of its leaf.
        let leaf = Hash::leaf(item["event"].to_string().as_bytes());
        proof.verify(&leaf, &origin, &keys, &witnesses, 1).unwrap();
        let mut changed = item["event"].clone();
        changed["outcome"] = json!("denied");
        let changed = Hash::leaf(changed.to_string().as_bytes());
        assert!(proof.verify(&changed, &origin, &keys, &witnesses, 1).is_err());
        proven += 1;
    }
    assert!(proven >= 4, "{events:?}");
    // The readings above are not sealed yet.
    let fresh = items(&server.get("/v1/audit/events?event_type=audit.proven&limit=1", &token));
    assert!(fresh[0]["leaf_index"].is_null());
    let id = fresh[0]["event"]["event_id"].as_str().unwrap();
    let unsealed = server.get(&format!("/v1/audit/proofs/inclusion?event_id={id}"), &token);
    assert_eq!(unsealed.refusal(), (404, "AUD-004".to_owned()));
    // That it was asked for stands on the record nevertheless.
    let asked = unsealed.correlation_id();
    let asked = site.ask(&format!(
        "SELECT concat_ws(' ', event_type, phase, result_count, resource_id) FROM audit.events WHERE request_id = '{asked}'"
    ));
    assert_eq!(asked, [format!("audit.proven completed 0 {id}")]);
}

/// The tiles of a log, fetched one by one.
struct Fetched<'a> {
    server: &'a Server,
    token: &'a str,
}

impl TileSource for Fetched<'_> {
    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, SourceError> {
        let path = TilePath::Hashes(*tile);
        let answer = self.server.get(&format!("/v1/audit/log/{path}"), self.token);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        Ok(answer.bytes)
    }
}

#[test]
fn aud_5_the_tiles_of_the_api_are_the_tree_that_was_signed_and_the_entries_are_its_leaves() {
    let (site, server) = open();
    let tenant = site.tenants.juniper;
    let token = site.administrator(tenant);
    let get = |path: &str| server.get(&format!("/v1/audit/log/{path}"), &token);
    assert_eq!(get("checkpoint").refusal(), (404, "AUD-004".to_owned()));
    site.execute(&format!(
        "INSERT INTO audit.events (customer_id, event_id, actor_id, request_id, event_type, phase, outcome)
         SELECT '{tenant}', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'session.started', 'completed', 'success'
           FROM generate_series(1, 600)"
    ));
    site.seal();
    let (origin, key) = site.log_of(tenant);
    let checkpoint = SignedCheckpoint::open(&get("checkpoint").bytes, &origin, &[key]).unwrap();
    let size = checkpoint.size();
    assert!((601..700).contains(&size), "{size}");

    let source = Fetched {
        server: &server,
        token: &token,
    };
    let root = merkle::tree_root(&TileReader::new(source, size), size).unwrap();
    assert_eq!(root, *checkpoint.root());

    // The entries are what the leaves were made of, full bundles and the last.
    let mut leaves = 0;
    for index in 0..=size / 256 {
        let tile = Tile::in_tree(0, index, size).unwrap();
        let width = tile.width();
        let path = TilePath::Entries { index, width };
        let bundle = get(&path.to_string());
        assert_eq!(bundle.status, 200, "{path}: {bundle:?}");
        let hashes: Vec<Hash> = decode_entries(&bundle.bytes)
            .unwrap()
            .into_iter()
            .map(Hash::leaf)
            .collect();
        let content = get(&TilePath::Hashes(tile).to_string()).bytes;
        assert_eq!(hashes, tile.hashes(&content).unwrap(), "{path}");
        leaves += hashes.len();
    }
    assert_eq!(leaves as u64, size);
    // A leaf that is asked for by its index is proven as itself.
    let by_index = server.get("/v1/audit/proofs/inclusion?leaf_index=7", &token);
    assert_eq!(LogProof::parse(&by_index.bytes).unwrap().index, 7);
    let beyond = server.get(&format!("/v1/audit/proofs/inclusion?leaf_index={size}"), &token);
    assert_eq!(beyond.refusal(), (400, "AUD-005".to_owned()));
    for query in ["", "?leaf_index=1&event_id=01890000-0000-7000-8000-000000000001"] {
        let refused = server.get(&format!("/v1/audit/proofs/inclusion{query}"), &token);
        assert_eq!(refused.refusal(), (400, "HTP-007".to_owned()), "{query}");
    }

    let wider = size % 256 + 1;
    for (path, code) in [
        (format!("tile/0/002.p/{wider}"), "AUD-004"),
        (format!("tile/entries/002.p/{wider}"), "AUD-004"),
        ("tile/0/002".to_owned(), "AUD-004"),
        ("tile/1/000".to_owned(), "AUD-004"),
        ("tile/2/000.p/1".to_owned(), "AUD-004"),
        ("tile/7/x999/x999/x999/x999/x999/x999/999".to_owned(), "HTP-001"),
        ("tile/0/0".to_owned(), "HTP-001"),
        ("tile/64/000".to_owned(), "HTP-001"),
        ("tile/0/x000/001".to_owned(), "HTP-001"),
        ("tile/entries/0/000".to_owned(), "HTP-001"),
        ("tile/0/..%2f..%2fcheckpoint".to_owned(), "HTP-001"),
    ] {
        assert_eq!(get(&path).refusal(), (404, code.to_owned()), "{path}");
    }
    let stranger = site.administrator(site.tenants.saltmarsh);
    for path in ["checkpoint", "tile/0/000", "tile/entries/000"] {
        let refused = server.get(&format!("/v1/audit/log/{path}"), &stranger);
        assert_eq!(refused.refusal(), (404, "AUD-004".to_owned()), "{path}");
    }
}

#[test]
fn ten_1_the_proofs_of_another_tenants_log_are_not_handed_out() {
    let (site, server) = open();
    let owner = site.administrator(site.tenants.juniper);
    let stranger = site.administrator(site.tenants.saltmarsh);
    let client = server.new_client(&owner, &person("Ada", "Theirs"));
    let created = items(&server.get(&format!("/v1/audit/events?client_id={client}"), &owner));
    let theirs = created.last().unwrap()["event"]["event_id"].as_str().unwrap();
    // Only the owner has a log: the stranger's part of the record is not sealed.
    site.seal();
    assert_eq!(server.get("/v1/audit/checkpoints/latest", &owner).status, 200);
    let inclusion = |id: &str, token: &str| server.get(&format!("/v1/audit/proofs/inclusion?event_id={id}"), token);
    assert_eq!(inclusion(theirs, &owner).status, 200);
    for path in [
        "/v1/audit/checkpoints/latest".to_owned(),
        "/v1/audit/proofs/consistency?from=1".to_owned(),
        format!("/v1/audit/proofs/inclusion?event_id={theirs}"),
    ] {
        let refused = server.get(&path, &stranger);
        assert_eq!(refused.refusal(), (404, "AUD-004".to_owned()), "{path}");
    }
    site.seal();
    let checkpoint = server.get("/v1/audit/checkpoints/latest", &stranger);
    let (origin, key) = site.log_of(site.tenants.saltmarsh);
    let checkpoint = SignedCheckpoint::open(checkpoint.body.as_bytes(), &origin, &[key]).unwrap();
    assert_eq!(
        checkpoint.size(),
        4,
        "the three looks of before, and that somebody new was seen"
    );
    let missing = Uuid::now_v7().to_string();
    assert_eq!(
        bare(&inclusion(theirs, &stranger)),
        bare(&inclusion(&missing, &stranger))
    );
    assert_eq!(inclusion(theirs, &stranger).status, 404);
    let larger = server.get("/v1/audit/proofs/consistency?from=1&to=5", &stranger);
    assert_eq!(larger.refusal(), (400, "AUD-005".to_owned()));
}
