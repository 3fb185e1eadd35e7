//! What a live picture says of itself, in words that are read across a dark room.
//!
//! Whether a picture is to be relied on is told by shapes, before any word is read and whatever the colours: an
//! [`Tone::Alarm`] is a darkened picture, crossed out, in a striped frame; a [`Tone::Note`] is a bar above the picture.

use super::brush::Rectangle;
use super::letters::Lettering;
use super::notice;
use crate::frame::{Frame, FrameError};

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Banner<'a> {
    /// The state, as short as can be: `NO SIGNAL`. Letters are capitals, digits and ` .:-/%`. None: only the detail is said.
    pub words: &'a str,
    /// A smaller line below: `AGE 43 MS`. May be empty.
    pub detail: &'a str,
    /// How loud it is.
    pub tone: Tone,
}

/// How loud a banner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The picture is live and something is to be known of it.
    Note,
    /// The picture is not to be relied on.
    Alarm,
}

const INK: [u8; 3] = [255; 3];
const GROUND: [u8; 3] = [0; 3];
/// Amber, the other stripes being [`GROUND`].
const STRIPE: [u8; 3] = [255, 176, 0];

/// As dark as a scanner's empty screen, which a sign darkens further.
const CARD: [u8; 3] = [48; 3];

/// Burns a banner and the notice into a picture.
pub fn burn_banner(frame: &mut Frame, banner: &Banner<'_>) {
    match banner.tone {
        Tone::Note => bar(frame, banner),
        Tone::Alarm => sign(frame, banner),
    }
    notice::burn_notice(frame);
}

/// A banner where there is no picture, in the memory that the frame has.
///
/// # Errors
/// [`FrameError::BadSamples`] if a side is 0, or there were more pixels than memory can address.
pub fn card(
    frame: &mut Frame,
    width: u32,
    height: u32,
    banner: &Banner<'_>,
) -> Result<(), FrameError> {
    frame.reshape(width, height)?;
    Rectangle::of(frame).fill(frame, CARD);
    burn_banner(frame, banner);
    Ok(())
}

/// Words over the top, and the detail below them.
fn bar(frame: &mut Frame, banner: &Banner<'_>) {
    let [width, height] = frame.size().map(|side| side as usize);
    let words = Lettering::filling(banner.words, width, height / 8);
    let detail = small(banner.detail, width, height);
    let [[across, down], [along, below]] = [words.size(), detail.size()];
    let ground = Rectangle {
        x: 0..if across > 0 { width } else { along },
        y: 0..down + below,
    };
    ground.darken(frame);
    words.write(frame, 0, 0, INK);
    detail.write(frame, 0, down, INK);
}

/// Words in the middle of a picture that is darkened, crossed out and framed.
fn sign(frame: &mut Frame, banner: &Banner<'_>) {
    let [width, height] = frame.size().map(|side| side as usize);
    Rectangle::of(frame).darken(frame);
    let thick = (width.min(height) / 16).max(2);
    cross(frame, thick / 2);
    hatch(frame, thick);
    let room = width.saturating_sub(4 * thick);
    let words = Lettering::filling(banner.words, room, height / 2).centred();
    let detail = small(banner.detail, room, height).centred();
    let [[across, down], [along, below]] = [words.size(), detail.size()];
    let middle = |side: usize, of: usize| of.saturating_sub(side) / 2;
    let (widest, top) = (across.max(along), middle(down + below, height));
    let left = middle(widest, width);
    let ground = Rectangle {
        x: left..left + widest,
        y: top..top + down + below,
    };
    ground.grown(thick / 2).fill(frame, GROUND);
    words.write(frame, middle(across, width), top, INK);
    detail.write(frame, middle(along, width), top + down, INK);
}

/// A line to be read at the screen, not across the room.
fn small(words: &str, width: usize, height: usize) -> Lettering<'_> {
    Lettering::filling(words, width, (height / 13).max(9))
}

/// Stripes at 45° along all four sides.
fn hatch(frame: &mut Frame, thick: usize) {
    let [width, height] = frame.size().map(|side| side as usize);
    let rows = frame.rgb_mut().chunks_exact_mut(3 * width).enumerate();
    for (y, row) in rows {
        let pixels = row.as_chunks_mut().0;
        let edge = if y < thick || y + thick >= height {
            width
        } else {
            thick.min(width)
        };
        let stripe = |x: usize| [STRIPE, GROUND][(x + y) / thick % 2];
        let right = edge.max(width - thick.min(width));
        (0..edge)
            .chain(right..width)
            .for_each(|x| pixels[x] = stripe(x));
    }
}

