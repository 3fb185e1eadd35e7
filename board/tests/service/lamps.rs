//! How lamps are lit, by a table, and how soon.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use espmedsam_board::gpio::{GpioConfig, LampRole};
use espmedsam_board::panel::{BlinkPattern, LampKeeper, PanelFault, ServiceState, SourceState};
use live::{BoardReading, BoardStrain, State, StrainLevel};
use picture::segmenter::Readiness;
use testing::puppet::Act;

use super::stage::{Stage, until};

fn source(state: State) -> SourceState {
    SourceState {
        state,
        frozen: false,
        hidden: false,
    }
}

#[test]
fn lamps_are_lit_as_the_table_says() {
    use BlinkPattern as B;
    let service = |sources: &[SourceState]| ServiceState {
        readiness: Readiness::Ready,
        sources: sources.into(),
        strain: StrainLevel::Fine,
    };
    let mask = source(State::Mask);
    let frozen = SourceState {
        frozen: true,
        ..mask
    };
    let hidden = SourceState {
        hidden: true,
        ..mask
    };
    let model = |readiness| ServiceState {
        readiness,
        ..service(&[])
    };
    let hot = ServiceState {
        strain: StrainLevel::Throttled,
        ..service(&[mask])
    };
    let table: [(&str, ServiceState, [BlinkPattern; 3]); 18] = [
        ("nothing to do", service(&[]), [B::ON, B::DARK, B::DARK]),
        (
            "loading",
            model(Readiness::Starting),
            [B::SLOW, B::DARK, B::DARK],
        ),
        (
            "no model",
            model(Readiness::Failed("damaged".into())),
            [B::DARK, B::DARK, B::ON],
        ),
        (
            "stuck",
            model(Readiness::Stuck("a pass".into())),
            [B::DARK, B::DARK, B::FAST],
        ),
        ("a mask", service(&[mask]), [B::ON, B::ON, B::DARK]),
        (
            "nothing found",
            service(&[source(State::NothingFound)]),
            [B::ON, B::ON, B::DARK],
        ),
        (
            "unsure",
            service(&[source(State::Unsure)]),
            [B::ON, B::ON, B::DARK],
        ),
        (
            "another modality",
            service(&[source(State::WrongModality)]),
            [B::ON, B::ON, B::DARK],
        ),
        (
            "opening",
            service(&[source(State::Starting)]),
            [B::ON, B::FAST, B::DARK],
        ),
        (
            "over",
            service(&[source(State::Ended)]),
            [B::ON, B::FAST, B::DARK],
        ),
        (
            "too late",
            service(&[source(State::Overload)]),
            [B::ON, B::FAST, B::ONE],
        ),
        (
            "too old",
            service(&[source(State::Stale)]),
            [B::ON, B::FAST, B::ONE],
        ),
        (
            "no signal",
            service(&[source(State::NoSignal)]),
            [B::ON, B::FAST, B::TWO],
        ),
        (
            "no model for it",
            service(&[source(State::ModelFault)]),
            [B::ON, B::FAST, B::THREE],
        ),
        ("held", service(&[frozen]), [B::ON, B::SLOW, B::DARK]),
        ("hidden", service(&[hidden]), [B::ON, B::WINK, B::DARK]),
        ("hot", hot, [B::ON, B::ON, B::FOUR]),
        (
            "one of two lost",
            service(&[mask, source(State::NoSignal)]),
            [B::ON, B::ON, B::TWO],
        ),
    ];
    for (what, service, expected) in table {
        let lamps = [LampRole::Ready, LampRole::Streaming, LampRole::Fault];
        let found = lamps.map(|lamp| service.pattern(lamp));
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn faults_and_patterns_are_told_apart() {
    let patterns: BTreeSet<_> = PanelFault::ALL.map(|fault| fault.pattern().name).into();
    assert_eq!(patterns.len(), PanelFault::ALL.len());
    let names: BTreeSet<_> = BlinkPattern::ALL
        .iter()
        .map(|pattern| pattern.name)
        .collect();
    assert_eq!(names.len(), BlinkPattern::ALL.len());
    let lit = |pattern: BlinkPattern, at: u64| pattern.is_lit(Duration::from_millis(at));
    for at in [0, 199, 500, 699, 2000, 2199] {
        assert!(lit(BlinkPattern::TWO, at), "{at}");
    }
    for at in [200, 499, 700, 1999, 2200] {
        assert!(!lit(BlinkPattern::TWO, at), "{at}");
    }
    assert!((0..5000).all(|at| lit(BlinkPattern::ON, at) && !lit(BlinkPattern::DARK, at)));
}

#[test]
fn a_new_fault_is_heard_once() {
    let mut now = Instant::now();
    let mut keeper = LampKeeper::new(now);
    let mut sounds = |state: State, ms: u64| {
        let service = ServiceState {
            readiness: Readiness::Ready,
            sources: vec![source(state)],
            strain: StrainLevel::Fine,
        };
        let until = now + Duration::from_millis(ms);
        let mut heard = 0;
        while now < until {
            let lamps = keeper.look(&service, now);
            heard += u32::from(
                lamps
                    .iter()
                    .any(|(lamp, _, lit)| *lamp == LampRole::Buzzer && *lit),
            );
            now += Duration::from_millis(50);
        }
        heard
    };
    assert_eq!(sounds(State::Mask, 5000), 0);
    // 100 + 100 + 300 ms of it.
    assert_eq!(sounds(State::NoSignal, 5000), 10);
    assert_eq!(sounds(State::Mask, 1000), 0);
    assert_eq!(sounds(State::Stale, 1000), 10);
}

#[test]
fn lamps_follow_within_a_tenth_of_a_second() {
    let stage = Stage::new();
    let (panel, lines) = stage.panel(GpioConfig::default());
    let all = [LampRole::Ready, LampRole::Streaming, LampRole::Fault];
    // No more time passes by the clock than that: what is seen then was in time.
    let in_time = |what: &str, expected: [bool; 3]| {
        (0..10).for_each(|_| stage.pass(10));
        until(what, || all.map(|lamp| lines.is_lit(lamp)) == expected);
    };
    in_time("ready", [true, false, false]);
    let session = stage.watch();
    stage.show(&session, Act::Picture(8, 6, 200));
    assert_eq!(session.look().state, State::Mask);
    in_time("a mask", [true, true, false]);
    stage.puppet.act(Act::NoSignal);
    until("the signal is lost", || {
        session.look().state == State::NoSignal
    });
    in_time("the lost signal", [true, true, true]);
    stage.show(&session, Act::Picture(8, 6, 201));
    in_time("it is back", [true, true, false]);
    let hot = BoardReading {
        strains: vec![BoardStrain::Hot],
        ..BoardReading::default()
    };
    stage.studio.board_does(hot);
    in_time("heat", [true, true, true]);
    stage.show(&session, Act::Picture(8, 6, 202));
    stage.studio.board_does(BoardReading::default());
    in_time("no heat", [true, true, false]);
    stage
        .fake
        .set_readiness(Readiness::Failed("damaged".into()));
    in_time("no model", [false, true, true]);
    stage.fake.set_readiness(Readiness::Ready);
    in_time("a model", [true, true, false]);
    assert_eq!(stage.seen().lamps.len(), 4);
    drop(panel);
    // At once: a process that ends here leaves nothing lit.
    assert_eq!(all.map(|lamp| lines.is_lit(lamp)), [false; 3]);
}
