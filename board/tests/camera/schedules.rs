//! Whatever happens in whatever order, and however it is asked.

use std::sync::Arc;
use std::time::Duration;

use espmedsam_board::camera::{Happening, InputSignal, PixelCode, PixelLayout};
use picture::segmenter::Clock;
use proptest::prelude::*;
use video::source::{Opener, Source, SourceError};

use super::bench::{Bench, layout};

const SIZE: [u32; 2] = [32, 16];

/// A picture that is no other.
fn numbered(number: usize) -> Arc<[u8]> {
    let mut bytes: Vec<u8> = (0..512_usize).map(|i| (i * 7) as u8).collect();
    bytes[..2].copy_from_slice(&(number as u16).to_be_bytes());
    bytes.into()
}

fn happening(grey: PixelLayout) -> impl Strategy<Value = Happening> {
    let milliseconds = || (0..400_u64).prop_map(Duration::from_millis);
    let smaller = PixelLayout {
        size: [16, 16],
        stride: 16,
        bytes: grey.bytes / 2,
        ..grey
    };
    prop_oneof![
        8 => Just(Happening::Picture(numbered(0))),
        1 => Just(Happening::Damaged(numbered(0))),
        1 => (0..511_usize).prop_map(|cut| Happening::Picture(numbered(0)[..cut].into())),
        1 => (1..9_u32).prop_map(Happening::Dropped),
        2 => milliseconds().prop_map(Happening::Silence),
        1 => milliseconds().prop_map(Happening::Unplugged),
        1 => prop_oneof![Just(grey), Just(smaller)].prop_map(Happening::Relaid),
        1 => prop_oneof![Just(InputSignal::Present), Just(InputSignal::Absent)].prop_map(Happening::Input),
    ]
}

proptest! {
    #[test]
    fn answers_come_in_time_and_pictures_in_order_each_once(
        mut happenings in prop::collection::vec(happening(layout(PixelCode::GREY, SIZE)), 0..60),
        asks in prop::collection::vec((0..200_u64, 0..300_u64), 100),
    ) {
        for (number, happening) in happenings.iter_mut().enumerate() {
            if let Happening::Picture(bytes) = happening {
                *bytes = numbered(number)[..bytes.len()].into();
            }
        }
        let mut bench = Bench::new(layout(PixelCode::GREY, SIZE), happenings);
        let mut source: Option<Box<dyn Source>> = None;
        let (mut last_number, mut last_sequence) = (None, None);
        let mut last_captured = bench.clock.now();
        for (pause, patience) in asks {
            bench.clock.sleep_until(bench.clock.now() + Duration::from_millis(pause));
            let Some(open) = &mut source else {
                match bench.opener.open() {
                    Ok(open) => (source, last_sequence) = (Some(open), None),
                    Err(error) => prop_assert!(matches!(error, SourceError::Lost(_)), "{}", error),
                }
                continue;
            };
            let until = bench.clock.now() + Duration::from_millis(patience);
            let answer = open.next(&mut bench.canvas, until);
            let now = bench.clock.now();
            prop_assert!(now <= until);
            match answer {
                Ok(shot) => {
                    prop_assert!(last_captured < shot.captured && shot.captured <= now);
                    prop_assert!(last_sequence < Some(shot.sequence));
                    let rgb = bench.canvas.rgb();
                    let number = u16::from_be_bytes([rgb[0], rgb[3]]);
                    prop_assert!(last_number < Some(number));
                    (last_captured, last_sequence) = (shot.captured, Some(shot.sequence));
                    last_number = Some(number);
                }
                Err(SourceError::TimedOut) => prop_assert_eq!(now, until),
                Err(SourceError::Ended | SourceError::Unusable(_)) => prop_assert!(false),
                Err(error) if error.is_final() => source = None,
                Err(_) => (),
            }
        }
    }
}
