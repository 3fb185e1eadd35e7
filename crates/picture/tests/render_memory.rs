//! A live picture takes no memory on its way out once the first one has: counted by the allocator itself.

#![allow(clippy::unwrap_used, reason = "tests")]

use counting::Taken;
use espmedsam_picture::frame::Frame;
use espmedsam_picture::mask::Mask;
use espmedsam_picture::render::{
    Banner, Chroma, Doubt, JpegEncoder, OverlayPen, OverlayStyle, Shrinker, Tone, burn_banner, card,
};

/// Everything that lies between a mask and the wire.
struct Way {
    frame: Frame,
    mask: Mask,
    pen: OverlayPen,
    shrinker: Shrinker,
    small: Frame,
    encoders: [JpegEncoder; 2],
    file: Vec<u8>,
}

impl Way {
    fn pass(&mut self) {
        let style = OverlayStyle {
            doubt: Some(Doubt::Mismatch),
            ..OverlayStyle::default()
        };
        self.pen.draw(&mut self.frame, &self.mask, &style).unwrap();
        for tone in [Tone::Note, Tone::Alarm] {
            let banner = Banner {
                words: "WRONG MODALITY",
                detail: "AGE 43 MS",
                tone,
            };
            burn_banner(&mut self.frame, &banner);
            self.shrinker
                .shrink(&self.frame, 200, &mut self.small)
                .unwrap();
            for encoder in &self.encoders {
                encoder.encode(&self.small, &mut self.file).unwrap();
            }
            card(&mut self.small, 160, 120, &banner).unwrap();
        }
    }
}

#[test]
fn what_was_shown_once_is_shown_again_without_an_allocation() {
    let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8;
    let mut way = Way {
        frame: Frame::new(320, 240, (0..3 * 320 * 240).map(noise).collect()).unwrap(),
        mask: Mask::new(
            320,
            240,
            (0..320 * 240)
                .map(|i| if i / 320 > 99 { 255 } else { 0 })
                .collect(),
        )
        .unwrap(),
        pen: OverlayPen::default(),
        shrinker: Shrinker::default(),
        small: Frame::new(1, 1, vec![0; 3]).unwrap(),
        encoders: [Chroma::Full, Chroma::Halved].map(|chroma| JpegEncoder::new(80, chroma)),
        file: Vec::new(),
    };
    way.pass();
    let first = Taken::here();
    assert!(first.allocations > 0, "the first is counted");
    way.pass();
    assert_eq!(Taken::here(), first);
}
