//! The pictures that a grabber makes up while nothing is connected to it.

use std::time::{Duration, Instant};

use picture::frame::Frame;

/// Looked at in each row and column.
const POINTS: usize = 64;

/// Samples of a coloured picture so near are the same: JPEG moves them.
const SAME: u8 = 6;

/// What is grey has not even that: dark pictures differ by little.
const SAME_GREY: u8 = 2;

/// How far the largest sample of a pixel is above the smallest in what counts as a colour.
const COLOURED: u8 = 80;

/// For how long a picture has to look so.
const LONG: Duration = Duration::from_secs(1);

/// Whether a picture is one that HDMI grabbers send when they have no signal: of one colour, or colour bars. Words may
/// stand on blue, green and on bars.
///
/// It would rather miss one than call a patient's picture so. Of one dark or grey level is only what has no other in any
/// place looked at, which no sensor's noise and no scanner's text passes; words on black are therefore taken for a picture.
/// A computer that sends nothing but black looks the same, and has as little to show.
#[must_use]
pub fn looks_like_no_signal(frame: &Frame) -> bool {
    let grid = Grid::of(frame);
    grid.is_one_colour() || grid.is_bars()
}

/// Says of one picture after the other whether they have looked like no signal for a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSignalWatch {
    since: Option<Instant>,
}

impl NoSignalWatch {
    /// Whether all pictures of the last second, and this one, taken then, [look like no signal](looks_like_no_signal).
    pub fn look(&mut self, frame: &Frame, captured: Instant) -> bool {
        if !looks_like_no_signal(frame) {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(captured);
        captured.saturating_duration_since(since) >= LONG
    }
}

/// Pixels at the crossings of rows and columns evenly apart.
struct Grid([[[u8; 3]; POINTS]; POINTS]);

impl Grid {
    fn of(frame: &Frame) -> Self {
        let [width, height] = frame.size().map(|side| side as usize);
        let pixels = frame.rgb().as_chunks::<3>().0;
        let at = |i: usize, side: usize| (2 * i + 1) * side / (2 * POINTS);
        let row = |y: usize| std::array::from_fn(|x| pixels[at(y, height) * width + at(x, width)]);
        Self(std::array::from_fn(row))
    }

    fn is_one_colour(&self) -> bool {
        let all = self.0.as_flattened();
        let colour = median(all.iter().copied());
        let others = |within| {
            all.iter()
                .filter(|pixel| !same(**pixel, colour, within))
                .count()
        };
        match is_coloured(colour) {
            // Not where red leads: an endoscope at the wall sees nothing but red.
            true => colour[0] < colour[1].max(colour[2]) && others(SAME) <= all.len() / 8,
            false => others(SAME_GREY) == 0,
        }
    }

    /// Columns that are of one colour in the upper half, seven or eight of them side by side and as wide as each other.
    fn is_bars(&self) -> bool {
        let upper = &self.0[1..POINTS / 2];
        let columns: [[u8; 3]; POINTS] =
            std::array::from_fn(|x| median(upper.iter().map(|row| row[x])));
        let others = upper
            .iter()
            .flat_map(|row| row.iter().zip(&columns))
            .filter(|(pixel, column)| !same(**pixel, **column, SAME))
            .count();
        if others > upper.len() * POINTS / 8 {
            return false;
        }
        let (mut bars, mut coloured, mut start) = (0, 0, 0);
        for x in 1..=POINTS {
            if x < POINTS && same(columns[x], columns[x - 1], SAME) {
                continue;
            }
            let width = x - start;
            // A column on the edge between two is of neither.
            if width > 1 {
                // Eight bars have 8 points each, seven have 9.
                if !(6..=10).contains(&width) {
                    return false;
                }
                bars += 1;
                coloured += usize::from(is_coloured(columns[start]));
            }
            start = x;
        }
        // White, yellow, cyan, green, magenta, red, blue, and in some black.
        (7..=8).contains(&bars) && coloured == 6
    }
}

fn same(a: [u8; 3], b: [u8; 3], within: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= within)
}

fn is_coloured([red, green, blue]: [u8; 3]) -> bool {
    red.max(green).max(blue) - red.min(green).min(blue) >= COLOURED
}

/// The median of each channel.
fn median(pixels: impl Iterator<Item = [u8; 3]> + Clone) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let mut counts = [0_usize; 256];
        pixels
            .clone()
            .for_each(|pixel| counts[usize::from(pixel[channel])] += 1);
        let half = counts.iter().sum::<usize>() / 2;
        let mut below = 0;
        let reached = counts.iter().position(|count| {
            below += count;
            below > half
        });
        reached.unwrap_or_default() as u8
    })
}

#[cfg(test)]
mod tests {
    use picture::frame::{FrameLimits, decode};

    use super::*;

    const BLACK: [u8; 3] = [0; 3];
    const BLUE: [u8; 3] = [0, 0, 255];
    /// BT.471's bars at 75 %.
    const BARS: [[u8; 3]; 8] = [
        [191, 191, 191],
        [191, 191, 0],
        [0, 191, 191],
        [0, 191, 0],
        [191, 0, 191],
        [191, 0, 0],
        [0, 0, 191],
        [0, 0, 0],
    ];

