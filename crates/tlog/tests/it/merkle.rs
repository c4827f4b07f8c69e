//! Roots and proofs: the published test tree, another implementation, and every position of many trees.

use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::{
    Frontier, HashReader, LeafReader, MemoryTree, MerkleError, Node, Plan, consistency_proof, covering,
    inclusion_proof, range_proof, tree_root, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use sha2::Sha256;

/// The inputs of the Certificate Transparency reference test tree (google/certificate-transparency,
/// `cpp/merkletree/merkle_tree_test.cc`), in hexadecimal, and the root after each of them.
const REFERENCE: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    (
        "2021",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (
        "3031",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    ),
    (
        "40414243",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    ),
    (
        "5051525354555657",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ),
    (
        "606162636465666768696a6b6c6d6e6f",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ),
];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    (0..hexadecimal.len() / 2)
        .map(|at| u8::from_str_radix(&hexadecimal[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

/// RFC 6962 §2.1, word for word.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty_root(),
        [leaf] => *leaf,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            Hash::node(&defined_root(&leaves[..middle]), &defined_root(&leaves[middle..]))
        }
    }
}

#[test]
fn the_reference_tree_has_its_published_roots() {
    assert_eq!(
        Hash::empty_root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let mut frontier = Frontier::new();
    let mut tree = MemoryTree::new();
    for (input, root) in REFERENCE {
        let leaf = Hash::leaf(&bytes(input));
        frontier.append(leaf).unwrap();
        tree.append(leaf);
        assert_eq!(frontier.root().to_string(), root);
        assert_eq!(tree.root().to_string(), root);
    }
}

/// The paths of the tree of seven leaves in RFC 6962 §2.1.3: d0 is proven by b, h, l; and so on.
#[test]
fn the_paths_of_the_rfc_6962_example_are_made() {
    let seven = leaves(7);
    let tree: MemoryTree = seven.iter().copied().collect();
    let node = |from: usize, to: usize| defined_root(&seven[from..to]);
    let path = |index| inclusion_proof(&tree, index, 7).unwrap();
    assert_eq!(path(0), [node(1, 2), node(2, 4), node(4, 7)]);
    assert_eq!(path(3), [node(2, 3), node(0, 2), node(4, 7)]);
    assert_eq!(path(4), [node(5, 6), node(6, 7), node(0, 4)]);
    assert_eq!(path(6), [node(4, 6), node(0, 4)]);
    let proof = |first| consistency_proof(&tree, first, 7).unwrap();
    assert_eq!(proof(3), [node(2, 3), node(3, 4), node(0, 2), node(4, 7)]);
    assert_eq!(proof(4), [node(4, 7)]);
    assert_eq!(proof(6), [node(4, 6), node(6, 7), node(0, 4)]);
}

#[test]
fn another_implementation_makes_the_same_proofs() {
    for size in 1..40_u64 {
        let mut theirs = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut ours = MemoryTree::new();
        for index in 0..size {
            theirs.push(index.to_be_bytes().to_vec());
            ours.append(Hash::leaf(&index.to_be_bytes()));
        }
        assert_eq!(ours.root().as_bytes().as_slice(), theirs.root().as_bytes().as_slice());
        let joined = |proof: Vec<Hash>| proof.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>();
        for index in 0..size {
            let proof = inclusion_proof(&ours, index, size).unwrap();
            let expected = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(joined(proof), expected.as_bytes(), "leaf {index} of {size}");
        }
        for first in 1..size {
            let proof = consistency_proof(&ours, first, size).unwrap();
            let expected = theirs.prove_consistency(usize::try_from(size - first).unwrap());
            assert_eq!(joined(proof), expected.as_bytes(), "{first} to {size}");
        }
    }
}

#[test]
fn every_proof_verifies_and_no_other_position_does() {
    let all = leaves(33);
    let tree: MemoryTree = all.iter().copied().collect();
    let roots: Vec<Hash> = (0..=33).map(|size| tree_root(&tree, size).unwrap()).collect();
    for size in 1..=33_u64 {
        let root = &roots[usize::try_from(size).unwrap()];
        for index in 0..size {
            let proof = inclusion_proof(&tree, index, size).unwrap();
            let leaf = &all[usize::try_from(index).unwrap()];
            verify_inclusion(leaf, index, size, &proof, root).unwrap();
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(verify_inclusion(leaf, other, size, &proof, root).is_err());
            }
            let mut longer = proof.clone();
            longer.push(*root);
            assert!(matches!(
                verify_inclusion(leaf, index, size, &longer, root),
                Err(MerkleError::Length)
            ));
        }
        for first in 0..=size {
            let proof = consistency_proof(&tree, first, size).unwrap();
            let first_root = &roots[usize::try_from(first).unwrap()];
            verify_consistency(first, first_root, size, root, &proof).unwrap();
            let forged = Hash::leaf(b"forged");
            assert!(verify_consistency(first, &forged, size, root, &proof).is_err());
            if first > 0 {
                assert!(verify_consistency(first, first_root, size, &forged, &proof).is_err());
            }
        }
    }
}

#[test]
fn a_range_is_proven_as_a_whole() {
    let all = leaves(40);
    let tree: MemoryTree = all.iter().copied().collect();
    for size in 1..=40_usize {
        let root = defined_root(&all[..size]);
        for first in 0..size {
            for end in first..=size {
                let (first_leaf, end_leaf, tree_size) = (first as u64, end as u64, size as u64);
                let proof = range_proof(&tree, first_leaf, end_leaf, tree_size).unwrap();
                let range = || all[first..end].iter().copied();
                proof.verify(first_leaf, range(), tree_size, &root).unwrap();
                let mut longer = proof.clone();
                longer.right.push(root);
                assert!(matches!(
                    longer.verify(first_leaf, range(), tree_size, &root),
                    Err(MerkleError::Length)
                ));
                if end > first {
                    let fewer = range().skip(1);
                    assert!(proof.verify(first_leaf, fewer, tree_size, &root).is_err());
                    let doubled = range().chain(range().last());
                    assert!(proof.verify(first_leaf, doubled, tree_size, &root).is_err());
                }
                if end > first + 1 {
                    let swapped = all[first..end].iter().rev().copied();
                    assert!(matches!(
                        proof.verify(first_leaf, swapped, tree_size, &root),
                        Err(MerkleError::Root)
                    ));
                }
            }
        }
    }
}

#[test]
fn leaves_alone_suffice_as_a_source() {
    let all = leaves(70_001);
    let reader = LeafReader::new(|first, count| {
        let first = usize::try_from(first)?;
        let count = usize::try_from(count)?;
        Ok(all[first..first + count].to_vec())
    });
    let tree: MemoryTree = all.iter().copied().collect();
    assert_eq!(
        inclusion_proof(&reader, 5, 70_001).unwrap(),
        inclusion_proof(&tree, 5, 70_001).unwrap()
    );
}

#[test]
fn the_largest_sizes_do_not_overflow() {
    let any = Hash::leaf(b"");
    let full = Frontier::from_parts(u64::MAX, vec![any; 64]).unwrap();
    assert!(matches!(full.clone().append(any), Err(MerkleError::Full)));
    assert_eq!(Frontier::from_bytes(&full.to_bytes()).unwrap(), full);
    assert_eq!(full.nodes().len(), 64);
    let _ = full.root();
    assert_eq!(covering(1, u64::MAX).len(), 63 + 63);
    for index in [0, 1, u64::MAX / 2, u64::MAX - 1] {
        let plan = Plan::inclusion(index, u64::MAX).unwrap();
        let hashes = vec![any; plan.nodes().len()];
        let proof = plan.assemble(&hashes).unwrap();
        assert!(matches!(
            verify_inclusion(&any, index, u64::MAX, &proof, &any),
            Err(MerkleError::Root)
        ));
    }
    for first in [1, 1 << 63, (1 << 63) + 1, u64::MAX - 1] {
        let plan = Plan::consistency(first, u64::MAX).unwrap();
        let proof = plan.assemble(&vec![any; plan.nodes().len()]).unwrap();
        assert!(matches!(
            verify_consistency(first, &any, u64::MAX, &any, &proof),
            Err(MerkleError::Root)
        ));
    }
    let beyond = Node { level: 63, index: 2 };
    assert_eq!(beyond.first_leaf(), None);
    assert!(Frontier::new().append_subtree(64, any).is_err());
}

#[test]
fn a_malformed_frontier_is_refused() {
    let mut frontier = Frontier::new();
    for leaf in leaves(11) {
        frontier.append(leaf).unwrap();
    }
    let good = frontier.to_bytes();
    assert_eq!(good.len(), 8 + 3 * 32);
    for wrong in [
        Vec::new(),
        good[..7].to_vec(),
        good[..good.len() - 1].to_vec(),
        good[..good.len() - 32].to_vec(),
        [good.as_slice(), &[0]].concat(),
        [good.as_slice(), &[0; 32]].concat(),
    ] {
        assert!(matches!(Frontier::from_bytes(&wrong), Err(MerkleError::Frontier)));
    }
    assert!(matches!(
        frontier.append_subtree(1, Hash::leaf(b"")),
        Err(MerkleError::Frontier)
    ));
}

#[test]
fn a_reader_without_the_node_is_an_error_not_a_proof() {
    let tree: MemoryTree = leaves(5).into_iter().collect();
    assert!(matches!(inclusion_proof(&tree, 1, 9), Err(MerkleError::Unavailable(_))));
    assert!(tree.hashes(&[Node { level: 2, index: 1 }]).is_err());
}

proptest! {
    #[test]
    fn the_frontier_has_the_root_of_the_definition(size in 0_u64..600, cut in 0_u64..600) {
        let all = leaves(size);
        let mut frontier = Frontier::new();
        for (index, leaf) in all.iter().enumerate() {
            if index as u64 == cut {
                // What was stored goes on where it stood.
                frontier = Frontier::from_bytes(&frontier.to_bytes()).unwrap();
            }
            prop_assert_eq!(frontier.append(*leaf).unwrap(), index as u64);
        }
        prop_assert_eq!(frontier.root(), defined_root(&all));
        let tree: MemoryTree = all.into_iter().collect();
        prop_assert_eq!(tree.hashes(&frontier.nodes()).unwrap(), frontier.hashes());
    }

    #[test]
    fn random_bytes_are_no_frontier_or_come_back_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(frontier) = Frontier::from_bytes(&bytes) {
            prop_assert_eq!(frontier.to_bytes(), bytes);
        }
    }
}
