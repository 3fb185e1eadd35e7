//! Live sources beside the queue, on a handed-in clock: nothing here sleeps by the real time.

use std::collections::BTreeSet;
use std::sync::Mutex;

use picture::segmenter::{Clock, Inbox, Lane, LaneCounts, LaneSpec, LiveOutcome};

use super::stage::{FRAME, Said, Stage, WORK, frame, spec};
use super::*;

/// Ten seconds of 60 frames each, and a job with every so manieth of them.
fn ten_seconds(job_every: Option<u64>) -> (LaneCounts, Vec<f64>) {
    let stage = Stage::new();
    let lane = stage.lane(spec());
    let mut ended = BTreeSet::new();
    for sequence in 0..600 {
        stage.go_on(stage.start + FRAME * sequence);
        let replaced = stage.offer(&lane, sequence.into());
        assert!(replaced.is_none_or(|sequence| ended.insert(sequence)));
        if job_every.is_some_and(|every| u64::from(sequence) % every == 0) {
            stage.submit();
        }
    }
    stage.go_on(stage.clock.now() + 3 * WORK);
    let (mut totals, mut last) = (Vec::new(), None);
    for said in std::mem::take(&mut *stage.said.lock().unwrap()) {
        match said {
            Said::Job(outcome) => totals.push(outcome.unwrap().times.total),
            Said::Frame(outcome) => {
                assert!(ended.insert(outcome.sequence), "told twice");
                assert!(last < Some(outcome.sequence), "out of order");
                last = Some(outcome.sequence);
                assert_eq!(outcome.finished - outcome.started, WORK);
                // No newer one had come when its turn did; after the last none did.
                let newest = outcome.age() < WORK + FRAME || outcome.sequence == 599;
                assert!(newest, "{:?}", outcome.age());
                outcome.result.unwrap();
            }
        }
    }
    assert!(ended.into_iter().eq(0..600), "a frame was lost");
    assert_eq!(lane.counts(), stage.engine().live());
    (lane.counts(), totals)
}

#[test]
fn sixty_frames_a_second_to_work_of_50_ms_leave_the_newest_of_each_three() {
    // Work begins at 0, 50 ms, … 10 s: the last one with the last frame.
    let (counts, _) = ten_seconds(None);
    let expected = LaneCounts {
        offered: 600,
        computed: 201,
        replaced: 399,
        ..LaneCounts::default()
    };
    assert_eq!(counts, expected);
}

#[test]
fn jobs_are_answered_meanwhile_each_in_place_of_one_frame() {
    let (counts, totals) = ten_seconds(Some(30));
    assert_eq!(totals.len(), 20);
    assert_eq!((counts.computed, counts.replaced), (201 - 20, 399 + 20));
    // At most what was in work before it, and itself.
    let most = 2.0 * WORK.as_secs_f64() * 1e3;
    assert!(totals.iter().all(|total| *total <= most), "{totals:?}");
}

#[test]
fn a_burst_of_jobs_and_two_lanes_all_have_turns() {
    let stage = Stage::new();
    let lanes = [stage.lane(spec()), stage.lane(spec())];
    (0..8).for_each(|_| stage.submit());
    for sequence in 0..72 {
        stage.go_on(stage.start + FRAME * sequence as u32);
        for lane in &lanes {
            stage.offer(lane, sequence);
        }
    }
    // In 24 times 50 ms: 8 jobs, every other time until there are none, and each lane every other of the rest.
    let kinds: String = (stage.said.lock().unwrap().iter())
        .map(|said| match said {
            Said::Job(_) => 'j',
            Said::Frame(_) => 'f',
        })
        .collect();
    assert_eq!(kinds, "jfjfjfjfjfjfjfjffffffff");
    let computed = lanes.each_ref().map(|lane| lane.counts().computed);
    assert_eq!(computed.iter().sum::<u64>(), 15);
    assert!(computed[0].abs_diff(computed[1]) <= 1, "{computed:?}");
    stage.go_on(stage.clock.now() + 4 * WORK);
}

#[test]
fn a_lane_dropped_while_in_work_is_told_nothing_more_and_is_accounted_for() {
    let stage = Stage::new();
    let lane = stage.lane(spec());
    for sequence in 0..2 {
        assert_eq!(stage.offer(&lane, sequence), None);
    }
    drop(lane);
    let live = stage.engine().live();
    assert_eq!((live.in_work, live.dropped), (1, 1));
    stage.submit();
    stage.clock.advance(WORK);
    // The job is in work now, so that the frame is not.
    assert!(stage.clock.wait_for_sleepers(1));
    let live = stage.engine().live();
    assert_eq!((live.offered, live.dropped, live.in_work), (2, 2, 0));
    stage.go_on(stage.clock.now() + WORK);
    assert!(stage.frames().is_empty());
    let lanes: Vec<Lane> = (0..Inbox::MOST_LANES).map(|_| stage.lane(spec())).collect();
    let one_more = stage.engine().open_lane(spec(), Arc::new(|_| ()));
    assert!(matches!(
        one_more,
        Err(EngineError::TooManyLanes { most: 8 })
    ));
    drop(lanes);
}

