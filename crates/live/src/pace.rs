//! How much is asked of the board: less when answers come too late or the board is held back, more again when there is time
//! to spare.
//!
//! Steps down in the order of [`PaceStep`], one at a time, and up again more slowly the more often that failed: a board at the
//! edge of what it can do would otherwise swing.

use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::condition::BoardStrain;

/// How far it has stepped down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaceStep {
    /// Every picture may be answered, by the model asked for.
    #[default]
    Full,
    /// Every second picture may.
    FewerFrames,
    /// And that by a smaller model.
    SmallModel,
    /// And viewers get a smaller picture.
    SmallPicture,
}

impl PaceStep {
    /// From all to least.
    pub const ALL: [Self; 4] = [
        Self::Full,
        Self::FewerFrames,
        Self::SmallModel,
        Self::SmallPicture,
    ];

    /// As in JSON: `fewer-frames`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::FewerFrames => "fewer-frames",
            Self::SmallModel => "small-model",
            Self::SmallPicture => "small-picture",
        }
    }

    fn down(self) -> Self {
        Self::ALL[(self as usize + 1).min(Self::ALL.len() - 1)]
    }

    fn up(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }
}

/// As [`PaceStep::name`].
impl Serialize for PaceStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Why it has stepped down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaceReason {
    /// Answers came too late.
    Late,
    /// The board is held back, or was when it last stepped down.
    Board(BoardStrain),
}

impl PaceReason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Late,
        Self::Board(BoardStrain::Warm),
        Self::Board(BoardStrain::OverCurrent),
        Self::Board(BoardStrain::Hot),
        Self::Board(BoardStrain::LowVoltage),
    ];

    /// As in JSON: `late`, or the strain's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Board(strain) => strain.name(),
        }
    }

    /// As written over a picture.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Late => "REDUCED",
            Self::Board(BoardStrain::Warm | BoardStrain::Hot) => "REDUCED: HOT",
            Self::Board(BoardStrain::LowVoltage) => "REDUCED: LOW VOLTAGE",
            Self::Board(BoardStrain::OverCurrent) => "REDUCED: OVER CURRENT",
        }
    }
}

/// As [`PaceReason::name`].
impl Serialize for PaceReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Answers are judged together over so long.
const WINDOW: Duration = Duration::from_secs(2);
/// From here on, as a share of the budget, an answer is late.
const LATE: f64 = 0.8;
/// Up to here there is time to spare.
const EASY: f64 = 0.5;
/// More late ones than this share, and it steps down.
const TOO_MANY: f64 = 0.1;
/// Easy for so long, and it steps up: at first, and at most, after it was too early again and again.
const PATIENCE: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(160)];
/// A board that is still held back after so long is asked for less again: it cools down no faster.
const COOLING: Duration = Duration::from_secs(30);

/// Watches how old answers are and how the board does, and says how much is to be asked.
#[derive(Clone, Debug)]
pub struct Pace {
    budget: Duration,
    step: PaceStep,
    window: Option<Window>,
    /// Since when every answer was easy.
    easy_since: Option<Instant>,
    /// So long it has to be easy before the next step up.
    patience: Duration,
    /// When it last stepped up.
    stepped_up: Option<Instant>,
    reason: Option<PaceReason>,
    /// For what the board is held back now.
    strained: Option<BoardStrain>,
    /// When it last stepped down for that; forgotten with the next step up.
    relieved: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    answers: u32,
    late: u32,
    hard: bool,
}

impl Pace {
    /// At full pace, with answers of at most that age.
    #[must_use]
    pub fn new(budget: Duration) -> Self {
        Self {
            budget,
            step: PaceStep::Full,
            window: None,
            easy_since: None,
            patience: PATIENCE[0],
            stepped_up: None,
            reason: None,
            strained: None,
            relieved: None,
        }
    }

    /// Why it has stepped down, if it has.
    #[must_use]
    pub fn reason(&self) -> Option<PaceReason> {
        self.reason
    }

