//! Another region: it counts from the next picture on, and nothing of the old one is shown after it was asked for.

use picture::frame::PixelRect;
use testing::puppet::Act;
use video::viewfinder::AimError;

use crate::stage::Stage;

const REGION: PixelRect = PixelRect {
    x: 10,
    y: 5,
    width: 20,
    height: 18,
};

#[test]
fn no_answer_to_the_old_region_is_shown() {
    let stage = Stage::new();
    let refused = stage.session.aim(Some(REGION));
    assert!(matches!(refused, Err(AimError::NoPicture)), "{refused:?}");
    let view = stage.show(Act::Picture(40, 30, 200));
    assert_eq!(view.masked().unwrap().mask.size(), [40, 30]);
    stage.fake.slow(100);
    stage.puppet.act(Act::Picture(40, 30, 201));
    stage.until("the old picture is in work", |view| {
        view.counts.lanes.in_work == 1
    });
    stage.session.aim(Some(REGION)).unwrap();
    let view = stage.session.look();
    assert!(view.answer.is_none() && view.picture.is_none(), "{view:?}");
    stage.pass(100);
    stage.fake.slow(0);
    let view = stage.show(Act::Picture(40, 30, 202));
    let masked = view.masked().unwrap();
    assert_eq!(masked.mask.size(), [20, 18]);
    assert!(masked.frame.rgb().iter().all(|value| *value == 202));
    assert_eq!(view.counts.published, 2);

    // What is held by a person's wish is of the old region, too.
    stage.session.freeze(true);
    stage.session.aim(None).unwrap();
    assert!(stage.session.look().masked().is_none());
    let view = stage.show(Act::Picture(40, 30, 203));
    assert_eq!(view.masked().unwrap().mask.size(), [40, 30]);
}
