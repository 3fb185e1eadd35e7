use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use espmedsam_live::{Listener, PaceStep, State};
use picture::segmenter::{Ask, EngineError, Modality, Readiness};
use testing::fake::MODALITIES;
use testing::puppet::Act;

use crate::stage::{BRIGHT, DARK, Stage, is_at_rest};

#[test]
fn an_answer_is_shown_with_its_own_picture_and_its_age() {
    let stage = Stage::new();
    assert_eq!(stage.session.look().state, State::Starting);
    let view = stage.show(BRIGHT);
    assert_eq!((view.state, view.words()), (State::Mask, ""));
    let (picture, masked) = (view.picture.clone().unwrap(), view.masked().unwrap());
    assert!(Arc::ptr_eq(&picture.frame, &masked.frame));
    assert_eq!(masked.mask.pixels(), [255; 48]);
    stage.pass(30);
    assert_eq!(stage.session.look().age().unwrap().as_millis(), 30);

    let view = stage.show(DARK);
    assert_eq!(view.state, State::NothingFound);
    assert!(view.masked().is_none());
    assert_eq!(stage.show(Act::Odd).state, State::WrongModality);
}

#[test]
fn a_model_that_stops_answering_makes_masks_stale_and_pictures_go_on() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    stage.fake.slow(100_000);
    for _ in 0..5 {
        stage.pass(100);
        let before = stage.session.look().counts.capture.captured;
        stage.puppet.act(DARK);
        stage.until("it is seen", |view| view.counts.capture.captured > before);
    }
    let view = stage.session.look();
    assert_eq!(view.state, State::Stale);
    assert!(view.masked().is_none());
    // The newest picture is shown, not the one that was answered.
    assert_eq!(view.picture.unwrap().frame.rgb()[0], 50);
    assert_eq!(view.answer.unwrap().segmentation.frame.rgb()[0], 200);
}

#[test]
fn a_model_that_is_too_slow_is_an_overload() {
    let stage = Stage::new();
    stage.fake.slow(500);
    stage.puppet.act(BRIGHT);
    stage.until("it is in work", |view| view.counts.lanes.in_work == 1);
    assert!(stage.clock.wait_for_sleepers(3));
    stage.pass(500);
    let view = stage.until("it is answered", |view| view.counts.published == 1);
    assert_eq!(view.state, State::Overload);
    assert!(view.masked().is_none());
}

#[test]
fn an_unplugged_source_is_told_at_once_and_comes_back() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    stage.puppet.act(Act::Unplug);
    let view = stage.until_state(State::NoSignal);
    assert_eq!(
        view.detail.as_deref(),
        Some("the source is lost: unplugged")
    );
    assert_eq!(view.words(), "NO SIGNAL");
    // It is looked for again and again, however long it takes.
    for _ in 0..20 {
        assert!(stage.clock.wait_for_sleepers(2));
        stage.pass(4000);
    }
    assert_eq!(stage.session.look().state, State::NoSignal);
    stage.puppet.plug(true);
    assert!(stage.clock.wait_for_sleepers(2));
    stage.pass(4000);
    stage.until("it is open again", |view| view.counts.capture.opened == 2);
    assert_eq!(stage.show(DARK).state, State::NothingFound);
}

#[test]
fn a_source_that_falls_silent_or_hangs_has_no_signal_after_a_second() {
    for hangs in [false, true] {
        let stage = Stage::new();
        stage.show(BRIGHT);
        if hangs {
            stage.puppet.act(Act::Hang);
        }
        stage.pass(1000);
        assert_ne!(stage.session.look().state, State::NoSignal);
        stage.pass(1);
        let view = stage.session.look();
        assert_eq!(view.state, State::NoSignal, "hangs: {hangs}");
        assert_eq!(view.detail.as_deref(), Some("the source sends no pictures"));
        stage.puppet.release();
        assert_eq!(stage.show(DARK).state, State::NothingFound);
    }
}