    /// For what the board is held back, if it is: to be told every few seconds. Whether the step, or why, changed.
    pub fn strained(&mut self, by: Option<BoardStrain>, now: Instant) -> bool {
        let before = (self.step, self.reason);
        if self.strained != by {
            // What was easy meanwhile does not count.
            self.easy_since = None;
            self.window.iter_mut().for_each(|window| window.hard = true);
        }
        self.strained = by;
        if let Some(strain) = by {
            // From the last step on: a flag that comes and goes is one strain.
            let cooling = |at| now.saturating_duration_since(at) < COOLING;
            if self.relieved.is_some_and(cooling) {
                self.reason = Some(PaceReason::Board(strain));
            } else {
                self.relieved = Some(now);
                self.step_down(now);
            }
        }
        (self.step, self.reason) != before
    }

    /// How far it has stepped down.
    #[must_use]
    pub fn step(&self) -> PaceStep {
        self.step
    }

    /// Whether the picture of that number may be answered.
    #[must_use]
    pub fn is_turn(&self, sequence: u64) -> bool {
        self.step == PaceStep::Full || sequence.is_multiple_of(2)
    }

    /// An answer was that old when it was given; `None`: it was too late to be begun. Whether the step changed.
    pub fn answered(&mut self, age: Option<Duration>, now: Instant) -> bool {
        let share = |share: f64| self.budget.mul_f64(share);
        let late = age.is_none_or(|age| age > share(LATE));
        let hard = age.is_none_or(|age| age > share(EASY));
        let window = self.window.get_or_insert(Window {
            began: now,
            answers: 0,
            late: 0,
            hard: false,
        });
        window.answers += 1;
        window.late += u32::from(late);
        window.hard |= hard;
        let window = *window;
        if now.saturating_duration_since(window.began) < WINDOW {
            return false;
        }
        self.window = None;
        let before = self.step;
        if f64::from(window.late) > TOO_MANY * f64::from(window.answers) {
            self.step_down(now);
        } else if window.hard || self.strained.is_some() {
            self.easy_since = None;
        } else {
            self.step_up(window.began, now);
        }
        self.step != before
    }

    fn step_down(&mut self, now: Instant) {
        self.step = self.step.down();
        self.reason = Some(match self.strained {
            Some(strain) => PaceReason::Board(strain),
            None => PaceReason::Late,
        });
        self.easy_since = None;
        // It had just stepped up: that was too early.
        let since = self.stepped_up.take();
        if since.is_some_and(|up| now.saturating_duration_since(up) < 2 * self.patience) {
            self.patience = PATIENCE[1].min(2 * self.patience);
        }
    }

