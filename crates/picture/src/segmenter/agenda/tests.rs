use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Numbers = Agenda<u64, u64>;

const JOBS: usize = 4;
const LANES: usize = 3;

/// What threads and sources may do.
#[derive(Clone, Copy, Debug)]
enum Step {
    Push,
    Open,
    Offer(usize),
    Take,
    /// The frame longest in work ends.
    Settle(Fate),
    Release,
    Leave(usize),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        2 => Just(Step::Open),
        8 => (0..LANES).prop_map(Step::Offer),
        6 => Just(Step::Take),
        3 => Just(Step::Settle(Fate::Computed)),
        1 => Just(Step::Settle(Fate::Failed)),
        4 => Just(Step::Release),
        1 => (0..LANES).prop_map(Step::Leave),
    ]
}

/// What was done so far, by numbers.
fn turns(agenda: &mut Numbers, count: usize) -> Vec<Next<u64, u64>> {
    let mut next = || {
        let next = agenda.next();
        if let Some(Next::Frame(lane, _)) = next {
            agenda.settle(lane, Fate::Computed);
            agenda.release(lane);
        }
        next
    };
    (0..count).filter_map(|_| next()).collect()
}

#[test]
fn jobs_and_lanes_have_turns_and_lanes_a_round() {
    let mut agenda = Numbers::new(JOBS, LANES);
    let lanes: Vec<usize> = (0..LANES).filter_map(|_| agenda.open()).collect();
    assert_eq!((lanes, agenda.open()), (vec![0, 1, 2], None));
    (0..4).for_each(|job| agenda.push(job).unwrap());
    assert_eq!(agenda.push(9), Err((Refused::Full, 9)));
    for lane in 0..LANES {
        assert_eq!(agenda.offer(lane, 1), Ok(None));
        assert_eq!(agenda.offer(lane, 2), Ok(Some(1)));
    }
    let job = Next::Job;
    let frame = |lane| Next::Frame(lane, 2);
    let expected = [job(0), frame(0), job(1), frame(1), job(2), frame(2), job(3)];
    assert_eq!(turns(&mut agenda, 9), expected);
    // The round goes on where it was.
    (0..2).for_each(|lane| assert_eq!(agenda.offer(lane, 2), Ok(None)));
    assert_eq!(turns(&mut agenda, 1), [frame(0)]);
    assert_eq!(agenda.offer(0, 2), Ok(None));
    assert_eq!(turns(&mut agenda, 9), [frame(1), frame(0)]);
}

#[test]
fn a_lane_has_one_frame_in_work_and_its_next_once_that_is_told() {
    let mut agenda = Numbers::new(JOBS, LANES);
    let lane = agenda.open().unwrap();
    agenda.offer(lane, 1).unwrap();
    assert_eq!(agenda.next(), Some(Next::Frame(lane, 1)));
    agenda.offer(lane, 2).unwrap();
    assert_eq!(agenda.next(), None);
    assert!(agenda.settle(lane, Fate::Computed));
    assert_eq!(agenda.next(), None, "the sink is still being told");
    assert!(agenda.release(lane));
    assert_eq!(agenda.next(), Some(Next::Frame(lane, 2)));
    // Lost, not settled.
    assert!(!agenda.release(lane));
    let counts = agenda.counts(lane);
    assert_eq!((counts.offered, counts.computed, counts.failed), (2, 1, 1));
}

#[test]
fn what_was_accepted_has_its_turn_after_the_end_and_nothing_else() {
    let mut agenda = Numbers::new(JOBS, LANES);
    let lane = agenda.open().unwrap();
    agenda.push(1).unwrap();
    agenda.offer(lane, 2).unwrap();
    agenda.close();
    assert_eq!(agenda.push(3), Err((Refused::Closed, 3)));
    assert_eq!(agenda.offer(lane, 4), Err(4));
    assert_eq!(turns(&mut agenda, 9), [Next::Job(1), Next::Frame(lane, 2)]);
    assert_eq!(agenda.counts(lane).offered, 1);
}

#[test]
fn a_place_is_free_again_when_nothing_of_its_lane_is_in_work() {
    let mut agenda = Numbers::new(JOBS, 1);
    let lane = agenda.open().unwrap();
    agenda.offer(lane, 1).unwrap();
    agenda.next().unwrap();
    agenda.offer(lane, 2).unwrap();
    assert_eq!(agenda.leave(lane), Some(2));
    assert_eq!(agenda.open(), None);
    assert!(!agenda.settle(lane, Fate::Computed), "nobody is to be told");
    agenda.release(lane);
    assert_eq!(agenda.open(), Some(lane));
    assert_eq!(agenda.counts(lane), LaneCounts::default());
    let all = agenda.all_counts();
    assert_eq!((all.offered, all.dropped, all.accounted()), (2, 2, 2));
}

/// Every frame's end, seen from outside.
#[derive(Default)]
struct Seen {
    offered: u64,
    ended: Vec<u64>,
    in_work: Vec<(usize, u64)>,
    told: Vec<usize>,
}