#[test]
fn at_the_end_a_waiting_frame_is_answered_and_the_job_before_it_done() {
    let stage = Stage::new();
    let lane = stage.lane(spec());
    for sequence in 0..2 {
        assert_eq!(stage.offer(&lane, sequence), None);
    }
    stage.submit();
    let engine = stage.engine();
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| engine.shutdown(PATIENCE));
        for _ in 0..2 {
            // The worker, and who waits for its end.
            assert!(stage.clock.wait_for_sleepers(2));
            stage.clock.advance(WORK);
            stage.listen();
        }
        assert_eq!(ending.join().unwrap(), Ok(()));
    });
    stage.listen();
    assert_eq!(stage.clock.now() - stage.start, 2 * WORK);
    let frames = stage.frames();
    assert!(frames[0].sequence == 0 && frames[0].result.is_ok());
    assert!(frames[1].sequence == 1 && matches!(frames[1].result, Err(EngineError::Stopped)));
    assert!(matches!(
        lane.offer(frame(2, stage.start)),
        Err(EngineError::Stopped)
    ));
    let counts = lane.counts();
    assert_eq!((counts.offered, counts.computed, counts.failed), (2, 1, 1));
    let late = stage.engine().open_lane(spec(), Arc::new(|_| ()));
    assert!(matches!(late, Err(EngineError::Stopped)));
}

#[test]
fn a_thread_left_behind_owes_no_frame_an_answer() {
    let Hung {
        engine,
        clock,
        entered,
        gate,
    } = hung(false);
    wait_for(&engine, &Readiness::Ready);
    let (to, from) = channel();
    let to = Mutex::new(to);
    let sink = move |outcome| to.lock().unwrap().send(outcome).unwrap();
    let lane = engine.open_lane(spec(), Arc::new(sink)).unwrap();
    lane.offer(frame(0, clock.now())).unwrap();
    entered.recv_timeout(PATIENCE).unwrap();
    lane.offer(frame(1, clock.now())).unwrap();
    assert_eq!(end_in_vain(&engine, &clock), Err(LeftBehind { threads: 1 }));
    for sequence in 0..2 {
        let outcome: LiveOutcome = from.try_recv().unwrap();
        assert_eq!(outcome.sequence, sequence);
        assert!(matches!(outcome.result, Err(EngineError::Stopped)));
    }
    assert_eq!(lane.counts().failed, 2);
    drop(gate);
}

#[test]
fn a_frame_too_old_when_its_turn_comes_is_not_computed() {
    let stage = Stage::new();
    let limit = Duration::from_millis(40);
    let lane = stage.lane(LaneSpec {
        stale_after: Some(limit),
        ..spec()
    });
    stage.offer(&lane, 0);
    stage.clock.advance(WORK - limit);
    stage.offer(&lane, 1);
    stage.go_on(stage.start + WORK);
    // That one was as old as may be, and is in work. This one will be a millisecond older.
    lane.offer(frame(
        2,
        stage.clock.now() + WORK - limit - Duration::from_millis(1),
    ))
    .unwrap();
    stage.clock.advance(WORK);
    (0..2).for_each(|_| stage.listen());
    let frames = stage.frames();
    assert!(frames[..2].iter().all(|outcome| outcome.result.is_ok()));
    let age = limit + Duration::from_millis(1);
    let stale = &frames[2];
    assert_eq!((stale.age(), stale.finished), (age, stale.started));
    assert!(
        matches!(stale.result, Err(EngineError::Stale { age: a, limit: l }) if (a, l) == (age, limit))
    );
    assert_eq!(lane.counts().failed, 1);
}

#[test]
fn a_sink_that_fails_costs_its_outcome_and_one_that_hangs_is_told_of() {
    let stage = Stage::new();
    let (gate, closed) = channel::<()>();
    let (closed, to) = (Mutex::new(closed), Mutex::new(stage.to.clone()));
    let sink = move |outcome: LiveOutcome| {
        let sequence = outcome.sequence;
        to.lock().unwrap().send(Said::Frame(outcome)).unwrap();
        match sequence {
            0 => panic!("a sink's fault"),
            1 => drop(closed.lock().unwrap().recv()),
            _ => {}
        }
    };
    let lane = stage.engine().open_lane(spec(), Arc::new(sink)).unwrap();
    for sequence in 0..2 {
        stage.offer(&lane, sequence);
        stage.go_on(stage.clock.now() + WORK);
    }
    assert_eq!(lane.counts().computed, 2);
    // Since its work began.
    stage.clock.advance(Duration::from_secs(121) - WORK);
    let reason = "an engine thread has been at one live frame for 121 s";
    assert_eq!(stage.engine().readiness(), Readiness::Stuck(reason.into()));
    assert!(matches!(
        stage.engine().open_lane(spec(), Arc::new(|_| ())),
        Err(EngineError::Stuck(_))
    ));
    drop(gate);
    wait_for(stage.engine(), &Readiness::Ready);
    stage.offer(&lane, 2);
    stage.go_on(stage.clock.now() + WORK);
    assert_eq!((lane.counts().computed, stage.frames().len()), (3, 3));
}

#[test]
fn names_and_an_engine_that_is_not_ready_are_answered_at_opening() {
    let Hung {
        engine,
        entered,
        gate,
        ..
    } = hung(true);
    entered.recv_timeout(PATIENCE).unwrap();
    let open = |modality| {
        let ask = Ask::new(modality);
        let spec = LaneSpec { ask, ..spec() };
        engine.open_lane(spec, Arc::new(|_| ())).map(drop)
    };
    assert!(matches!(
        open("holiday"),
        Err(EngineError::UnknownModality { .. })
    ));
    assert!(matches!(open("ultrasound"), Err(EngineError::NotReady)));
    drop(gate);
    wait_for(&engine, &Readiness::Ready);
    open("ultrasound").unwrap();
}