    fn step_up(&mut self, began: Instant, now: Instant) {
        let since = *self.easy_since.get_or_insert(began);
        if self.step > PaceStep::Full && now.saturating_duration_since(since) >= self.patience {
            self.step = self.step.up();
            (self.easy_since, self.stepped_up, self.relieved) = (None, Some(now), None);
            if self.step == PaceStep::Full {
                self.reason = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_millis(100);
    const FRAME: Duration = Duration::from_millis(50);

    /// Answers of that age for that long, 20 a second; the steps on the way and when they came.
    fn run(pace: &mut Pace, now: &mut Instant, age_ms: u64, seconds: u32) -> Vec<(PaceStep, u32)> {
        let start = *now;
        let mut steps = Vec::new();
        while *now < start + Duration::from_secs(seconds.into()) {
            *now += FRAME;
            if pace.answered(Some(Duration::from_millis(age_ms)), *now) {
                steps.push((pace.step(), (*now - start).as_secs() as u32));
            }
        }
        steps
    }

    #[test]
    fn it_steps_down_in_order_while_answers_are_late_and_no_further_than_the_last_step() {
        let (mut pace, mut now) = (Pace::new(BUDGET), Instant::now());
        let steps = run(&mut pace, &mut now, 90, 20);
        let steps: Vec<_> = steps.into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, PaceStep::ALL[1..]);
        assert!(pace.is_turn(4) && !pace.is_turn(5));
    }

    #[test]
    fn it_steps_up_when_there_is_time_to_spare_and_more_slowly_each_time_it_was_too_early() {
        let (mut pace, mut now) = (Pace::new(BUDGET), Instant::now());
        run(&mut pace, &mut now, 90, 3);
        assert_eq!(pace.step(), PaceStep::FewerFrames);
        pace.window = None;
        // In between nothing changes.
        assert_eq!(run(&mut pace, &mut now, 70, 60), []);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let up = run(&mut pace, &mut now, 20, 200);
            assert_eq!(up.len(), 1);
            assert_eq!(up[0].0, PaceStep::Full);
            waits.push(up[0].1);
            // Brought back to the moment after the step up: it was too much.
            (pace.stepped_up, pace.window) = (Some(now), None);
            assert_eq!(run(&mut pace, &mut now, 90, 3).len(), 1);
            pace.window = None;
        }
        assert!(waits.is_sorted(), "{waits:?}");
        assert!(waits[0] <= 13 && waits[5] >= 150, "{waits:?}");
    }

    #[test]
    fn a_few_late_ones_are_borne_and_what_was_not_even_begun_counts_as_late() {
        let (mut pace, mut now) = (Pace::new(BUDGET), Instant::now());
        for i in 0..200 {
            now += FRAME;
            let age = (i % 20 != 0).then(|| Duration::from_millis(40));
            assert!(!pace.answered(age, now));
        }
        for _ in 0..100 {
            now += FRAME;
            pace.answered(None, now);
        }
        assert!(pace.step() > PaceStep::Full);
    }

    #[test]
    fn a_board_that_is_held_back_is_asked_for_less_and_comes_back_with_patience() {
        let (mut pace, mut now) = (Pace::new(BUDGET), Instant::now());
        let hot = Some(BoardStrain::Hot);
        assert!(pace.strained(hot, now));
        let hot_reason = Some(PaceReason::Board(BoardStrain::Hot));
        assert_eq!(
            (pace.step(), pace.reason()),
            (PaceStep::FewerFrames, hot_reason)
        );
        // Told every second. However easy it is meanwhile, there is no more; and less again when it does not help.
        let mut steps = Vec::new();
        for second in 1..=70 {
            assert_eq!(run(&mut pace, &mut now, 10, 1), []);
            if pace.strained(hot, now) {
                steps.push((second, pace.step()));
            }
        }
        assert_eq!(
            steps,
            [(30, PaceStep::SmallModel), (60, PaceStep::SmallPicture)]
        );
        // It has cooled down: back one by one, and why it was less is said until then.
        assert!(!pace.strained(None, now));
        let back = run(&mut pace, &mut now, 10, 38);
        let order: Vec<_> = back.iter().map(|(step, _)| *step).collect();
        assert_eq!(
            order,
            [PaceStep::SmallModel, PaceStep::FewerFrames, PaceStep::Full]
        );
        assert!(back[0].1 >= 10 && pace.reason().is_none(), "{back:?}");
        // Too hot again at once: the next time it takes longer.
        let low = Some(BoardStrain::LowVoltage);
        assert!(pace.strained(low, now));
        assert_eq!(pace.reason().map(PaceReason::name), Some("low-voltage"));
        pace.strained(None, now);
        let again = run(&mut pace, &mut now, 10, 60);
        assert!(again[0].1 >= 20, "{again:?}");
    }

    #[test]
    fn a_strain_that_comes_and_goes_is_one_strain() {
        let (mut pace, mut now) = (Pace::new(BUDGET), Instant::now());
        let mut steps = Vec::new();
        for second in 0..32 {
            let by = (second % 4 < 2).then_some(BoardStrain::LowVoltage);
            if pace.strained(by, now) {
                steps.push((second, pace.step()));
            }
            assert_eq!(run(&mut pace, &mut now, 10, 1), []);
        }
        assert_eq!(steps, [(0, PaceStep::FewerFrames)]);
        assert!(pace.strained(Some(BoardStrain::LowVoltage), now));
        assert_eq!(pace.step(), PaceStep::SmallModel);
    }

    #[test]
    fn late_answers_are_the_reason_where_the_board_is_well() {
        let (mut pace, mut now) = (Pace::new(BUDGET), Instant::now());
        run(&mut pace, &mut now, 90, 3);
        assert_eq!(pace.reason(), Some(PaceReason::Late));
        assert!(pace.strained(Some(BoardStrain::OverCurrent), now));
        assert_eq!(pace.reason().map(PaceReason::name), Some("over-current"));
    }

    #[test]
    fn every_step_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = PaceStep::ALL.iter().map(|s| s.name()).collect();
        assert_eq!(names.len(), PaceStep::ALL.len());
    }
}
