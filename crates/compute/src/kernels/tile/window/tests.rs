//! Every CPU's steps against what they are said to give, in plain integers, at their bounds too.

use proptest::prelude::*;

use super::table::WEIGHTS;
use super::*;
use crate::kernels::{Cpu, tile};

/// What numbers a test takes.
#[derive(Clone, Copy, Debug)]
enum Numbers {
    Any,
    Least,
    Most,
    Either,
}

impl Numbers {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            4 => Just(Self::Any), 1 => Just(Self::Least), 1 => Just(Self::Most), 2 => Just(Self::Either)
        ]
    }

    /// `count` of them, of a seed.
    fn take(self, count: usize, least: i32, most: i32, seed: u64) -> Vec<i32> {
        let mut state = seed | 1;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let bits = (state >> 20) as u32;
            match self {
                Self::Any => least + (bits % (most.abs_diff(least) + 1)) as i32,
                Self::Least => least,
                Self::Most => most,
                Self::Either if bits.is_multiple_of(2) => least,
                Self::Either => most,
            }
        };
        (0..count).map(next).collect()
    }
}

/// `vectors`, `[keys][32]`, with four channels of a key, or four keys of a channel, side by side.
fn packed(vectors: &[i32], zero: u8, keys_first: bool) -> Vec<u8> {
    let keys = vectors.len() / HEAD;
    let mut packed = vec![0; vectors.len()];
    for (at, steps) in vectors.iter().enumerate() {
        let (key, c) = (at / HEAD, at % HEAD);
        let to = if keys_first {
            (c / GROUP * keys + key) * GROUP + c % GROUP
        } else {
            (key / GROUP * HEAD + c) * GROUP + key % GROUP
        };
        packed[to] = (*steps as u8).wrapping_add(zero);
    }
    packed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scores_are_exact_but_for_what_all_keys_share(
        vectors in 1usize..8, first in 0usize..3, kinds in [Numbers::any(), Numbers::any()], seed: u64
    ) {
        for cpu in Cpu::all() {
            let tile = tile::window(cpu);
            let (count, first) = (vectors * tile.nr, first * tile.nr);
            let keys = count + first;
            let row = keys.next_multiple_of(tile.row) + tile.row;
            let q = kinds[0].take(QUERIES * HEAD, -128, 127, seed);
            let k = kinds[1].take(keys * HEAD, -64, 64, !seed);
            let biases = Numbers::Any.take(QUERIES * count, -(1 << 22), 1 << 22, seed ^ 5);
            let mut queries = [[0; HEAD]; QUERIES];
            for (to, from) in queries.as_flattened_mut().iter_mut().zip(&q) {
                *to = *from as u8;
            }
            let mut scores = vec![i32::MIN; QUERIES * row];
            let block = ScoreBlock {
                queries: &queries,
                keys: &packed(&k, tile.key_zero, true),
                first,
                biases: std::array::from_fn(|r| &biases[r * count..][..count]),
                scores: &mut scores,
            };
            // SAFETY: the machine has these instructions.
            unsafe { (tile.scores)(block) };
            for (r, scores) in scores.chunks_exact(row).enumerate() {
                let q = &q[r * HEAD..][..HEAD];
                let more = i32::from(tile.key_zero) * q.iter().sum::<i32>();
                for (key, score) in scores.iter().enumerate() {
                    let inside = key >= first && key < keys;
                    let dot = |k: &[i32]| q.iter().zip(k).map(|(q, k)| q * k).sum::<i32>();
                    let want = if inside {
                        dot(&k[key * HEAD..][..HEAD]) + biases[r * count + key - first] + more
                    } else {
                        i32::MIN
                    };
                    prop_assert_eq!(*score, want, "{:?}, query {}, key {}", cpu, r, key);
                }
            }
        }
    }

    #[test]
    fn weights_are_looked_up_by_distance(
        rows in prop_oneof![4 => 1usize..5, 1 => Just(61)], shift in 0u32..=12, near: bool, kind in Numbers::any(), seed: u64
    ) {
        for cpu in Cpu::all() {
            let tile = tile::window(cpu);
            let row = rows * tile.row;
            let least = if near { -(300 << shift) } else { -(1 << 29) };
            let scores = kind.take(QUERIES * row, least, 1 << 20, seed);
            let (mut weights, mut sums) = (vec![7; scores.len()], [0; QUERIES]);
            let block = WeighBlock { scores: &scores, shift, weights: &mut weights, sums: &mut sums };
            // SAFETY: the machine has these instructions.
            unsafe { (tile.weigh)(block) };
            for (r, (scores, weights)) in scores.chunks(row).zip(weights.chunks(row)).enumerate() {
                let most = scores.iter().max().unwrap();
                for (score, weight) in scores.iter().zip(weights) {
                    let steps = (i64::from(most - score) + ((1 << shift) >> 1)) >> shift;
                    prop_assert_eq!(*weight, WEIGHTS[steps.min(255) as usize], "{:?}", cpu);
                }
                let sum = weights.iter().map(|weight| i32::from(*weight)).sum::<i32>();
                prop_assert_eq!(sums[r], sum, "{:?}", cpu);
            }
        }
    }

    #[test]
    fn weighted_sums_are_exact(
        eights in 1usize..12, kinds in [Numbers::any(), Numbers::any()], seed: u64
    ) {
        for cpu in Cpu::all() {
            let tile = tile::window(cpu);
            let keys = eights * 2 * GROUP;
            let row = keys.next_multiple_of(tile.row);
            let p = kinds[0].take(QUERIES * row, 0, 255, seed);
            let v = kinds[1].take(keys * HEAD, -64, 64, !seed);
            let start = std::array::from_fn(|r| r as i32 * 1000 - 3000);
            let mut mixed = [[-1; HEAD]; QUERIES];
            let block = MixBlock {
                weights: &p.iter().map(|p| *p as u8).collect::<Vec<_>>(),
                values: &packed(&v, tile.value_zero, false),
                start,
                mixed: &mut mixed,
            };
            // SAFETY: the machine has these instructions.
            unsafe { (tile.mix)(block) };
            for r in 0..QUERIES {
                let p = &p[r * row..][..keys];
                let more = start[r] + i32::from(tile.value_zero) * p.iter().sum::<i32>();
                for c in 0..HEAD {
                    let v = v[c..].iter().step_by(HEAD);
                    let sum = p.iter().zip(v).map(|(p, v)| p * v).sum::<i32>();
                    prop_assert_eq!(mixed[r][c], sum + more, "{:?}, query {}, channel {}", cpu, r, c);
                }
            }
        }
    }
}

/// Each step of the table once, on every CPU.
#[test]
fn every_weight_is_found() {
    for cpu in Cpu::all() {
        let tile = tile::window(cpu);
        let row = 256usize.next_multiple_of(tile.row);
        let scores: Vec<i32> = (0..QUERIES * row).map(|at| -((at % row) as i32)).collect();
        let (mut weights, mut sums) = (vec![7; scores.len()], [0; QUERIES]);
        let block = WeighBlock {
            scores: &scores,
            shift: 0,
            weights: &mut weights,
            sums: &mut sums,
        };
        // SAFETY: the machine has these instructions.
        unsafe { (tile.weigh)(block) };
        assert!(
            weights.chunks(row).all(|weights| weights == WEIGHTS),
            "{cpu:?}"
        );
    }
}