    fn painted(size: [u32; 2], at: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
        let [width, height] = size;
        let row = |y| (0..width).map(move |x| (x, y));
        let rgb = (0..height).flat_map(row).flat_map(|(x, y)| at(x, y));
        Frame::new(width, height, rgb.collect()).unwrap()
    }

    /// Something like words in the middle: strokes a few pixels apart.
    fn words(frame: &mut Frame) {
        let [width, height] = frame.size();
        for y in 2 * height / 5..3 * height / 5 {
            for x in (width / 4..3 * width / 4).filter(|x| x % 8 < 3) {
                let at = 3 * (y * width + x) as usize;
                frame.rgb_mut()[at..at + 3].fill(255);
            }
        }
    }

    /// A sector of speckle on black, as ultrasound has it, so dark that little is to be seen.
    fn dark_sector(gain: u32) -> Frame {
        painted([640, 480], |x, y| {
            let (across, down) = (x.abs_diff(320), y);
            let speckle = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 7;
            let inside = across < down && (60..400).contains(&down);
            [if inside { (speckle % gain) as u8 } else { 0 }; 3]
        })
    }

    #[test]
    fn made_up_pictures_are_known_in_every_size() {
        for size in [[640, 480], [1280, 720], [1920, 1080], [200, 150]] {
            for colour in [BLACK, BLUE, [0, 135, 0], [255; 3], [16, 16, 180], [128; 3]] {
                let plain = painted(size, |_, _| colour);
                assert!(looks_like_no_signal(&plain), "{colour:?}");
            }
            for colour in [BLUE, [0, 135, 0]] {
                let mut titled = painted(size, |_, _| colour);
                words(&mut titled);
                assert!(looks_like_no_signal(&titled), "{colour:?} with words");
            }
            for count in [7, 8] {
                let bar = |x: u32| BARS[(x * count / size[0]) as usize];
                assert!(
                    looks_like_no_signal(&painted(size, |x, _| bar(x))),
                    "{count} bars"
                );
                // As SMPTE EG 1 has them: other fields below.
                let lower = |x: u32, y: u32| match 3 * y < 2 * size[1] {
                    true => bar(x),
                    false => [(x / 20) as u8; 3],
                };
                assert!(
                    looks_like_no_signal(&painted(size, lower)),
                    "{count} bars and fields"
                );
            }
        }
        // As it comes out of a JPEG.
        let rippled = painted([640, 480], |x, y| [1, 2, 250 + ((x ^ y) % 5) as u8]);
        assert!(looks_like_no_signal(&rippled));
    }

    #[test]
    fn pictures_with_something_in_them_are_not_taken_for_none() {
        let noise = |level: u8| {
            move |x: u32, y: u32| {
                let random = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 9;
                [level + (random % 20) as u8; 3]
            }
        };
        let size = [640, 480];
        let mut text_on_black = painted(size, |_, _| BLACK);
        words(&mut text_on_black);
        let cases = [
            ("a capped lens", painted(size, noise(4))),
            ("grey noise", painted(size, noise(120))),
            ("a dark sector", dark_sector(24)),
            ("a console without a probe", text_on_black),
            (
                "red-out",
                painted(size, |x, _| [180 + (x % 4) as u8, 40, 30]),
            ),
            (
                "a grey wedge",
                painted(size, |x, _| [(x * 255 / 640) as u8; 3]),
            ),
            (
                "grey steps",
                painted(size, |x, _| [(x * 8 / 640 * 32) as u8; 3]),
            ),
            ("stripes", painted(size, |x, _| BARS[(x / 8 % 8) as usize])),
            ("rows", painted(size, |_, y| BARS[(y / 60) as usize])),
        ];
        for (name, frame) in cases {
            assert!(!looks_like_no_signal(&frame), "{name}");
        }
    }

    #[test]
    fn patients_pictures_are_not_taken_for_none_however_dark() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/samples");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "jpg") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut frame = decode(&bytes, &FrameLimits::default()).unwrap();
            for halved in 0..4 {
                assert!(
                    !looks_like_no_signal(&frame),
                    "{} / 2^{halved}",
                    path.display()
                );
                frame.rgb_mut().iter_mut().for_each(|sample| *sample /= 2);
                seen += 1;
            }
        }
        assert!(seen >= 20, "{seen}");
    }

    #[test]
    fn a_moment_of_black_is_no_lost_signal() {
        let (black, picture) = (painted([64, 64], |_, _| BLACK), dark_sector(200));
        let mut watch = NoSignalWatch::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(!watch.look(&black, at(0)));
        assert!(!watch.look(&black, at(999)));
        assert!(watch.look(&black, at(1000)));
        assert!(watch.look(&black, at(5000)));
        assert!(!watch.look(&picture, at(5040)));
        assert!(!watch.look(&black, at(5080)));
        assert!(!watch.look(&black, at(6079)));
        assert!(watch.look(&black, at(6080)));
    }
}
