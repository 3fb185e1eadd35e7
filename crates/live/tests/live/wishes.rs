//! What a person or the board asks of a source that is watched.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use espmedsam_live::{
    BoardReading, BoardStrain, ClipError, ClipShelf, LiveError, PaceReason, PaceStep, SessionSpec,
    ShelfBounds, State, Studio,
};
use picture::segmenter::{Ask, ManualClock};
use testing::fake::{Fake, MODALITIES};
use testing::puppet::{Act, Puppet};
use video::prepare::SourceView;

use super::stage::{BRIGHT, DARK, Stage};

#[test]
fn a_mask_that_is_hidden_stays_so_and_is_said_to_be() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    let shown = stage.until_state(State::Mask);
    assert!(!shown.hidden && shown.words().is_empty());
    stage.session.hide_mask(true);
    let hidden = stage.session.look();
    assert!(hidden.hidden && hidden.masked().is_some());
    assert_eq!(hidden.words(), "MASK HIDDEN");
    // What was drawn before is not given out any more.
    assert!(!shown.holds(&hidden, Duration::from_secs(1)));
    // What is held when it was seen is drawn without a mask as well.
    stage.session.freeze(true);
    assert_eq!(stage.session.look().words(), "FROZEN - MASK HIDDEN");
    stage.session.hide_mask(false);
    assert_eq!(stage.session.look().words(), "FROZEN");
    stage.session.hide_mask(true);
    stage.session.freeze(false);
    let next = stage.show(DARK);
    assert!(next.hidden);
    assert_eq!(next.words(), "NOTHING FOUND");
    let next = stage.show(BRIGHT);
    assert_eq!(next.words(), "MASK HIDDEN");
    stage.session.hide_mask(false);
    assert!(stage.session.look().words().is_empty());
}

fn spec(puppet: &Puppet) -> SessionSpec {
    SessionSpec {
        opener: Arc::new(puppet.clone()),
        view: SourceView::default(),
        ask: Ask::new(MODALITIES[1]),
        settings: Stage::immediate(),
    }
}

#[test]
fn a_studio_tells_its_sources_how_the_board_does_and_keeps_snapshots() {
    let clock = Arc::new(ManualClock::default());
    let puppet = Puppet::new(clock.clone());
    let studio = Studio::new(
        Fake::by(clock.clone(), 4),
        clock.clone(),
        Arc::new(puppet.clone()),
    );
    assert_eq!(studio.board(), None);
    let session = studio.begin("probe", spec(&puppet)).unwrap();
    let hot = BoardReading {
        strains: vec![BoardStrain::Hot],
        ..BoardReading::default()
    };
    studio.board_does(hot.clone());
    assert_eq!(studio.board().as_deref(), Some(&hot));
    let view = session.look();
    assert_eq!(
        (view.step, view.reason),
        (
            PaceStep::FewerFrames,
            Some(PaceReason::Board(BoardStrain::Hot))
        )
    );
    let now = SystemTime::now();
    let nowhere = studio.save_snapshot("probe", now);
    assert!(matches!(nowhere, Err(LiveError::Clip(ClipError::NoFolder))));
    let folder = tempfile::tempdir().unwrap();
    studio.keep_clips(ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap());
    let none = studio.save_snapshot("probe", now);
    assert!(matches!(
        none,
        Err(LiveError::Clip(ClipError::NoMask("starting")))
    ));
    puppet.act(Act::Picture(8, 6, 200));
    let begun = std::time::Instant::now();
    while session.look().state != State::Mask {
        assert!(begun.elapsed().as_secs() < 60);
        std::thread::yield_now();
    }
    let saved = studio.save_snapshot("probe", now).unwrap();
    let png = std::fs::read(folder.path().join(&saved.name)).unwrap();
    let drawn = image::load_from_memory(&png).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (8, 6));
}
