//! Tiles: the printed paths and sizes, and the same hashes as the tree itself.

use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::{MemoryTree, consistency_proof, inclusion_proof, range_proof, tree_root};
use bearingwall_tlog::tile::{Tile, TileBuilder, TileError, TilePath, TileReader, decode_entries, encode_entries};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

/// C2SP tlog-tiles: "index 1234067 will be encoded as `x001/x234/067`".
#[test]
fn the_printed_path_is_written_and_read() {
    let tile = Tile::new(0, 1_234_067, 256).unwrap();
    let path = TilePath::Hashes(tile);
    assert_eq!(path.to_string(), "tile/0/x001/x234/067");
    assert_eq!(TilePath::parse("tile/0/x001/x234/067"), Ok(path));
    let partial = TilePath::Hashes(Tile::new(63, 1_234_000, 5).unwrap());
    assert_eq!(partial.to_string(), "tile/63/x001/x234/000.p/5");
    assert_eq!(TilePath::parse("tile/63/x001/x234/000.p/5"), Ok(partial));
    let entries = TilePath::Entries { index: 7, width: 255 };
    assert_eq!(entries.to_string(), "tile/entries/007.p/255");
    assert_eq!(TilePath::parse("tile/entries/007.p/255"), Ok(entries));
    let largest = TilePath::Hashes(Tile::new(0, u64::MAX, 256).unwrap());
    assert_eq!(largest.to_string(), "tile/0/x018/x446/x744/x073/x709/x551/615");
    assert_eq!(TilePath::parse(&largest.to_string()), Ok(largest));
}

/// C2SP tlog-tiles: "a tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of
/// width 112, one full level 1 tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1", and
/// "a tree of size 256 will be represented by a full level 0 tile and a partial level 1 tile of width 1".
#[test]
fn the_printed_sizes_have_their_tiles() {
    let shapes = |size| {
        let mut builder = TileBuilder::new();
        let written = builder.append(leaves(size)).unwrap();
        let mut shapes: BTreeMap<(u8, u16), usize> = BTreeMap::new();
        for (tile, content) in written {
            assert_eq!(content.len(), usize::from(tile.width()) * 32);
            *shapes.entry((tile.level(), tile.width())).or_default() += 1;
        }
        shapes.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        shapes(70_000),
        [((0, 112), 1), ((0, 256), 273), ((1, 17), 1), ((1, 256), 1), ((2, 1), 1)]
    );
    assert_eq!(shapes(256), [((0, 256), 1), ((1, 1), 1)]);
    assert!(shapes(0).is_empty());
}

#[test]
fn another_spelling_of_a_path_is_refused() {
    for text in [
        "",
        "tile/0",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1.p/1",
        "tile/entries/000.p/256",
        "tile/data/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x018/x446/x744/x073/x709/x551/615",
    ] {
        assert_eq!(TilePath::parse(text), Err(TileError::Path), "{text}");
    }
}

#[test]
fn a_tile_of_another_length_is_refused() {
    let tile = Tile::new(0, 0, 3).unwrap();
    assert_eq!(tile.hashes(&[7; 96]).unwrap().len(), 3);
    assert_eq!(
        tile.hashes(&[7; 128]).unwrap().len(),
        3,
        "a wider version holds the same hashes"
    );
    for length in [0, 64, 95, 97, 8192 + 32] {
        assert!(matches!(tile.hashes(&vec![7; length]), Err(TileError::Width { .. })));
    }
    assert_eq!(Tile::new(64, 0, 1), None);
    assert_eq!(Tile::new(0, 0, 0), None);
    assert_eq!(Tile::new(0, 0, 257), None);
    assert_eq!(Tile::in_tree(0, u64::MAX, u64::MAX), None);
    assert_eq!(Tile::in_tree(7, 0, u64::MAX).map(|tile| tile.width()), Some(255));
}

