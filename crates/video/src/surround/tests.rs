//! Phantoms inside made-up consoles: what is found of them, and how much of the console is cut off.

use std::sync::Arc;

use picture::frame::Frame;
use picture::segmenter::ManualClock;

use super::{SurroundFinder, SurroundProposal};
use crate::phantom::{Anatomy, Phantom, PhantomSpec};
use picture::frame::PixelRect;

/// Numbers that look like chance, the same ones each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as u32 % sides
    }
}

/// A screen that is drawn upon.
struct Screen(Frame);

impl Screen {
    fn new([width, height]: [u32; 2], ground: [u8; 3]) -> Self {
        let pixels = ground.repeat((width * height) as usize);
        Self(Frame::new(width, height, pixels).unwrap())
    }

    fn dot(&mut self, x: u32, y: u32, colour: [u8; 3]) {
        let [width, height] = self.0.size();
        if x < width && y < height {
            let at = 3 * (y * width + x) as usize;
            self.0.rgb_mut()[at..at + 3].copy_from_slice(&colour);
        }
    }

    fn fill(&mut self, [x, y]: [u32; 2], [width, height]: [u32; 2], colour: [u8; 3]) {
        (y..y + height).for_each(|y| (x..x + width).for_each(|x| self.dot(x, y, colour)));
    }

    /// A line of letters that nobody can read, 5 × 7 dots of two pixels.
    fn text(&mut self, [x, y]: [u32; 2], letters: u32, colour: [u8; 3], dice: &mut Dice) {
        for letter in 0..letters {
            let bits = dice.roll(1 << 30) | dice.roll(1 << 30);
            for dot in 0..35_u32 {
                if bits.rotate_right(dot * 7) & 1 == 1 {
                    let at = [x + 12 * letter + 2 * (dot % 5), y + 2 * (dot / 5)];
                    self.fill(at, [2, 2], colour);
                }
            }
        }
    }

    fn picture(&mut self, [x, y]: [u32; 2], picture: &Frame) {
        let pixels = picture.rgb().as_chunks::<3>().0;
        for (row, line) in pixels.chunks(picture.width() as usize).enumerate() {
            for (column, pixel) in line.iter().enumerate() {
                self.dot(x + column as u32, y + row as u32, *pixel);
            }
        }
    }
}

/// A console with a phantom on its screen.
struct Console {
    seed: u64,
    size: [u32; 2],
    scan: [u32; 2],
    at: [u32; 2],
    ground: [u8; 3],
}

const WHITE: [u8; 3] = [230; 3];
const SCREENS: [[u32; 2]; 4] = [[800, 600], [1024, 768], [1280, 720], [1920, 1080]];
const GROUNDS: [[u8; 3]; 4] = [[0; 3], [24; 3], [40, 44, 60], [0; 3]];

