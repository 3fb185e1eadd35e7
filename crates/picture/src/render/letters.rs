//! Words on pictures, in a 5 × 7 bitmap font of capitals, digits and some signs.

use super::brush::Rectangle;
use crate::frame::Frame;

/// Columns and rows of a letter.
const GLYPH: (usize, usize) = (5, 7);
/// A letter and the gap after it, a line and the gap below it.
const CELL: (usize, usize) = (6, 9);

/// Seven rows of five bits, leftmost highest. What has no shape here is an empty box.
#[rustfmt::skip]
fn glyph(letter: u8) -> [u8; 7] {
    match letter.to_ascii_uppercase() {
        b' ' => [0; 7],
        b'A' => [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        b'B' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110],
        b'C' => [0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110],
        b'D' => [0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110],
        b'E' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
        b'F' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000],
        b'G' => [0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01110],
        b'H' => [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        b'I' => [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        b'J' => [0b00111, 0b00010, 0b00010, 0b00010, 0b00010, 0b10010, 0b01100],
        b'K' => [0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001],
        b'L' => [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
        b'M' => [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001],
        b'N' => [0b10001, 0b11001, 0b10101, 0b10101, 0b10011, 0b10001, 0b10001],
        b'O' => [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        b'P' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
        b'Q' => [0b01110, 0b10001, 0b10001, 0b10001, 0b10101, 0b10010, 0b01101],
        b'R' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
        b'S' => [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110],
        b'T' => [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
        b'U' => [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        b'V' => [0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b01010, 0b00100],
        b'W' => [0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001],
        b'X' => [0b10001, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b10001],
        b'Y' => [0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100],
        b'Z' => [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111],
        b'0' => [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        b'1' => [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        b'2' => [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
        b'3' => [0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110],
        b'4' => [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        b'5' => [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        b'6' => [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        b'7' => [0b11111, 0b00001, 0b00010, 0b00100, 0b00100, 0b00100, 0b00100],
        b'8' => [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        b'9' => [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
        b'.' => [0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100],
        b':' => [0b00000, 0b01100, 0b01100, 0b00000, 0b01100, 0b01100, 0b00000],
        b'-' => [0b00000, 0b00000, 0b00000, 0b11111, 0b00000, 0b00000, 0b00000],
        b'/' => [0b00001, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b10000],
        b'%' => [0b11001, 0b11001, 0b00010, 0b00100, 0b01000, 0b10011, 0b10011],
        _ => [0b11111, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11111],
    }
}

/// Words in lines, to be written on a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lettering<'a> {
    words: &'a str,
    /// What a line has room for.
    columns: usize,
    /// Pixels of a bit's side.
    scale: usize,
    /// Whether shorter lines stand in the middle, not at the left.
    centred: bool,
}

impl<'a> Lettering<'a> {
    /// Lines within so many pixels; a word that is longer has one of its own.
    pub fn within(words: &'a str, width: usize, scale: usize) -> Self {
        Self {
            words,
            columns: width / scale / CELL.0,
            scale,
            centred: false,
        }
    }

    /// Shorter lines in the middle.
    pub fn centred(self) -> Self {
        Self {
            centred: true,
            ..self
        }
    }

    /// As large as they fit in so many pixels.
    pub fn filling(words: &'a str, width: usize, height: usize) -> Self {
        let scales = (1..=height / CELL.1).rev();
        let mut all = scales.map(|scale| Self::within(words, width, scale));
        let largest = all.find(|lettering| {
            let [across, down] = lettering.size();
            across <= width && down <= height
        });
        largest.unwrap_or(Self::within(words, width, 1))
    }

    /// Width and height in pixels, with a gap to every side.
    pub fn size(&self) -> [usize; 2] {
        let (mut across, mut down) = (0, 0);
        for line in self.lines() {
            across = across.max(line.len() * CELL.0 + 1);
            down += CELL.1;
        }
        [across * self.scale, down * self.scale]
    }

    /// Words as many to a line as it has room for.
    fn lines(&self) -> impl Iterator<Item = &'a str> {
        let (columns, mut rest) = (self.columns, self.words.trim());
        std::iter::from_fn(move || {
            let mut end = rest.find(' ').unwrap_or(rest.len());
            while let Some(more) = rest[end..].strip_prefix(' ') {
                let next = end + 1 + more.find(' ').unwrap_or(more.len());
                if next >= columns {
                    break;
                }
                end = next;
            }
            let line = &rest[..end];
            rest = rest[end..].trim_start();
            (!line.is_empty()).then_some(line)
        })
    }

    /// Writes them with their upper left corner here.
    pub fn write(&self, frame: &mut Frame, x: usize, y: usize, ink: [u8; 3]) {
        let longest = self.lines().map(str::len).max().unwrap_or(0);
        for (line, words) in self.lines().enumerate() {
            let shorter = (longest - words.len()) * CELL.0 / 2;
            // The gap before the first letter, and above a line.
            let left = 1 + if self.centred { shorter } else { 0 };
            let top = 1 + line * CELL.1;
            for (column, letter) in words.bytes().enumerate() {
                let left = left + column * CELL.0;
                for (row, bits) in glyph(letter).into_iter().enumerate() {
                    for bit in (0..GLYPH.0).filter(|bit| bits >> (GLYPH.0 - 1 - bit) & 1 == 1) {
                        let (x, y) = (x + (left + bit) * self.scale, y + (top + row) * self.scale);
                        let dot = Rectangle {
                            x: x..x + self.scale,
                            y: y..y + self.scale,
                        };
                        dot.fill(frame, ink);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_letter_has_a_shape_of_its_own() {
        let letters = (b'A'..=b'Z').chain(b'0'..=b'9').chain(*b" .:-/%?");
        let shapes: Vec<[u8; 7]> = letters.map(glyph).collect();
        let distinct: BTreeSet<_> = shapes.iter().collect();
        assert_eq!(distinct.len(), shapes.len());
        assert_eq!(glyph(b' '), [0; 7]);
        assert_eq!(glyph(b'q'), glyph(b'Q'));
        assert!(shapes.iter().flatten().all(|bits| *bits < 1 << GLYPH.0));
    }

    #[test]
    fn lines_break_where_the_picture_is_narrow() {
        let lines = |columns| -> Vec<&str> {
            let lettering = Lettering {
                words: "NOT FOR CLINICAL USE",
                columns,
                scale: 1,
                centred: false,
            };
            lettering.lines().collect()
        };
        assert_eq!(lines(80), ["NOT FOR CLINICAL USE"]);
        assert_eq!(lines(15), ["NOT FOR", "CLINICAL USE"]);
        assert_eq!(lines(9), ["NOT FOR", "CLINICAL", "USE"]);
        assert_eq!(lines(0), ["NOT", "FOR", "CLINICAL", "USE"]);
    }

    #[test]
    fn words_are_as_large_as_they_fit() {
        let size = |words, width, height| Lettering::filling(words, width, height).size();
        // On one line 9 letters of 6 and a gap: 55 bits across at 10 pixels each.
        assert_eq!(size("NO SIGNAL", 640, 100), [550, 90]);
        // Two lines where that makes them larger: 6 letters, 37 bits.
        assert_eq!(size("NO SIGNAL", 640, 320), [629, 306]);
        assert_eq!(size("NO SIGNAL", 5, 5)[1], 18, "too large even so");
        assert_eq!(size("", 640, 320), [0, 0]);
    }

    #[test]
    fn ink_is_the_letters_bits() {
        let mut frame = Frame::new(200, 40, vec![100; 200 * 40 * 3]).unwrap();
        Lettering::within("N/3", 200, 2).write(&mut frame, 10, 5, [9, 8, 7]);
        let inked = |(x, y): (usize, usize)| {
            let bit = glyph(b'N')[y / 2] >> (4 - x / 2) & 1 == 1;
            let expected = if bit { [9, 8, 7] } else { [100; 3] };
            (
                frame.rgb()[3 * ((7 + y) * 200 + 12 + x)..][..3] == expected,
                x,
                y,
            )
        };
        for at in (0..14).flat_map(|y| (0..10).map(move |x| (x, y))) {
            assert!(inked(at).0, "{at:?}");
        }
        let all = frame.rgb().chunks(3).filter(|p| **p == [9, 8, 7]).count();
        let bits: u32 = (b"N/3".iter())
            .flat_map(|l| glyph(*l))
            .map(u8::count_ones)
            .sum();
        assert_eq!(all, 4 * bits as usize);
    }
}
