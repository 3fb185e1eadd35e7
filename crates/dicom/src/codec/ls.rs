//! JPEG-LS (T.87): each sample by its neighbours, in Golomb codes that learn as they go.

use super::bits::{EntropyBits, Stuffing};
use super::ls_header::{Interleave, LS_WRONG, LsHeader, LsScan};
use super::raster::{CodedFrame, Raster};
use crate::error::DicomError;

/// How the order of run lengths grows (T.87, A.7.1.1).
#[rustfmt::skip]
const RUN_ORDERS: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];

pub(super) fn decode(frame: &CodedFrame<'_>) -> Result<Raster, DicomError> {
    let layout = frame.layout;
    let mut header = LsHeader::of(frame.bytes);
    let mut values = vec![0; layout.values()];
    let mut done = vec![false; layout.samples];
    while done.iter().any(|done| !done) {
        let (scan, data) = header.scan(frame)?;
        let components = match scan.interleave {
            Interleave::None => scan.component..scan.component + 1,
            _ => 0..layout.samples,
        };
        for component in components.clone() {
            if std::mem::replace(done.get_mut(component).ok_or(LS_WRONG)?, true) {
                return Err(LS_WRONG);
            }
        }
        let mut coder = LsDecoder::new(scan, data);
        let width = layout.columns as usize;
        let mut lines: Vec<LsLines> = components.clone().map(|_| LsLines::new(width)).collect();
        for (y, row) in values.chunks_exact_mut(width * layout.samples).enumerate() {
            if y.is_multiple_of(64) {
                frame.stop.check()?;
            }
            lines.iter_mut().for_each(LsLines::next);
            match scan.interleave {
                Interleave::Sample => coder.pixels(&mut lines)?,
                _ => (lines.iter_mut()).try_for_each(|lines| coder.line(lines))?,
            }
            for (lines, component) in lines.iter().zip(components.clone()) {
                let samples = row.iter_mut().skip(component).step_by(layout.samples);
                for (sample, value) in samples.zip(&lines.now[1..]) {
                    *sample = *value as u16;
                }
            }
        }
        header.skip(coder.bits.consumed());
    }
    Ok(Raster::interleaved(values, layout))
}

/// Two lines of a component, with a sample more at each end.
struct LsLines {
    before: Vec<i32>,
    now: Vec<i32>,
    run_index: usize,
}

impl LsLines {
    fn new(width: usize) -> Self {
        Self {
            before: vec![0; width + 2],
            now: vec![0; width + 2],
            run_index: 0,
        }
    }

    /// T.87, A.2.1: what lies to the left of a line is the sample above its first, and to the left of that the one above.
    fn next(&mut self) {
        std::mem::swap(&mut self.before, &mut self.now);
        let last = self.before.len() - 2;
        self.before[last + 1] = self.before[last];
        self.now[0] = self.before[1];
    }

    fn width(&self) -> usize {
        self.now.len() - 2
    }

    /// The samples to the left, above, above to the left and above to the right of one, counted from 1.
    fn around(&self, x: usize) -> [i32; 4] {
        [
            self.now[x - 1],
            self.before[x],
            self.before[x - 1],
            self.before[x + 1],
        ]
    }
}

/// What was learnt in one context (T.87, A.2.1).
#[derive(Clone, Copy)]
struct LsContext {
    a: i32,
    b: i32,
    c: i32,
    n: i32,
}

/// The same for samples that end a run.
#[derive(Clone, Copy)]
struct RunContext {
    a: i32,
    n: i32,
    negative: i32,
}

struct LsDecoder<'a> {
    scan: LsScan,
    range: i32,
    /// Bits of a mapped error, and of the longest code.
    error_bits: u32,
    limit: u32,
    contexts: Vec<LsContext>,
    runs: [RunContext; 2],
    bits: EntropyBits<'a>,
}

impl<'a> LsDecoder<'a> {
    fn new(scan: LsScan, data: &'a [u8]) -> Self {
        let range = (scan.most + 2 * scan.near) / (2 * scan.near + 1) + 1;
        let log = |value: i32| 32 - (value - 1).leading_zeros();
        let sample_bits = log(scan.most + 1).max(2);
        let a = ((range + 32) / 64).max(2);
        Self {
            scan,
            range,
            error_bits: log(range),
            limit: 2 * (sample_bits + sample_bits.max(8)),
            contexts: vec![
                LsContext {
                    a,
                    b: 0,
                    c: 0,
                    n: 1
                };
                365
            ],
            runs: [RunContext {
                a,
                n: 1,
                negative: 0,
            }; 2],
            bits: EntropyBits::new(data, Stuffing::Bit),
        }
    }