#[test]
fn entries_come_back_and_malformed_bundles_do_not() {
    let entries = [b"first".as_slice(), b"", &[7; 65_535]];
    let bytes = encode_entries(&entries).unwrap();
    assert_eq!(bytes[..9], *b"\0\x05first\0\0");
    assert_eq!(decode_entries(&bytes).unwrap(), entries);
    assert_eq!(encode_entries(&[vec![0; 65_536]]), Err(TileError::Entries));
    assert_eq!(encode_entries::<&[u8]>(&[]), Err(TileError::Entries));
    assert_eq!(encode_entries(&[b""; 257]), Err(TileError::Entries));
    assert_eq!(decode_entries(&[]), Err(TileError::Entries));
    assert_eq!(decode_entries(&[0]), Err(TileError::Entries));
    assert_eq!(decode_entries(&bytes[..bytes.len() - 1]), Err(TileError::Entries));
    assert_eq!(decode_entries(&[0; 514]), Err(TileError::Entries));
}

#[test]
fn a_missing_tile_is_an_error_not_a_proof() {
    let reader = TileReader::new(BTreeMap::<Tile, Vec<u8>>::new(), 10);
    assert!(tree_root(&reader, 10).is_err());
    assert!(matches!(
        TileBuilder::resume(10, |_| Err("away".into())),
        Err(TileError::Unavailable { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tiles_give_the_same_proofs_as_the_tree(
        batches in proptest::collection::vec(prop_oneof![0_u64..30, 200_u64..300, 500_u64..1100, 60_000_u64..70_000], 1..4),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 4),
    ) {
        let total: u64 = batches.iter().sum();
        let all = leaves(total);
        let mut store: BTreeMap<Tile, Vec<u8>> = BTreeMap::new();
        let mut size = 0;
        for batch in batches {
            // Every batch goes on from what is stored.
            let mut builder = TileBuilder::resume(size, |tile| Ok(store[tile].clone())).unwrap();
            let range = usize::try_from(size).unwrap()..usize::try_from(size + batch).unwrap();
            for (tile, content) in builder.append(all[range].iter().copied()).unwrap() {
                prop_assert!(store.insert(tile, content).is_none(), "a tile is written once");
            }
            size += batch;
            prop_assert_eq!(builder.size(), size);
            let tree: MemoryTree = all[..usize::try_from(size).unwrap()].iter().copied().collect();
            prop_assert_eq!(builder.frontier().unwrap().root(), tree.root());
        }
        let tree: MemoryTree = all.into_iter().collect();
        let reader = TileReader::new(&store, size);
        prop_assert_eq!(tree_root(&reader, size).unwrap(), tree.root());
        if size > 0 {
            let pick = |index: &prop::sample::Index| index.index(usize::try_from(size).unwrap()) as u64;
            let (leaf, first) = (pick(&picks[0]), pick(&picks[1]));
            prop_assert_eq!(inclusion_proof(&reader, leaf, size).unwrap(), inclusion_proof(&tree, leaf, size).unwrap());
            prop_assert_eq!(consistency_proof(&reader, first, size).unwrap(), consistency_proof(&tree, first, size).unwrap());
            let (one, other) = (pick(&picks[2]), pick(&picks[3]));
            let (start, end) = (one.min(other), one.max(other));
            prop_assert_eq!(range_proof(&reader, start, end, size).unwrap(), range_proof(&tree, start, end, size).unwrap());
        }
    }

    #[test]
    fn random_paths_are_refused_or_come_back_the_same(text in "tile/([0-9]{1,2}|entries)/(x?[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(path) = TilePath::parse(&text) {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn random_bytes_are_no_entries_or_come_back_the_same(bytes in proptest::collection::vec(0_u8..4, 0..60), text in ".*") {
        if let Ok(entries) = decode_entries(&bytes) {
            prop_assert_eq!(encode_entries(&entries).unwrap(), bytes);
        }
        let _ = TilePath::parse(&text);
    }
}