proptest! {
    #[test]
    fn every_frame_is_accounted_for_whatever_happens(
        steps in prop::collection::vec(step(), 0..200),
        end in 0..200_usize,
    ) {
        let mut agenda = Numbers::new(JOBS, LANES);
        let (mut seen, mut open) = (Seen::default(), Vec::new());
        for (at, step) in steps.into_iter().enumerate() {
            match if at == end { Step::Close } else { step } {
                Step::Push => drop(agenda.push(0)),
                Step::Open => open.extend(agenda.open()),
                Step::Offer(lane) if open.contains(&lane) => {
                    if let Ok(replaced) = agenda.offer(lane, seen.offered) {
                        seen.offered += 1;
                        seen.ended.extend(replaced);
                    }
                }
                Step::Take => {
                    if let Some(Next::Frame(lane, frame)) = agenda.next() {
                        let busy = |(other, _): &(usize, u64)| *other == lane;
                        prop_assert!(!seen.in_work.iter().any(busy) && !seen.told.contains(&lane));
                        seen.in_work.push((lane, frame));
                    }
                }
                Step::Settle(fate) if !seen.in_work.is_empty() => {
                    let (lane, frame) = seen.in_work.remove(0);
                    prop_assert_eq!(agenda.settle(lane, fate), open.contains(&lane));
                    seen.ended.push(frame);
                    seen.told.push(lane);
                }
                Step::Release if !seen.told.is_empty() => {
                    agenda.release(seen.told.remove(0));
                }
                Step::Leave(lane) if open.contains(&lane) => {
                    open.retain(|other| *other != lane);
                    seen.ended.extend(agenda.leave(lane));
                }
                Step::Close => agenda.close(),
                _ => {}
            }
            for &lane in &open {
                let counts = agenda.counts(lane);
                prop_assert_eq!(counts.accounted(), counts.offered);
                prop_assert!(counts.waiting <= 1 && counts.in_work <= 1);
            }
            let all = agenda.all_counts();
            prop_assert_eq!((all.offered, all.accounted()), (seen.offered, seen.offered));
            prop_assert_eq!(all.in_work, seen.in_work.len() as u64);
            prop_assert_eq!(seen.offered - all.waiting - all.in_work, seen.ended.len() as u64);
            prop_assert!(agenda.jobs() <= JOBS);
        }
        seen.ended.sort_unstable();
        prop_assert!(seen.ended.is_sorted_by(|a, b| a < b), "a frame ended twice");
    }

    #[test]
    fn nothing_is_passed_over_more_often_than_said(
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut agenda = Numbers::new(JOBS, LANES);
        let opened = (0..LANES).filter_map(|_| agenda.open()).count();
        prop_assert_eq!(opened, LANES);
        // For what waits: how many jobs and frames may begin before it.
        let mut jobs: Vec<[usize; 2]> = Vec::new();
        let mut frames: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
        let (mut busy, fresh) = (Vec::new(), [LANES, LANES - 1]);
        for step in steps {
            match step {
                Step::Push => {
                    let before = agenda.jobs();
                    if agenda.push(0).is_ok() {
                        jobs.push([before, before + 1]);
                    }
                }
                Step::Offer(lane) => {
                    agenda.offer(lane, 0).unwrap();
                    if !busy.contains(&lane) {
                        frames.entry(lane).or_insert(fresh);
                    }
                }
                Step::Take => {
                    let kind = match agenda.next() {
                        Some(Next::Job(_)) => {
                            jobs.remove(0);
                            0
                        }
                        Some(Next::Frame(lane, _)) => {
                            frames.remove(&lane);
                            busy.push(lane);
                            1
                        }
                        None => continue,
                    };
                    for left in jobs.iter_mut().chain(frames.values_mut()) {
                        prop_assert!(left[kind] > 0, "passed over once more than said");
                        left[kind] -= 1;
                    }
                }
                Step::Release if !busy.is_empty() => {
                    let lane = busy.remove(0);
                    if agenda.release(lane) {
                        frames.insert(lane, fresh);
                    }
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_job_to_be_read_is_given_once_and_large_ones_one_at_a_time(
        steps in prop::collection::vec((0..6_u8, any::<bool>()), 0..300),
    ) {
        let mut agenda = Numbers::new(JOBS, LANES);
        let (mut pushed, mut hands, mut ended) = (0, Vec::new(), Vec::new());
        for (step, is_read) in steps {
            match step {
                0 | 1 => pushed += u64::from(agenda.push_unread(pushed).is_ok()),
                2 | 3 => read_next(&mut agenda, &mut hands),
                4 if !hands.is_empty() => {
                    let job = hands.remove(0);
                    if is_read {
                        agenda.has_read(size(job), job);
                    } else {
                        agenda.dismiss(size(job));
                        ended.push(job);
                    }
                }
                _ => if let Some(Next::Job(job)) = agenda.next() {
                    ended.push(job);
                },
            }
            prop_assert!(agenda.jobs() <= JOBS);
            let large = hands.iter().filter(|job| size(**job) == Size::Large);
            prop_assert!(large.count() <= 1, "two large pictures at once");
        }
        // Nothing is stuck: each round ends something.
        for _ in 0..=2 * JOBS {
            for job in hands.drain(..) {
                agenda.has_read(size(job), job);
            }
            while let Some(Next::Job(job)) = agenda.next() {
                ended.push(job);
            }
            read_next(&mut agenda, &mut hands);
        }
        ended.sort_unstable();
        prop_assert!(ended.into_iter().eq(0..pushed), "a job was lost, or given twice");
    }
}

/// Which are large shows in their number.
fn size(job: u64) -> Size {
    match job.is_multiple_of(3) {
        true => Size::Large,
        false => Size::Any,
    }
}

/// What a reader does before it reads.
fn read_next(agenda: &mut Numbers, hands: &mut Vec<u64>) {
    match agenda.next_unread() {
        Some((Size::Any, job)) if size(job) == Size::Large && !agenda.may_be_large() => {
            agenda.set_aside(job);
        }
        Some((_, job)) => hands.push(job),
        None => {}
    }
}