    /// A line of one component.
    fn line(&mut self, lines: &mut LsLines) -> Result<(), DicomError> {
        let mut x = 1;
        while x <= lines.width() {
            let around = lines.around(x);
            let gradients = self.gradients(around);
            if gradients == [0; 3] {
                let most = lines.width() + 1 - x;
                let mut index = lines.run_index;
                let run = self.run(&mut index, most)?;
                lines.run_index = index;
                lines.now[x..x + run].fill(around[0]);
                x += run;
                if run < most {
                    let [left, above, ..] = lines.around(x);
                    lines.now[x] = self.run_end(left, above, lines.run_index)?;
                    lines.run_index = lines.run_index.saturating_sub(1);
                    x += 1;
                }
            } else {
                lines.now[x] = self.regular(gradients, around)?;
                x += 1;
            }
        }
        Ok(())
    }

    /// A line of all components, a sample of each at a time; runs are theirs together.
    fn pixels(&mut self, lines: &mut [LsLines]) -> Result<(), DicomError> {
        let width = lines.first().map_or(0, LsLines::width);
        let mut x = 1;
        while x <= width {
            let gradients: Vec<_> = (lines.iter())
                .map(|lines| self.gradients(lines.around(x)))
                .collect();
            if gradients.iter().all(|gradients| *gradients == [0; 3]) {
                let most = width + 1 - x;
                let mut index = lines[0].run_index;
                let run = self.run(&mut index, most)?;
                for lines in lines.iter_mut() {
                    let left = lines.now[x - 1];
                    lines.now[x..x + run].fill(left);
                }
                x += run;
                if run < most {
                    for lines in lines.iter_mut() {
                        let [left, above, ..] = lines.around(x);
                        lines.now[x] = self.run_end_apart(left, above, index)?;
                    }
                    index = index.saturating_sub(1);
                    x += 1;
                }
                lines[0].run_index = index;
            } else {
                for (lines, gradients) in lines.iter_mut().zip(gradients) {
                    lines.now[x] = self.regular(gradients, lines.around(x))?;
                }
                x += 1;
            }
        }
        Ok(())
    }

    /// T.87, A.3.1 to A.3.3.
    fn gradients(&self, [a, b, c, d]: [i32; 4]) -> [i32; 3] {
        let [t1, t2, t3] = self.scan.thresholds;
        [d - b, b - c, c - a].map(|gradient| {
            let size = match gradient.abs() {
                size if size >= t3 => 4,
                size if size >= t2 => 3,
                size if size >= t1 => 2,
                size if size > self.scan.near => 1,
                _ => 0,
            };
            size * gradient.signum()
        })
    }

    /// T.87, A.4 to A.6.
    fn regular(
        &mut self,
        [q1, q2, q3]: [i32; 3],
        [a, b, c, _]: [i32; 4],
    ) -> Result<i32, DicomError> {
        let number = 81 * q1 + 9 * q2 + q3;
        let sign = if number < 0 { -1 } else { 1 };
        let at = number.unsigned_abs() as usize;
        let mut context = *self.contexts.get(at).ok_or(LS_WRONG)?;
        let edge = match c {
            c if c >= a.max(b) => a.min(b),
            c if c <= a.min(b) => a.max(b),
            _ => a + b - c,
        };
        let prediction = (edge + sign * context.c).clamp(0, self.scan.most);
        let order = order(context.n, context.a)?;
        let mapped = self.golomb(order, self.limit)?;
        let error = match mapped & 1 {
            0 => mapped / 2,
            _ => -(mapped + 1) / 2,
        };
        let inverted = order == 0 && self.scan.near == 0 && 2 * context.b <= -context.n;
        let error = if inverted { -(error + 1) } else { error };
        context.learn(error, &self.scan);
        self.contexts[at] = context;
        Ok(self.sample(prediction, sign * error))
    }