#[test]
fn garbage_a_new_size_and_a_failing_source_lose_nothing_but_themselves() {
    let stage = Stage::new();
    stage.puppet.act(Act::Garbage);
    stage.until("garbage is counted", |view| {
        view.counts.capture.garbage == 1
    });
    assert!(stage.clock.wait_for_sleepers(2));
    stage.pass(20);
    assert_eq!(stage.show(BRIGHT).state, State::Mask);
    let view = stage.show(Act::Picture(20, 10, 210));
    assert_eq!(view.masked().unwrap().mask.size(), [20, 10]);
    stage.puppet.act(Act::Skip(3));
    assert_eq!(stage.show(DARK).counts.capture.missed, 3);
    stage.puppet.act(Act::NoSignal);
    let absent = stage.until_state(State::NoSignal);
    assert_eq!(
        absent.detail.as_deref(),
        Some("nothing is connected to the device")
    );
    assert!(stage.clock.wait_for_sleepers(2));
    stage.pass(20);
    assert_eq!(stage.show(BRIGHT).state, State::Mask);
    stage.puppet.act(Act::Panic);
    stage.until_state(State::NoSignal);
    assert!(stage.clock.wait_for_sleepers(2));
    stage.pass(250);
    stage.until("it is open again", |view| view.counts.capture.opened == 2);
    assert_eq!(stage.show(DARK).state, State::NothingFound);
    stage.puppet.act(Act::End);
    stage.until_state(State::Ended);
}

#[test]
fn equal_pictures_are_answered_once_and_told_of_when_they_stay_so() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    for _ in 0..40 {
        stage.pass(100);
        stage.show(BRIGHT);
    }
    let view = stage.session.look();
    let counts = view.counts;
    assert_eq!((counts.capture.captured, counts.capture.same), (41, 40));
    assert_eq!((counts.lanes.computed, counts.published), (1, 1));
    // The answer is to the newest of them as well.
    assert_eq!(
        (view.state, view.age().unwrap().as_millis()),
        (State::Mask, 0)
    );
    assert_eq!(view.picture.as_ref().unwrap().sequence, 40);
    assert_eq!(view.still.unwrap().as_millis(), 3900);
    assert_eq!(stage.show(DARK).still, None);
}

#[test]
fn a_capture_time_ahead_of_the_clock_makes_nothing_fresher() {
    let stage = Stage::new();
    assert_eq!(stage.show(Act::Ahead(60_000)).state, State::Mask);
    stage.pass(401);
    assert_eq!(stage.session.look().state, State::Stale);
}

#[test]
fn a_frozen_view_stays_and_says_so() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    stage.session.freeze(true);
    stage.pass(900);
    stage.show(DARK);
    let frozen = stage.session.look();
    assert_eq!((frozen.state, frozen.words()), (State::Mask, "FROZEN"));
    assert_eq!(frozen.age().unwrap().as_millis(), 900);
    assert_eq!(frozen.picture.as_ref().unwrap().frame.rgb()[0], 200);
    stage.session.freeze(false);
    assert_eq!(stage.session.look().state, State::NothingFound);
}

#[test]
fn a_model_fault_is_told_with_its_reason_and_ends_when_the_model_is_well() {
    let stage = Stage::new();
    stage
        .fake
        .set_readiness(Readiness::Stuck("encode for 120 s".into()));
    stage.show(BRIGHT);
    stage.pass(250);
    stage.puppet.act(DARK);
    let view = stage.until_state(State::ModelFault);
    assert_eq!(view.detail.as_deref(), Some("encode for 120 s"));
    assert!(view.masked().is_none());
    stage.fake.set_readiness(Readiness::Ready);
    stage.pass(250);
    assert_eq!(stage.show(BRIGHT).state, State::Mask);
}