impl Console {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let size = SCREENS[dice.roll(4) as usize];
        let part = 55 + dice.roll(20);
        let scan = size.map(|side| side * part / 100);
        let left = [150, 40];
        let room: [u32; 2] = std::array::from_fn(|i| size[i] - scan[i] - left[i] - 20);
        let at = std::array::from_fn(|i| left[i] + dice.roll(room[i].max(1)));
        Self {
            seed,
            size,
            scan,
            at,
            ground: GROUNDS[dice.roll(4) as usize],
        }
    }

    /// The screen at a moment: all stands still but the scan and a clock.
    fn screen(&self, scan: &Frame, moment: u64) -> Frame {
        let mut dice = Dice(self.seed + 1000);
        let mut screen = Screen::new(self.size, self.ground);
        let ([width, height], [x, y]) = (self.size, self.at);
        screen.picture(self.at, scan);
        if dice.roll(2) == 0 {
            screen.fill([0, 0], [width, 26], [50, 70, 110]);
        }
        screen.text([12, 6], 10, WHITE, &mut dice);
        for line in 0..4 + dice.roll(8) {
            screen.text([8, 60 + 22 * line], 4 + dice.roll(6), WHITE, &mut dice);
        }
        let mut ticking = Dice(self.seed + moment);
        screen.text([width - 120, 6], 8, WHITE, &mut ticking);
        // A grey bar, and a coloured one, beside the scan.
        for step in 0..120 {
            let grey = (250 - 2 * step) as u8;
            screen.fill([x - 22, y + 20 + step], [10, 1], [grey; 3]);
            screen.fill(
                [x - 40, y + 20 + step],
                [10, 1],
                [grey, grey / 3, 255 - grey],
            );
        }
        for button in 0..5 {
            let at = [40 + button * (width / 6), height - 18];
            screen.fill(at, [width / 8, 16], [90; 3]);
        }
        // Within the scan: calipers and their text.
        let [w, h] = self.scan;
        screen.text([x + w / 2, y + h / 2], 9, [250, 240, 60], &mut dice);
        screen.0
    }

    /// What is proposed after so many pictures, and the scan as it was.
    fn propose(&self, anatomy: Anatomy, pictures: u64) -> (Option<SurroundProposal>, Frame) {
        let spec = PhantomSpec {
            size: self.scan,
            seed: self.seed,
            ..PhantomSpec::new(anatomy)
        };
        let phantom = Phantom::new(spec, Arc::new(ManualClock::default())).unwrap();
        let (mut patient, mut scan) = (phantom.patient(), Frame::new(1, 1, vec![0; 3]).unwrap());
        let mut finder = SurroundFinder::default();
        for picture in 0..pictures {
            patient.draw(3 * picture, &mut scan).unwrap();
            finder.look(&self.screen(&scan, picture));
        }
        (finder.propose(), scan)
    }

    /// How much of what is to be seen of the scan lies in a region, and how much of what lies around it does not.
    fn judge(&self, region: PixelRect, scan: &Frame) -> [f64; 2] {
        let [mut seen, mut kept] = [0_u32; 2];
        let [mut low, mut high] = [[u32::MAX; 2], [0; 2]];
        for (i, pixel) in scan.rgb().as_chunks::<3>().0.iter().enumerate() {
            if pixel.iter().all(|value| *value < 12) {
                continue;
            }
            let i = i as u32;
            let [x, y] = [self.at[0] + i % self.scan[0], self.at[1] + i / self.scan[0]];
            seen += 1;
            let inside = (region.x..region.x + region.width).contains(&x)
                && (region.y..region.y + region.height).contains(&y);
            kept += u32::from(inside);
            low = [low[0].min(x), low[1].min(y)];
            high = [high[0].max(x + 1), high[1].max(y + 1)];
        }
        let area = |width: u32, height: u32| f64::from(width) * f64::from(height);
        let all = area(self.size[0], self.size[1]);
        let truth = area(high[0] - low[0], high[1] - low[1]);
        let cut = (all - area(region.width, region.height)) / (all - truth);
        [f64::from(kept) / f64::from(seen), cut]
    }
}

const ANATOMIES: [Anatomy; 3] = [Anatomy::FetalHead, Anatomy::Lesion, Anatomy::Polyp];
const CONSOLES: u64 = 6;

/// Of many consoles: how many proposals there are, how many hold the whole scan, and what they cut off of the surround.
fn measured(pictures: u64) -> (usize, usize, f64) {
    let (mut proposed, mut whole, mut cut) = (0, 0, 0.0);
    for (seed, anatomy) in (0..CONSOLES).flat_map(|seed| ANATOMIES.map(|anatomy| (seed, anatomy))) {
        let console = Console::new(seed);
        let (proposal, scan) = console.propose(anatomy, pictures);
        let Some(SurroundProposal { region, confidence }) = proposal else {
            println!("{seed} {anatomy:?}: none");
            continue;
        };
        let [kept, off] = console.judge(region, &scan);
        println!(
            "{seed} {anatomy:?}: {kept:.3} kept, {off:.2} cut off, confidence {confidence:.2}"
        );
        proposed += 1;
        whole += usize::from(kept >= 0.98);
        cut += off;
    }
    println!(
        "{pictures} pictures: {proposed} proposals, {whole} whole, {:.2} cut off",
        cut / proposed as f64
    );
    (proposed, whole, cut / proposed as f64)
}

#[test]
fn what_moves_is_found_whole_and_most_of_the_console_is_cut_off() {
    let all = 3 * CONSOLES as usize;
    let (proposed, whole, cut) = measured(8);
    assert!(
        proposed == all && whole == all,
        "{proposed}, {whole} of {all}"
    );
    assert!(cut > 0.8, "{cut}");
}

#[test]
fn of_a_still_most_is_found() {
    let all = 3 * CONSOLES as usize;
    let (proposed, whole, cut) = measured(1);
    assert!(
        10 * whole >= 9 * proposed && 2 * proposed > all,
        "{whole} of {proposed}"
    );
    assert!(cut > 0.5, "{cut}");
}
