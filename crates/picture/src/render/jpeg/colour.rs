//! Pixels → blocks of brightness and colour (JFIF's YCbCr), eight of each side by side.

use super::dct::{BlockRow, Blocks, INPUT_SCALE, LANES, mul_high};
use crate::frame::Frame;

/// Pixels across that are worked on together, whatever becomes of them.
pub(super) const ACROSS: usize = 64;
/// Bytes of these.
const SPAN: usize = 3 * ACROSS;

/// A frame, read in rows of [`ACROSS`] pixels; beyond its right and lower edge its last pixels go on.
pub(super) struct Spans<'a> {
    pub rgb: &'a [u8],
    pub width: usize,
    pub height: usize,
}

impl<'a> Spans<'a> {
    pub fn of(frame: &'a Frame) -> Self {
        Self {
            rgb: frame.rgb(),
            width: frame.width() as usize,
            height: frame.height() as usize,
        }
    }

    fn read(&self, x: usize, y: usize, to: &mut [u8]) {
        let row = &self.rgb[3 * self.width * y.min(self.height - 1)..][..3 * self.width];
        let row = &row[3 * x..];
        match row.get(..SPAN) {
            Some(row) => to.copy_from_slice(row),
            None => {
                let (there, beyond) = to.split_at_mut(row.len());
                there.copy_from_slice(row);
                let last = &row[row.len() - 3..];
                let beyond = beyond.chunks_exact_mut(3);
                beyond.for_each(|pixel| pixel.copy_from_slice(last));
            }
        }
    }
}

/// Eight blocks across with all their colour: brightness, blue and red difference.
pub(super) fn full(source: &Spans<'_>, x: usize, y: usize, to: &mut [Blocks; 3]) {
    let mut pixels = [0; SPAN];
    let mut rgb = [[0; 8 * LANES]; 3];
    let [luma, blue, red] = to;
    for row in 0..8 {
        source.read(x, y + row, &mut pixels);
        let spread = spread(&pixels);
        finer(&spread, &mut rgb);
        luminance(&rgb, &mut luma[row]);
        blueness(&rgb, &mut blue[row]);
        redness(&rgb, &mut red[row]);
    }
}

/// Four squares of 16 × 16 with half their colour to each side: the left blocks of brightness and the right ones, the
/// upper four of each before the lower four, then four blocks of blue and four of red difference.
pub(super) fn halved(source: &Spans<'_>, x: usize, y: usize, to: &mut [Blocks; 3]) {
    let mut pixels = [0; 2 * SPAN];
    let mut rgb = [[0; 8 * LANES]; 3];
    let (mut blue, mut red) = ([0; 8 * LANES], [0; 8 * LANES]);
    let [left, right, colour] = to;
    for pair in 0..4 {
        let mut sums = [[0; 8 * LANES]; 3];
        for row in [2 * pair, 2 * pair + 1] {
            let (upper, lower) = pixels.split_at_mut(SPAN);
            source.read(x, y + row, upper);
            source.read(x, y + 8 + row, lower);
            // Eight runs of 16 pixels.
            let spread = spread(&pixels);
            let (first, second) = spread.split_at(SPAN);
            finer(first, &mut rgb);
            luminance(&rgb, &mut left[row]);
            add_pairs(&rgb, &mut sums, 0);
            finer(second, &mut rgb);
            luminance(&rgb, &mut right[row]);
            add_pairs(&rgb, &mut sums, 4);
        }
        blueness(&sums, &mut blue);
        redness(&sums, &mut red);
        let (blue, red) = (halves(&blue), halves(&red));
        for column in 0..8 {
            for (row, part) in [(pair, 0), (4 + pair, 1)] {
                let to = &mut colour[row].as_chunks_mut::<{ LANES / 2 }>().0[2 * column..][..2];
                to[0] = blue[2 * column + part];
                to[1] = red[2 * column + part];
            }
        }
    }
}

fn halves(row: &BlockRow) -> &[[i16; LANES / 2]] {
    row.as_chunks().0
}