#[test]
fn another_modality_is_asked_for_at_once_and_an_unknown_one_changes_nothing() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    let refused = stage.session.ask(Ask::new("palmistry"));
    assert!(matches!(refused, Err(EngineError::UnknownModality { .. })));
    assert_eq!(stage.session.look().state, State::Mask);
    stage.session.ask(Ask::new(MODALITIES[3])).unwrap();
    assert_eq!(
        stage.session.asked().modality,
        Modality::from(MODALITIES[3])
    );
    // Nothing of the old modality is shown any more.
    assert_eq!(stage.session.look().state, State::Starting);
    let view = stage.show(BRIGHT);
    assert_eq!(view.masked().unwrap().modality, MODALITIES[3]);
    let lanes = view.counts.lanes;
    assert_eq!((lanes.offered, lanes.computed), (2, 2));
}

#[test]
fn who_listens_is_told_of_answers_and_of_what_time_alone_changes() {
    let stage = Stage::new();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = heard.clone();
    let listener: Arc<dyn Listener> = Arc::new(move || {
        count.fetch_add(1, SeqCst);
    });
    stage.session.listen(&listener);
    stage.show(BRIGHT);
    stage.until("an answer is heard of", |_| heard.load(SeqCst) >= 1);
    let before = heard.load(SeqCst);
    assert!(stage.clock.wait_for_sleepers(2));
    stage.pass(401);
    stage.until("staleness is heard of", |_| heard.load(SeqCst) > before);
    assert_eq!(stage.session.listeners(), 1);
    drop(listener);
    assert_eq!(stage.session.listeners(), 0);
}

#[test]
fn one_odd_picture_does_not_blink_and_ten_do() {
    let stage = Stage::with(Stage::plain());
    let states = |acts: &[Act]| {
        let shown = acts.iter().map(|act| {
            stage.pass(33);
            stage.show(act.clone()).state
        });
        shown.collect::<Vec<_>>()
    };
    let (mask, nothing) = (State::Mask, State::NothingFound);
    assert_eq!(states(&[BRIGHT, DARK, BRIGHT, Act::Odd, BRIGHT]), [mask; 5]);
    // While an odd picture is not believed, the mask that is shown is the one before's, on its own picture.
    stage.pass(33);
    let held = stage.show(DARK);
    assert_eq!(held.picture.as_ref().unwrap().frame.rgb()[0], 200);
    assert_eq!(held.counts.held, 3);
    // Equal pictures are asked about again until the word is settled, and then no more.
    assert_eq!(
        states(&[DARK, DARK, DARK, DARK]),
        [mask, nothing, nothing, nothing]
    );
    let counts = stage.session.look().counts;
    assert_eq!(counts.capture.same, 2);
    assert_eq!(
        states(&[BRIGHT, BRIGHT, BRIGHT, BRIGHT, BRIGHT]),
        [nothing, nothing, nothing, nothing, mask]
    );
    // What is withheld is not told in other ways either.
    let report = stage.session.look();
    assert!(report.masked().is_some());
}

#[test]
fn a_mask_that_is_not_believed_yet_is_gone_from_the_answer() {
    let stage = Stage::with(Stage::plain());
    stage.show(DARK);
    stage.pass(33);
    let view = stage.show(BRIGHT);
    assert_eq!(view.state, State::NothingFound);
    let answer = view.answer.unwrap();
    assert_eq!(answer.segmentation.frame.rgb()[0], 200);
    assert!(
        answer
            .segmentation
            .mask
            .pixels()
            .iter()
            .all(|pixel| *pixel == 0)
    );
    assert_eq!(answer.segmentation.confidence, None);
}

