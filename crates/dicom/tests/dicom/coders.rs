//! Codes frames, as the simplest machine might.

use crate::codings::SIDE;

/// Packs bytes as runs and as they are, by turns (PS3.5, G.3).
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![128]; // means nothing
    for chunk in bytes.chunks(50) {
        if chunk.iter().all(|v| *v == chunk[0]) && chunk.len() > 1 {
            out.extend([(257 - chunk.len()) as u8, chunk[0]]);
        } else {
            out.push(chunk.len() as u8 - 1);
            out.extend(chunk);
        }
    }
    out
}

/// A frame in runs, a segment for each (PS3.5, G).
pub fn rle(segments: &[Vec<u8>]) -> Vec<u8> {
    let packed: Vec<Vec<u8>> = segments.iter().map(|segment| packed(segment)).collect();
    let mut header = vec![segments.len() as u32];
    let mut at = 64;
    for segment in &packed {
        header.push(at);
        at += segment.len() as u32;
    }
    header.resize(16, 0);
    let mut out: Vec<u8> = header.iter().flat_map(|v| v.to_le_bytes()).collect();
    packed.iter().for_each(|segment| out.extend(segment));
    out
}

/// Bits, most significant first, as JPEG stuffs them.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.held = self.held << 1 | (value >> bit & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.held as u8);
                if self.held == 0xff {
                    self.bytes.push(0);
                }
                (self.held, self.count) = (0, 0);
            }
        }
    }

    fn end(&mut self) {
        while self.count > 0 {
            self.put(1, 1);
        }
    }
}

/// A lossless JPEG (T.81, H): every category has a code of 5 bits, its number.
pub fn lossless(
    values: &[u16],
    samples: usize,
    precision: u32,
    predictor: u8,
    restart: usize,
) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8, 0xff, 0xc4, 0, 19 + 17, 0, 0, 0, 0, 0, 17];
    out.extend([0; 11]);
    out.extend(0..17);
    let size = 8 + 3 * samples as u8;
    out.extend([
        0xff,
        0xc3,
        0,
        size,
        precision as u8,
        0,
        SIDE as u8,
        0,
        SIDE as u8,
        samples as u8,
    ]);
    (0..samples as u8).for_each(|id| out.extend([id, 0x11, 0]));
    if restart > 0 {
        out.extend([0xff, 0xdd, 0, 4, 0, (restart * SIDE) as u8]);
    }
    out.extend([0xff, 0xda, 0, 6 + 2 * samples as u8, samples as u8]);
    (0..samples as u8).for_each(|id| out.extend([id, 0]));
    out.extend([predictor, 0, 0]);
    let mut bits = BitWriter::default();
    let line = SIDE * samples;
    for at in 0..values.len() {
        let (x, y) = (at % line / samples, at / line);
        let restarts = restart > 0 && y > 0 && y % restart == 0;
        if restarts && x == 0 && at % samples == 0 {
            bits.end();
            bits.bytes
                .extend([0xff, 0xd0 + ((y / restart - 1) % 8) as u8]);
        }
        let old = |back: usize| i32::from(values[at - back]);
        let prediction = match (x, y) {
            (0, y) if y == 0 || restarts => 1 << (precision - 1),
            (_, y) if y == 0 || restarts => old(samples),
            (0, _) => old(line),
            _ => {
                let [a, b, c] = [old(samples), old(line), old(line + samples)];
                [
                    a,
                    b,
                    c,
                    a + b - c,
                    a + ((b - c) >> 1),
                    b + ((a - c) >> 1),
                    (a + b) >> 1,
                ][usize::from(predictor) - 1]
            }
        };
        let difference = i32::from((i32::from(values[at]) - prediction) as i16);
        let category = 32 - difference.unsigned_abs().leading_zeros();
        bits.put(category, 5);
        if (1..16).contains(&category) {
            let value = if difference < 0 {
                difference - 1
            } else {
                difference
            };
            bits.put(value as u32, category);
        }
    }
    bits.end();
    out.extend(bits.bytes);
    out.extend([0xff, 0xd9]);
    out
}