/// Eight runs of bytes, one after the other, become runs of eight: first the first byte of each, then the second. Each of
/// three perfect shuffles (halves interleaved) doubles every byte's index, modulo one less than there are.
#[inline(always)]
fn spread<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    shuffle(&shuffle(&shuffle(bytes)))
}

#[inline(always)]
fn shuffle<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    let mut shuffled = [0; N];
    let (first, second) = bytes.split_at(N / 2);
    for i in 0..N / 2 {
        shuffled[2 * i] = first[i];
        shuffled[2 * i + 1] = second[i];
    }
    shuffled
}

/// A row of red, one of green and one of blue.
type Rgb = [BlockRow; 3];

/// Samples times 32, so that their products keep some bits.
#[inline(always)]
fn finer(spread: &[u8], rgb: &mut Rgb) {
    let columns = spread.as_chunks::<{ 3 * LANES }>().0.iter().take(8);
    for (column, bytes) in columns.enumerate() {
        for lane in 0..LANES {
            for colour in 0..3 {
                let sample = i16::from(bytes[LANES * colour + lane]);
                rgb[colour][LANES * column + lane] = sample << 5;
            }
        }
    }
}

/// Adds a quarter of each of two neighbours to the place of both.
#[inline(always)]
fn add_pairs(rgb: &Rgb, sums: &mut Rgb, at: usize) {
    for colour in 0..3 {
        let pairs = rgb[colour].as_chunks::<{ 2 * LANES }>().0;
        let places = sums[colour].as_chunks_mut::<LANES>().0;
        for (sum, pair) in places[at..].iter_mut().zip(pairs) {
            for lane in 0..LANES {
                let both = pair[lane].wrapping_add(pair[LANES + lane]);
                sum[lane] = sum[lane].wrapping_add(both >> 2);
            }
        }
    }
}

/// A weight for [`mul_high`] of finer samples, whose products are 16 times a level.
const fn weight(of: f64) -> i16 {
    (of * 32768.0 + 0.5) as i16
}

/// JFIF 1.02, page 3.
const LUMINANCE: [i16; 3] = [weight(0.299), weight(0.587), weight(0.114)];
const BLUENESS: [i16; 3] = [weight(0.299 / 1.772), weight(0.587 / 1.772), weight(0.5)];
const REDNESS: [i16; 3] = [weight(0.5), weight(0.587 / 1.402), weight(0.114 / 1.402)];

/// To whole levels: what comes from a camera or a file was whole in YCbCr before it became RGB, and so it is met again.
#[inline(always)]
fn whole(value: i16) -> i16 {
    (value.wrapping_add(8) >> 4).wrapping_mul(INPUT_SCALE)
}

#[inline(always)]
fn luminance([r, g, b]: &Rgb, to: &mut BlockRow) {
    let [of_r, of_g, of_b] = LUMINANCE;
    for i in 0..8 * LANES {
        let rb = mul_high(r[i], of_r).wrapping_add(mul_high(b[i], of_b));
        let y = rb.wrapping_sub(mul_high(g[i], -of_g));
        to[i] = whole(y.wrapping_sub(16 * 128));
    }
}

/// -128..=127, as brightness is: pure blue would be half a level more.
#[inline(always)]
fn blueness([r, g, b]: &Rgb, to: &mut BlockRow) {
    let [of_r, of_g, of_b] = BLUENESS;
    for i in 0..8 * LANES {
        let rb = mul_high(b[i], of_b).wrapping_add(mul_high(r[i], -of_r));
        to[i] = whole(rb.wrapping_sub(mul_high(g[i], of_g))).min(127 * INPUT_SCALE);
    }
}

#[inline(always)]
fn redness([r, g, b]: &Rgb, to: &mut BlockRow) {
    let [of_r, of_g, of_b] = REDNESS;
    for i in 0..8 * LANES {
        let rb = mul_high(r[i], of_r).wrapping_add(mul_high(b[i], -of_b));
        to[i] = whole(rb.wrapping_sub(mul_high(g[i], of_g))).min(127 * INPUT_SCALE);
    }
}