#[test]
fn a_picture_that_was_left_out_is_not_taken_for_the_one_before_it() {
    let stage = Stage::new();
    stage.fake.slow(350);
    // Too late for its budget again and again: every second picture is left out.
    let mut grey = 0;
    while stage.session.look().step == PaceStep::Full {
        grey = (grey + 1) % 100;
        stage.puppet.act(Act::Picture(8, 6, grey));
        stage.until("it is in work", |view| view.counts.lanes.in_work == 1);
        assert!(stage.clock.wait_for_sleepers(3));
        stage.pass(350);
        stage.until("it is answered", |view| is_at_rest(&view.counts));
    }
    stage.fake.slow(0);
    if stage.session.look().counts.capture.captured % 2 == 1 {
        stage.show(Act::Picture(8, 6, 127));
    }
    assert_eq!(stage.show(BRIGHT).state, State::Mask);
    let left_out = stage.session.look().counts.capture.left_out;
    assert_eq!(stage.show(DARK).state, State::Mask);
    assert_eq!(stage.session.look().counts.capture.left_out, left_out + 1);
    let view = stage.show(DARK);
    assert_eq!(view.state, State::NothingFound);
    assert_eq!(view.picture.unwrap().frame.rgb()[0], 50);
}

#[test]
fn what_was_looked_at_may_be_told_no_longer_than_the_budget_whatever_newer_answer_there_is() {
    let stage = Stage::new();
    let budget = stage.session.settings().patience.budget;
    let old = stage.show(BRIGHT);
    stage.pass(300);
    let newer = stage.show(Act::Picture(8, 6, 220));
    assert!(old.holds(&newer, budget));
    stage.pass(150);
    let now = stage.session.look();
    assert_eq!((old.state, now.state), (State::Mask, State::Mask));
    assert!(!old.holds(&now, budget) && newer.holds(&now, budget));
    stage.session.freeze(true);
    let frozen = stage.session.look();
    stage.pass(1000);
    assert!(frozen.holds(&stage.session.look(), budget));
}

#[test]
fn what_is_held_is_not_swapped_and_ends_when_something_else_is_asked() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    stage.session.freeze(true);
    let held = stage.session.look();
    stage.pass(100);
    stage.show(DARK);
    // A second wish to hold is met already.
    stage.session.freeze(true);
    let view = stage.session.look();
    assert_eq!(
        view.picture.unwrap().sequence,
        held.picture.as_ref().unwrap().sequence
    );
    // What was being rendered of it is not given out once it has been let go, or something else asked.
    let budget = stage.session.settings().patience.budget;
    assert!(held.holds(&stage.session.look(), budget));
    stage.session.ask(Ask::new(MODALITIES[3])).unwrap();
    let asked = stage.session.look();
    assert_eq!((asked.frozen, asked.state), (None, State::Starting));
    assert!(!held.holds(&asked, budget));
    // Nor does it hide the end.
    stage.session.freeze(true);
    stage.session.end();
    assert_eq!(stage.session.look().state, State::Ended);
}

#[test]
fn a_model_s_health_is_seen_on_a_still_picture_too() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    stage
        .fake
        .set_readiness(Readiness::Stuck("encode for 120 s".into()));
    stage.pass(250);
    assert_eq!(stage.show(BRIGHT).state, State::ModelFault);
    stage.fake.set_readiness(Readiness::Ready);
    stage.pass(250);
    assert_eq!(stage.show(BRIGHT).state, State::Mask);
    assert_eq!(stage.session.look().counts.capture.same, 2);
}

#[test]
fn the_end_is_the_end_whatever_a_source_says_that_returns_late() {
    let stage = Stage::new();
    stage.show(BRIGHT);
    stage.puppet.act(Act::Hang);
    stage.puppet.act(Act::Unplug);
    stage.session.end();
    stage.puppet.release();
    // Its thread goes: nobody but this test has the puppet then.
    stage.until("it is let go of", |view| {
        assert_eq!(view.state, State::Ended);
        stage.puppet.is_unplugged()
    });
    assert_eq!(stage.session.look().state, State::Ended);
    let refused = stage.session.ask(Ask::new(MODALITIES[3]));
    assert!(matches!(refused, Err(EngineError::Stopped)));
}
