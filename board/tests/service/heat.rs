//! A board that gets too hot, from the kernel's files to what is shown.

use std::sync::Arc;

use espmedsam_board::heat::{HeatWatch, SystemHeat};
use live::{BoardStrain, PaceReason, PaceStep, Session, State, StrainLevel};
use testing::puppet::Act;

use super::readings::{MadeBoard, THROTTLED};
use super::stage::{Stage, until};

/// Ten pictures a second for so long, all different; how many of them were answered.
fn play(stage: &Stage, session: &Session, seconds: u64, number: &mut u64) -> u64 {
    let before = session.look().counts.published;
    for _ in 0..10 * seconds {
        *number += 1;
        stage.show(session, Act::Noise(16, 12, *number));
        stage.pass(100);
    }
    session.look().counts.published - before
}

#[test]
fn a_board_that_gets_too_hot_is_asked_for_less_says_so_and_comes_back() {
    let stage = Stage::new();
    let board = MadeBoard::new(&[(THROTTLED, "0\n")]);
    let session = stage.watch();
    let sensor = Arc::new(SystemHeat::at(board.root()));
    let watch = HeatWatch::start(sensor, &stage.studio, stage.clock.clone()).unwrap();
    let level = || stage.studio.board().map(|board| board.level());
    until("it was read", || level() == Some(StrainLevel::Fine));
    let mut number = 0;
    assert_eq!(play(&stage, &session, 3, &mut number), 30);
    let view = session.look();
    assert_eq!((view.step, view.reason), (PaceStep::Full, None));

    // As a Raspberry Pi at 85 degrees: throttled, and capped.
    board.write(THROTTLED, "e0006\n");
    play(&stage, &session, 2, &mut number);
    until("it is told", || level() == Some(StrainLevel::Throttled));
    let answered = play(&stage, &session, 4, &mut number);
    let view = session.look();
    let hot = Some(PaceReason::Board(BoardStrain::Hot));
    assert_eq!((view.step, view.reason), (PaceStep::FewerFrames, hot));
    assert_eq!((answered, view.state), (20, State::Mask));

    // It has cooled down: not at once, but all of it again, and the reason is gone.
    board.write(THROTTLED, "e0000\n");
    play(&stage, &session, 8, &mut number);
    until("it is told", || level() == Some(StrainLevel::Fine));
    assert_eq!(session.look().step, PaceStep::FewerFrames);
    // The watch is a thread: how much of the made time is over when it tells is the machine's.
    for _ in 0..30 {
        play(&stage, &session, 1, &mut number);
        if session.look().step == PaceStep::Full {
            break;
        }
    }
    let view = session.look();
    assert_eq!((view.step, view.reason), (PaceStep::Full, None));
    assert_eq!(play(&stage, &session, 2, &mut number), 20);
    drop(watch);
}
