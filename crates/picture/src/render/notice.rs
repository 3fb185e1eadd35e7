//! What is burned into overlays.

use super::brush::Rectangle;
use super::letters::Lettering;
use crate::frame::Frame;

/// [`crate::NOTICE`] in short.
const NOTICE: &str = "NOT FOR CLINICAL USE";

/// Why what is marked is not to be relied upon: what a picture of it must not go without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The picture does not look like its modality.
    Mismatch,
    /// There may be nothing to be marked.
    Unsure,
    /// There is nothing to be marked.
    Absent,
}

impl Doubt {
    /// In words, for the picture.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Mismatch => "MODALITY MISMATCH",
            Self::Unsure => "UNSURE",
            Self::Absent => "NOTHING FOUND",
        }
    }
}

/// Writes what no picture of a result goes without.
pub(super) fn burn_words(frame: &mut Frame, doubt: Option<Doubt>) {
    if let Some(doubt) = doubt {
        burn_doubt(frame, doubt);
    }
    burn_notice(frame);
}

/// Writes the notice over the bottom left corner: white on darkened ground, broken into lines where the
/// picture is narrow. A picture under about 50 px wide shows only the part that fits.
pub(super) fn burn_notice(frame: &mut Frame) {
    burn(frame, NOTICE, |height, down| height.saturating_sub(down));
}

/// Writes why what is marked is not to be relied upon over the top left corner.
fn burn_doubt(frame: &mut Frame, doubt: Doubt) {
    burn(frame, doubt.words(), |_, _| 0);
}

/// `top`: of the picture's height and the text's, where the text begins.
fn burn(frame: &mut Frame, words: &str, top: impl Fn(usize, usize) -> usize) {
    let [width, height] = frame.size().map(|side| side as usize);
    let lettering = Lettering::within(words, width, (width.min(height) / 240).max(1));
    let [across, down] = lettering.size();
    let top = top(height, down);
    let ground = Rectangle {
        x: 0..across,
        y: top..top + down,
    };
    ground.darken(frame);
    lettering.write(frame, 0, top, [255; 3]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_lies_at_the_bottom_left() {
        let mut frame = Frame::new(200, 20, vec![100; 200 * 20 * 3]).unwrap();
        burn_notice(&mut frame);
        let pixel = |x: usize, y: usize| frame.rgb()[3 * (y * 200 + x)];
        assert_eq!(
            frame.rgb()[..3 * 200 * 11],
            vec![100; 3 * 200 * 11],
            "the picture above is left alone"
        );
        // The upright of N, on its ground.
        let column: Vec<u8> = (11..20).map(|y| pixel(1, y)).collect();
        assert_eq!(column, [25, 255, 255, 255, 255, 255, 255, 255, 25]);
        let letters = NOTICE.len();
        assert_eq!(pixel(letters * 6, 11), 25);
        assert_eq!(pixel(letters * 6 + 1, 11), 100);
    }

    #[test]
    fn small_pictures_do_not_fail() {
        for (width, height) in [(1, 1), (3, 200), (200, 3), (16, 16)] {
            let mut frame =
                Frame::new(width, height, vec![9; (3 * width * height) as usize]).unwrap();
            burn_notice(&mut frame);
            burn_doubt(&mut frame, Doubt::Mismatch);
        }
    }
}
