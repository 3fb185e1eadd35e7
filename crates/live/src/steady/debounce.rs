//! Words that do not blink.

use std::time::{Duration, Instant};

/// How long another word must be heard before it is said: so often in a row, or (twice at least) for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insistence {
    /// Observations in a row.
    pub times: u32,
    /// Time from the first of them to the last.
    pub lasting: Duration,
}

/// A word that changes only when it has been contradicted long enough. Words are ordered: the larger the safer (a mask
/// withheld is safer than one shown), and going there may take less insistence than coming back.
///
/// A run of observations that are all safer than the word counts as one contradiction, though they differ: the word becomes
/// the least safe of them. A run of less safe ones makes it the safest of them.
#[derive(Clone, Debug)]
pub struct Debounce<T> {
    word: T,
    safer: Insistence,
    back: Insistence,
    run: Option<Contradiction<T>>,
}

/// Observations in a row that lie on one side of the word.
#[derive(Clone, Copy, Debug)]
struct Contradiction<T> {
    /// The one that is nearest to the word.
    nearest: T,
    safer: bool,
    since: Instant,
    times: u32,
}

impl<T: Copy + Ord> Debounce<T> {
    /// Begins with a word; `safer` is the insistence that a larger one takes, `back` that of a smaller one.
    #[must_use]
    pub fn new(word: T, safer: Insistence, back: Insistence) -> Self {
        Self {
            word,
            safer,
            back,
            run: None,
        }
    }

    /// The word that is said.
    #[must_use]
    pub fn word(&self) -> T {
        self.word
    }

    /// Says a word at once, whatever was heard: when a source begins anew.
    pub fn reset(&mut self, word: T) {
        (self.word, self.run) = (word, None);
    }

    /// Takes what was observed now, and returns the word that is said from now on.
    pub fn observe(&mut self, observed: T, now: Instant) -> T {
        if observed == self.word {
            self.run = None;
            return self.word;
        }
        let safer = observed > self.word;
        let run = match self.run.filter(|run| run.safer == safer) {
            Some(run) => Contradiction {
                nearest: if safer {
                    run.nearest.min(observed)
                } else {
                    run.nearest.max(observed)
                },
                times: run.times.saturating_add(1),
                ..run
            },
            None => Contradiction {
                nearest: observed,
                safer,
                since: now,
                times: 1,
            },
        };
        let Insistence { times, lasting } = if safer { self.safer } else { self.back };
        let lasted = run.times > 1 && now.saturating_duration_since(run.since) >= lasting;
        if run.times >= times || lasted {
            self.reset(run.nearest);
        } else {
            self.run = Some(run);
        }
        self.word
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: Duration = Duration::from_millis(33);
    const SAFER: Insistence = Insistence {
        times: 3,
        lasting: Duration::from_millis(250),
    };
    const BACK: Insistence = Insistence {
        times: 6,
        lasting: Duration::from_millis(500),
    };

    /// What is said after each observation, one every `step`.
    fn said(observed: &[u8], step: Duration) -> Vec<u8> {
        let mut debounce = Debounce::new(0, SAFER, BACK);
        let start = Instant::now();
        let each = observed.iter().zip(0..);
        each.map(|(word, n)| debounce.observe(*word, start + n * step))
            .collect()
    }

    #[test]
    fn one_odd_frame_does_not_blink_and_ten_do() {
        assert_eq!(said(&[0, 0, 1, 0, 1, 0, 0], FRAME), [0; 7]);
        let observed = [&[0, 0][..], &[1; 10], &[0; 10]].concat();
        let expected = [&[0; 4][..], &[1; 8 + 5], &[0; 5]].concat();
        assert_eq!(said(&observed, FRAME), expected);
    }

    #[test]
    fn slow_sources_are_believed_by_time_but_never_at_once() {
        let slow = Duration::from_millis(300);
        assert_eq!(said(&[0, 1, 1, 0, 0, 0], slow), [0, 0, 1, 1, 1, 0]);
        assert_eq!(said(&[0, 1, 0, 1, 0], Duration::from_secs(60)), [0; 5]);
    }

    #[test]
    fn words_that_differ_on_the_safer_side_are_one_contradiction() {
        assert_eq!(said(&[0, 1, 2, 1, 2, 2, 2], FRAME), [0, 0, 0, 1, 1, 1, 2]);
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let mut debounce = Debounce::new(0, SAFER, BACK);
        let now = Instant::now() + Duration::from_secs(9);
        assert_eq!(debounce.observe(1, now), 0);
        assert_eq!(debounce.observe(1, now - Duration::from_secs(5)), 0);
        assert_eq!(debounce.observe(1, now), 1);
    }

    proptest! {
        #[test]
        fn what_is_said_was_heard_lately_and_what_is_heard_long_enough_is_said(
            observed in prop::collection::vec(0_u8..4, 1..80), step in 1_u64..400,
        ) {
            let step = Duration::from_millis(step);
            let said = said(&observed, step);
            let mut before = 0;
            for (n, word) in said.iter().enumerate() {
                if *word != before {
                    // Twice in a row at least, it was contradicted to this side.
                    let side = |heard: &u8| heard.cmp(&before) == word.cmp(&before);
                    prop_assert!(n > 0 && observed[n - 1..=n].iter().all(side));
                    let insistence = if *word > before { SAFER } else { BACK };
                    let run = observed[..=n].iter().rev().take_while(|heard| side(heard)).count();
                    let lasted = step * (run as u32 - 1);
                    prop_assert!(run as u32 >= insistence.times || lasted >= insistence.lasting);
                }
                // However words change on the safer side, it is never less safe than all of the last ones heard: the first run
                // may take it a part of the way.
                let runs = 2 * SAFER.times as usize;
                let last = &observed[(n + 1).saturating_sub(runs)..=n];
                if last.len() == runs {
                    prop_assert!(word >= last.iter().min().unwrap());
                }
                // The same for long enough is said, whatever was said and heard before.
                let long = 2 * BACK.times as usize;
                let same = &observed[(n + 1).saturating_sub(long)..=n];
                if same.len() == long && same.iter().all(|heard| heard == &observed[n]) {
                    prop_assert_eq!(*word, observed[n]);
                }
                before = *word;
            }
        }
    }
}
