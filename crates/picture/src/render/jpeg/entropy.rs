//! Levels → Huffman codes → bytes (ITU-T T.81, F.1.2), with the typical tables.

use super::dct::LANES;
use super::quantise::Quantised;
use crate::frame::typical::{TYPICAL, Typical};

/// What a symbol is coded as.
#[derive(Clone, Copy)]
struct Code {
    bits: u16,
    length: u8,
}

/// The codes of a component's symbols.
struct Codes {
    dc: [Code; 256],
    ac: [Code; 256],
}

static LUMINANCE: Codes = Codes {
    dc: codes(&TYPICAL[0]),
    ac: codes(&TYPICAL[2]),
};
static CHROMINANCE: Codes = Codes {
    dc: codes(&TYPICAL[1]),
    ac: codes(&TYPICAL[3]),
};

/// Codes of one length count up, and begin where those one bit shorter end (annex C.2).
const fn codes(table: &Typical) -> [Code; 256] {
    let mut codes = [Code { bits: 0, length: 0 }; 256];
    let (mut bits, mut length, mut at) = (0, 1, 0);
    while length <= 16 {
        let end = at + table.counts[length - 1] as usize;
        while at < end {
            codes[table.symbols[at] as usize] = Code {
                bits,
                length: length as u8,
            };
            bits += 1;
            at += 1;
        }
        bits <<= 1;
        length += 1;
    }
    codes
}

/// End of block: no level but 0 follows.
const END: usize = 0x00;
/// Sixteen zeros.
const ZEROS: usize = 0xf0;

/// Codes blocks, each after the one before, and appends them to a file.
pub(super) struct Coder<'a> {
    file: &'a mut Vec<u8>,
    /// Its low `held` < 32 bits are not written yet.
    window: u64,
    held: u32,
    /// The DC level of each component's last block.
    dc: [i16; 3],
}

impl<'a> Coder<'a> {
    pub fn new(file: &'a mut Vec<u8>) -> Self {
        Self {
            file,
            window: 0,
            held: 0,
            dc: [0; 3],
        }
    }

    /// One of eight blocks, of component 0 (brightness), 1 or 2.
    #[inline]
    pub fn block(&mut self, of: &Quantised, lane: usize, component: usize) {
        let lane = lane % LANES;
        let codes = if component == 0 {
            &LUMINANCE
        } else {
            &CHROMINANCE
        };
        let before = std::mem::replace(&mut self.dc[component], of.levels[0][lane]);
        // -1024..=1016 at the finest steps, so differences have the 11 bits that there are codes for.
        let (size, extra) = magnitude(of.levels[0][lane].wrapping_sub(before));
        self.put(codes.dc[size as usize], size, extra);

        let [a, b, c, d] = of.nonzero;
        let mut nonzero = u64::from(a[lane])
            | u64::from(b[lane]) << 16
            | u64::from(c[lane]) << 32
            | u64::from(d[lane]) << 48;
        nonzero &= !1;
        let mut next = 1;
        while nonzero != 0 {
            let k = nonzero.trailing_zeros();
            nonzero &= nonzero.wrapping_sub(1);
            let mut zeros = k.wrapping_sub(next);
            next = k.wrapping_add(1);
            while zeros >= 16 {
                self.put(codes.ac[ZEROS], 0, 0);
                zeros = zeros.wrapping_sub(16);
            }
            let (size, extra) = magnitude(of.levels[k as usize % 64][lane]);
            self.put(codes.ac[(zeros << 4 | size) as usize % 256], size, extra);
        }
        if next < 64 {
            self.put(codes.ac[END], 0, 0);
        }
    }

    /// A code, and the `size` bits that say which of its values is meant: 27 at most.
    #[inline(always)]
    fn put(&mut self, code: Code, size: u32, extra: u32) {
        let bits = u32::from(code.bits).wrapping_shl(size) | extra;
        let length = u32::from(code.length).wrapping_add(size);
        self.window = self.window.wrapping_shl(length) | u64::from(bits);
        self.held = self.held.wrapping_add(length);
        if self.held >= 32 {
            self.held = self.held.wrapping_sub(32);
            self.write(self.window.wrapping_shr(self.held) as u32);
        }
    }

    /// Four bytes, with a zero after each that looks like the beginning of a marker.
    #[inline(always)]
    fn write(&mut self, word: u32) {
        let bytes = word.to_be_bytes();
        // Whether any byte is 0xff: only then does the byte of the complement below borrow.
        if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
            self.file.extend_from_slice(&bytes);
        } else {
            bytes.into_iter().for_each(|byte| stuff(self.file, byte));
        }
    }

    /// What is left, filled up with ones to a whole byte.
    pub fn finish(self) {
        let missing = self.held.wrapping_neg() % 8;
        let window = self.window << missing | ((1 << missing) - 1);
        for byte in (0..(self.held + missing) / 8).rev() {
            stuff(self.file, (window >> (8 * byte)) as u8);
        }
    }
}

fn stuff(file: &mut Vec<u8>, byte: u8) {
    file.push(byte);
    if byte == 0xff {
        file.push(0);
    }
}

/// How many bits a value has, and these bits, those of a negative one less 1 (F.1.2.1).
#[inline(always)]
fn magnitude(value: i16) -> (u32, u32) {
    let value = i32::from(value);
    let size = 32 - value.unsigned_abs().leading_zeros();
    let extra = value.wrapping_add(value >> 31) as u32;
    (size, extra & 1_u32.wrapping_shl(size).wrapping_sub(1))
}