    /// A sample by its prediction and what it is off by, in steps (T.87, A.4.4 and A.4.5).
    fn sample(&self, prediction: i32, error: i32) -> i32 {
        let (step, near) = (2 * self.scan.near + 1, self.scan.near);
        let mut value = prediction + error * step;
        if value < -near {
            value += self.range * step;
        } else if value > self.scan.most + near {
            value -= self.range * step;
        }
        value.clamp(0, self.scan.most)
    }

    /// How many samples are as the one before them, `most` if they reach the end of the line (T.87, A.7.1).
    fn run(&mut self, index: &mut usize, most: usize) -> Result<usize, DicomError> {
        let mut run = 0;
        while self.bits.bits(1)? == 1 {
            let block = 1_usize << RUN_ORDERS[*index];
            let fits = block <= most - run;
            run += block.min(most - run);
            if fits {
                *index = (*index + 1).min(31);
            }
            if run == most {
                return Ok(run);
            }
        }
        run += self.bits.bits(RUN_ORDERS[*index])? as usize;
        match run < most {
            true => Ok(run),
            false => Err(LS_WRONG),
        }
    }

    /// The sample that ends a run (T.87, A.7.2).
    fn run_end(&mut self, left: i32, above: i32, index: usize) -> Result<i32, DicomError> {
        let alike = (left - above).abs() <= self.scan.near;
        let error = self.run_error(usize::from(alike), index)?;
        match alike {
            true => Ok(self.sample(left, error)),
            false => Ok(self.sample(above, if left > above { -error } else { error })),
        }
    }

    /// The same where the components' samples alternate: by the sample above, whether it is alike or not.
    fn run_end_apart(&mut self, left: i32, above: i32, index: usize) -> Result<i32, DicomError> {
        let error = self.run_error(0, index)?;
        let sign = if left > above { -1 } else { 1 };
        Ok(self.sample(above, sign * error))
    }

    fn run_error(&mut self, kind: usize, index: usize) -> Result<i32, DicomError> {
        let mut context = self.runs[kind];
        let alike = kind == 1;
        let learnt = context.a + if alike { context.n >> 1 } else { 0 };
        let order = order(context.n, learnt)?;
        let limit = self.limit.saturating_sub(RUN_ORDERS[index] + 1);
        let mapped = self.golomb(order, limit)?;
        let sum = mapped + i32::from(alike);
        let odd = sum & 1;
        let size = (sum + 1) / 2;
        let flips = order != 0 || 2 * context.negative >= context.n;
        let error = if flips == (odd == 1) { -size } else { size };
        context.negative += i32::from(error < 0);
        context.a += (mapped + 1 - i32::from(alike)) >> 1;
        if context.n == self.scan.reset {
            context.a >>= 1;
            context.n >>= 1;
            context.negative >>= 1;
        }
        context.n += 1;
        self.runs[kind] = context;
        Ok(error)
    }

    /// T.87, A.5.3.
    fn golomb(&mut self, order: u32, limit: u32) -> Result<i32, DicomError> {
        let longest = limit.saturating_sub(self.error_bits + 1);
        let mut zeros = 0;
        while self.bits.bits(1)? == 0 {
            zeros += 1;
            if zeros > longest {
                return Err(LS_WRONG);
            }
        }
        let value = match zeros < longest {
            true => zeros << order | self.bits.bits(order)?,
            false => self.bits.bits(self.error_bits)? + 1,
        };
        // A larger one cannot be: the mapped errors are as many as the range.
        match value.cast_signed() {
            value if value <= 2 * self.range => Ok(value),
            _ => Err(LS_WRONG),
        }
    }
}

/// T.87, A.5.1.
fn order(n: i32, a: i32) -> Result<u32, DicomError> {
    (0..=16).find(|order| n << order >= a).ok_or(LS_WRONG)
}

impl LsContext {
    /// T.87, A.6.
    fn learn(&mut self, error: i32, scan: &LsScan) {
        self.b += error * (2 * scan.near + 1);
        self.a += error.abs();
        if self.n == scan.reset {
            self.a >>= 1;
            self.b >>= 1;
            self.n >>= 1;
        }
        self.n += 1;
        if self.b <= -self.n {
            self.b = (self.b + self.n).max(1 - self.n);
            self.c = (self.c - 1).max(-128);
        } else if self.b > 0 {
            self.b = (self.b - self.n).min(0);
            self.c = (self.c + 1).min(127);
        }
    }
}
