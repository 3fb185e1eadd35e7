//! Every CPU's tiles, turned vectors and looked-up bytes against plain loops: float bit for bit, 8-bit exactly.

use proptest::prelude::*;

use super::*;

/// Numbers of a type at an aligned start.
fn aligned<T: Copy>(values: impl Iterator<Item = T>, zero: T) -> (Vec<T>, usize) {
    let values: Vec<T> = values.collect();
    let mut room = vec![zero; values.len() + 64];
    let start = room.as_ptr().align_offset(64);
    room[start..start + values.len()].copy_from_slice(&values);
    (room, start)
}

/// All tiles of this machine: the largest, and those of fewer rows.
fn tiles<T>(
    largest: impl Fn(Cpu) -> T,
    of: impl Fn(Cpu, usize) -> T,
    mr: impl Fn(&T) -> usize,
) -> Vec<(Cpu, T)> {
    let mut tiles = Vec::new();
    for cpu in Cpu::all() {
        for rows in 1..=mr(&largest(cpu)) {
            let tile = of(cpu, rows);
            assert!((rows..=mr(&largest(cpu))).contains(&mr(&tile)), "{cpu:?}");
            tiles.push((cpu, tile));
        }
        tiles.push((cpu, largest(cpu)));
    }
    tiles
}

/// Deterministic numbers of a seed.
fn noise(seed: u64) -> impl Iterator<Item = u32> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) as u32
    })
}

fn reals(seed: u64, count: usize) -> impl Iterator<Item = f32> {
    noise(seed)
        .map(|bits| (bits % 20_001) as f32 * 1e-3 - 10.0)
        .take(count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn float_tiles_are_one_chain_of_fused_multiply_adds(
        k in 0usize..70,
        gap in 0usize..5,
        accumulate: bool,
        seed: u64,
    ) {
        for (cpu, tile) in tiles(f32, f32_of, |tile| tile.mr) {
            let (mr, nr, lda) = (tile.mr, tile.nr, k + gap);
            prop_assert_eq!((nr, nr % 4), (f32(cpu).nr, 0));
            let a: Vec<f32> = reals(seed, mr * lda).collect();
            let (b, b0) = aligned(reals(!seed, k * nr), 0.0);
            let (mut acc, acc0) = aligned(reals(seed ^ 77, mr * nr), 0.0);
            let mut expected = acc[acc0..][..mr * nr].to_vec();
            for (at, sum) in expected.iter_mut().enumerate() {
                let (r, c) = (at / nr, at % nr);
                *sum = if accumulate { *sum } else { 0.0 };
                for i in 0..k {
                    *sum = a[r * lda + i].mul_add(b[b0 + i * nr + c], *sum);
                }
            }
            // SAFETY: sizes and alignment as the kernel asks.
            unsafe {
                let (b, acc) = (b.as_ptr().add(b0), acc.as_mut_ptr().add(acc0));
                (tile.run)(k, a.as_ptr(), lda, b, acc, accumulate);
            }
            for (sum, expected) in acc[acc0..].iter().zip(&expected) {
                prop_assert_eq!(sum.to_bits(), expected.to_bits(), "{:?} mr {}", cpu, mr);
            }
        }
    }

    #[test]
    fn eight_bit_tiles_are_exact(
        groups in 1usize..20,
        gap in 0usize..5,
        extreme: bool,
        seed: u64,
    ) {
        let k = groups * 16;
        for (cpu, tile) in tiles(i8, i8_of, |tile| tile.mr) {
            let TileI8 { mr, nr, kg, offset, run, .. } = tile;
            let lda = k + gap;
            prop_assert_eq!((nr, 16 % kg, nr % 4), (i8(cpu).nr, 0, 0));
            let a: Vec<u8> = noise(seed)
                .map(|bits| if extreme { [0, 255][(bits % 2) as usize] } else { bits as u8 })
                .take(mr * lda)
                .collect();
            let weight: Vec<i8> = noise(!seed)
                .map(|bits| if extreme { [-64, 64][(bits % 2) as usize] } else { (bits % 129) as i8 })
                .map(|w| if extreme { w } else { w.wrapping_sub(64) })
                .map(|w| w.clamp(-64, 64))
                .take(k * nr)
                .collect();
            let packed = (0..k * nr).map(|at| {
                let (group, c, i) = (at / (nr * kg), at / kg % nr, at % kg);
                weight[c * k + group * kg + i]
            });
            let (b, b0) = aligned(packed, 0);
            let (mut acc, acc0) = aligned(std::iter::repeat_n(12345, mr * nr), 0);
            let turned: Vec<u8> = a.iter().map(|a| a ^ offset as u8).collect();
            // SAFETY: sizes and alignment as the kernel asks.
            unsafe {
                let (b, acc) = (b.as_ptr().add(b0), acc.as_mut_ptr().add(acc0));
                run(k, turned.as_ptr(), lda, b, acc);
            }
            for (at, sum) in acc[acc0..][..mr * nr].iter().enumerate() {
                let (r, c) = (at / nr, at % nr);
                let products = a[r * lda..][..k].iter().zip(&weight[c * k..]);
                let expected: i32 = products
                    .map(|(a, w)| (i32::from(*a) - offset) * i32::from(*w))
                    .sum();
                prop_assert_eq!(*sum, expected, "{:?} mr {}", cpu, mr);
            }
        }
    }
}

#[test]
fn every_cpu_turns_every_number() {
    let vectors: [[f32; SIDE]; SIDE] =
        std::array::from_fn(|v| std::array::from_fn(|i| (v * SIDE + i) as f32));
    for cpu in Cpu::all() {
        let mut out = [[f32::NAN; SIDE]; SIDE];
        transpose(cpu, vectors.each_ref(), &mut out);
        for (i, out) in out.iter().enumerate() {
            for (v, x) in out.iter().enumerate() {
                assert_eq!(*x, vectors[v][i], "{cpu:?}");
            }
        }
    }
}

#[test]
fn every_cpu_looks_up_every_entry() {
    let table: [u8; 256] = std::array::from_fn(|i| (i * 167 + 13) as u8);
    for cpu in Cpu::all() {
        for len in [0, 1, 31, 32, 33, 64, 100, 256, 300] {
            let mut x: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let expected: Vec<u8> = x.iter().map(|x| table[usize::from(*x)]).collect();
            lookup(cpu, &table, &mut x);
            assert_eq!(x, expected, "{cpu:?}");
        }
    }
}
