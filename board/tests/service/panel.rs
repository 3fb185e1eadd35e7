//! The foot switch, from its edges to what is shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use espmedsam_board::gpio::{
    Edge, GpioConfig, GpioError, LampRole, OpenedLines, PanelLines, SimulatedLines, TriggerAction,
};
use live::{ClipShelf, ShelfBounds, State};
use picture::segmenter::Clock;
use testing::puppet::Act;

use super::stage::{DEBOUNCE, Stage, until};

/// Lets so much time pass, in steps in which a switch that was touched is looked at.
fn pass(stage: &Stage, milliseconds: u64) {
    (0..milliseconds / 10).for_each(|_| stage.pass(10));
}

/// Lets time pass until it is so.
fn passing(stage: &Stage, what: &str, mut is: impl FnMut() -> bool) {
    until(what, || {
        stage.pass(10);
        is()
    });
}

#[test]
fn a_short_press_freezes_and_resumes_and_a_long_one_hides_the_mask() {
    let stage = Stage::new();
    let session = stage.watch();
    let (_panel, lines) = stage.panel(GpioConfig::default());
    stage.show(&session, Act::Picture(8, 6, 200));
    let press = |held| {
        lines.press(true);
        pass(&stage, held);
        lines.press(false);
    };
    press(100);
    passing(&stage, "it is frozen", || session.look().frozen.is_some());
    press(100);
    passing(&stage, "it goes on", || session.look().frozen.is_none());
    // Told while it is down.
    lines.press(true);
    passing(&stage, "the mask is hidden", || session.look().hidden);
    assert!(stage.seen().pressed);
    lines.press(false);
    passing(&stage, "the switch is up", || !stage.seen().pressed);
    press(1000);
    passing(&stage, "the mask is shown", || !session.look().hidden);
    // It was told while it was down: that it went up may be on its way.
    passing(&stage, "the last edge is heard", || {
        stage.seen().edges.queued == 8
    });
    let seen = stage.seen();
    assert_eq!(
        (
            seen.short,
            seen.long,
            seen.edges.queued,
            seen.edges.overflowed
        ),
        (2, 2, 8, 0)
    );
}

#[test]
fn a_press_saves_the_picture_where_there_is_one() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().unwrap();
    stage
        .studio
        .keep_clips(ClipShelf::open(folder.path(), ShelfBounds::default()).unwrap());
    let session = stage.watch();
    let config = GpioConfig {
        trigger: TriggerAction::Snapshot,
        source: Some("probe".into()),
        ..GpioConfig::default()
    };
    let (_panel, lines) = stage.panel(config);
    let press = |times: u64| {
        lines.press(true);
        pass(&stage, 100);
        lines.press(false);
        passing(&stage, "it was pressed", || stage.seen().short == times);
    };
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    press(1);
    assert_eq!(files(), 0);
    stage.show(&session, Act::Picture(8, 6, 200));
    session.freeze(true);
    assert_eq!(session.look().state, State::Mask);
    press(2);
    until("the picture is saved", || files() == 1);
}

#[test]
fn none_of_a_thousand_presses_is_lost_under_full_load() {
    let stage = Stage::new();
    let session = stage.watch();
    let (_panel, lines) = stage.panel(GpioConfig::default());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Viewers that look all the time, and a source that never rests: its pictures are all different.
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::black_box(session.look());
                }
            });
        }
        for number in 0..1000_u64 {
            stage.puppet.act(Act::Noise(16, 12, number));
            for down in [true, false] {
                for bounce in 0..(number % 7) {
                    lines.press(down == (bounce % 2 == 0));
                    stage.pass(1 + number % 3);
                }
                lines.press(down);
                pass(&stage, 50 + number % 40);
            }
            // Whoever acts may be eight presses late, and more with what is on its way.
            until("it keeps up", || stage.seen().short + 8 > number);
        }
        over.store(true, Ordering::Relaxed);
    });
    passing(&stage, "the last is told", || stage.seen().short >= 1000);
    pass(&stage, 2000);
    let seen = stage.seen();
    assert_eq!((seen.short, seen.long, seen.edges.overflowed), (1000, 0, 0));
    until("it was pressed an even number of times", || {
        session.look().frozen.is_none()
    });
}

#[test]
fn a_simulated_panel_can_be_clicked_and_one_of_glass_and_metal_cannot() {
    let stage = Stage::new();
    let (_panel, _) = stage.panel(GpioConfig::default());
    assert!(stage.seen().simulated && stage.studio.panel().unwrap().press(true));
    passing(&stage, "it is down", || stage.seen().pressed);

    let stage = Stage::new();
    let lines = Arc::new(SimulatedLines::new(stage.clock.clone(), DEBOUNCE));
    let real = OpenedLines {
        lines: lines.clone(),
        simulated: None,
    };
    let _panel = stage.panel_of(real, GpioConfig::default());
    assert!(!stage.seen().simulated && !stage.studio.panel().unwrap().press(true));
    // What a foot does is all that is heard.
    pass(&stage, 100);
    lines.press(true);
    passing(&stage, "it is down", || stage.seen().pressed);
    assert_eq!(stage.seen().edges.queued, 1);
}

#[test]
fn a_press_that_cannot_be_done_is_complained_of() {
    let stage = Stage::new();
    let (_panel, lines) = stage.panel(GpioConfig::default());
    // No source is watched, so that the panel's three threads are all who wait for a time.
    let mut lit = || {
        stage.pass(10);
        assert!(stage.clock.wait_for_sleepers(3));
        lines.is_lit(LampRole::Buzzer)
    };
    lines.press(true);
    (0..10).for_each(|_| assert!(!lit()));
    lines.press(false);
    until("the buzzer sounds", &mut lit);
    // A chirp, which says that it was done, would be one sound.
    let heard: Vec<bool> = (0..200).map(|_| lit()).collect();
    let again = heard.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert_eq!(again, 2);
}

/// Lines of a switch that is pressed, cannot be read once, and goes up.
struct Unreadable(Mutex<Vec<Option<Edge>>>);

impl PanelLines for Unreadable {
    fn set(&self, _: LampRole, _: bool) -> Result<(), GpioError> {
        Ok(())
    }

    fn wait(&self, _: Duration) -> Result<Option<Edge>, GpioError> {
        match self.0.lock().unwrap().pop() {
            Some(Some(edge)) => Ok(Some(edge)),
            Some(None) => Err(GpioError::Unsupported("unplugged")),
            None => {
                std::thread::yield_now();
                Ok(None)
            }
        }
    }

    fn debounce(&self) -> Duration {
        DEBOUNCE
    }
}

#[test]
fn a_press_is_none_while_lines_fail_and_counts_again_after_it() {
    let stage = Stage::new();
    let session = stage.watch();
    let start = stage.clock.now();
    let edge = |down, after| Edge {
        down,
        at: start + Duration::from_millis(after),
        lost: 0,
    };
    let mut happens = vec![
        Some(edge(true, 0)),
        None,
        Some(edge(false, 100)),
        Some(edge(true, 300)),
        Some(edge(false, 400)),
    ];
    happens.reverse();
    let lines = Arc::new(Unreadable(Mutex::new(happens)));
    let opened = OpenedLines {
        lines,
        simulated: None,
    };
    let _panel = stage.panel_of(opened, GpioConfig::default());
    passing(&stage, "a press is told", || stage.seen().short > 0);
    pass(&stage, 2000);
    let seen = stage.seen();
    assert_eq!((seen.short, seen.long, seen.edges.queued), (1, 0, 4));
    assert!(session.look().frozen.is_some());
}
