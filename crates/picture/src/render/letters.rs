//! Words burned into overlays, in a 5 × 7 bitmap font of the letters that they need.

use crate::frame::Frame;

/// What is burned in: [`crate::NOTICE`] in short.
const NOTICE: [&str; 4] = ["NOT", "FOR", "CLINICAL", "USE"];
/// Said of a mask that was made although the picture does not look like its modality.
const MISMATCH: [&str; 2] = ["MODALITY", "MISMATCH"];

const GLYPH: (usize, usize) = (5, 7);
/// A letter and the gap after it, a line and the gap below it.
const CELL: (usize, usize) = (6, 9);

/// Seven rows of five bits, leftmost highest.
fn glyph(letter: u8) -> [u8; 7] {
    match letter {
        b'A' => [
            0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001,
        ],
        b'C' => [
            0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110,
        ],
        b'D' => [
            0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110,
        ],
        b'E' => [
            0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111,
        ],
        b'F' => [
            0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000,
        ],
        b'H' => [
            0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001,
        ],
        b'I' => [
            0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110,
        ],
        b'L' => [
            0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111,
        ],
        b'M' => [
            0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001,
        ],
        b'N' => [
            0b10001, 0b11001, 0b10101, 0b10101, 0b10011, 0b10001, 0b10001,
        ],
        b'O' => [
            0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110,
        ],
        b'R' => [
            0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001,
        ],
        b'S' => [
            0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110,
        ],
        b'T' => [
            0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100,
        ],
        b'U' => [
            0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110,
        ],
        b'Y' => [
            0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100,
        ],
        _ => [0; 7],
    }
}

/// Writes the notice over the bottom left corner: white on darkened ground, broken into lines where the
/// picture is narrow. A picture under about 50 px wide shows only the part that fits.
pub(super) fn burn_notice(frame: &mut Frame) {
    burn(frame, &NOTICE, |height, down| height.saturating_sub(down));
}

/// Writes that the modality may be wrong over the top left corner.
pub(super) fn burn_mismatch(frame: &mut Frame) {
    burn(frame, &MISMATCH, |_, _| 0);
}

/// `top`: of the picture's height and the text's, where the text begins.
fn burn(frame: &mut Frame, words: &[&str], top: impl Fn(usize, usize) -> usize) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let scale = (width.min(height) / 240).max(1);
    let lines = wrap(words, width / scale / CELL.0);
    let across = lines.iter().map(String::len).max().unwrap_or(0) * CELL.0 + 1;
    let down = lines.len() * CELL.1 * scale;
    let top = top(height, down);
    for y in top..height.min(top + down) {
        let (line, row) = ((y - top) / scale / CELL.1, (y - top) / scale % CELL.1);
        for x in 0..width.min(across * scale) {
            let (column, bit) = (
                (x / scale).saturating_sub(1) / CELL.0,
                (x / scale + CELL.0 - 1) % CELL.0,
            );
            let letter = lines
                .get(line)
                .and_then(|l| l.as_bytes().get(column))
                .copied()
                .unwrap_or(b' ');
            let inked = (1..=GLYPH.1).contains(&row)
                && bit < GLYPH.0
                && glyph(letter)[row - 1] >> (GLYPH.0 - 1 - bit) & 1 == 1;
            let pixel = &mut frame.rgb_mut()[3 * (y * width + x)..][..3];
            pixel
                .iter_mut()
                .for_each(|v| *v = if inked { 255 } else { *v / 4 });
        }
    }
}

/// The words in as few lines of at most `columns` letters as they fill.
fn wrap(words: &[&str], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines
            .last_mut()
            .filter(|line| line.len() + 1 + word.len() < columns)
        {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push((*word).into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_a_shape_of_its_own() {
        let letters: std::collections::BTreeSet<u8> = NOTICE
            .iter()
            .chain(&MISMATCH)
            .flat_map(|w| w.bytes())
            .collect();
        let shapes: std::collections::BTreeSet<[u8; 7]> =
            letters.iter().map(|l| glyph(*l)).collect();
        assert_eq!(shapes.len(), letters.len());
        assert!(!shapes.contains(&[0; 7]));
    }

    #[test]
    fn lines_break_where_the_picture_is_narrow() {
        assert_eq!(wrap(&NOTICE, 80), ["NOT FOR CLINICAL USE"]);
        assert_eq!(wrap(&NOTICE, 15), ["NOT FOR", "CLINICAL USE"]);
        assert_eq!(wrap(&NOTICE, 9), ["NOT FOR", "CLINICAL", "USE"]);
    }

    #[test]
    fn ink_is_the_letters_bits() {
        let mut frame = Frame::new(200, 20, vec![100; 200 * 20 * 3]).unwrap();
        burn_notice(&mut frame);
        let inked = frame.rgb().chunks(3).filter(|p| *p == [255; 3]).count();
        let bits: u32 = NOTICE
            .iter()
            .flat_map(|w| w.bytes())
            .flat_map(glyph)
            .map(u8::count_ones)
            .sum();
        assert_eq!(inked, bits as usize);
        assert_eq!(
            frame.rgb()[..3 * 200],
            vec![100; 3 * 200],
            "the picture above is left alone"
        );
        // The upright of N, read back from the picture.
        let column: Vec<u8> = (12..19).map(|y| frame.rgb()[3 * (y * 200 + 1)]).collect();
        assert_eq!(column, [255; 7]);
    }

    #[test]
    fn small_pictures_do_not_fail() {
        for (width, height) in [(1, 1), (3, 200), (200, 3), (16, 16)] {
            let mut frame =
                Frame::new(width, height, vec![9; (3 * width * height) as usize]).unwrap();
            burn_notice(&mut frame);
        }
    }
}