/// A line from each corner to the opposite one.
fn cross(frame: &mut Frame, thick: usize) {
    let [width, height] = frame.size().map(|side| side as usize);
    for y in 0..height {
        let x = y * width / height;
        for start in [x, width - 1 - x] {
            let dash = Rectangle {
                x: start.saturating_sub(thick / 2)..start + thick / 2 + 1,
                y: y..y + 1,
            };
            dash.fill(frame, STRIPE.map(|v| v / 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const STATES: [&str; 9] = [
        "NO SIGNAL",
        "STALE",
        "OVERLOAD",
        "WRONG MODALITY",
        "NOTHING FOUND",
        "UNSURE",
        "FROZEN",
        "MODEL FAULT",
        "STARTING",
    ];

    fn grey(width: u32, height: u32) -> Frame {
        Frame::new(width, height, vec![100; (3 * width * height) as usize]).unwrap()
    }

    fn burnt(width: u32, height: u32, words: &str, tone: Tone) -> Frame {
        let mut frame = grey(width, height);
        let detail = "AGE 43 MS";
        burn_banner(
            &mut frame,
            &Banner {
                words,
                detail,
                tone,
            },
        );
        frame
    }

    fn pixels(frame: &Frame, area: &Rectangle) -> Vec<[u8; 3]> {
        let (all, width) = (frame.rgb().as_chunks().0, frame.width() as usize);
        let rows = area.y.clone().map(|y| &all[y * width..][area.x.clone()]);
        rows.flatten().copied().collect()
    }

    fn count(frame: &Frame, colour: [u8; 3]) -> usize {
        let all = pixels(frame, &Rectangle::of(frame));
        all.into_iter().filter(|pixel| *pixel == colour).count()
    }

    #[test]
    fn every_state_is_large_whole_and_unlike_all_others() {
        for (width, height) in [(320, 240), (640, 480), (1280, 720)] {
            for tone in [Tone::Note, Tone::Alarm] {
                let without = count(&burnt(width, height, "", tone), INK);
                let pictures = STATES.map(|words| burnt(width, height, words, tone));
                for (words, picture) in STATES.iter().zip(&pictures) {
                    let bits = Lettering::within(words, 1000, 1);
                    let mut plain = Frame::new(200, 9, vec![0; 3 * 200 * 9]).unwrap();
                    bits.write(&mut plain, 0, 0, INK);
                    // Each bit of each letter is a square of one size, and all are there.
                    let side = (count(picture, INK) - without) as f64 / count(&plain, INK) as f64;
                    let side = side.sqrt();
                    assert_eq!(side.fract(), 0.0, "{words} {width}");
                    // A letter's height is at least a thirteenth of the picture's; that of an alarm a ninth.
                    let least = if tone == Tone::Note { 13.0 } else { 9.0 };
                    assert!(
                        7.0 * side * least > f64::from(height),
                        "{words} {width} {side}"
                    );
                }
                let distinct: BTreeSet<&[u8]> = pictures.iter().map(Frame::rgb).collect();
                assert_eq!(distinct.len(), STATES.len());
            }
        }
    }

    #[test]
    fn a_note_leaves_the_picture_and_an_alarm_does_not() {
        let below = Rectangle {
            x: 0..640,
            y: 120..450,
        };
        let note = burnt(640, 480, "UNSURE", Tone::Note);
        assert_eq!(pixels(&note, &below), vec![[100; 3]; 640 * 330]);
        let alarm = burnt(640, 480, "STALE", Tone::Alarm);
        assert_eq!(count(&alarm, [100; 3]), 0);
    }

    #[test]
    fn an_alarm_is_framed_by_stripes_and_crossed_out() {
        let alarm = burnt(640, 480, "FROZEN", Tone::Alarm);
        let side = |x, y| pixels(&alarm, &Rectangle { x, y });
        let sides = [
            side(0..640, 0..1),
            side(0..1, 0..440),
            side(639..640, 0..480),
            side(300..640, 479..480),
        ];
        for side in sides {
            let striped = side.iter().filter(|pixel| **pixel == STRIPE).count();
            let share = striped as f64 / side.len() as f64;
            assert!((0.4..0.6).contains(&share), "{share}");
            assert!(side.iter().all(|pixel| [STRIPE, GROUND].contains(pixel)));
        }
        for (x, y) in [(80, 60), (560, 60), (80, 420), (560, 420)] {
            let at = pixels(
                &alarm,
                &Rectangle {
                    x: x..x + 1,
                    y: y..y + 1,
                },
            );
            assert_eq!(at, [STRIPE.map(|v| v / 2)], "{x},{y}");
        }
    }

    #[test]
    fn every_banner_bears_the_notice() {
        let mut plain = grey(640, 480);
        notice::burn_notice(&mut plain);
        let place = Rectangle {
            x: 0..242,
            y: 462..480,
        };
        let ink = |frame: &Frame| -> Vec<bool> {
            let pixels = pixels(frame, &place);
            pixels.into_iter().map(|pixel| pixel == INK).collect()
        };
        assert!(ink(&plain).contains(&true));
        for tone in [Tone::Note, Tone::Alarm] {
            assert_eq!(ink(&burnt(640, 480, "STALE", tone)), ink(&plain));
        }
    }

    #[test]
    fn a_card_takes_the_memory_that_is_there() {
        let banner = Banner {
            words: "STARTING",
            detail: "",
            tone: Tone::Note,
        };
        let mut frame = grey(640, 480);
        let place = frame.rgb().as_ptr();
        card(&mut frame, 320, 240, &banner).unwrap();
        assert_eq!((frame.size(), frame.rgb().as_ptr()), ([320, 240], place));
        assert_eq!(frame.rgb()[3 * 320 * 120..][..3], CARD);
        let none = card(&mut frame, 0, 240, &banner);
        assert!(matches!(none, Err(FrameError::BadSamples { .. })));
    }

    proptest! {
        #[test]
        fn no_size_and_no_words_fail(width in 1_u32..300, height in 1_u32..200, words: String, detail: String, alarm: bool) {
            let tone = if alarm { Tone::Alarm } else { Tone::Note };
            let mut frame = grey(width, height);
            burn_banner(&mut frame, &Banner { words: &words, detail: &detail, tone });
            prop_assert_ne!(frame, grey(width, height));
        }
    }
}
