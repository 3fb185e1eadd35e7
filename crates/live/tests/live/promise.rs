//! Whatever happens in whatever order: a mask is never shown that is older than the budget, or with another picture.

use std::time::Duration;

use espmedsam_live::{LiveCounts, LiveView, State};
use picture::segmenter::{Ask, Readiness};
use proptest::prelude::*;
use testing::fake::MODALITIES;
use testing::puppet::Act;

use crate::stage::{BRIGHT, DARK, Stage};

#[derive(Clone, Debug)]
enum Event {
    Act(Act),
    Plug,
    Slow(u64),
    Ready(bool),
    Ask(usize),
    Freeze(bool),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let act = prop_oneof![
        4 => Just(BRIGHT),
        2 => Just(DARK),
        1 => (1_u32..9, 1_u32..9, 0_u8..=255).prop_map(|(w, h, grey)| Act::Picture(w, h, grey)),
        1 => Just(Act::Odd),
        1 => (0_u64..2000).prop_map(Act::Ahead),
        1 => Just(Act::Garbage),
        1 => Just(Act::NoSignal),
        1 => Just(Act::Unplug),
        1 => Just(Act::Panic),
    ];
    prop_oneof![
        8 => act.prop_map(Event::Act),
        1 => Just(Event::Plug),
        2 => prop_oneof![Just(0), 10_u64..700].prop_map(Event::Slow),
        1 => any::<bool>().prop_map(Event::Ready),
        1 => (0_usize..4).prop_map(Event::Ask),
        1 => any::<bool>().prop_map(Event::Freeze),
        8 => prop_oneof![0_u64..100, 0_u64..3000].prop_map(Event::Pass),
    ]
}

fn keeps_its_promise(stage: &Stage, view: &LiveView) {
    let budget = stage.session.settings().patience.budget;
    let Some(masked) = view.masked() else {
        return;
    };
    let picture = view.picture.as_ref().unwrap();
    assert_eq!(view.state, State::Mask);
    let age = view.age().unwrap();
    assert!(view.frozen.is_some() || age <= budget, "{age:?}");
    // The fake marks what is bright: the mask is that of the picture shown, whatever came before and after.
    let bright = *picture.frame.rgb().last().unwrap() >= 128;
    assert_eq!(masked.mask.pixels().contains(&255), bright);
    assert_eq!(masked.frame.rgb(), picture.frame.rgb());
    // Held or not, it answers what is asked now.
    assert_eq!(masked.modality, stage.session.asked().modality.as_str());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_mask_is_shown_that_is_too_old_or_of_another_picture_or_question(
        events in prop::collection::vec(event(), 1..60),
    ) {
        let stage = Stage::new();
        for event in events {
            match event {
                Event::Act(act) => stage.puppet.act(act),
                Event::Plug => stage.puppet.plug(true),
                Event::Slow(ms) => stage.fake.slow(ms),
                Event::Ready(true) => stage.fake.set_readiness(Readiness::Ready),
                Event::Ready(false) => stage.fake.set_readiness(Readiness::Starting),
                Event::Ask(modality) => {
                    let _refused = stage.session.ask(Ask::new(MODALITIES[modality]));
                }
                Event::Freeze(frozen) => stage.session.freeze(frozen),
                Event::Pass(ms) => stage.pass(ms),
            }
            // Neither the other threads' speed nor what they are at makes it untrue.
            for _ in 0..3 {
                keeps_its_promise(&stage, &stage.session.look());
                std::thread::sleep(Duration::from_micros(50));
            }
        }
        let LiveCounts { capture, lanes, .. } = stage.session.look().counts;
        let fates = capture.same + capture.offered + capture.left_out;
        // One may be on its way between two of these.
        prop_assert!((fates..=fates + 1).contains(&capture.captured), "{capture:?}");
        prop_assert_eq!(lanes.accounted(), lanes.offered);
    }
}
